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
R2Q = 10  # of htb, where a plan names none


def usual_burst(rate_mbit: float) -> int:
    """Return the burst of a class whose plan names none; below a size tc chooses, and chooses that size."""
    return max(int(rate_mbit * 125 * BURST_MS), SMALLEST_BURST)


def usual_quantum(rate_mbit: float, r2q: float) -> int:
    """Return the quantum of a class whose plan names none."""
    quantum = rate_mbit * 125000 / r2q
    if SMALLEST_QUANTUM <= quantum <= LARGEST_QUANTUM:
        return int(quantum)
    return SHORT_QUANTUM if quantum < SMALLEST_QUANTUM else LARGEST_QUANTUM


def class_words(one: Mapping[str, Any], r2q: float) -> list[str]:
    """Return the words for the figures of one htb class."""
    rate, ceil = as_number(one["rate_mbit"]), as_number(one.get("ceil_mbit") or one["rate_mbit"])
    words = ["htb", "rate", number(rate) + "mbit", "ceil", number(ceil) + "mbit"]
    if one.get("priority") is not None:
        words += ["prio", number(one["priority"])]
    for name, mbit in (("burst", rate), ("cburst", ceil)):
        size, default = one.get(name), usual_burst(mbit)
        if size is not None:
            words += [name, number(size) + "b" if isinstance(size, (int, float)) else str(size)]
        elif default > SMALLEST_BURST:
            words += [name, f"{default}b"]
    if one.get("quantum") is not None:
        words += ["quantum", number(one["quantum"])]
    elif not SMALLEST_QUANTUM <= rate * 125000 / r2q <= LARGEST_QUANTUM:
        words += ["quantum", str(usual_quantum(rate, r2q))]
    return words
