# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What leads from one set of u32 filters to another at a qdisc and its classes. Pure.

A u32 group has hash tables and nodes in them; the table at its root gets its number (800:, 801:, ...) from a counter
that all u32 groups of a qdisc share and that starts again once none is left, so numbers are had back by making the
groups in order, with placeholders for the ones in between.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Dict, List, Tuple

from .._netlink import messages as rt
from .objects import TcObject, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Steps = List[Tuple[str, TcObject]]  # verb, object
Groups = Dict[Tuple[int, int, int], List[TcObject]]  # by parent, chain, info

UNLISTED = 0  # stands for the preference of tables that no dump lists
FIRST_TABLE = 0x800
PLACEHOLDER_NODE = 0xFFE
ALL_PROTOCOLS = 0x0300  # ETH_P_ALL in network order
# struct tc_u32_sel (terminal, one key) and a key that no packet has: its first four bytes all ones
NEVER = struct.pack("=BBBxHHHHIIIii", 1, 0, 1, 0, 0, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, 0, 0)
U32_SEL = 5


def whole_group(members: Sequence[TcObject]) -> TcObject:
    """Return what stands for a whole group in a deletion."""
    one = members[0]
    return TcObject("filter", one.kind, 0, one.parent, one.info, one.chain)


def u32_steps(
    now: Groups,
    then: Groups,
    kept: Callable[[TcObject, TcObject | None], bool],
    is_lost: Callable[[int], bool],
) -> tuple[Steps, Steps] | None:
    """Return (deletions, creations) that keep the tables, ``None`` where all groups are to be made anew.

    Args:
        now: the groups there now.
        then: the groups that shall be there.
        kept: says whether a filter can stay for the wanted one.
        is_lost: says whether a class goes away, with the filters at it.
    """
    if not now and not then:
        return [], []
    now, aside = parted(now)
    then, aside_then = parted(then)
    if not _stay(aside, aside_then, kept):
        return None
    if not then or not all(
        _tables_stay(now.get(group, []), new) and not is_lost(group[0]) for group, new in then.items()
    ):
        return None
    deletions: Steps = []
    creations: Steps = []
    stays = False
    for group, new in then.items():
        after = {one.handle: one for one in new}
        nodes = [one for one in now[group] if not is_table(one)]
        going = [one for one in nodes if not kept(one, after.get(one.handle))]
        staying = {one.handle for one in nodes} - {one.handle for one in going}
        stays = stays or bool(staying)
        deletions += [("delete", one) for one in going]
        creations += [("add", one) for one in new if not is_table(one) and one.handle not in staying]
    if deletions and not stays:
        return None  # with the last node the tables would go as well
    removed: Steps = [("delete", whole_group(members)) for group, members in now.items() if group not in then]
    return [*deletions, *removed], creations


def parted(groups: Groups) -> tuple[Groups, list[TcObject]]:
    """Return (the groups that dumps list, all that they do not list)."""
    listed = {group: members for group, members in groups.items() if group[2] != UNLISTED}
    return listed, [one for group, members in groups.items() if group[2] == UNLISTED for one in members]


def _stay(old: Sequence[TcObject], new: Sequence[TcObject], kept: Callable[[TcObject, TcObject | None], bool]) -> bool:
    """Return whether what no dump lists is there already and is to stay."""
    return len(old) == len(new) and all(
        one.key == other.key and (same(one, other) if is_table(one) else kept(one, other))
        for one, other in zip(old, new)
    )


def _tables_stay(old: Sequence[TcObject], new: Sequence[TcObject]) -> bool:
    """Return whether a group has the wanted tables already."""
    before, after = ([one for one in members if is_table(one)] for members in (old, new))
    return len(before) == len(after) and all(
        one.handle == other.handle and same(one, other) for one, other in zip(before, after)
    )


def u32_build(groups: Groups, taken: set[int]) -> Steps:
    """Return what makes u32 groups where there are none, with the tables numbered as they were.

    Args:
        groups: the groups that shall be there.
        taken: the preferences in use.
    """
    groups, aside = parted(groups)
    ordered = sorted(groups.values(), key=_root)
    nodes: Steps = [("add", one) for members in ordered for one in members if not is_table(one)]
    if not aside and all(_is_plain(members, place) for place, members in enumerate(ordered)):
        return nodes
    roots: Steps = []
    leftovers: Steps = []
    free = iter([preference for preference in range(0xFFFF, 0, -1) if preference not in taken])
    aside = _with_preferences(aside, free)
    tables: Steps = [("add", one) for one in aside if is_table(one)]
    nodes += [("add", one) for one in aside if not is_table(one)]
    table = FIRST_TABLE
    for members in ordered:
        for number in range(table, _root(members)):
            filler = _placeholder(number, members[0].parent, next(free) << 16 | ALL_PROTOCOLS, None)
            roots.append(("add", filler))
            leftovers.append(("delete", whole_group([filler])))
        table = _root(members) + 1
        mine = [one for one in members if is_table(one)][-2::-1]
        if not mine or any(not is_table(one) for one in members):
            holder = _placeholder(_root(members), members[0].parent, members[0].info, members[0].chain)
            roots.append(("add", holder))
            leftovers.append(("delete", holder))
        else:  # a group of empty tables would go with a placeholder; its first table brings the root along
            roots += [("add", one) for one in mine[:1]]
            mine = mine[1:]
        tables += [("add", one) for one in mine]
    leftovers += [("delete", one) for one in {each.info: whole_group([each]) for each in aside}.values()]
    return roots + tables + nodes + leftovers


def _with_preferences(aside: Sequence[TcObject], free: Iterator[int]) -> list[TcObject]:
    """Return what no dump lists with preferences to make it by, one for each place and chain."""
    places = dict.fromkeys((one.parent, one.chain) for one in aside)
    info = {place: next(free) << 16 | ALL_PROTOCOLS for place in places}
    return [replace(one, info=info[one.parent, one.chain]) for one in aside]


def is_table(one: TcObject) -> bool:
    """Return whether a u32 object is a hash table."""
    return not one.handle & 0xFFFFF


def _is_plain(members: Sequence[TcObject], place: int) -> bool:
    """Return whether the first node of a group makes the group's tables, numbered as wanted, by itself."""
    tables = sum(map(is_table, members))
    return _root(members) == FIRST_TABLE + place and tables == 1 and len(members) > tables


def _root(members: Sequence[TcObject]) -> int:
    """Return the number of a u32 group's root table: the first made, so the last listed."""
    return [one.handle >> 20 for one in members if is_table(one)][-1]


def _placeholder(table: int, parent: int, info: int, chain: int | None) -> TcObject:
    """Return a u32 node that no packet matches and that brings its group's root table into being."""
    options = rt.attribute(U32_SEL, NEVER)
    return TcObject("filter", "u32", table << 20 | PLACEHOLDER_NODE, parent, info, chain, options)
