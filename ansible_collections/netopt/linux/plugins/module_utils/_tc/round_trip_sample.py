# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Picks of two large trees what stands for the rest, so that the way between them can be tried in little time. Pure.

What becomes of a class depends on what it is set to, on what it shall be set to, and on what it hangs from, not on its
number. So of all objects that are alike in both trees two are kept, with everything that they hang from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Tuple

from .objects import PLACED_FORMS, ROOT, TcObject, major, objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ALIKE = 2  # objects kept of each sort
SORTS = 64  # sorts of objects of each form; those that change come first

Handles = Dict[Tuple[str, int], TcObject]  # by form and handle


def sampled(now: Mapping[str, Any] | None, then: Mapping[str, Any] | None) -> tuple[list[TcObject], list[TcObject]]:
    """Return the objects of two interfaces of a State; where one has many, a sample that is the same for both."""
    found = objects(dict(now) if now else None), objects(dict(then) if then else None)
    if not any(each and each.get("bulk") for each in (now, then)):
        return found
    trees: tuple[Handles, Handles] = (_by_handle(found[0]), _by_handle(found[1]))
    kept = _picked(*trees)
    kept |= {place for each in found for one in each if one.form in PLACED_FORMS for place in _places(one.parent)}
    for tree in trees:
        kept |= _above(tree, kept)
    now_kept, then_kept = (
        [one for one in each if one.form in PLACED_FORMS or (one.form, one.handle) in kept] for each in found
    )
    return now_kept, then_kept


def _by_handle(found: Iterable[TcObject]) -> Handles:
    return {(one.form, one.handle): one for one in found if one.form not in PLACED_FORMS}


def _picked(now: Handles, then: Handles) -> set[tuple[str, int]]:
    """Return some objects of each sort: what they are now, and what they shall be."""
    sorts: dict[tuple[Any, ...], list[tuple[str, int]]] = {}
    for place in {**now, **then}:
        sort = (place[0], _shape(now.get(place)), _shape(then.get(place)))
        alike = sorts.setdefault(sort, [])
        if len(alike) < ALIKE:
            alike.append(place)
    picked: set[tuple[str, int]] = set()
    for form in ("qdisc", "class"):
        mine = sorted((sort for sort in sorts if sort[0] == form), key=lambda sort: sort[1] == sort[2])
        picked |= {place for sort in mine[:SORTS] for place in sorts[sort]}
    return picked


def _shape(one: TcObject | None) -> tuple[Any, ...] | None:
    """Return what an object is set to, and whether it is a root."""
    return None if one is None else (one.kind, one.options, one.stab, one.parent == ROOT)


def _places(parent: int) -> list[tuple[str, int]]:
    """Return what a parent may be: a class, or a qdisc."""
    return [("class", parent), ("qdisc", major(parent))]


def _above(tree: Handles, kept: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
    """Return everything that the kept objects of a tree hang from."""
    found: set[tuple[str, int]] = set()
    waiting = [place for place in kept if place in tree]
    while waiting:
        form, handle = waiting.pop()
        parent = tree[form, handle].parent
        topmost = form == "class" and parent == ROOT
        for place in [("qdisc", major(handle))] if topmost else _places(parent):
            if place in tree and place not in found:
                found.add(place)
                waiting.append(place)
    return found
