# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The root of a tc tree, with all that is below it, as a plan's changes; and the objects that no plan has. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.kernel_state import ROOT, cake_of_link

from .banded import take_bands
from .bands import bands_of
from .class_trees import hfsc, htb
from .impaired import impair, impair_more
from .links import take_link
from .netem import as_pfifo, is_idle
from .params import link_of, params_of
from .per_queue import take_mq

if TYPE_CHECKING:
    from mcp_bridge.collection.kernel_state import TcObject

    from .tree import Tree

BUCKET = ("rate_mbit", "burst_bytes")  # of a tbf


def take_tree(tree: Tree) -> None:
    """Take in all that leaves by the root; ``tree.reading`` has what came of it."""
    for place, one in list(tree.qdiscs.items()):
        if one.kind != "netem" or not is_idle(one.options or b""):
            continue
        below = tree.qdiscs.pop(one.handle | 1, None)
        if below is None:
            tree.qdiscs[place] = replace(one, kind="pfifo", options=as_pfifo(one.options or b""))
            tree.reading.differ(one, "It impairs nothing: a plan has a pfifo of its length there.")
        else:
            tree.qdiscs[place] = replace(below, parent=place)
            tree.reading.differ(one, "It impairs nothing: a plan has the qdisc below it alone.")
    for place, one in list(tree.qdiscs.items()):
        _take_narrower(tree, place, one)
    root = tree.qdiscs.get(ROOT)
    if root is not None:
        _take_root(tree, root)
    tree.tell_of_the_rest()


def _take_root(tree: Tree, root: TcObject) -> None:
    """Take in the root and what is below it."""
    bands = bands_of(root)
    if bands is not None:
        take_bands(tree, root, bands)
        return
    if root.kind in ("htb", "hfsc"):
        changes = htb(tree, root) if root.kind == "htb" else hfsc(tree, root)
        if changes is not None:
            tree.set_all(changes, root)
            take_link(tree.reading, root)
        return
    if root.kind == "mq":
        take_mq(tree, root)
    elif root.kind == "netem":
        _take_netem(tree, root)
    else:
        _take_queue(tree, root)
    for one in tree.filters_at(root.handle):
        if not one.is_first_table:
            tree.reading.leave(one, f"No plan has filters at {root.kind}.")


def _take_queue(tree: Tree, root: TcObject) -> None:
    """Take in a root without classes."""
    said = tree.queue(root)
    if said is not None:
        tree.reading.set("qdisc", said, root)
        below = tree.qdiscs.get(root.handle | 1)
        if below is not None and below.kind == "netem":
            impair(tree, below)
    if root.stab and said is not None and root.kind == "cake":
        said["params"] = {**cake_of_link(link_of(root).params), **said.get("params", {})}
        tree.reading.differ(root, "The plan says it, but by cake's own words for what a link adds to packets.")
    elif root.stab:
        tree.reading.leave(root, "No plan has stab of this qdisc.")


def _take_netem(tree: Tree, root: TcObject) -> None:
    """Take in a netem at the root, one below it that does something else, and the queue below."""
    impair(tree, root)
    if root.stab:
        tree.reading.leave(root, "No plan has stab of this qdisc.")
    below = tree.qdiscs.get(root.handle | 1)
    if below is not None and below.kind == "netem" and impair_more(tree, below):
        below = tree.qdiscs.get(below.handle | 1)
    if below is None:
        return
    if below.kind == "htb":
        changes = htb(tree, below)
        if changes.pop("netem", None) and tree.netem_at:
            tree.reading.leave(tree.netem_at, "A plan has one netem: that at the root.")
        tree.set_all(changes, below)
        tree.reading.differ(below, "In a plan htb is above netem: packets find their class first.")
        return
    said = tree.queue(below)
    if said is not None:
        tree.reading.set("qdisc", said, below)
        if below.kind == "tbf":
            why = "In a plan tbf is above netem: packets are held to its rate first, and delayed then."
            tree.reading.differ(below, why)


def _take_narrower(tree: Tree, place: int, one: TcObject) -> None:
    """Put the tbf below another one in its place, where it lets pass nothing that the upper one would hold back."""
    below = tree.qdiscs.get(one.handle | 1)
    if below is None or {one.kind, below.kind} != {"tbf"} or tree.qdiscs.get(place) is not one:
        return
    wide, narrow = (_params(tree, each) for each in (one, below))
    if "peakrate_mbit" not in wide and all(narrow[name] <= wide[name] for name in BUCKET):
        tree.reading.differ(one, "The tbf below it is as narrow or narrower: a plan has that one alone.")
        tree.qdiscs[place] = replace(below, parent=place)
        del tree.qdiscs[one.handle | 1]


def _params(tree: Tree, one: TcObject) -> dict[str, Any]:
    """Return the parameters of a qdisc that plans have."""
    said = params_of(one, txqueuelen=tree.txqueuelen)
    return said.params if said else {}
