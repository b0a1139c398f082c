# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A question as it is asked: the query, its arguments, and which part of the answer is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .catalog import arguments, refused
from .paging import DEFAULT_BYTES, MATCH_LENGTH_MAX, MAX_BYTES, MIN_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_QUESTIONS = 20
MAX_OFFSET = 2**31
_PAGING: dict[str, tuple[type, int, int]] = {
    "offset": (int, 0, MAX_OFFSET),
    "max_bytes": (int, MIN_BYTES, MAX_BYTES),
    "match": (str, 1, MATCH_LENGTH_MAX),
}


def checked(questions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return questions with their arguments checked and their defaults filled in.

    Args:
        questions: each ``query`` (one of ``QUERIES``), ``arguments``, and for the part of the answer that is
            wanted ``match``, ``offset`` and ``max_bytes``; see ``paging.page``.

    Raises:
        NetoptError: something of them is wrong, or there are too many.
    """
    if not 1 <= len(questions) <= MAX_QUESTIONS:
        raise refused(f"{len(questions)} questions at once", hint=f"Ask 1 to {MAX_QUESTIONS}.")
    return [_checked(question) for question in questions]


def _checked(question: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(question) - set(_PAGING) - {"query", "arguments"})
    if unknown or "query" not in question:
        raise refused(
            f"A question has no {unknown[0]}" if unknown else "A question has no query",
            hint="It takes query, arguments, match, offset and max_bytes.",
        )
    found: dict[str, Any] = {"offset": 0, "max_bytes": DEFAULT_BYTES}
    for name, (kind, low, high) in _PAGING.items():
        value = question.get(name)
        if value is None:
            continue
        extent = len(value) if isinstance(value, str) else value
        if isinstance(value, bool) or not isinstance(value, kind) or not low <= extent <= high:
            wanted = f"text of {low} to {high} characters" if kind is str else f"a whole number from {low} to {high}"
            raise refused(f"{name} is {value!r}", hint=f"Give {wanted}.")
        found[name] = value
    name = question["query"]
    return dict(found, query=name, arguments=arguments(name, question.get("arguments") or {}))
