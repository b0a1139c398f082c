# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waits until a new taprio follows its schedule, which the kernel tells otherwise until then.

It begins with the next round, which is a moment away unless the schedule is one for a later day.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .._netlink import messages as rt
from .taken_back import TAPRIO_NEXT

if TYPE_CHECKING:
    from .._netlink.route_socket import RouteSocket

PATIENCE_S = 2.0
INTERVAL_S = 0.002


def wait_for_start(route: RouteSocket, index: int, handle: int) -> None:
    """Wait until the qdisc with a handle has no schedule that is to follow, for two seconds at most."""
    ends = time.monotonic() + PATIENCE_S
    while _is_to_begin(route, index, handle) and time.monotonic() < ends:
        time.sleep(INTERVAL_S)


def _is_to_begin(route: RouteSocket, index: int, handle: int) -> bool:
    for body in route.dump(rt.RTM_GETQDISC, rt.TCMSG.pack(0, index, 0, 0, 0)):
        if rt.TCMSG.unpack_from(body)[1:3] == (index, handle):
            options = dict(rt.attributes(body[rt.TCMSG.size :])).get(rt.TCA_OPTIONS, b"")
            return TAPRIO_NEXT in dict(rt.attributes(options))
    return False
