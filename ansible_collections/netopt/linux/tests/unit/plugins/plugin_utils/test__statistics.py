# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chances behind a verdict are those of the textbooks."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.netopt.linux.plugins.plugin_utils import _statistics


@given(st.integers(1, 300), st.data(), st.floats(0.0001, 0.9999))
def test_binomial(trials: int, data: st.DataObject, share: float) -> None:
    """The tail is the sum that defines it."""
    count = data.draw(st.integers(0, trials))
    terms = (math.comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(count, trials + 1))
    assert _statistics.at_least(count, trials, share) == pytest.approx(math.fsum(terms), rel=1e-7, abs=1e-14)


@pytest.mark.parametrize(
    ("count", "trials", "share", "expected"),
    [(0, 10, 0.0, 1.0), (1, 10, 0.0, 0.0), (11, 10, 0.5, 0.0), (10, 10, 1.0, 1.0)],
)
def test_binomial_edges(count: float, trials: float, share: float, expected: float) -> None:
    """What cannot be, and what has to be."""
    assert _statistics.at_least(count, trials, share) == expected


@pytest.mark.parametrize(
    ("value", "freedom", "expected"),
    [(0, 5, 0.5), (6.314, 1, 0.05), (2.093, 19, 0.025), (-2.093, 19, 0.975), (3.883, 19, 0.0005), (1.6449, 1e6, 0.05)],
)
def test_student(value: float, freedom: float, expected: float) -> None:
    """The values of the table of Student's t."""
    assert _statistics.t_tail(value, freedom) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize(("first", "second"), [(1, 1), (3, 2), (2, 4), (4, 4)])
def test_mann_whitney(first: int, second: int) -> None:
    """The chance is that of all orders counted one by one."""
    ranks = range(first + second)
    orders = list(itertools.combinations(ranks, second))
    wins = [sum(a > b for a in after for b in set(ranks) - set(after)) for after in orders]
    for after, won in zip(orders, wins):
        before = sorted(set(ranks) - set(after))
        found = _statistics.ranks_higher([float(x) for x in before], [float(x) for x in after])
        assert found == pytest.approx(sum(other >= won for other in wins) / len(orders))


def test_equal_values() -> None:
    """Nothing differs, or there is nothing: that is no sign of anything."""
    assert _statistics.ranks_higher([1.0] * 9, [1.0] * 9) > 0.5
    assert _statistics.ranks_higher([], [1.0]) == 1.0
    assert _statistics.larger_mean([1.0], than=0.5) == 1.0
    assert _statistics.larger_mean([2.0, 2.0], than=1.0) == 0.0
    assert _statistics.larger_mean([2.0, 2.0], than=2.0) == 1.0
    assert _statistics.more_often_than_before([], []) == 1.0


def test_repetition() -> None:
    """Events that come in runs count as fewer; those that come one by one as what they are."""
    rng = random.Random(5)  # noqa: S311 - a simulation
    alone = [rng.random() < 0.1 for _number in range(400)]
    assert 1.0 <= _statistics.repetition(alone) < 1.7
    runs = [index % 40 < 8 for index in range(400)]
    assert _statistics.repetition(runs) > 4
    assert _statistics.repetition([True, False] * 50) == 1.0
    assert _statistics.repetition([False] * 9) == _statistics.repetition([]) == 1.0


@given(st.lists(st.floats(0, 1e6), max_size=100), st.integers(1, 30))
@settings(max_examples=50)
@example(values=[349525.35526704916] * 3, count=1)
def test_batches(values: list[float], count: int) -> None:
    """No more batches than asked for or than values, and each mean within its values."""
    found = _statistics.batches(values, count)
    assert len(found) == min(count, len(values))
    assert all(min(values) <= mean <= max(values) for mean in found)
