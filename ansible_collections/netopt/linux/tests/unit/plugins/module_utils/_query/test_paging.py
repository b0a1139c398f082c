# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers come in parts that fit, and all parts together are the whole."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netopt.linux.plugins.module_utils._query.paging import MIN_BYTES, Page, page, size

ROWS = [{"n": number} for number in range(100)]
VALUES = st.recursive(st.integers() | st.text(max_size=50) | st.none(), lambda inner: st.lists(inner, max_size=5))


@pytest.mark.parametrize(
    ("data", "options", "expected"),
    [
        ([], {}, Page([], 0, None, clipped=False)),
        ({}, {}, Page({}, 0, None, clipped=False)),
        (ROWS[:3], {}, Page(ROWS[:3], 3, None, clipped=False)),
        (ROWS, {"offset": 98}, Page(ROWS[98:], 100, None, clipped=False)),
        (ROWS, {"offset": 200}, Page([], 100, None, clipped=False)),
        (ROWS, {"match": '"N":7'}, Page([ROWS[7], *ROWS[70:80]], 11, None, clipped=False)),
        ({"TcpRetransSegs": 1, "b": 2}, {"match": "retrans"}, Page({"TcpRetransSegs": 1}, 1, None, clipped=False)),
        (["a", "b", "c"], {"max_bytes": 8}, Page(["a", "b"], 3, 2, clipped=False)),
        ({"a": 1, "b": 2}, {"max_bytes": 8}, Page({"a": 1}, 2, 1, clipped=False)),
        ("text", {}, Page("text", 1, None, clipped=False)),
    ],
)
def test_parts(data: Any, options: dict[str, Any], expected: Page) -> None:
    """Rows and fields are chosen, counted and cut the same way."""
    assert page(data, **options) == expected


@pytest.mark.parametrize("row", [{"elem": list(range(10_000))}, {"comment": "x" * 10_000}, [[["y" * 9_000]] * 9]])
def test_one_large_row(row: Any) -> None:
    """A row that is too large by itself is shortened and said to be; the rows after it can still be had."""
    part = page([row, {"next": 1}], max_bytes=1000)
    assert (part.clipped, part.next_offset, len(part.data)) == (True, 1, 1)
    assert size(part.data) <= 1100
    assert page([row, {"next": 1}], offset=1).data == [{"next": 1}]


@given(
    st.lists(VALUES, max_size=40) | st.dictionaries(st.text(max_size=20), VALUES, max_size=40), st.integers(256, 600)
)
def test_all_parts_are_the_whole(data: Any, max_bytes: int) -> None:
    """Following next_offset gives every row once, in order; no part is larger than was asked for."""
    found: list[Any] = []
    offset: int | None = 0
    clipped = False
    while offset is not None:
        part = page(data, offset=offset, max_bytes=max_bytes)
        clipped = clipped or part.clipped
        found += list(part.data.items()) if isinstance(part.data, dict) else part.data
        assert part.next_offset is None or part.next_offset > offset
        assert part.clipped or size(part.data) <= max_bytes + 2
        offset = part.next_offset
    wanted = list(data.items()) if isinstance(data, dict) else data
    assert len(found) == len(wanted)
    assert clipped or found == wanted


def test_the_least_room_holds_something() -> None:
    """Even the smallest part that may be asked for has a row."""
    assert page([{"a": "z" * 5000}], max_bytes=MIN_BYTES).data
