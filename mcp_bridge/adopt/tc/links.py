# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the link below an htb adds to packets: a plan says it of a shaper, which is the class above all. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_bridge.collection.kernel_state import SHAPER_CLASS

from .params import link_of

if TYPE_CHECKING:
    from mcp_bridge.collection.kernel_state import TcObject

    from .reading import Reading


def take_link(reading: Reading, root: TcObject) -> None:
    """Take in what the link adds, and the class above all as a shaper."""
    link = link_of(root)
    if not link.params:
        return
    classes = reading.changes.get("htb_classes", [])
    tops = [each for each in classes if "parent" not in each]
    if len(tops) != 1 or "ceil_mbit" in tops[0] or "match" in tops[0] or tops[0]["classid"] != SHAPER_CLASS:
        reading.leave(root, "No plan has stab, but of an htb with one class 1:1 above all others.")
        return
    for words in link.unsaid:
        reading.leave(root, f"No plan has {words}.")
    (top,) = tops
    own = [name for name in ("priority", "burst", "cburst", "quantum", "leaf") if name in top]
    if own:
        reading.leave(root, f"No plan has {', '.join(own)} of the class of a shaper.")
    reading.set("shaper", {"egress_mbit": top["rate_mbit"], **link.params}, root)
    below = [
        {name: value for name, value in each.items() if (name, value) != ("parent", SHAPER_CLASS)}
        for each in classes
        if each is not top
    ]
    if below:
        reading.changes["htb_classes"] = below
    else:
        for name in ("htb_classes", "default_class"):
            reading.changes.pop(name, None)
