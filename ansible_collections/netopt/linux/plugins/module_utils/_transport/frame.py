# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An answer in a frame: found in whatever a host's shell, its sshd or a logout prints around it. Pure.

A frame names the question by its nonce, then the length of the answer and its checksum: what is torn, or belongs to
another question, is no answer.
"""

from __future__ import annotations

import contextlib
import json
import zlib
from typing import Any

from .._common.patterns import pattern

MARK = "netopt-answer"
TRIES = 16  # frames that are looked at: each may be as long as all of the text
_HEAD = pattern(r"([0-9]{1,10}):([0-9a-f]{8}):")


def frame(nonce: str, answer: dict[str, Any]) -> str:
    """Return an answer to the question ``nonce`` as lines of ASCII."""
    body = json.dumps(answer)
    return f"\n{MARK}:{nonce}:{len(body)}:{_checksum(body)}:{body}\n"


def answer_in(text: str, nonce: str) -> dict[str, Any] | None:
    """Return the answer to the question ``nonce`` in what a host printed, ``None`` where it is missing or torn."""
    begin = f"{MARK}:{nonce}:"
    place = text.find(begin)
    for _try in range(TRIES):
        if place < 0:
            return None
        head = _HEAD.match(text, place + len(begin))
        body = text[head.end() : head.end() + int(head[1])] if head else ""
        if head and body and head[2] == _checksum(body):
            with contextlib.suppress(ValueError, RecursionError):  # a checksum proves no JSON
                found = json.loads(body)
                if isinstance(found, dict):
                    return found
        place = text.find(begin, place + 1)
    return None


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode('utf-8', 'surrogatepass')):08x}"
