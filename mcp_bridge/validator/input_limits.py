# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps input that no plan needs away from everything else: too deep, too long, too many, not JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_bridge.documents.errors import VALUES_MAX

from .finding import Finding, Path

DEPTH_MAX = 24
TEXT_MAX = 65_536
KEY_MAX = 1024
TOTAL_TEXT_MAX = 4_000_000
INT_BITS_MAX = 128


def excess(plan: object) -> Finding | None:
    """Return why ``plan`` cannot be looked at, ``None`` when it can.

    Walks without recursion, so that no nesting exhausts the stack, and stops at the first excess.
    """
    if not isinstance(plan, Mapping):
        return Finding((), "The plan must be an object with the keys iface, profile, changes, validate, rationale")
    waiting: list[tuple[Path, object]] = [((), plan)]
    values = text = 0
    while waiting:
        path, value = waiting.pop()
        values += 1
        text += len(value) if isinstance(value, str | bytes) else 0
        problem = _problem(path, value, values=values, text=text)
        if problem:
            return problem
        if isinstance(value, Mapping):
            for key, inner in value.items():
                if not isinstance(key, str):
                    return Finding(path, f"Every key must be text, found one of type {type(key).__name__}")
                if len(key) > KEY_MAX or not _is_unicode(key):
                    return Finding(path, f"A key is longer than {KEY_MAX} characters, or not valid Unicode")
                waiting.append(((*path, key), inner))
        elif isinstance(value, list | tuple):
            waiting.extend(((*path, index), inner) for index, inner in enumerate(value[: VALUES_MAX + 1]))
    return None


def _problem(path: Path, value: object, *, values: int, text: int) -> Finding | None:
    """Return what is excessive about one value."""
    if len(path) > DEPTH_MAX:
        return Finding(path[:4], f"Nested deeper than {DEPTH_MAX} levels")
    if values > VALUES_MAX or (isinstance(value, Mapping | list | tuple) and len(value) > VALUES_MAX):
        return Finding(path[:4], f"The plan has more than {VALUES_MAX} values", "Split the plan.")
    if text > TOTAL_TEXT_MAX or (isinstance(value, str | bytes) and len(value) > TEXT_MAX):
        return Finding(path, f"Text is longer than {TEXT_MAX} characters, or {TOTAL_TEXT_MAX} in all", "Shorten it.")
    if isinstance(value, str) and not _is_unicode(value):
        return Finding(path, "Text is not valid Unicode", "Write it in UTF-8, without lone surrogates.")
    if isinstance(value, int) and value.bit_length() > INT_BITS_MAX:
        return Finding(path, f"The number does not fit into {INT_BITS_MAX} bits", "No setting takes such a number.")
    return None


def _is_unicode(text: str) -> bool:
    """Return whether text can be written in UTF-8."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def plain(value: Any) -> Any:
    """Return a copy made of dicts and lists; only for what ``excess`` let through."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value
