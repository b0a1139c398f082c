# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads JSON. Python's own reader does it, within bounds; where it stops, this finds out at which line and key."""

from __future__ import annotations

import json
import re
from typing import Any

from .errors import DEPTH_MAX, NUMBER_MAX, TOO_DEEP, TOO_LONG, TOO_MANY, TWICE, VALUES_MAX, DocumentError

_STRING = r'"(?:[^"\\]|\\.)*"?'
_STRINGS = re.compile(_STRING, re.DOTALL)
_BRACKETS = re.compile(r"[\[\]{}]")
_EMPTY = re.compile(r"\[\s*\]|\{\s*\}")
_TOKENS = re.compile(rf'{_STRING}|[\[\]{{}}:,]|[^\s"\[\]{{}}:,]+', re.DOTALL)
_CONSTANTS = frozenset({"NaN", "Infinity", "-Infinity"})  # Python reads them, JSON has none


class _FaultError(Exception):
    """JSON text holds something that is not read; ``_Scan`` finds out what and where."""


def parse_json(text: str, *, name: str) -> Any:
    """Return what a JSON document says.

    Args:
        text: the document.
        name: what it is called in errors, such as its file.

    Raises:
        json.JSONDecodeError: it is not JSON.
        DocumentError: it is not read.
    """
    bare = _STRINGS.sub("", text)
    if bare.count(",") + bare.count("[") + bare.count("{") - len(_EMPTY.findall(bare)) >= VALUES_MAX:
        raise DocumentError(TOO_MANY, name=name, hint="Split it.")
    if _levels(bare) > DEPTH_MAX:
        raise _Scan(text, name).fault()
    try:
        return json.loads(
            text,
            object_pairs_hook=_distinct,
            parse_int=lambda digits: int(_checked(digits)),
            parse_float=lambda digits: float(_checked(digits)),
            parse_constant=_checked,
        )
    except _FaultError:
        raise _Scan(text, name).fault() from None


def depth(text: str) -> int:
    """Return how deep JSON text nests; read from left to right, without recursion."""
    return _levels(_STRINGS.sub("", text))


def _levels(bare: str) -> int:
    """Return how deep JSON text nests whose strings are left out."""
    deepest = level = 0
    for bracket in _BRACKETS.finditer(bare):
        level += 1 if bracket.group() in "[{" else -1
        deepest = max(deepest, level)
    return deepest


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _FaultError
    return found


def _checked(number: str) -> str:
    if len(number) > NUMBER_MAX or number in _CONSTANTS:
        raise _FaultError
    return number


class _Scan:
    """Reads JSON text word by word up to the first thing in it that is not read."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name
        self._start = 0
        # the keys and entries around what comes next; None where a key comes next
        self._where: list[str | int | None] = []
        self._keys: list[dict[str, int]] = []  # the keys of each object around it, with their place

    def fault(self) -> DocumentError:
        """Return the error that says what and where it is.

        Raises:
            json.JSONDecodeError: the text is no JSON up to there.
        """
        for token in _TOKENS.finditer(self._text):
            self._start = token.start()
            try:
                error = self._take(token.group())
            except (IndexError, ValueError):
                break
            if error is not None:
                return error
        raise json.JSONDecodeError("Brackets do not match", self._text, self._start)

    def _take(self, word: str) -> DocumentError | None:
        """Go on by one word, or return what is wrong with it."""
        where = self._where
        if word in "[{":
            if len(where) == DEPTH_MAX:
                del where[4:]
                return self._error(TOO_DEEP, "Write it with fewer levels.")
            where.append(0 if word == "[" else None)
            self._keys.append({})
        elif word in "]}":
            del where[-1], self._keys[-1]
        elif word == ",":
            where[-1] = where[-1] + 1 if isinstance(where[-1], int) else None
        elif where and where[-1] is None:
            where[-1] = key = json.loads(word)
            first = self._keys[-1].setdefault(key, self._start)
            if first != self._start:
                return self._error(TWICE.format(self._line(first)), "Keep one of the two.")
        elif word[0] in "-0123456789" and len(word) > NUMBER_MAX:
            return self._error(TOO_LONG, "No setting takes such a number.")
        elif word in _CONSTANTS:
            return self._error(f"{word} is no number of JSON", "Write a number.")
        return None

    def _line(self, place: int) -> int:
        return self._text.count("\n", 0, place) + 1

    def _error(self, problem: str, hint: str) -> DocumentError:
        path = tuple(part for part in self._where if part is not None)
        return DocumentError(problem, name=self._name, line=self._line(self._start), path=path, hint=hint)
