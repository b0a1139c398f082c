# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells that a tree is there already, under other numbers of its qdiscs: these say nothing to packets. Pure.

Numbers do count where something else names them: an htb that classes are found in keeps its own, and so does what
filters hang from. Netem is made anew in any case, since its table is not to be seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .objects import PLACED_FORMS, ROOT, State, TcObject, major, objects, packed, placed, placed_copy, same
from .root_and_ingress import part

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

NETEM, HTB = "netem", "htb"


def as_numbered(now: Sequence[TcObject], wanted: Sequence[TcObject]) -> list[TcObject]:
    """Return the wanted objects by the numbers of those that are there, where they are alike but for these.

    Args:
        now: what is there of an interface, its hooks left out.
        wanted: what is wanted there.
    """
    numbers = _numbers(now, wanted)
    if not numbers or all(number == other for number, other in numbers.items()):
        return list(wanted)
    renamed = [placed_copy(one, _by(numbers, one.handle, one), _by(numbers, one.parent)) for one in wanted]
    there = {one.key: one for one in placed(list(now))}
    asked = placed(renamed)
    alike = len(asked) == len(there) and all(one.key in there and same(there[one.key], one) for one in asked)
    return renamed if alike else list(wanted)


def _by(numbers: Mapping[int, int], handle: int, one: TcObject | None = None) -> int:
    """Return a handle or a parent by other numbers; the handle of a filter is none of a qdisc."""
    if handle == ROOT or (one is not None and one.form in PLACED_FORMS):
        return handle
    return numbers.get(major(handle), major(handle)) | (handle & 0xFFFF)


def _numbers(now: Sequence[TcObject], wanted: Sequence[TcObject]) -> dict[int, int] | None:
    """Return the number that each wanted qdisc has there; ``None`` where one is not there, or has to keep its own."""
    there = {one.parent: one for one in now if one.form == "qdisc" and one.handle}
    waiting = [one for one in wanted if one.form == "qdisc" and one.handle]
    named = {one.parent for one in wanted if one.form in PLACED_FORMS}
    numbers: dict[int, int] = {}
    while waiting:
        reached = [one for one in waiting if one.parent == ROOT or major(one.parent) in numbers]
        if not reached:
            return None
        for one in reached:
            twin = there.get(_by(numbers, one.parent))
            keeps = (one.kind == HTB and one.parent == ROOT) or one.handle in named or one.kind == NETEM
            if twin is None or twin.kind != one.kind or (keeps and twin.handle != one.handle):
                return None
            numbers[one.handle] = twin.handle
        waiting = [one for one in waiting if one not in reached]
    return numbers


def with_numbers_of(current: State, wanted: State, but: Collection[str] = ()) -> State:
    """Return a wanted State by the numbers that are there, where that is all that differs; large trees are left.

    Args:
        current: what is there.
        wanted: what is wanted.
        but: interfaces whose shapers keep their numbers, since an adjuster finds them by these.
    """
    found = dict(wanted["interfaces"])
    for name, then in found.items():
        now = current["interfaces"].get(name)
        if now and then and name not in but and not now.get("bulk") and not then.get("bulk"):
            asked = objects(then)
            root = as_numbered(part(objects(now), hooks=False), part(asked, hooks=False))
            found[name] = {**then, **packed([*root, *part(asked, hooks=True)])}
    return {**wanted, "interfaces": found}
