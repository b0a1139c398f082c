# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text from hosts is made plain where it enters, and loses nothing that can be seen."""

from __future__ import annotations

import sys
import unicodedata
from typing import Any

import pytest

from mcp_bridge.runs.report import RunEvents
from mcp_bridge.untrusted_text import plain, plain_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("eth0: uplink to rack 7\n\tport 3", "eth0: uplink to rack 7\n\tport 3"),
        ("Grüße, 東京 ☃ 🙂", "Grüße, 東京 ☃ 🙂"),
        ("\x1b[31;1mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://evil.test\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\x1b]unended", "a]unended"),
        ("\x9dunended\x9dtitle\x07text", "unendedtext"),
        ("a\rb\x00c\x08d\x7fe\x9bmf", "abcdef"),
        ("user\u202egnp.exe\u202c", "usergnp.exe"),
        ("zero\u200bwidth\u200d\ufeff", "zerowidth"),
        ("tag\U000e0041\U000e0042s", "tags"),
        ("v\ufe0fs\U000e0100", "vs"),
        ("line\u2028and\u2029paragraph", "lineandparagraph"),
        ("half\ud83d", "half"),
    ],
)
def test_text(text: str, expected: str) -> None:
    """Escapes and what cannot be seen are gone, the rest stands."""
    assert plain_text(text) == expected
    assert plain_text(expected) == expected


def test_every_character_that_cannot_be_seen() -> None:
    """No control, surrogate, private or format character of Unicode gets through, but for signs that show."""
    shown = set("\t\n") | {chr(code) for code in (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2)}
    shown |= {"\U000110bd", "\U000110cd"} | {chr(code) for code in range(0x13430, 0x13456)}
    hidden = {
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    }
    left = {character for character in hidden - shown if plain_text(character)}
    assert left == set()


def test_data() -> None:
    """Names in objects are made plain as well, numbers and nothing stay."""
    found: Any = plain({"a\u200b": ["b\x1b[1m", 1, None, True, {"c": ("d\x07",)}]})
    assert found == {"a": ["b", 1, None, True, {"c": ["d"]}]}


def test_all_that_hosts_say_passes_here() -> None:
    """Whatever a result holds, and whatever the host is said to have failed with, is plain once it is in."""
    events = RunEvents()
    events.on_event({"event": "runner_on_ok", "event_data": {"host": "a", "res": {"answer": {"data": "x\u202ey"}}}})
    events.on_event({"event": "runner_on_failed", "event_data": {"host": "b", "res": {"msg": "bad\x1b[2Jness"}}})
    assert events.results("answer") == {"a": {"data": "xy"}}
    assert "\x1b" not in str(events.errors())
    assert "badness" in str(events.errors())
