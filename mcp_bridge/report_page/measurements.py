# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The measurements of all hosts by target. Hosts may send anything: what is no figure is left out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mcp_bridge.models.report import HostReport, Measurements
from mcp_bridge.report_page import grouping, verdicts
from mcp_bridge.report_page.content import Figures, Target
from mcp_bridge.report_page.size_budget import Share, SizeBudget, drawn
from mcp_bridge.report_page.verdicts import Verdict

Kind = Literal["ping", "tcp", "iperf", "counters"]
KINDS: tuple[Kind, ...] = ("ping", "tcp", "iperf", "counters")


@dataclass(frozen=True)
class Metric:
    """What a figure is.

    Attributes:
        label: what it is called on the page.
        unit: its unit; empty for a count.
        plotted: whether it has a plot besides its column in the table.
        rising: whether more of it is better.
    """

    label: str
    unit: str
    plotted: bool = False
    rising: bool = False


METRICS: dict[str, Metric] = {
    "p50_ms": Metric("Median", "ms"),
    "p95_ms": Metric("95th percentile", "ms", plotted=True),
    "p99_ms": Metric("99th percentile", "ms"),
    "loaded_p95_ms": Metric("95th percentile on a full link", "ms", plotted=True),
    "jitter_ms": Metric("Jitter", "ms", plotted=True),
    "loss_pct": Metric("Loss", "%", plotted=True),
    "throughput_mbps": Metric("Throughput", "Mbit/s", plotted=True, rising=True),
    "reverse_mbps": Metric("Throughput the other way", "Mbit/s", rising=True),
    "retransmits": Metric("Retransmits", ""),
}
OURS = "the hosts themselves"
SAMPLES = 300  # of all single times that come to one target, evenly chosen by rank
COUNTERS = 24
CELL = 60  # characters that a figure takes on the page


@dataclass
class _Host:
    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)


@dataclass
class _Found:
    hosts: dict[str, _Host] = field(default_factory=dict)
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)


def targets(hosts: Mapping[str, HostReport], *, budget: SizeBudget) -> list[Target]:
    """Return what the hosts measured, by target.

    Args:
        hosts: their reports, in the order in which they are shown.
        budget: how much the page has left for it.
    """
    found: dict[tuple[Kind, str], _Found] = {}
    judged: dict[tuple[str, str], list[tuple[str, Verdict]]] = {}
    for host, report in hosts.items():
        if report.measurements is None:
            continue
        told = verdicts.read(report.measurements)
        for verdict in told:
            judged.setdefault((verdict.kind, verdict.target), []).append((host, verdict))
        iperf = next((verdict.target for verdict in told if verdict.kind == "iperf"), "iperf3")
        for place, answer, when in _answers(report.measurements, iperf=iperf):
            _take(found.setdefault(place, _Found()), answer, host=host, when=when, any_name=place[0] == "counters")
    ordered = sorted(found, key=lambda place: (KINDS.index(place[0]), grouping.by_name(place[1])))
    return [
        _target(place, found[place], judged.get(place, []), budget=budget.share(len(ordered) - index))
        for index, place in enumerate(ordered)
    ]


def _answers(
    measured: Measurements, *, iperf: str
) -> Iterator[tuple[tuple[Kind, str], Mapping[str, Any], Literal["before", "after"]]]:
    """Yield what a host measured: how and to where, what it found, and when."""
    moments: tuple[tuple[dict[str, Any] | None, Literal["before", "after"]], ...] = (
        (measured.before, "before"),
        (measured.after, "after"),
    )
    for data, when in moments:
        for kind in KINDS[:2]:
            answers = (data or {}).get(kind)
            for target, answer in answers.items() if isinstance(answers, dict) else ():
                if isinstance(answer, dict):
                    yield (kind, SizeBudget.clip(str(target))), answer, when
        for place in ((KINDS[2], iperf), (KINDS[3], OURS)):
            answer = (data or {}).get(place[0])
            if isinstance(answer, dict):
                yield place, answer, when


def _take(
    found: _Found, answer: Mapping[str, Any], *, host: str, when: Literal["before", "after"], any_name: bool
) -> None:
    """Add what one host found at one time to what is known of a target."""
    mine = found.hosts.setdefault(host, _Host())
    figures: dict[str, float] = getattr(mine, when)
    figures.update(
        {
            SizeBudget.clip(str(name)): float(value)
            for name, value in answer.items()
            if _is_figure(value) and (any_name or name in METRICS)
        }
    )
    message = answer.get("message")
    if isinstance(message, str) and message:
        mine.messages.append(SizeBudget.clip(f"{when}: {message}"))
    samples = answer.get("samples_ms")
    if isinstance(samples, list):
        times: list[float] = getattr(found, when)
        times.extend(float(value) for value in samples if _is_figure(value))


def _is_figure(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _target(place: tuple[Kind, str], found: _Found, judged: list[tuple[str, Verdict]], *, budget: Share) -> Target:
    kind, name = place
    present = {metric for host in found.hosts.values() for metric in (*host.before, *host.after)}
    if kind == "counters":
        metrics = sorted(metric for metric in present if _counted(found, metric))[:COUNTERS]
    else:
        metrics = [metric for metric in METRICS if metric in present]
    rows = [
        Figures(
            host=host,
            before=_of(one.before, metrics),
            after=_of(one.after, metrics),
            missed=sorted({verdict.metric for name_of, verdict in judged if name_of == host and not verdict.met}),
            messages=one.messages,
        )
        for host, one in found.hosts.items()
    ]
    return Target(
        kind=kind,
        name=name,
        metrics=metrics,
        judgements=verdicts.judgements(judged),
        hosts=budget.fit(rows, lambda row: drawn(row.host) + sum(map(drawn, row.messages)) + CELL * len(metrics)),
        samples_before=_thinned(found.before),
        samples_after=_thinned(found.after),
    )


def _counted(found: _Found, metric: str) -> bool:
    """Say whether a counter went on anywhere."""
    return any(host.before.get(metric) or host.after.get(metric) for host in found.hosts.values())


def _of(figures: Mapping[str, float], metrics: Iterable[str]) -> dict[str, float]:
    return {metric: figures[metric] for metric in metrics if metric in figures}


def _thinned(times: list[float]) -> list[float]:
    """Return times in ascending order, evenly chosen where there are many; the shortest and the longest stay."""
    ordered = sorted(times)
    if len(ordered) <= SAMPLES:
        return ordered
    return [ordered[index * (len(ordered) - 1) // (SAMPLES - 1)] for index in range(SAMPLES)]
