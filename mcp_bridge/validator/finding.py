# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One finding about a plan, before its path is written out."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Path = tuple[str | int, ...]
Severity = Literal["error", "warning"]

SHOWN_MAX = 300
WORD_MAX = 80
LISTED_MAX = 30


@dataclass(frozen=True)
class Finding:
    """What is wrong or doubtful, and where.

    Attributes:
        path: keys and indexes from the plan's root.
        message: what is wrong.
        hint: what to do about it.
        severity: ``error`` or ``warning``.
    """

    path: Path
    message: str
    hint: str | None = None
    severity: Severity = "error"


def dotted(path: Path) -> str:
    """Return a path as people write it: ``changes.htb_classes[0].classid``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{shown(part, WORD_MAX)}" for part in path)
    return text.removeprefix(".")


def shown(text: str, length: int = SHOWN_MAX) -> str:
    """Return text that is safe to print: one line, no control characters, at most ``length`` characters."""
    cut = text if len(text) <= length else text[: length - 3] + "..."
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in cut)


def did_you_mean(word: object, known: Iterable[str], *, what: str) -> str:
    """Return a hint that names the known words nearest to ``word``, or all of them when none is near.

    Args:
        word: what was given.
        known: what would have been accepted.
        what: the plural by which the known words are called.
    """
    words = sorted(known)
    near = difflib.get_close_matches(str(word)[:WORD_MAX], words, n=3, cutoff=0.6) if isinstance(word, str) else []
    if near:
        return f"Did you mean {' or '.join(near)}?"
    if not words:
        return f"There are no {what} here."
    if len(words) > LISTED_MAX:
        nearest = difflib.get_close_matches(str(word)[:WORD_MAX], words, n=3, cutoff=0)
        return f"There are {len(words)} {what}; the nearest are {', '.join(nearest)}."
    return f"The {what} are {', '.join(words)}."
