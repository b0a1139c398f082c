# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the sample of a large tree: some of each sort, the same of both trees, with all that they hang from."""

from __future__ import annotations

import struct

from ansible_collections.netopt.linux.plugins.module_utils._netlink import messages as rt
from ansible_collections.netopt.linux.plugins.module_utils._tc.objects import BULK, ROOT, TcObject, packed
from ansible_collections.netopt.linux.plugins.module_utils._tc.round_trip_sample import ALIKE, SORTS, sampled

ONE = 0x10000
TOP = TcObject("qdisc", "htb", ONE, ROOT, options=b"")


def htb_class(minor: int, parent: int = ROOT, *, rate: int = 1000) -> TcObject:
    """Return an htb class."""
    return TcObject("class", "htb", ONE + minor, parent, options=rt.attribute(1, struct.pack("=8xI32x", rate)))


def handles(found: list[TcObject]) -> set[int]:
    """Return the minor numbers of classes."""
    return {one.handle & 0xFFFF for one in found if one.form == "class"}


def test_a_small_tree_is_kept_whole() -> None:
    """Where no form has many objects, nothing is left out."""
    tree = [TOP, *(htb_class(minor) for minor in range(1, BULK))]
    now, then = sampled(packed(tree), None)
    assert (now, then) == (tree, [])


def test_what_changes_is_among_the_sample() -> None:
    """One class of thousands has another rate: it is kept in both trees, with its parent, and few of the others."""
    parents = [htb_class(minor) for minor in (1, 2)]
    leaves = [htb_class(minor, ONE + 1 + minor % 2) for minor in range(16, 3000)]
    changed = [htb_class(1017, ONE + 2, rate=9) if one.handle == ONE + 1017 else one for one in leaves]
    now, then = sampled(packed([TOP, *parents, *leaves]), packed([TOP, *parents, *changed]))
    assert handles(now) == handles(then)
    assert {1, 2, 1017} <= handles(now)
    assert len(handles(now)) <= 3 * ALIKE + 1
    assert TOP in now


def test_many_sorts_are_bounded_and_changes_come_first() -> None:
    """However many rates there are, the sample is small, and holds what changes."""
    leaves = [htb_class(minor, rate=minor) for minor in range(16, 3000)]
    changed = [htb_class(2999, rate=1) if one.handle == ONE + 2999 else one for one in leaves]
    now, then = sampled(packed([TOP, *leaves]), packed([TOP, *changed]))
    assert 2999 in handles(now) & handles(then)
    assert len(handles(now)) <= ALIKE * SORTS


def test_a_filter_keeps_its_class() -> None:
    """A class that holds a filter is in the sample, and the filter with it."""
    leaves = [htb_class(minor) for minor in range(16, 3000)]
    held = TcObject("filter", "u32", 1, ONE + 2000, ONE | 8, 0, b"")
    now, _then = sampled(packed([TOP, *leaves, held]), None)
    assert held in now
    assert 2000 in handles(now)
