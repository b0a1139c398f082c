# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The netem of a tree as that of a plan: at the root, below classes, or for some packets. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .netem import netem_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mcp_bridge.collection.kernel_state import TcObject

    from .tree import Tree

LOSES = {
    "loss_pct",
    "loss_correlation_pct",
    "loss_model",
    "corrupt_pct",
    "corrupt_correlation_pct",
}  # which meets each packet by itself
ENDS = "A plan's netem ends by itself: say duration_s, or apply it again. And ssh passes beside it."


def impair(tree: Tree, one: TcObject, match: Mapping[str, Any] | None = None) -> None:
    """Take in a netem that is for all packets, or for those that match."""
    netem = _said(tree, one)
    tree.reading.set("netem", {**netem, **({"match": dict(match)} if match else {})}, one)
    tree.reading.differ(one, ENDS)


def impair_more(tree: Tree, below: TcObject) -> bool:
    """Take in a netem below another one; return whether one can do what both do."""
    upper, lower = tree.reading.changes["netem"], netem_of(below.options or b"")
    does = [{name for name in each if name != "limit"} for each in (upper, lower.params)]
    if lower.unsaid or does[0] & does[1] or not any(each <= LOSES for each in does):
        return False
    tree.look_at([below])
    upper.update({name: value for name, value in lower.params.items() if name != "limit"})
    tree.reading.differ(below, "In a plan one netem does what both do.")
    return True


def netem_of_classes(tree: Tree, impaired: Mapping[str, TcObject], leaves: Collection[str]) -> dict[str, Any]:
    """Return the netem of some classes.

    Args:
        tree: where they are.
        impaired: the netem of each, by the names of the classes.
        leaves: all classes that packets wait in.
    """
    first = tree.netem_at = next(iter(impaired.values()))
    netem = _said(tree, first)
    same = []
    for name, one in impaired.items():
        if netem_of(one.options or b"").params == netem_of(first.options or b"").params:
            same.append(name)
        else:
            tree.reading.leave(one, "A plan has one netem, which may be for several classes; this one differs.")
        tree.look_at([one])
    if set(same) != set(leaves):
        netem["classes"] = same
    tree.reading.differ(first, ENDS)
    return netem


def _said(tree: Tree, one: TcObject) -> dict[str, Any]:
    """Return what a netem does."""
    tree.look_at([one])
    said = netem_of(one.options or b"")
    for words in said.unsaid:
        tree.reading.leave(one, f"No plan has {words} of netem.")
    return dict(said.params)
