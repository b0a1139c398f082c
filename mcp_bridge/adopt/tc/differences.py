# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells where the tree of classes that a plan leads to is another one than that which it was read from. Pure.

See ``_tc/class_tree.py`` of the collection for why: what a plan promises is what a class gets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.checks import overbooked, tc_intent
from mcp_bridge.collection.errors import NetoptError

from .reading import Unsaid

if TYPE_CHECKING:
    from .reading import Reading


def tell_differences(reading: Reading) -> None:
    """Note them in what was read of an interface."""
    changes = reading.changes
    intent = tc_intent(changes, (reading.name,))
    ways = [("htb_classes", changes, intent)]
    if changes.get("ingress"):
        ways.append(("ingress", changes["ingress"], intent.arriving))
    if intent.kind == "mq":
        ways = [("qdisc", (changes.get("qdisc") or {}).get("per_queue") or {}, intent.of_queue)]
    for field, said, asked in ways:
        if not said.get("htb_classes"):
            continue
        for why in _differences(said, asked):
            reading.unsaid.append(Unsaid(*reading.origins[field], why, said=True))


def _differences(said: dict[str, Any], asked: Any) -> list[str]:
    """Return them in words."""
    try:
        too_much = overbooked(asked)
    except NetoptError:  # which the validator tells
        return []
    found = [
        f"The classes below {name} are promised {promised:g} Mbit/s together and it has {has:g}: a plan lowers each in "
        "proportion."
        for name, (promised, has) in too_much.items()
    ]
    if asked.egress_mbit is None and any("parent" not in one and "ceil_mbit" in one for one in said["htb_classes"]):
        found.append("At the root nobody lends: a plan puts a class above, so that classes reach their ceil.")
    if asked.egress_mbit is not None and "default_class" not in said:
        found.append("What no filter matches passes by all classes; a plan gives it a class of its own.")
    return found
