# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges what was measured after a change: by the plan's objectives, and by what was measured before.

A figure counts as missed when it is worse than what is wanted, and chance alone makes it look so at most once in
``1 / FALSE_ALARMS`` hosts. ``docs/measuring.md`` says how well that works.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..module_utils._probe.targets import INTERVAL_S, MIN_INTERVAL_S, differences, percentile
from . import _statistics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LATENCY, JITTER, LOSS, THROUGHPUT = "latency_p95_ms", "jitter_ms", "loss_pct", "throughput_mbps"
REGRESSION = "max_regression_pct"
DELAYS = (LATENCY, JITTER, LOSS)

FALSE_ALARMS = 0.01  # of hosts on which nothing is wrong, at one look; a miss is looked at twice
PROBES = 200  # that are aimed at, however short the measurement
TAIL = 0.05  # what a 95th percentile leaves above it
RESOLUTION_MS = 0.2  # delays that differ by less are the scheduler's, not the network's
UNITS = {LATENCY: "ms", JITTER: "ms", LOSS: "%", THROUGHPUT: "Mbit/s"}
NAMES = {LATENCY: "latency p95", JITTER: "jitter", LOSS: "loss", THROUGHPUT: "throughput"}


@dataclass(frozen=True)
class Comparison:
    """One figure of one target that is held against the plan's objective or against what it was before.

    Attributes:
        probe: ``ping``, ``tcp`` or ``iperf``.
        target: where it was measured to.
        measure: one of ``UNITS``.
        objective: what is wanted at least or at most; ``None`` to compare with before.
        regression_pct: by how much it may be worse than before, where it is compared with that.
    """

    probe: str
    target: str
    measure: str
    objective: float | None = None
    regression_pct: float = 0.0

    @property
    def key(self) -> str:
        """What is compared, in one line."""
        return f"{self.probe} {self.target} {self.measure}"


