# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How likely figures at least as bad as those found are, if nothing is wrong: the tests behind a verdict.

All of them are one-sided. None supposes that times follow a certain distribution; what they do suppose is said with
each. Values in a series that follow each other resemble each other, which ``repetition`` accounts for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PRECISION = 1e-12
STEPS = 500
TINY = 1e-300
BATCHES = 10


def beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b), by its continued fraction (Abramowitz 26.5.8)."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - beta(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    # Lentz's way of evaluating a continued fraction from its beginning
    numerator = 1.0
    value = denominator = 1 / ((1 - (a + b) * x / (a + 1)) or TINY)
    for step in range(1, STEPS):
        for term in (
            step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step)),
            -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1)),
        ):
            denominator = 1 / ((1 + term * denominator) or TINY)
            numerator = (1 + term / numerator) or TINY
            value *= denominator * numerator
        if abs(denominator * numerator - 1) < PRECISION:
            break
    return front * value / a


def at_least(count: float, trials: float, share: float) -> float:
    """Return how likely ``count`` or more of ``trials`` independent events are, each with the chance ``share``.

    Counts need not be whole: see ``repetition``.
    """
    if count <= 0:
        return 1.0
    return beta(count, trials - count + 1, share) if count <= trials else 0.0


def t_tail(value: float, freedom: float) -> float:
    """Return how likely ``value`` or more is under Student's t distribution."""
    half = beta(freedom / 2, 0.5, freedom / (freedom + value * value)) / 2
    return half if value > 0 else 1 - half


def repetition(events: Sequence[bool]) -> float:
    """Return how many events in a series stand for one that is independent of the others; 1 where all are.

    It is one plus twice the sum of the autocorrelations up to the first that is not positive (Geyer 1992), over no
    more than the square root of the length: what lasts longer than that is no coincidence any more.
    """
    length = len(events)
    mean = sum(events) / length if length else 0.0
    spread = length * mean * (1 - mean)
    if not spread:
        return 1.0
    values = [event - mean for event in events]
    total = 0.0
    for lag in range(1, math.isqrt(length) + 1):
        share = sum(one * other for one, other in zip(values, values[lag:])) / spread
        if share <= 0:
            break
        total += share
    return 1 + 2 * total


def more_often(events: Sequence[bool], *, than: float) -> float:
    """Return how likely so many events are where each has at most the chance ``than``: a binomial test."""
    each = repetition(events)
    return at_least(sum(events) / each, len(events) / each, than)


def more_often_than_before(before: Sequence[bool], after: Sequence[bool], *, factor: float = 1.0) -> float:
    """Return how likely it is that so many of all events come after, where they are at most ``factor`` times as often.

    Given their number, each falls into the time after with a chance that only the lengths decide. Rare events follow
    a binomial distribution then. Values beyond a rank of those before follow a hypergeometric one, however they are
    distributed themselves (the exceedance test); the binomial one lies on its safe side.
    """
    each = max(repetition(before), repetition(after))
    expected = factor * len(after)
    share = expected / (expected + len(before)) if before else 1.0
    return at_least(sum(after) / each, (sum(before) + sum(after)) / each, share)


def larger_mean(values: Sequence[float], *, than: float) -> float:
    """Return how likely such values are where their mean is ``than`` or less: Student's test on means of batches.

    Batches are long enough to be taken for independent. Times are skewed to the right, which makes the test err on
    the side of what is wanted: a few large values raise the spread as well as the mean.
    """
    means = batches(values)
    count = len(means)
    if count < 2:
        return 1.0
    mean = sum(means) / count
    spread = math.sqrt(sum((value - mean) ** 2 for value in means) / (count - 1))
    if not spread:
        return 0.0 if mean > than else 1.0
    return t_tail((mean - than) * math.sqrt(count) / spread, count - 1)


def batches(values: Sequence[float], count: int = BATCHES) -> list[float]:
    """Return the means of up to ``count`` stretches of a series, equally long but for rounding."""
    count = min(count, len(values))
    found = []
    for index in range(count):
        stretch = values[index * len(values) // count : (index + 1) * len(values) // count]
        mean = sum(stretch) / len(stretch)
        found.append(min(max(mean, min(stretch)), max(stretch)))  # rounding may have led it out of its values
    return found


def ranks_higher(before: Sequence[float], after: Sequence[float]) -> float:
    """Return how likely it is that ``after`` ranks so much higher than ``before``: the test of Mann and Whitney.

    Exact where no two values are equal; equal ones count half, rounded in favour of no difference.
    """
    first, second = len(before), len(after)
    if not first or not second:
        return 1.0
    wins = sum((new > old) + 0.5 * (new == old) for new in after for old in before)
    ways = _ways(first, second)
    return sum(ways[math.floor(wins) :]) / sum(ways)


def _ways(first: int, second: int) -> list[int]:
    """Return in how many orders of two samples the second wins 0, 1, ... of all pairs."""
    # orders by size of the second sample, one value of the first after the other
    table = [[1] + [0] * (first * second) for _row in range(second + 1)]
    for rank in range(1, first + 1):
        for size in range(1, second + 1):
            row = table[size - 1]
            table[size] = [
                table[size][wins] + (row[wins - rank] if wins >= rank else 0) for wins in range(first * second + 1)
            ]
    return table[second]
