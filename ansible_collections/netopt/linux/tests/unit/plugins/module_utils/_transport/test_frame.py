# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An answer is found whole in whatever is printed around it, or it is no answer."""

from __future__ import annotations

import zlib

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._transport.frame import answer_in, frame

NONCE = "5f3c"
ANSWER = {"result": {"msg": "grün\n\ud800", "netopt-answer:5f3c:": [1, None]}}
FRAME = frame(NONCE, ANSWER)


@pytest.mark.parametrize(
    "text",
    [
        FRAME,
        f"Welcome{FRAME}goodbye\r\n",
        f"{FRAME.strip()}[audit] session recorded",
        FRAME.replace("\n", "\r\n"),
        f"sh -c python3 netopt-answer:{NONCE}:12 netopt-answer:{NONCE}:x:y:z{FRAME}",
        f"{FRAME[:40]}{FRAME}",
        f"{frame('0000', {})}{FRAME}{frame('ffff', {})}",
    ],
    ids=["alone", "between words", "on a line with others", "from a terminal", "the question", "torn once", "others'"],
)
def test_an_answer_is_found(text: str) -> None:
    """What a shell, an sshd or a logout prints does not matter."""
    assert answer_in(text, NONCE) == ANSWER


@pytest.mark.parametrize(
    "text",
    ["", FRAME[:-5], FRAME.replace("null", "1234"), frame("0000", ANSWER), FRAME.replace("msg", "m\ngoodbye\nsg")],
    ids=["nothing", "cut off", "altered", "another question's", "torn apart"],
)
def test_what_is_torn_is_no_answer(text: str) -> None:
    """A part of an answer, or the answer to another question, is none."""
    assert answer_in(text, NONCE) is None


@pytest.mark.parametrize("body", ["x", "[1]", "1", "[" * 100_000], ids=["no JSON", "a list", "a number", "too deep"])
def test_what_is_whole_and_no_answer_is_passed_over(body: str) -> None:
    """A host that frames something else has not answered, and what it prints ends no task."""
    whole = f"netopt-answer:{NONCE}:{len(body)}:{zlib.crc32(body.encode()):08x}:{body}\n"
    assert answer_in(whole, NONCE) is None
    assert answer_in(whole + FRAME, NONCE) == ANSWER


def test_a_length_without_end_is_passed_over() -> None:
    """Python takes no number of so many digits."""
    assert answer_in(f"netopt-answer:{NONCE}:{'9' * 5000}:{FRAME}", NONCE) == ANSWER
