# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trees of the queues below mq, of which a plan has one for all. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.kernel_state import handle_text, major

from .class_trees import htb
from .classes import minor

if TYPE_CHECKING:
    from mcp_bridge.collection.kernel_state import TcObject

    from .tree import Tree


def take_mq(tree: Tree, root: TcObject) -> None:
    """Take in an mq at the root with what is below it."""
    found: dict[str, Any] = {"type": "mq"}
    trees, netems = [], []
    for _place, one in sorted(tree.below(root).items()):
        if one.kind == "htb":
            said = htb(tree, one)
            netems.append(said.pop("netem", None))
            trees.append((one, {**said.pop("qdisc"), **said}))
        elif (queue := tree.queue(one)) is not None:
            trees.append((one, queue))
    if trees:
        found["per_queue"] = _common(tree, trees)
        left = sum(major(one.parent) == root.handle for one in tree.plain)
        if left and not tree.stand_in:
            why = f"{left} of its queues have what a device has by itself; in a plan all are the same."
            tree.reading.differ(root, why)
    tree.reading.set("qdisc", found, root)
    if tree.netem_at and all(each == netems[0] for each in netems):
        tree.reading.set("netem", netems[0], tree.netem_at)
    elif tree.netem_at:
        tree.reading.leave(tree.netem_at, "A plan has the same netem in each queue.")


def _common(tree: Tree, trees: list[tuple[TcObject, dict[str, Any]]]) -> dict[str, Any]:
    """Return what all queues have; classes of some alone are left."""
    first = dict(trees[0][1])
    shared = [
        each
        for each in first.get("htb_classes", [])
        if all(each in other.get("htb_classes", []) for _one, other in trees)
    ]
    if "htb_classes" in first:
        first["htb_classes"] = shared
    for one, said in trees:
        more = [each["classid"] for each in said.get("htb_classes", []) if each not in shared]
        if more:
            names = ", ".join(handle_text(one.handle | minor(name)) for name in more)
            tree.reading.leave(one, f"A plan has the same classes in each queue; not in each are {names}.")
        if {**said, "htb_classes": 0} != {**first, "htb_classes": 0}:
            tree.reading.leave(one, "A plan has the same qdisc in each queue; here it is another one.")
    return first
