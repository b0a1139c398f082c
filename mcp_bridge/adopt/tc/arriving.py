# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tc tree of an interface with what is done to what arrives, as a plan's changes. Pure.

Packets that arrive wait nowhere by themselves: a script redirects them to another device, and shapes them as they leave
it. A plan says the same as ``ingress`` and ``shaper.ingress_mbit``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.kernel_state import EGRESS_HOOK, INGRESS, may_act

from .actions import actions_of
from .differences import tell_differences
from .matches import ANY, IPV4, IPV6, UnsaidError, match_of
from .reading import Reading, Unsaid
from .roots import take_tree
from .tree import Tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_bridge.collection.kernel_state import TcObject

SHAPES_ALL = "Of what arrives, a plan shapes all (shaper.ingress_mbit, ingress), and does nothing else."
FIELDS = ("qdisc", "htb_classes", "default_class")


def read(state: Mapping[str, Any], iface: str) -> Reading:
    """Return what the tree of an interface is as a plan's changes.

    Args:
        state: a tc State.
        iface: the interface.
    """
    tree = Tree(state, iface)
    take_tree(tree)
    reading = tree.reading
    if INGRESS in tree.qdiscs:
        first = _redirection(state, tree)
        if first is not None:
            _arriving(state, first, reading)
    tell_differences(reading)
    return reading


def _redirection(state: Mapping[str, Any], tree: Tree) -> TcObject | None:
    """Return the filter that redirects all that arrives, ``None`` where there is none; tell of all others."""
    first: TcObject | None = None
    families = set()
    for one in tree.filters:
        if not one.at_hook or one.is_first_table:
            continue
        target = _redirected(one) if one.parent != EGRESS_HOOK else None
        if target is None or not state["interfaces"].get(target) or (first and one.devices != first.devices):
            tree.reading.leave(one, SHAPES_ALL)
            continue
        first = first or one
        families.add(one.protocol)
    if first is not None and ANY not in families and not {IPV4, IPV6} <= families:
        tree.reading.differ(first, "A plan shapes all that arrives, not packets of one protocol alone.")
    return first


def _redirected(one: TcObject) -> str | None:
    """Return the device to which a filter redirects all packets of its protocol, ``None`` where it does not."""
    options = one.options or b""
    try:
        found = match_of(one)
    except UnsaidError:
        return None
    if found is None or found.match or not may_act(one.kind, options) or len(one.devices) != 1:
        return None
    return one.devices[0] if [kind for kind, _options in actions_of(one)] == ["mirred"] else None


def _arriving(state: Mapping[str, Any], first: TcObject, reading: Reading) -> None:
    """Take in the tree of the device that what arrives is redirected to."""
    device = first.devices[0]
    reading.devices.add(device)
    tree = Tree(state, device, arriving=True)
    take_tree(tree)
    there = tree.reading
    reading.unsaid += there.unsaid
    if not tree.qdiscs:
        reading.differ(first, "Nothing holds it back there: a plan has the queue that the device has by itself.")
        reading.set("ingress", {"qdisc": {"type": tree.usual}}, first)
        return
    if "netem" in there.changes and "netem" in reading.changes:
        why = "A plan's netem meets what leaves or what arrives, not both."
        reading.unsaid.append(Unsaid(*there.origins["netem"], why))
    elif "netem" in there.changes:
        reading.changes["netem"] = {**there.changes["netem"], "direction": "ingress"}
        reading.origins["netem"] = there.origins["netem"]
    if "shaper" in there.changes:
        _share_link(there.changes["shaper"], reading, first)
    own = {name: there.changes[name] for name in FIELDS if name in there.changes}
    if not own:
        return
    if own["qdisc"]["type"] == "cake":
        params = dict(own["qdisc"].get("params", {}))
        if not params.pop("ingress", False):
            why = "A plan's cake for what arrives has the word ingress as well."
            reading.unsaid.append(Unsaid(*there.origins["qdisc"], why, said=True))
        own["qdisc"] = {"type": "cake", **({"params": params} if params else {})}
    reading.changes["ingress"], reading.origins["ingress"] = own, there.origins["qdisc"]


def _share_link(shaper: dict[str, Any], reading: Reading, one: TcObject) -> None:
    """Take in a shaper of what arrives; a plan says what the link adds once, for both ways."""
    own = reading.changes.get("shaper", {})
    link = {name: value for name, value in shaper.items() if name != "egress_mbit"}
    if own and {name: own.get(name) for name in link} != link:
        reading.leave(one, "A plan says once what the link adds to packets, for both ways.")
    reading.set("shaper", {**link, **own, "ingress_mbit": shaper["egress_mbit"]}, one)
