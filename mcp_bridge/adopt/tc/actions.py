# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The actions of a filter. Pure."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from mcp_bridge.collection.kernel_state import ACTIONS, as_text, attributes

if TYPE_CHECKING:
    from mcp_bridge.collection.kernel_state import TcObject

ACT_KIND, ACT_OPTIONS = 1, 2
MIRRED_PARMS, EGRESS_REDIR = 2, 1  # TCA_MIRRED_PARMS, TCA_EGRESS_REDIR
MIRRED = struct.Struct("=20xiI")  # struct tc_mirred: what it does, and the device, behind tc_gen
SKBEDIT_QUEUE = 4  # TCA_SKBEDIT_QUEUE_MAPPING


def actions_of(one: TcObject) -> list[tuple[str, bytes]]:
    """Return the kind and the options of each action, in their order."""
    payload = dict(attributes(one.options or b"")).get(ACTIONS.get(one.kind, 0), b"")
    found = [dict(attributes(action)) for _order, action in attributes(payload)]
    return [(as_text(told.get(ACT_KIND, b"")), told.get(ACT_OPTIONS, b"")) for told in found]


def chooses_queue(one: TcObject) -> bool:
    """Return whether an action chooses the transmit queue of the device."""
    return any(kind == "skbedit" and SKBEDIT_QUEUE in dict(attributes(options)) for kind, options in actions_of(one))


def redirects(one: TcObject) -> bool:
    """Return whether all that a filter does is to have packets leave by another device."""
    actions = actions_of(one)
    if [kind for kind, _options in actions] != ["mirred"]:
        return False
    parms = dict(attributes(actions[0][1])).get(MIRRED_PARMS, b"")
    return len(parms) >= MIRRED.size and MIRRED.unpack_from(parms)[0] == EGRESS_REDIR
