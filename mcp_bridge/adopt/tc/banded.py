# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bands at the root of a tree as a plan has them: an htb without a bound, or a netem that is for some packets. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_bridge.collection.kernel_state import ROOT, SHAPER_CLASS, UNLIMITED_MBIT
from mcp_bridge.models.traffic import DscpMatch

from .bands import FAST, Bands, filters_of_bands
from .class_trees import bands_below, with_classes
from .classes import minor
from .filters import Filters
from .impaired import impair
from .led import both
from .reading import Reading

if TYPE_CHECKING:
    from mcp_bridge.collection.kernel_state import TcObject

    from .led import Led
    from .tree import Tree

NETEM_MATCH = DscpMatch.model_fields.keys()


def take_bands(tree: Tree, root: TcObject, bands: Bands) -> None:
    """Take in bands at the root."""
    below = tree.below(root)
    if root.stab:
        tree.reading.leave(root, "No plan has stab of this qdisc.")
    if any(one.kind == "netem" for one in below.values()):
        _take_netem(tree, root, bands)
        return
    if bands == FAST and not below and not tree.filters_at(root.handle):
        tree.reading.set("qdisc", {"type": "pfifo_fast"}, root)
        tree.reading.differ(root, "Its bands are those of pfifo_fast, which a plan has.")
        return
    top = {"classid": SHAPER_CLASS, "rate_mbit": UNLIMITED_MBIT}
    found = bands_below(tree, root, top)
    if found is None:
        return
    if len(found.queues) == 1:
        why = "all packets wait in one of its bands, no filter and no priority leads to another"
        tree.reading.leave(root, f"No plan has it: {why}.")
        return
    above = root.handle | minor(SHAPER_CLASS)
    changes = with_classes(tree, root, {}, {ROOT: top}, Filters([], above, above), {ROOT: found})
    tree.set_all(changes, root)


def _take_netem(tree: Tree, root: TcObject, bands: Bands) -> None:
    """Take in a netem that bands lead some packets to."""
    below = tree.below(root)
    told = Reading(tree.reading.name)
    said = filters_of_bands(root, bands, tree.filters_at(root.handle), told)
    netem = next(one for one in below.values() if one.kind == "netem")
    met = [each for each in said.led if each.target == netem.parent]
    is_one = sum(one.kind == "netem" for one in below.values()) == 1
    tree.reading.unsaid += [each for each in told.unsaid if not each.said or (met and each.one == met[0].one)]
    if not is_one or not met or said.rest == netem.parent:
        tree.reading.leave(root, "No plan has a netem in some bands, but for one that filters lead packets to.")
        return
    if netem.parent in {root.handle | band + 1 for band in bands.priomap} and said.rest is None:
        tree.reading.differ(root, "Packets of some priorities pass the netem as well; a plan's meets what it matches.")
    tree.reading.differ(root, "In a plan packets wait in one queue, beside the netem: no band is asked before another.")
    _take_match(tree, netem, said.led)
    beside = below.pop(said.rest or 0, None)
    queue = tree.queue(beside) if beside is not None else None
    if beside is not None and queue is not None:
        tree.reading.set("qdisc", queue, beside)
        under = tree.qdiscs.get(netem.handle | 1)
        if (tree.queue(under) if under is not None else None) != queue:
            tree.reading.differ(beside, f"In a plan {beside.kind} is where packets wait below the netem as well.")
    for one in below.values():
        if one is not netem:
            tree.refuse(one, f"No plan has {one.kind} beside a netem that is for some packets.")


def _take_match(tree: Tree, netem: TcObject, led: list[Led]) -> None:
    """Take in which packets meet a netem, and tell of those that others are led past it."""
    first = next(each for each in led if each.target == netem.parent)
    for number, each in enumerate(led):
        if each is first and each.match.keys() <= NETEM_MATCH:
            impair(tree, netem, each.match)
        elif each.target == netem.parent:
            tree.reading.leave(each.one, "A plan's netem has one match: proto, sports, dports, src and dst.")
        elif any(both(each, behind) for behind in led[number:] if behind.target == netem.parent):
            tree.reading.leave(each.one, "It leads packets past the netem, which a plan's match does not.")
