# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts: what is missed is found, and what is not is let pass as often as is claimed."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._probe import targets as probe_targets
from ansible_collections.netopt.linux.plugins.plugin_utils import _objectives

SEED = 20260101
HOSTS = 300
PING = {"ping": ["a"]}


def path(rng: random.Random, **what: float) -> list[float | None]:
    """Return probes along a path: skewed times, resembling their neighbours, with spikes, and losses in bursts.

    Args:
        rng: decides.
        what: ``base`` time in ms, ``likeness`` of neighbours from 0 to 1, share of ``spikes`` and of ``loss``,
            ``burst``: how many are lost at a time, and how many ``probes``.
    """
    base, likeness, loss, burst = (what.get(k, d) for k, d in (("base", 5), ("likeness", 0), ("loss", 0), ("burst", 1)))
    found: list[float | None] = []
    state, lost = rng.gauss(0, 1), False
    for _number in range(int(what.get("probes", 200))):
        state = likeness * state + math.sqrt(1 - likeness**2) * rng.gauss(0, 1)
        lost = rng.random() < (1 - 1 / burst if lost else loss / burst / (1 - loss))
        time = base * math.exp(0.3 * state) + 50 * (rng.random() < what.get("spikes", 0))
        found.append(None if lost else time)
    return found


def pinged(series: list[float | None]) -> dict[str, Any]:
    """Return probes as a measurement."""
    return {"ping": {"a": {**probe_targets.summary(series), "samples_ms": series}}}


def rolled_back(objectives: dict[str, float], before: dict[str, float], after: dict[str, float]) -> float:
    """Return the share of hosts that one look rolls back."""
    rng = random.Random(SEED)  # noqa: S311 - a simulation
    spec = {"targets": PING, "objectives": objectives}
    missed = 0
    for _host in range(HOSTS):
        verdicts = _objectives.judge(spec, pinged(path(rng, **before)), pinged(path(rng, **after)))
        missed += any(not verdict.met for verdict in verdicts)
    return missed / HOSTS


PATHS = [
    {},
    {"spikes": 0.02},
    {"likeness": 0.9},
    {"likeness": 0.5, "spikes": 0.02, "loss": 0.01, "burst": 3},
]


@pytest.mark.parametrize("what", PATHS)
def test_false_alarms_against_before(what: dict[str, float]) -> None:
    """Where nothing has changed, one look rolls back no more than one host in a hundred, even with no margin at all."""
    assert rolled_back({"max_regression_pct": 0}, what, what) <= _objectives.FALSE_ALARMS


@pytest.mark.parametrize("what", PATHS)
def test_false_alarms_against_objectives(what: dict[str, float]) -> None:
    """The same where the truth lies exactly at each objective, the worst that is not a miss."""
    truth = path(random.Random(1), **{**what, "probes": 40_000})  # noqa: S311 - a simulation
    times = [time for time in truth if time is not None]
    steps = probe_targets.differences(times)
    objectives = {
        "latency_p95_ms": probe_targets.percentile(sorted(math.inf if time is None else time for time in truth), 95),
        "jitter_ms": sum(steps) / len(steps),
        "loss_pct": 100 * (1 - len(times) / len(truth)),
    }
    assert rolled_back(objectives, what, what) <= _objectives.FALSE_ALARMS


@pytest.mark.parametrize(
    ("objectives", "after", "least"),
    [
        ({"max_regression_pct": 10}, {"base": 8}, 0.99),
        ({"max_regression_pct": 10}, {"loss": 0.1}, 0.95),
        ({"latency_p95_ms": 8.5}, {"base": 7}, 0.99),
        ({"loss_pct": 0.1}, {"loss": 0.05}, 0.99),
        ({"jitter_ms": 2}, {"base": 10}, 0.99),
    ],
)
def test_power(objectives: dict[str, float], after: dict[str, float], least: float) -> None:
    """What is clearly worse is found."""
    assert rolled_back(objectives, {}, after) >= least


def mbps(*values: float) -> dict[str, Any]:
    """Return stretches of throughput as a measurement."""
    return {"iperf": {"throughput_mbps": sum(values) / len(values), "intervals_mbps": list(values)}}


FAST, SLOW = [940.0, 941.0, 939.0, 942.0, 938.0] * 4, [700.0, 703.0, 698.0, 701.0, 699.0] * 4


