# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of large trees: kept by shape, listed as the kernel lists them, and narrowed down before they are compared."""

from __future__ import annotations

import struct
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.netopt.linux.plugins.module_utils._netlink import messages as rt
from ansible_collections.netopt.linux.plugins.module_utils._tc import objects as tc_objects
from ansible_collections.netopt.linux.plugins.module_utils._tc.bulk_diff import differing
from ansible_collections.netopt.linux.plugins.module_utils._tc.creation_order import (
    creation_order,
    listing,
    qdisc_listing,
    qdisc_order,
)
from ansible_collections.netopt.linux.plugins.module_utils._tc.objects import BULK, ROOT, TcObject, objects, packed
from ansible_collections.netopt.linux.plugins.module_utils._tc.operations import diff, operations
from ansible_collections.netopt.linux.plugins.module_utils._tc.transition import tree_steps

ONE = 0x10000
LINK = {"txqlen": 1000, "mtu": 1500, "up": True, "kind": "veth"}


def htb_class(handle: int, parent: int = ROOT, *, rate: int = 1000) -> TcObject:
    """Return an htb class."""
    return TcObject(
        "class", "htb", handle, parent, options=rt.attribute(1, struct.pack("=8xI12x5I", rate, 0, 0, 0, 0, 0))
    )


def leaf(number: int, parent: int, *, limit: int = 30) -> TcObject:
    """Return a pfifo below a class."""
    return TcObject("qdisc", "pfifo", number << 16, parent, options=struct.pack("=I", limit))


def drop_all(parent: int) -> TcObject:
    """Return a filter below a qdisc that sends to a class."""
    return TcObject("filter", "basic", 1, ONE, 1 << 16 | 0x0300, options=rt.u32(1, parent))


def tree(classes: dict[int, tuple[int, int]], leaves: dict[int, int]) -> list[TcObject]:
    """Return an htb with classes ``{minor: (parent's minor or 0, rate)}`` and pfifos ``{class: limit}``."""
    found = [TcObject("qdisc", "htb", ONE, ROOT, options=rt.u32(5, 7))]
    found += [leaf(0x100 + minor, ONE + minor, limit=limit) for minor, limit in leaves.items() if minor in classes]
    found += [
        htb_class(ONE + minor, ONE + parent if parent and parent < minor and parent in classes else ROOT, rate=rate)
        for minor, (parent, rate) in classes.items()
    ]
    return [*found, drop_all(ONE + max(classes, default=1))]


def interface(found: list[TcObject]) -> dict[str, Any]:
    """Return an interface of a State."""
    return {"link": LINK, "default": False, **packed(found)}


TREES = st.builds(
    tree,
    st.dictionaries(st.integers(1, 12), st.tuples(st.integers(0, 5), st.integers(1, 3)), min_size=1),
    st.dictionaries(st.integers(1, 12), st.integers(1, 2)),
)


@given(TREES, TREES)
@settings(max_examples=300)
def test_narrowing_changes_no_step(current: list[TcObject], wanted: list[TcObject]) -> None:
    """What is left of two trees that are kept by shape leads to the same steps as all of them, in the same order."""
    with patch.object(tc_objects, "BULK", 2):
        now, then = interface(current), interface(wanted)
        assert [sorted(each.key for each in objects(one)) for one in (now, then)] == [
            sorted(each.key for each in one) for one in (current, wanted)
        ]
        narrow = [f"{verb} {one.name}" for verb, one in tree_steps(*differing(now, then))]
        whole = [f"{verb} {one.name}" for verb, one in tree_steps(current, wanted)]
        assert sorted(narrow) == sorted(whole)
        states = [{"interfaces": {"eth0": each}} for each in (now, then)]
        assert bool(diff(*states)) is bool(operations(*states)) is bool(whole)


def test_one_class_among_many() -> None:
    """Of ten thousand classes, the one that differs and its root are looked at, and one step is taken."""
    many = {minor: (0, minor % 50) for minor in range(1, 10001)}
    now, then = (interface(tree({**many, 5000: (0, rate)}, {})) for rate in (98, 99))
    assert len(now["bulk"]["class"]["shapes"]) == 51
    assert [len([one for one in each if one.form == "class"]) for each in differing(now, then)] == [1, 1]
    found = operations({"interfaces": {"eth0": now}}, {"interfaces": {"eth0": then}})
    assert [(one.key, len(one.payload["steps"])) for one in found] == [("eth0 class 1:1388", 1)]
    assert operations({"interfaces": {"eth0": now}}, {"interfaces": {"eth0": now}}) == []


def test_small_trees_are_told_one_by_one() -> None:
    """Up to the bound, each object is by itself; beyond, it is a row."""
    for count, expected in ((BULK, False), (BULK + 1, True)):
        found = [htb_class(ONE + minor) for minor in range(1, count + 1)]
        assert ("bulk" in packed(found)) is expected
        assert objects(interface(found)) == found


@given(st.lists(st.integers(1, 0xFFFF), unique=True, max_size=400))
def test_listing_and_order_belong_together(created: list[int]) -> None:
    """An order found for a listing leads to that listing."""
    handles = [ONE + minor for minor in created]
    listed = listing(handles)
    assert sorted(listed) == sorted(handles)
    assert listing(creation_order(dict.fromkeys(handles, ROOT), listed)) == listed


@given(st.lists(st.integers(1, 0xFFFF), unique=True, max_size=200))
def test_qdisc_listing_and_order_belong_together(created: list[int]) -> None:
    """An order found for a listing of qdiscs below a root leads to that listing."""
    root = 0xFFFF << 16
    handles = [number << 16 for number in created if number != 0xFFFF]
    listed = qdisc_listing(handles)
    order = qdisc_order({root: 0, **dict.fromkeys(handles, root)}, [root, *listed])
    assert qdisc_listing(order[1:]) == listed
