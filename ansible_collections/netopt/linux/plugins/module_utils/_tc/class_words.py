# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words for the figures of one htb class as tc takes them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .parameters import as_number, number

if TYPE_CHECKING:
    from collections.abc import Mapping

SMALLEST_QUANTUM, SHORT_QUANTUM, LARGEST_QUANTUM = 1000, 1514, 200000  # outside, the kernel warns and clamps
BURST_MS = 1
SMALLEST_BURST = 1600


def class_words(one: Mapping[str, Any], r2q: float) -> list[str]:
    """Return the words for the figures of one htb class."""
    rate, ceil = as_number(one["rate_mbit"]), as_number(one.get("ceil_mbit") or one["rate_mbit"])
    words = ["htb", "rate", number(rate) + "mbit", "ceil", number(ceil) + "mbit"]
    if one.get("priority") is not None:
        words += ["prio", number(one["priority"])]
    for name, mbit in (("burst", rate), ("cburst", ceil)):
        size, default = one.get(name), int(mbit * 125 * BURST_MS)
        if size is not None:
            words += [name, number(size) + "b" if isinstance(size, (int, float)) else str(size)]
        elif default > SMALLEST_BURST:
            words += [name, f"{default}b"]
    quantum = rate * 125000 / r2q
    if one.get("quantum") is not None:
        words += ["quantum", number(one["quantum"])]
    elif not SMALLEST_QUANTUM <= quantum <= LARGEST_QUANTUM:
        words += ["quantum", str(SHORT_QUANTUM if quantum < SMALLEST_QUANTUM else LARGEST_QUANTUM)]
    return words
