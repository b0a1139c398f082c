# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""By how much a rate is moved: always within the limits, and in the direction that was seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netopt.linux.plugins.module_utils._adjuster.law import Delays, Limits, Seen, next_rate

LIMITS = Limits(2000, 8000, 16000)
RATE = st.integers(8, 400_000_000)
SEEN = st.builds(
    Seen,
    carried_kbit=st.floats(0, 1e9),
    delay_ms=st.none() | st.floats(0, 1e5),
    late=st.booleans(),
    silent=st.booleans(),
)


@given(st.tuples(RATE, RATE, RATE).map(sorted), RATE, st.lists(SEEN, max_size=30), st.floats(1, 1000))
def test_never_beyond_the_limits(three: list[int], rate: int, seen: list[Seen], threshold_ms: float) -> None:
    """Whatever is seen, and wherever the rate stands, what follows is within the limits, in whole kbit/s."""
    limits = Limits(*three)
    for one in seen:
        rate = next_rate(rate, limits, one, threshold_ms)
        assert limits.least <= rate <= limits.most
        assert isinstance(rate, int)


@given(st.tuples(RATE, RATE, RATE).map(sorted), st.integers(0, 10_000))
def test_silence_leads_home(three: list[int], steps: int) -> None:
    """Without any answer the rate only comes nearer to the plan's own."""
    limits = Limits(*three)
    silent = Seen(1e9, None, late=False, silent=True)
    rate = three[steps % 3]
    for _step in range(min(steps, 50)):
        after = next_rate(rate, limits, silent, 30)
        assert abs(after - limits.base) < abs(rate - limits.base) or after == rate == limits.base
        rate = after


@pytest.mark.parametrize(
    ("rate", "seen", "after"),
    [
        pytest.param(8000, Seen(7900, 0.0, late=False, silent=False), 8320, id="full, no delay: up"),
        pytest.param(8000, Seen(7900, 15.0, late=False, silent=False), 8160, id="full, some delay: up by less"),
        pytest.param(8000, Seen(7900, 31.0, late=False, silent=False), 8000, id="one late answer is chance"),
        pytest.param(15900, Seen(15900, 0.0, late=False, silent=False), 16000, id="up to the most"),
        pytest.param(8000, Seen(7900, 90.0, late=True, silent=False), 7110, id="a queue: below what was carried"),
        pytest.param(8000, Seen(3000, 90.0, late=True, silent=False), 6000, id="a quarter at a time"),
        pytest.param(2100, Seen(2100, 90.0, late=True, silent=False), 2000, id="down to the least"),
        pytest.param(8000, Seen(900, 90.0, late=True, silent=False), 8000, id="another direction's queue"),
        pytest.param(4000, Seen(100, 0.0, late=False, silent=False), 4040, id="idle, below: back"),
        pytest.param(12000, Seen(100, 0.0, late=False, silent=False), 11880, id="idle, above: back"),
        pytest.param(7990, Seen(100, 0.0, late=False, silent=False), 8000, id="idle: not beyond the plan's own"),
        pytest.param(12000, Seen(11900, None, late=False, silent=False), 12000, id="no answer yet"),
    ],
)
def test_steps(rate: int, seen: Seen, after: int) -> None:
    """Each thing that can be seen moves the rate as cake-autorate does."""
    assert next_rate(rate, LIMITS, seen, 30) == after


def test_delay_is_above_the_least_of_each_reflector() -> None:
    """A reflector that is far away is not late; a queue delays them all, so the least counts."""
    delays = Delays(30)
    for _step in range(3):
        delays.answered("near", 5)
        delays.answered("far", 200)
        assert delays.step() == (0.0, False)
    delays.answered("near", 105)
    delays.answered("far", 201)
    delay, late = delays.step()
    assert (delay is not None and delay < 2, late) == (True, False)


def test_one_late_step_is_no_queue() -> None:
    """Two of the last three late are a queue; a step without an answer is neither."""
    delays = Delays(30)
    found = []
    for took in (5.0, 100.0, None, 100.0, 5.0):
        if took is not None:
            delays.answered("near", took)
        found.append(delays.step()[1])
    assert found == [False, False, False, True, False]


def test_the_least_follows_down_at_once_and_up_slowly() -> None:
    """A path that got shorter is known at once; one that got longer is a delay for a while, and then its own least."""
    delays = Delays(30)
    for took in (100.0, 10.0, 10.0, 10.0):
        delays.answered("one", took)
        delay, _late = delays.step()
    assert delay is not None
    assert delay < 1
    for _step in range(3000):
        delays.answered("one", 60.0)
        delay, late = delays.step()
    assert (delay is not None and delay < 30, late) == (True, False)
