# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What leads from one set of filters and chains to another at a qdisc and its classes. Pure.

The kernel groups filters by place, chain, preference and protocol. All of a group are of one kind. Groups of u32 are
tied to one another by the numbers of their tables, see ``u32_steps.py``; all other groups stand for themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Tuple

from .netlink_options import class_of
from .objects import INGRESS_HOOK, TcObject, same
from .u32_steps import parted, u32_build, u32_steps, whole_group

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .u32_steps import Steps

Groups = Dict[Tuple[int, int, int], List[TcObject]]  # by parent, chain, info

LAST_IN_FIRST = ("bpf", "basic", "fw", "route")  # these put a new filter before the ones that are there


def filter_steps(
    current: Sequence[TcObject], wanted: Sequence[TcObject], is_lost: Callable[[int], bool]
) -> tuple[Steps, Steps]:
    """Return (deletions, creations) for the filters and chains at one qdisc and its classes.

    Args:
        current: the filters and chains there now, in the kernel's order.
        wanted: the filters and chains that shall be there, in the kernel's order.
        is_lost: says of a class whether it goes away or is made anew; filters at it and filters that send to it
            must go first.
    """
    chains = _ChainChanges(current, wanted)
    now = _groups(one for one in current if one.form == "filter" and chains.place(one) not in chains.flushed)
    then = _groups(one for one in wanted if one.form == "filter")

    def kept(one: TcObject, other: TcObject | None) -> bool:
        target = class_of(one.kind, one.options or b"")
        bound = target is None or (target != 0 and is_lost(target)) or is_lost(one.parent)
        return other is not None and not bound and same(one, other)

    old_u32, old = _parted(now)
    new_u32, new = _parted(then)
    deletions, creations = _plain_steps(old, new, kept)
    more = u32_steps(old_u32, new_u32, kept, is_lost)
    if more is None:
        # with the last group goes what no dump lists
        gone: Steps = [("delete", whole_group(members)) for members in parted(old_u32)[0].values()]
        more = (gone, u32_build(new_u32, {group[2] >> 16 for group in [*now, *then]}))
    return [*deletions, *more[0], *chains.deletions], [*chains.creations, *creations, *more[1]]


class _ChainChanges:
    """What becomes of the chains.

    A chain goes by one message, with all filters in it, whoever made it: this is the only way to be rid of one that
    was made by hand and has filters by now, of which the kernel does not tell how it came to be.
    """

    def __init__(self, current: Sequence[TcObject], wanted: Sequence[TcObject]) -> None:
        now, then = self._standing(current), self._standing(wanted)
        filled, filled_then = self._filled(current), self._filled(wanted)
        changed = [place for place in {**now, **then} if not self._alike(now.get(place), then.get(place))]
        emptied = [place for place in filled if place[1] and place not in filled_then and place not in then]
        self.flushed = {place for place in [*changed, *emptied] if place in now or place in filled}
        gone = [TcObject("chain", "", 0, parent, chain=chain) for parent, chain in sorted(self.flushed)]
        self.deletions: Steps = [("delete", one) for one in gone]
        self.creations: Steps = [("add", then[place]) for place in changed if place in then]

    @staticmethod
    def place(one: TcObject) -> tuple[int, int]:
        """Return the chain of a filter or chain: what it hangs from, and the number."""
        return INGRESS_HOOK if one.ingress else one.parent, one.chain or 0

    def _standing(self, found: Iterable[TcObject]) -> dict[tuple[int, int], TcObject]:
        return {self.place(one): one for one in found if one.form == "chain"}

    def _filled(self, found: Iterable[TcObject]) -> dict[tuple[int, int], Any]:
        return dict.fromkeys(self.place(one) for one in found if one.form == "filter")

    @staticmethod
    def _alike(one: TcObject | None, other: TcObject | None) -> bool:
        return one is not None and other is not None and same(one, other)


def _groups(filters: Iterable[TcObject]) -> Groups:
    """Return the filters by group, the kernel's heads of groups left out where a filter follows them."""
    found: Groups = {}
    for one in filters:
        found.setdefault((one.parent, one.chain or 0, one.info), []).append(one)
    return {group: [one for one in members if one.handle] or members for group, members in found.items()}


def _parted(groups: Groups) -> tuple[Groups, Groups]:
    """Return (the groups of u32, all others)."""
    u32 = {group: members for group, members in groups.items() if members[0].kind == "u32"}
    return u32, {group: members for group, members in groups.items() if group not in u32}


def _plain_steps(now: Groups, then: Groups, kept: Callable[[TcObject, TcObject | None], bool]) -> tuple[Steps, Steps]:
    """Return (deletions, creations) of groups that are not u32: each is kept as it is, or made anew as a whole."""
    deletions: Steps = []
    creations: Steps = []
    for group in {**now, **then}:
        old, new = now.get(group, []), then.get(group, [])
        others = {one.handle: one for one in new}
        if len(old) == len(new) and all(kept(one, others.get(one.handle)) for one in old):
            continue
        if old:
            deletions.append(("delete", whole_group(old)))
        if new:
            creations += [("add", one) for one in (reversed(new) if new[0].kind in LAST_IN_FIRST else new)]
    return deletions, creations
