# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps answers small: the rows that match, from an offset on, as many as fit, and what was left out."""

from __future__ import annotations

import json
from typing import Any

from .._common.quick_dataclass import dataclass

MIN_BYTES = 256
MAX_BYTES = 1_000_000
DEFAULT_BYTES = 16_384
MATCH_LENGTH_MAX = 100
_STEPS = (1000, 300, 100, 30, 10, 3)


@dataclass(frozen=True)
class Page:
    """A part of an answer.

    Attributes:
        data: rows, or fields, of the kind that the answer has.
        total: how many rows or fields match in all.
        next_offset: where the next part begins, ``None`` where this is the last.
        clipped: whether long values within this part were shortened.
    """

    data: Any
    total: int
    next_offset: int | None
    clipped: bool


def page(data: Any, *, match: str | None = None, offset: int = 0, max_bytes: int = DEFAULT_BYTES) -> Page:
    """Return the part of an answer that begins at ``offset`` and fits into ``max_bytes``, at least one row of it.

    Args:
        data: a list of rows or an object of fields; anything else counts as one row.
        match: only rows and fields that hold this text, in any case.
        offset: how many to leave out at the beginning.
        max_bytes: size of the part as compact JSON.
    """
    fields = isinstance(data, dict)
    rows: list[Any]
    rows = [[name, value] for name, value in data.items()] if fields else data if isinstance(data, list) else [data]
    if match:
        wanted = match.lower()
        rows = [row for row in rows if wanted in _json(row).lower()]
    taken: list[Any] = []
    clipped = False
    left = max_bytes
    for row in rows[offset:]:
        cost = size(row) + 1
        if cost > left:
            if taken:
                break
            kept = _shortened(row[1] if fields else row, max_bytes)  # else one large row would bar the way to the rest
            taken.append([row[0], kept] if fields else kept)
            clipped = True
            break
        taken.append(row)
        left -= cost
    end = offset + len(taken)
    part: Any = dict(taken) if fields else taken
    if not fields and not isinstance(data, list):
        part = taken[0] if taken else None
    return Page(part, len(rows), end if end < len(rows) else None, clipped)


def size(value: Any) -> int:
    """Return how many bytes a value takes as compact JSON."""
    return len(_json(value).encode("utf-8", "replace"))


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _shortened(value: Any, max_bytes: int) -> Any:
    """Return a value with its lists, objects and texts cut until it fits."""
    for step in _STEPS:
        found = _cut(value, step)
        if size(found) <= max_bytes:
            return found
    return f"({size(value)} bytes, too large to show)"


def _cut(value: Any, longest: int) -> Any:
    """Return a value in which no list or object has more than ``longest`` members, and no text more characters.

    Text keeps ten times as much.
    """
    if isinstance(value, str) and len(value) > longest * 10:
        return f"{value[: longest * 10]}... ({len(value) - longest * 10} characters more)"
    if isinstance(value, list):
        rest = [f"... ({len(value) - longest} more)"] if len(value) > longest else []
        return [_cut(item, longest) for item in value[:longest]] + rest
    if isinstance(value, dict):
        found = {key: _cut(item, longest) for key, item in list(value.items())[:longest]}
        if len(value) > longest:
            found["..."] = f"{len(value) - longest} more"
        return found
    return value
