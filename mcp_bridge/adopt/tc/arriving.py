# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tc tree of an interface with what is done to what arrives, as a plan's changes. Pure.

Packets that arrive wait nowhere by themselves: a script redirects them to another device, and shapes them as they leave
it. A plan says the same as ``ingress`` and ``shaper.ingress_mbit``.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.kernel_state import EGRESS_HOOK, INGRESS, may_act

from .actions import redirects
from .differences import tell_differences
from .matches import ANY, IPV4, IPV6, UnsaidError, match_of
from .reading import Reading, Unsaid
from .roots import take_tree
from .tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mcp_bridge.collection.kernel_state import TcObject

SHAPES_ALL = "Of what arrives, a plan shapes all (shaper.ingress_mbit, ingress), and does nothing else."
FIELDS = ("qdisc", "htb_classes", "default_class")


def read_all(state: Mapping[str, Any], ifaces: Iterable[str], *, stand_ins: bool = False) -> dict[str, Reading]:
    """Return what the trees of interfaces are as a plan's changes, without the devices of ifb that these have.

    Args:
        state: a tc State.
        ifaces: the interfaces.
        stand_ins: whether they stand in for others, so that their kind and their number of queues say nothing.
    """
    readings = {name: read(state, name, stand_in=stand_ins) for name in ifaces}
    behind = Counter(device for reading in readings.values() for device in reading.devices)
    for reading in readings.values():
        for device in reading.devices:
            if behind[device] > 1 and (origin := reading.origins.get("shaper") or reading.origins.get("ingress")):
                why = f"What arrives by other interfaces goes by {device} as well; in a plan each has it to itself."
                reading.unsaid.append(Unsaid(*origin, why, said=True))
    return {name: reading for name, reading in readings.items() if name not in behind}


def read(state: Mapping[str, Any], iface: str, *, stand_in: bool = False) -> Reading:
    """Return what the tree of an interface is as a plan's changes.

    Args:
        state: a tc State.
        iface: the interface.
        stand_in: whether it stands in for another one.
    """
    tree = Tree(state, iface, stand_in=stand_in)
    take_tree(tree)
    reading = tree.reading
    if INGRESS in tree.qdiscs:
        if tree.qdiscs[INGRESS].shared:
            why = "It has filters of a block that others may share, which were not looked at."
            reading.leave(tree.qdiscs[INGRESS], why)
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
        kind = _kind(state, target) if target is not None else None
        is_ifb = kind is not None and (tree.stand_in or kind == "ifb")
        if not is_ifb or (first and one.devices != first.devices):
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
    if found is None or found.match or one.chain or not may_act(one.kind, options) or len(one.devices) != 1:
        return None
    return one.devices[0] if redirects(one) else None


def _kind(state: Mapping[str, Any], name: str) -> str | None:
    """Return the kind of a device, ``None`` where there is none. What goes to an ifb arrives; to others, it leaves."""
    there = state["interfaces"].get(name)
    return there["link"]["kind"] if there else None


def _arriving(state: Mapping[str, Any], first: TcObject, reading: Reading) -> None:
    """Take in the tree of the device that what arrives is redirected to."""
    device = first.devices[0]
    reading.devices.add(device)
    tree = Tree(state, device, arriving=True)
    take_tree(tree)
    there = tree.reading
    for one in tree.filters:
        if one.at_hook and not one.is_first_table:
            there.leave(one, "No plan has filters at the hooks of the device that packets arrive by.")
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