@pytest.mark.parametrize(
    ("objectives", "before", "after", "met"),
    [
        ({"throughput_mbps": 900}, SLOW, FAST, [True]),
        ({"throughput_mbps": 900}, FAST, SLOW, [False]),
        ({"throughput_mbps": 700.1}, FAST, SLOW, [True]),
        ({"max_regression_pct": 10}, FAST, SLOW, [False]),
        ({"max_regression_pct": 30}, FAST, SLOW, [True]),
        ({"max_regression_pct": 0}, SLOW, FAST, [True]),
        ({"throughput_mbps": 900, "max_regression_pct": 10}, FAST, SLOW, [False, False]),
    ],
)
def test_throughput(objectives: dict[str, float], before: list[float], after: list[float], met: list[bool]) -> None:
    """Throughput has to be at least what is wanted, and may fall by as much as is allowed."""
    verdicts = _objectives.judge({"targets": {"iperf": "a"}, "objectives": objectives}, mbps(*before), mbps(*after))
    assert [verdict.met for verdict in verdicts] == met


def test_nothing_is_not_success() -> None:
    """A target that gives no figure after the change is a miss that says why."""
    spec = {"targets": {"ping": ["a"], "iperf": "b"}, "objectives": {"latency_p95_ms": 9, "throughput_mbps": 9}}
    good = {**pinged([1.0] * 50), **mbps(*FAST)}
    for after in (
        {"ping": {"a": {"message": "not available: install iputils-ping"}}, "iperf": {"message": "refused"}},
        {"ping": {"a": {"samples_ms": [None] * 50}}, "iperf": {"intervals_mbps": []}},
        {},
    ):
        verdicts = _objectives.judge(spec, good, after)
        assert [(verdict.met, bool(verdict.problem)) for verdict in verdicts] == [(False, True)] * 2
        assert set(_objectives.unmeasurable(spec, after)) == {"ping a", "iperf b"}
    assert _objectives.unmeasurable(spec, good) == {}
    assert [verdict.met for verdict in _objectives.judge(spec, good, good)] == [True, True]


def test_lost_probes_are_slow() -> None:
    """A percentile of which the slowest part never came back is beyond every objective."""
    series: list[float | None] = [1.0] * 80 + [None] * 20
    random.Random(1).shuffle(series)  # noqa: S311 - any order will do
    spec = {"targets": PING, "objectives": {"latency_p95_ms": 1000}}
    (verdict,) = _objectives.judge(spec, pinged([1.0] * 100), pinged(series))
    assert (verdict.met, verdict.after, verdict.as_dict()["after"]) == (False, math.inf, None)
    assert verdict.told(verdict.after) == "more than 5 % without an answer"


def test_below_the_resolution() -> None:
    """A few hundredths of a millisecond are the scheduler's, however regular they are."""
    spec = {"targets": PING, "objectives": {"max_regression_pct": 0}}
    assert all(one.met for one in _objectives.judge(spec, pinged([0.05] * 100), pinged([0.15, 0.1] * 50)))
    assert not all(one.met for one in _objectives.judge(spec, pinged([0.05] * 100), pinged([0.5] * 100)))


def test_what_is_compared() -> None:
    """Delays are asked of every ping and tcp target, throughput of iperf's; no objective, no verdict."""
    targets = {"ping": ["a"], "tcp": ["b:1"], "iperf": "c"}
    objectives = {"latency_p95_ms": 5, "throughput_mbps": 5, "max_regression_pct": 5}
    found = _objectives.comparisons({"targets": targets, "objectives": objectives})
    assert sorted(one.key for one in found) == sorted(
        [
            f"{target} {measure}"
            for target in ("ping a", "tcp b:1")
            for measure in ("latency_p95_ms", "jitter_ms", "loss_pct")
        ]
        + ["ping a latency_p95_ms", "tcp b:1 latency_p95_ms"]
        + ["iperf c throughput_mbps"] * 2
    )
    assert _objectives.judge({"targets": targets, "objectives": {}}, {}, {}) == []


@pytest.mark.parametrize(("seconds", "interval"), [(1, 0.02), (4, 0.02), (10, 0.05), (20, 0.1), (40, 0.2), (600, 0.2)])
def test_pace(seconds: float, interval: float) -> None:
    """Short measurements send faster, so that there are enough probes."""
    assert _objectives.interval_s(seconds) == interval
