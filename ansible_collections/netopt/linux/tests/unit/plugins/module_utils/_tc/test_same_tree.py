# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tree that stands already under other numbers is kept, where nothing else names these."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._tc.objects import ROOT, TcObject
from ansible_collections.netopt.linux.plugins.module_utils._tc.same_tree import as_numbered, with_numbers_of


def qdisc(kind: str, handle: int, parent: int = ROOT, options: bytes = b"") -> TcObject:
    """Return a qdisc."""
    return TcObject("qdisc", kind, handle << 16, parent, options=options)


def of_htb(first: int, second: int, *, root: int = 1, options: bytes = b"") -> list[TcObject]:
    """Return an htb with two classes and their queues, by some numbers."""
    major = root << 16
    classes = [TcObject("class", "htb", major | minor, ROOT, options=b"rate") for minor in (0x10, 0x20)]
    queues = [qdisc("sfq", first, major | 0x10, options), qdisc("sfq", second, major | 0x20)]
    return [qdisc("htb", root), *queues, *classes]


WANTED = of_htb(0x10, 0x20)


def test_other_numbers_are_kept() -> None:
    """The numbers that are there are those that are wanted, in whatever order they stand."""
    there = of_htb(0x8002, 0x8001)
    found = as_numbered(there, WANTED)
    assert sorted(found, key=str) == sorted(there, key=str)
    mq = [qdisc("mq", 7), qdisc("fq", 0x8003, 7 << 16 | 1), qdisc("fq", 0x8004, 7 << 16 | 2)]
    assert as_numbered(mq, [qdisc("mq", 1), qdisc("fq", 0x10, 1 << 16 | 1), qdisc("fq", 0x11, 1 << 16 | 2)]) == mq


def test_what_is_another_tree() -> None:
    """Other options, another kind, one more or less: the plan's own numbers are wanted."""
    for there in (
        of_htb(0x8001, 0x8002, options=b"other"),
        of_htb(0x8001, 0x8002)[:-1],
        [*of_htb(0x8001, 0x8002), TcObject("class", "htb", 0x10030, ROOT)],
        [qdisc("sfq", 0x8001)],
        [],
    ):
        assert as_numbered(there, WANTED) == WANTED


def test_numbers_that_count() -> None:
    """Classes are found by htb's number, filters hang from one, and netem is made anew."""
    assert as_numbered(of_htb(0x10, 0x20, root=7), WANTED) == WANTED
    filtered = [qdisc("drr", 1), TcObject("filter", "u32", 0x80000800, 1 << 16)]
    there = [qdisc("drr", 7), TcObject("filter", "u32", 0x80000800, 7 << 16)]
    assert as_numbered(there, filtered) == filtered
    assert as_numbered([qdisc("netem", 0x8001)], [qdisc("netem", 1)]) == [qdisc("netem", 1)]


def test_of_a_state() -> None:
    """Each interface for itself, but those whose shapers an adjuster finds by number; hooks stay as they are."""
    hook = TcObject("qdisc", "ingress", 0xFFFF0000, 0xFFFFFFF1)

    def state(*numbers: int) -> dict[str, dict[str, object]]:
        trees = {f"e{at}": [qdisc("cake", number), hook] for at, number in enumerate(numbers)}
        return {"interfaces": {name: {"objects": [one.as_dict() for one in tree]} for name, tree in trees.items()}}

    assert with_numbers_of(state(0x8001, 0x8002), state(1, 1)) == state(0x8001, 0x8002)
    assert with_numbers_of(state(0x8001, 0x8002), state(1, 1), but=["e0"]) == state(1, 0x8002)
    assert with_numbers_of({"interfaces": {"e0": None}}, state(1)) == state(1)
