# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes in what was read of an interface as settings, each with the place that its reader knows. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_bridge.adopt.found import LeftOut, Setting

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_bridge.adopt.found import Found, Place
    from mcp_bridge.collection.kernel_state import TcObject

    from .reading import Reading

    Told = Callable[[str, TcObject], tuple[Place, str]]


def take(reading: Reading, told: Told, found: Found) -> None:
    """Take in a tree.

    Args:
        reading: what was read.
        told: gives the place of an object of a device, and what it says there.
        found: takes it.
    """
    for part, value in reading.changes.items():
        place, text = told(*reading.origins[part])
        found.set(Setting((part,), value, place, text), (reading.name,))
    for each in reading.unsaid:
        found.left_out.append(LeftOut(*told(each.device, each.one), each.reason, each.said))
