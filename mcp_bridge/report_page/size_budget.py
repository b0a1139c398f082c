# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much a page may hold: whatever hosts report, it stays small enough to open on a phone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from markupsafe import escape

MARKUP = 250  # bytes that an entry takes on the page beside its own
LONGEST = 4000  # characters of one text
Item = TypeVar("Item")


def drawn(text: str | None) -> int:
    """Return how many bytes a text takes in HTML."""
    return len(escape(text or "").encode())


class SizeBudget:
    """Bytes that are left for a part of the page.

    Args:
        size: how many there are.
    """

    def __init__(self, size: int) -> None:
        self._left = size
        self.dropped = 0  # items that there was no room for

    def share(self, sharers: int) -> Share:
        """Return a part of what is left, for one of so many that still want some."""
        return Share(self, self._left // max(1, sharers))

    def fit(self, items: Sequence[Item], size: Callable[[Item], int]) -> list[Item]:
        """Return as many of the first items as there is room for."""
        return self.share(1).fit(items, size)

    def take(self, size: int) -> None:
        """Note that so many are used."""
        self._left = max(0, self._left - size)

    @staticmethod
    def clip(text: str) -> str:
        """Return a text that is not too long to be read."""
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text) - LONGEST} more characters)"


class Share:
    """A part of a budget, for one of those that want some."""

    def __init__(self, budget: SizeBudget, size: int) -> None:
        self._budget = budget
        self._left = size

    def fit(
        self,
        items: Sequence[Item],
        size: Callable[[Item], int],
        *,
        clip: Callable[[Item, Callable[[str], str]], Item] | None = None,
    ) -> list[Item]:
        """Return as many of the first items as there is room for, their texts clipped."""
        kept: list[Item] = []
        for item in items:
            shown = clip(item, SizeBudget.clip) if clip else item
            needed = size(shown) + MARKUP
            if needed > self._left:
                break
            self._left -= needed
            self._budget.take(needed)
            kept.append(shown)
        self._budget.dropped += len(items) - len(kept)
        return kept
