# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions are checked whole before anything runs."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._query.request import MAX_QUESTIONS, checked


def test_defaults() -> None:
    """What is left out is filled in; what is given stays."""
    assert checked([{"query": "ping_host", "arguments": {"target": "a"}, "match": None, "offset": 3}]) == [
        {"query": "ping_host", "arguments": {"target": "a", "count": 4}, "offset": 3, "max_bytes": 16384}
    ]


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ([], "0 questions at once"),
        ([{"query": "nstat"}] * (MAX_QUESTIONS + 1), "21 questions at once"),
        ([{"arguments": {}}], "has no query"),
        ([{"query": "nstat", "iface": "eth0"}], "has no iface"),
        ([{"query": "nope"}], "There is no query 'nope'"),
        ([{"query": "nstat", "offset": -1}], "offset is -1"),
        ([{"query": "nstat", "offset": True}], "offset is True"),
        ([{"query": "nstat", "max_bytes": 10}], "max_bytes is 10"),
        ([{"query": "nstat", "match": ""}], "match is ''"),
        ([{"query": "nstat", "match": "x" * 101}], "match is"),
    ],
)
def test_wrong_questions(questions: list[dict[str, Any]], message: str) -> None:
    """A wrong question is refused with a hint."""
    with pytest.raises(NetoptError, match=message) as caught:
        checked(questions)
    assert caught.value.hint
