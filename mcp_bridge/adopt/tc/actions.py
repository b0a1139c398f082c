# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The actions of a filter. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_bridge.collection.kernel_state import ACTIONS, as_text, attributes

if TYPE_CHECKING:
    from mcp_bridge.collection.kernel_state import TcObject

ACT_KIND, ACT_OPTIONS = 1, 2
SKBEDIT_QUEUE = 4  # TCA_SKBEDIT_QUEUE_MAPPING


def actions_of(one: TcObject) -> list[tuple[str, bytes]]:
    """Return the kind and the options of each action, in their order."""
    payload = dict(attributes(one.options or b"")).get(ACTIONS.get(one.kind, 0), b"")
    found = [dict(attributes(action)) for _order, action in attributes(payload)]
    return [(as_text(told.get(ACT_KIND, b"")), told.get(ACT_OPTIONS, b"")) for told in found]


def chooses_queue(one: TcObject) -> bool:
    """Return whether an action chooses the transmit queue of the device."""
    return any(kind == "skbedit" and SKBEDIT_QUEUE in dict(attributes(options)) for kind, options in actions_of(one))
