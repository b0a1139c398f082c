# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Actions that the kernel makes only by themselves, and that a filter then takes by their number.

A queue that skbedit picks (``queue_mapping``) is refused in a filter on the receive side, though a filter there may
take an action with one by its number.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from .._netlink import messages as rt
from .action_indexes import ACT_TAB, TCAMSG, action
from .netlink_options import ACT_KIND, ACT_OPTIONS, ACTIONS, FLAGS, each
from .objects import HOOKS, INGRESS_HOOK

if TYPE_CHECKING:
    from .._netlink.route_socket import RouteSocket
    from .objects import TcObject

SKBEDIT_PARMS, SKBEDIT_QUEUE = 2, 4  # TCA_SKBEDIT_PARMS, which begins with the number, and _QUEUE_MAPPING
SKIP_SW = 2  # TCA_CLS_FLAGS_SKIP_SW: a filter of the hardware alone may have such an action of its own


def with_actions_ahead(route: RouteSocket, one: TcObject) -> TcObject:
    """Make the actions of a filter that have to be there ahead of it, and return the filter that takes them.

    Args:
        route: the socket of the namespace.
        one: the filter.

    Raises:
        KernelRefusedError: the kernel refuses an action.
    """
    place = ACTIONS.get(one.kind)
    options = dict(rt.attributes(one.options or b""))
    in_hardware = rt.as_u32(options.get(FLAGS.get(one.kind, -1), bytes(4))) & SKIP_SW
    if place not in options or in_hardware or not (one.ingress or one.parent in (HOOKS, INGRESS_HOOK)):
        return one

    def taken(_order: int, told: bytes) -> bytes:
        parts = dict(rt.attributes(told))
        parms = dict(rt.attributes(parts.get(ACT_OPTIONS, b"")))
        if rt.as_text(parts[ACT_KIND]) != "skbedit" or SKBEDIT_QUEUE not in parms:
            return told
        number = rt.as_u32(parms[SKBEDIT_PARMS][:4])
        if not number:
            return told
        if action(route, ("skbedit", number)) is None:
            body = TCAMSG.pack(0) + rt.attribute(ACT_TAB, rt.attribute(1, told))
            route.change([(rt.RTM_NEWACTION, rt.NLM_F_CREATE | rt.NLM_F_EXCL, body)])
        named = rt.attribute(ACT_OPTIONS, rt.attribute(SKBEDIT_PARMS, parms[SKBEDIT_PARMS]))
        return rt.text(ACT_KIND, "skbedit") + named

    return dataclasses.replace(
        one,
        options=each(one.options or b"", lambda number, told: each(told, taken) if number == place else told),
    )