@dataclass(frozen=True)
class Verdict:
    """What came of one comparison.

    Attributes:
        comparison: what was compared.
        wanted: the bound: at least for throughput, at most for all others; ``None`` where there is nothing to set it.
        before: the figure before the change, ``None`` where there was none.
        after: the figure after it.
        chance: how likely figures as bad as these are where nothing is wrong.
        limit: below which chance a figure that is worse than wanted is a miss.
        met: whether it is none.
        problem: why there is no figure.
    """

    comparison: Comparison
    wanted: float | None
    before: float | None
    after: float | None
    chance: float
    limit: float
    met: bool
    problem: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON can carry it; a percentile of which nothing came back is ``None``."""
        one = self.comparison
        return {
            "probe": one.probe,
            "target": one.target,
            "measure": one.measure,
            "against": "before" if one.objective is None else "objective",
            "wanted": _plain(self.wanted),
            "before": _plain(self.before),
            "after": _plain(self.after),
            "chance": float(f"{self.chance:.3g}"),
            "limit": float(f"{self.limit:.3g}"),
            "met": self.met,
            "problem": self.problem,
        }

    def told(self, figure: float | None) -> str | None:
        """Return a figure of this measure as people read it."""
        if figure is None:
            return None
        unit = UNITS[self.comparison.measure]
        return f"{figure:.4g} {unit}" if math.isfinite(figure) else "more than 5 % without an answer"


def interval_s(duration_s: float) -> float:
    """Return how far apart probes are sent, so that there are enough for a verdict in the time that there is."""
    return round(min(INTERVAL_S, max(MIN_INTERVAL_S, duration_s / PROBES)), 4)


def comparisons(spec: Mapping[str, Any]) -> list[Comparison]:
    """Return all that a plan's ``validate`` asks to be judged.

    Args:
        spec: ``targets`` and ``objectives``; the names of both are those of the plan.
    """
    return list(_comparisons(spec))


def _comparisons(spec: Mapping[str, Any]) -> Iterator[Comparison]:
    targets, objectives = spec.get("targets") or {}, spec.get("objectives") or {}
    aims: list[tuple[str, str, tuple[str, ...]]]
    aims = [(probe, target, DELAYS) for probe in ("ping", "tcp") for target in targets.get(probe) or []]
    if targets.get("iperf"):
        aims.append(("iperf", targets["iperf"], (THROUGHPUT,)))
    regression = objectives.get(REGRESSION)
    for probe, target, measures in aims:
        for measure in measures:
            if objectives.get(measure) is not None:
                yield Comparison(probe, target, measure, objective=objectives[measure])
            if regression is not None:
                yield Comparison(probe, target, measure, regression_pct=regression)


def unmeasurable(spec: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, str]:
    """Return what is to be judged and gave no figure, each target with the reason.

    Args:
        spec: as ``comparisons`` takes it.
        found: what was measured, as ``_probe.measure.measure`` returns it.
    """
    reasons = {}
    for one in comparisons(spec):
        told = _told(found, one)
        if not _values(told, one):
            reasons[f"{one.probe} {one.target}"] = told.get("message") or "no answer"
    return reasons


def judge(spec: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Verdict]:
    """Return the verdict on everything that a plan asks to be judged.

    Args:
        spec: as ``comparisons`` takes it.
        before: what was measured before the change, with samples.
        after: the same after it.
    """
    every = comparisons(spec)
    limit = FALSE_ALARMS / max(1, len(every))  # Bonferroni: all of them together raise so many false alarms at most
    return [_judge(one, before, after, limit) for one in every]


def _judge(one: Comparison, before: Mapping[str, Any], after: Mapping[str, Any], limit: float) -> Verdict:
    old, new = _samples(_told(before, one), one), _samples(_told(after, one), one)
    figures = _figure(one.measure, old), _figure(one.measure, new)
    if not _values(_told(after, one), one):
        reason = _told(after, one).get("message") or "no answer"
        return Verdict(one, one.objective, figures[0], None, 0.0, limit, met=False, problem=reason)
    figure = figures[1]
    if figure is None:
        return Verdict(one, one.objective, figures[0], None, 1.0, limit, met=True, problem="too few answers")
    if one.objective is not None:
        wanted, chance = one.objective, _chance_of(one.measure, new, one.objective)
    elif figures[0] is None:
        return Verdict(one, None, None, figure, 1.0, limit, met=True, problem="no figure from before")
    else:
        wanted, chance = _bound(one, figures[0]), _chance_after(one, old, new)
    worse = figure < wanted if one.measure == THROUGHPUT else figure > wanted
    return Verdict(one, wanted, figures[0], figure, chance, limit, met=not (worse and chance <= limit))


def _told(found: Mapping[str, Any], one: Comparison) -> Mapping[str, Any]:
    """Return what was measured of a target, empty where it was not."""
    told = found.get(one.probe) or {}
    answer: Mapping[str, Any] = told if one.probe == "iperf" else told.get(one.target) or {}
    return answer


def _samples(told: Mapping[str, Any], one: Comparison) -> list[float | None]:
    return list(told.get("intervals_mbps" if one.probe == "iperf" else "samples_ms") or [])


def _values(told: Mapping[str, Any], one: Comparison) -> list[float]:
    """Return the samples that are figures."""
    return [value for value in _samples(told, one) if value is not None]


def _figure(measure: str, samples: Sequence[float | None]) -> float | None:
    """Return what samples come to. A probe that was lost counts as slower than any that came back."""
    if not samples:
        return None
    values = [value for value in samples if value is not None]
    if measure == LOSS:
        return 100 * (len(samples) - len(values)) / len(samples)
    if measure == LATENCY:
        return percentile(sorted(math.inf if value is None else value for value in samples), 100 * (1 - TAIL))
    basis = differences(values) if measure == JITTER else values
    return sum(basis) / len(basis) if basis else None


def _chance_of(measure: str, samples: Sequence[float | None], objective: float) -> float:
    """Return how likely such samples are where the objective is just met."""
    values = [value for value in samples if value is not None]
    if measure == LOSS:
        return _statistics.more_often([value is None for value in samples], than=objective / 100)
    if measure == LATENCY:
        return _statistics.more_often([value is None or value > objective for value in samples], than=TAIL)
    if measure == JITTER:
        return _statistics.larger_mean(differences(values), than=objective)
    return _statistics.larger_mean([-value for value in values], than=-objective)


def _bound(one: Comparison, before: float) -> float:
    """Return how bad a figure may be at most, after what it was before."""
    share = one.regression_pct / 100
    if one.measure == THROUGHPUT:
        return before * max(0.0, 1 - share)
    if one.measure == LOSS:
        return before * (1 + share)
    return max(before * (1 + share), before + RESOLUTION_MS)


def _chance_after(one: Comparison, old: Sequence[float | None], new: Sequence[float | None]) -> float:
    """Return how likely such samples are where they are just as much worse than before as they may be."""
    before, after = ([value for value in samples if value is not None] for samples in (old, new))
    share = one.regression_pct / 100
    if one.measure == LOSS:
        lost = [[value is None for value in samples] for samples in (old, new)]
        return _statistics.more_often_than_before(lost[0], lost[1], factor=1 + share)
    if one.measure == LATENCY:
        allowed = [math.inf if value is None else _bound(one, value) for value in old]
        found = [math.inf if value is None else value for value in new]
        edge = percentile(sorted(allowed), 100 * (1 - TAIL))
        slow = [[value > edge for value in values] for values in (allowed, found)]
        return _statistics.more_often_than_before(slow[0], slow[1])
    if one.measure == JITTER:
        allowed = [_bound(one, value) for value in _statistics.batches(differences(before))]
        return _statistics.ranks_higher(allowed, _statistics.batches(differences(after)))
    allowed = [-_bound(one, value) for value in _statistics.batches(before)]
    return _statistics.ranks_higher(allowed, [-value for value in _statistics.batches(after)])


def _plain(figure: float | None) -> float | None:
    return round(figure, 3) if figure is not None and math.isfinite(figure) else None
