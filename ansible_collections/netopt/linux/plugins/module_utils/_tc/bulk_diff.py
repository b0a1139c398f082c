# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Narrows two large trees down to what can differ between them, before objects are made of it. Pure.

One class changed among ten thousand needs a look at that class, at what it hangs from and at what hangs from it. All
others are alike in both trees, and so is what they hang from: whatever is decided about the rest, they stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Set, Tuple

from .netlink_options import loose
from .objects import PLACED_FORMS, ROOT, TcObject, expanded, major, objects, rows, same

if TYPE_CHECKING:
    from collections.abc import Mapping

Places = Dict[int, Tuple[Any, int]]  # by handle: what is there, and its parent
FORMS = ("qdisc", "class")


def differing(now: Mapping[str, Any] | None, then: Mapping[str, Any] | None) -> tuple[list[TcObject], list[TcObject]]:
    """Return the objects of two interfaces of a State, without those that are alike in both and stay as they are.

    Filters are returned whole, and so is every form that is not kept by shape in both.
    """
    shared = [form for form in FORMS if form in _bulk(now) and form in _bulk(then)]
    if now is None or then is None or not shared:
        return objects(dict(now) if now else None), objects(dict(then) if then else None)
    rest = [_without(dict(each), shared) for each in (now, then)]
    found = [objects(each) for each in rest]
    filtered = "qdisc" in shared and any(one.form in PLACED_FORMS for each in found for one in each)
    held = all(now["bulk"][form] == then["bulk"][form] for form in shared)
    if held and not filtered and not _unlike_singles(found):
        return found[0], found[1]
    places = [{form: _places(form, one, other) for form in shared} for one, other in ((now, then), (then, now))]
    wanted = _concerned(places, shared, found)
    for index, each in enumerate((now, then)):
        more = [expanded(form, each["bulk"][form], frozenset(wanted)) for form in shared]
        found[index] = [one for part in more for one in part] + found[index]
        found[index].sort(key=lambda one: ("qdisc", "class", *PLACED_FORMS).index(one.form))
    return found[0], found[1]


def _bulk(interface: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return what of an interface is kept by shape."""
    found: Mapping[str, Any] = (interface or {}).get("bulk") or {}
    return found


def _without(interface: dict[str, Any], forms: list[str]) -> dict[str, Any]:
    """Return an interface without the objects of some forms that are kept by shape."""
    left = {form: bulk for form, bulk in interface["bulk"].items() if form not in forms}
    return {**interface, "bulk": left}


def _places(form: str, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Places:
    """Return what is where, such that what is the same in both interfaces compares as equal."""
    others = {_identity(shape) for shape in theirs["bulk"][form]["shapes"]}
    known = []
    for shape in mine["bulk"][form]["shapes"]:
        identity = _identity(shape)
        if identity not in others and shape.get("options"):  # what the kernel picks by itself may be anything
            free = loose(form, shape["kind"], bytes.fromhex(shape["options"])).hex()
            looser = _identity({**shape, "options": free})
            identity = looser if looser in others else identity
        known.append(identity)
    return {handle: (known[shape], parent) for shape, handle, parent in rows(mine["bulk"][form]["rows"])}


def _identity(shape: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return a shape as something that can be compared and hashed."""
    return tuple(sorted((name, str(value)) for name, value in shape.items()))


def _concerned(places: list[dict[str, Places]], shared: list[str], found: list[list[TcObject]]) -> Set[int]:
    """Return the handles that are not alike, with all that they hang from and all that hangs from them."""
    unlike: set[int] = set()
    for form in shared:
        now, then = places[0][form], places[1][form]
        if now != then:
            unlike |= {handle for handle, each in now.items() if then.get(handle) != each}
            unlike |= then.keys() - now.keys()
    if set(FORMS) - set(shared):  # the others of this form are told one by one
        unlike |= _unlike_singles(found)
    below = _below(places, unlike)
    above: set[int] = {major(one.parent) for each in found for one in each if one.form in PLACED_FORMS}
    for tree in places:
        for handle in [*below, *(one.parent for each in found for one in each if one.form not in PLACED_FORMS)]:
            place: int | None = handle
            while place is not None and place not in above:
                above.add(place)
                place = _owner(tree, place)
    return below | above


def _unlike_singles(found: list[list[TcObject]]) -> set[int]:
    """Return the handles of qdiscs or classes told one by one that are not alike."""
    now, then = ({one.handle: one for one in each if one.form in FORMS} for each in found)
    unlike = {handle for handle, one in now.items() if handle not in then or not same(one, then[handle])}
    return unlike | (then.keys() - now.keys())


def _owner(tree: Mapping[str, Places], handle: int) -> int | None:
    """Return what a handle hangs from, ``None`` where that is not kept by shape."""
    for form, places in tree.items():
        if handle in places:
            parent = places[handle][1]
            return major(handle) if form == "class" and parent == ROOT else parent
    return None


def _below(places: list[dict[str, Places]], unlike: set[int]) -> set[int]:
    """Return the handles with everything that hangs from them in either tree."""
    found = set(unlike)
    fresh = found
    while fresh:
        more: set[int] = set()
        for tree in places:
            for form, mine in tree.items():
                for handle, (_shape, parent) in mine.items():
                    top = major(handle) if form == "class" else 0 if parent == ROOT else major(parent)
                    if parent in fresh or top in fresh:
                        more.add(handle)
        fresh = more - found
        found |= fresh
    return found
