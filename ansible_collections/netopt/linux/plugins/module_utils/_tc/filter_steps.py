# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What leads from one set of filters to another at a qdisc and its classes. Pure.

The kernel groups filters by place, preference and protocol. A u32 group has hash tables and nodes in them; the table
at its root gets its number (800:, 801:, ...) from a counter that all u32 groups of a qdisc share and that starts again
once none is left, so numbers are had back by making the groups in order, with placeholders for the ones in between.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Iterable, List, Tuple

from .._netlink import messages as rt
from .netlink_options import class_of
from .objects import TcObject, same

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Group = Tuple[int, int, int]  # parent, chain, info
Steps = List[Tuple[str, TcObject]]  # verb, object

FIRST_TABLE = 0x800
PLACEHOLDER_NODE = 0xFFE
ALL_PROTOCOLS = 0x0300  # ETH_P_ALL in network order
LAST_IN_FIRST = ("bpf", "basic", "fw", "route")  # these put a new filter before the ones that are there
# struct tc_u32_sel (terminal, one key) and a key that no packet has: its first four bytes all ones
NEVER = struct.pack("=BBBxHHHHIIIii", 1, 0, 1, 0, 0, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, 0, 0)
U32_SEL, U32_DIVISOR = 5, 4


def _groups(filters: Iterable[TcObject]) -> dict[Group, list[TcObject]]:
    """Return the filters by group, the kernel's heads of groups left out where a filter follows them."""
    found: dict[Group, list[TcObject]] = {}
    for one in filters:
        found.setdefault((one.parent, one.chain or 0, one.info), []).append(one)
    return {group: [one for one in members if one.handle] or members for group, members in found.items()}


def _whole(member: TcObject) -> TcObject:
    """Return what stands for a member's whole group in a deletion."""
    return TcObject("filter", member.kind, 0, member.parent, member.info, member.chain)


def _is_table(one: TcObject) -> bool:
    """Return whether a u32 object is a hash table."""
    return not one.handle & 0xFFFFF


def _root(members: Sequence[TcObject]) -> int:
    """Return the number of a u32 group's root table: the first made, so the last listed."""
    return [one.handle >> 20 for one in members if _is_table(one)][-1]


def filter_steps(
    current: Sequence[TcObject], wanted: Sequence[TcObject], is_lost: Callable[[int], bool]
) -> tuple[Steps, Steps]:
    """Return (deletions, creations) for the filters at one qdisc and its classes.

    Args:
        current: the filters there now, in the kernel's order.
        wanted: the filters that shall be there, in the kernel's order.
        is_lost: says of a class whether it goes away or is made anew; filters at it and filters that send to it
            must go first.
    """

    def kept(one: TcObject, other: TcObject | None) -> bool:
        target = class_of(one.kind, one.options or b"")
        bound = target is None or (target != 0 and is_lost(target)) or is_lost(one.parent)
        return other is not None and not bound and same(one, other)

    now, then = _groups(current), _groups(wanted)
    deletions: Steps = []
    creations: Steps = []
    for group in [*now, *(one for one in then if one not in now)]:
        old, new = now.get(group, []), then.get(group, [])
        was, becomes = (old[0].kind if old else ""), (new[0].kind if new else "")
        if "u32" in (was, becomes):
            continue
        others = {one.handle: one for one in new}
        if len(old) == len(new) and all(kept(one, others.get(one.handle)) for one in old):
            continue
        if old:
            deletions.append(("delete", _whole(old[0])))
        creations.extend(("add", one) for one in (reversed(new) if becomes in LAST_IN_FIRST else new))
    old_u32 = {group: members for group, members in now.items() if members[0].kind == "u32"}
    new_u32 = {group: members for group, members in then.items() if members[0].kind == "u32"}
    for group, members in now.items():  # a group that becomes u32
        if group in new_u32 and group not in old_u32:
            deletions.append(("delete", _whole(members[0])))
    for group, members in then.items():  # a group that was u32
        if group in old_u32 and group not in new_u32:
            creations.extend(("add", one) for one in members)
    more = _u32_steps(old_u32, new_u32, kept, is_lost)
    taken = {group[2] >> 16 for group in [*now, *then]}
    return deletions + more[0], (creations + more[1] if more[2] else creations + _u32_build(new_u32, taken))


def _u32_steps(
    now: dict[Group, list[TcObject]],
    then: dict[Group, list[TcObject]],
    kept: Callable[[TcObject, TcObject | None], bool],
    is_lost: Callable[[int], bool],
) -> tuple[Steps, Steps, bool]:
    """Return (deletions, creations, whether the tables could stay); if not, all u32 groups are to be built."""
    if not now:
        return [], [], not then
    deletions: Steps = []
    creations: Steps = []
    stays = False
    fits = True
    for group, new in then.items():
        old = now.get(group, [])
        fits = (
            fits
            and bool(old)
            and not is_lost(group[0])
            and [o.handle for o in old if _is_table(o)] == [o.handle for o in new if _is_table(o)]
        )
        if not fits:
            break
        before, after = {one.handle: one for one in old}, {one.handle: one for one in new}
        fits = all(same(one, after[one.handle]) for one in old if _is_table(one))
        nodes = [one for one in old if not _is_table(one)]
        going = [one for one in nodes if not kept(one, after.get(one.handle))]
        gone = {one.handle for one in going}
        stays = stays or len(going) < len(nodes)
        deletions.extend(("delete", one) for one in going)
        creations.extend(
            ("add", one) for one in new if not _is_table(one) and (one.handle in gone or one.handle not in before)
        )
    if fits and (stays or not deletions) and then:
        removed = [("delete", _whole(members[0])) for group, members in now.items() if group not in then]
        return deletions + removed, creations, True
    return [("delete", _whole(members[0])) for members in now.values()], [], not then


def _u32_build(groups: dict[Group, list[TcObject]], taken: set[int]) -> Steps:
    """Return what makes u32 groups where there are none, with the tables numbered as they were."""
    ordered = sorted(groups.values(), key=_root)
    plain = all(
        _root(members) == FIRST_TABLE + place and sum(map(_is_table, members)) == 1
        for place, members in enumerate(ordered)
    )
    nodes: Steps = [("add", one) for members in ordered for one in members if not _is_table(one)]
    if plain:
        return nodes
    roots: Steps = []
    leftovers: Steps = []
    table = FIRST_TABLE
    preference = 0xFFFF
    for members in ordered:
        root = _root(members)
        while table < root:
            while preference in taken:
                preference -= 1
            taken.add(preference)
            filler = _placeholder(table, members[0].parent, preference << 16 | ALL_PROTOCOLS, None)
            roots.append(("add", filler))
            leftovers.append(("delete", _whole(filler)))
            table += 1
        holder = _placeholder(root, members[0].parent, members[0].info, members[0].chain)
        roots.append(("add", holder))
        leftovers.append(("delete", holder))
        table = root + 1
    tables: Steps = [("add", one) for members in ordered for one in reversed([o for o in members if _is_table(o)][:-1])]
    return roots + tables + nodes + leftovers


def _placeholder(table: int, parent: int, info: int, chain: int | None) -> TcObject:
    """Return a u32 node that no packet matches and that brings its group's root table into being."""
    options = rt.attribute(U32_SEL, NEVER)
    return TcObject("filter", "u32", table << 20 | PLACEHOLDER_NODE, parent, info, chain, options)
