# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""By how much a shaper's rate is moved, by the delay that was seen: what cake-autorate does by which. Pure.

Part of the adjuster, which stands alone on a host, see ``_adapt/archive.py``.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Deque, Dict, List, NamedTuple, Optional, Tuple

NOT_OURS = 3  # exit status of an adjuster whose shaper is not as it was left: it touches nothing then
HIGH_LOAD = 0.75  # of the rate: from there on more rate would be used
UP, BACK = 0.04, 0.01  # of the rate, in one step: up under load without delay; back to the plan's own rate
DOWN_TO, KEPT = 0.75, 0.9  # of the rate at least, in one step; of what was carried
WINDOW, LATE = 3, 2  # so many of the last steps with delay are a queue, fewer are chance
LEAST_UP, LEAST_DOWN = 0.001, 0.9  # how quickly the least delay follows: up slowly, down at once


class Limits(NamedTuple):
    """The rates of one direction, kbit/s: the least, the plan's own, the most."""

    least: int
    base: int
    most: int


class Seen(NamedTuple):
    """What was seen since the last step.

    Attributes:
        carried_kbit: what the shaper sent, kbit/s.
        delay_ms: above the least delay known; ``None`` where no answer came.
        late: whether a queue stands: the delay is above the threshold, and not by chance.
        silent: whether no reflector has answered for long.
    """

    carried_kbit: float
    delay_ms: Optional[float]
    late: bool
    silent: bool


def next_rate(rate: int, limits: Limits, seen: Seen, threshold_ms: float) -> int:
    """Return the rate that follows, kbit/s, always within the limits.

    A direction that carried less than half of the least rate cannot have filled the uplink: the delay is not its doing.
    """
    wanted = float(rate)
    if seen.silent:
        wanted = _towards(rate, limits.base)
    elif seen.late:
        if seen.carried_kbit >= limits.least / 2:
            wanted = math.floor(max(DOWN_TO * rate, KEPT * min(seen.carried_kbit, rate)))
    elif seen.delay_ms is not None and seen.delay_ms <= threshold_ms:
        if seen.carried_kbit >= HIGH_LOAD * rate:
            wanted = math.ceil(rate * (1 + UP * (1 - seen.delay_ms / threshold_ms)))
        else:
            wanted = _towards(rate, limits.base)
    return int(max(limits.least, min(limits.most, wanted)))


def _towards(rate: int, base: int) -> float:
    """Return the rate one step nearer to the plan's own."""
    if rate < base:
        return min(base, math.ceil(rate * (1 + BACK)))
    return max(base, math.floor(rate * (1 - BACK)))


class Delays:
    """Which delays are above the least that is known of each reflector; a queue of one's own delays them all.

    Args:
        threshold_ms: from where on a delay counts as a queue.
    """

    def __init__(self, threshold_ms: float) -> None:
        self._threshold_ms = threshold_ms
        self._least: Dict[str, float] = {}
        self._new: List[float] = []
        self._late: Deque[bool] = deque(maxlen=WINDOW)

    def answered(self, reflector: str, took_ms: float) -> None:
        """Take an answer in."""
        least = self._least.get(reflector, took_ms)
        least += (LEAST_DOWN if took_ms < least else LEAST_UP) * (took_ms - least)
        self._least[reflector] = least
        self._new.append(max(0.0, took_ms - least))

    def step(self) -> Tuple[Optional[float], bool]:
        """Return (the delay since the last step, whether a queue stands)."""
        new, self._new = self._new, []
        if not new:
            return None, False
        delay = min(new)
        self._late.append(delay > self._threshold_ms)
        return delay, self._late[-1] and sum(self._late) >= LATE
