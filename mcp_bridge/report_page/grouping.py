# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that have the same to tell, told once: what keeps the page of a large fleet small."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from mcp_bridge.models.report import DiffEntry, HostError, HostReport, HostStatus, OperationResult
from mcp_bridge.report_page.content import ChangeGroup, Fate, OperationGroup, Problem, Remark, StatusCount
from mcp_bridge.report_page.size_budget import MARKUP, SizeBudget, drawn
from mcp_bridge.runs.report import HELD

BY_WEIGHT: tuple[HostStatus, ...] = (
    "rollback_failed",
    "failed",
    "unreachable",
    "rolled_back",
    "skipped",
    "applied",
    "would_change",
    "unchanged",
)
Key = TypeVar("Key", bound=Hashable)
_DIGITS = re.compile(r"(\d+)")


def by_name(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return what sorts ``web-2`` before ``web-10``."""
    parts = _DIGITS.split(name)
    return tuple((0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts)


def statuses(found: Iterable[HostStatus]) -> list[StatusCount]:
    """Return how many there are of each status, the worst first."""
    known = list(found)
    return [StatusCount(status=status, hosts=known.count(status)) for status in BY_WEIGHT if status in known]


def problems(hosts: Mapping[str, HostReport], *, good: frozenset[str], budget: SizeBudget) -> list[Problem]:
    """Return the failures of hosts, those with the same failure together, the worst and most common first."""
    troubled = {name: host for name, host in hosts.items() if host.error is not None or host.status not in good}
    groups = _grouped(troubled, lambda host: (host.status, host.error.model_dump_json() if host.error else ""))
    found = [
        Problem(status=hosts[names[0]].status, error=_clip_error(hosts[names[0]].error), hosts=names)
        for names in groups
    ]
    return budget.fit(sorted(found, key=lambda problem: BY_WEIGHT.index(problem.status)), _problem_size)


def changes(hosts: Mapping[str, HostReport], *, budget: SizeBudget) -> list[ChangeGroup]:
    """Return what changed, hosts with the same difference together, the most common first, what was undone last."""
    differing = {name: host for name, host in hosts.items() if host.diff}
    groups = _grouped(differing, lambda host: (_fate(host), tuple(_entry(entry) for entry in host.diff)))
    groups.sort(key=lambda names: _fate(hosts[names[0]]) == "undone")
    found = []
    for left, names in _countdown(groups):
        diff = hosts[names[0]].diff
        kept = budget.share(left).fit(diff, _entry_size, clip=_clip_entry)
        fate = _fate(hosts[names[0]])
        found.append(ChangeGroup(fate=fate, hosts=names, diff=kept, left_out=len(diff) - len(kept)))
    return found


def operations(hosts: Mapping[str, HostReport], *, budget: SizeBudget) -> list[OperationGroup]:
    """Return what was done, hosts that took the same steps together, the most common first."""
    worked = {name: host for name, host in hosts.items() if host.operations}
    groups = _grouped(worked, lambda host: tuple((step.command, step.ok, step.stderr) for step in host.operations))
    found = []
    for left, names in _countdown(groups):
        steps = hosts[names[0]].operations
        kept = budget.share(left).fit(steps, _step_size, clip=_clip_step)
        found.append(OperationGroup(hosts=names, operations=kept, left_out=len(steps) - len(kept)))
    return found


def remarks(found: Iterable[tuple[str, str | None, str]], *, budget: SizeBudget) -> list[Remark]:
    """Return ``(host, key, text)`` with those that say the same together, the most common first."""
    groups: dict[tuple[str | None, str], list[str]] = {}
    for host, key, text in found:
        names = groups.setdefault((key, text), [])
        if host not in names:
            names.append(host)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), by_name(group[1][0])))
    told = [Remark(key=key, text=budget.clip(text), hosts=sorted(names, key=by_name)) for (key, text), names in ordered]
    return budget.fit(told, lambda remark: drawn(remark.key) + drawn(remark.text) + sum(map(drawn, remark.hosts)))


def _grouped(hosts: Mapping[str, HostReport], key: Callable[[HostReport], Key]) -> list[list[str]]:
    """Return the names of hosts with the same key together, the largest group first."""
    groups: dict[Key, list[str]] = {}
    for name in sorted(hosts, key=by_name):
        groups.setdefault(key(hosts[name]), []).append(name)
    return sorted(groups.values(), key=lambda names: (-len(names), by_name(names[0])))


def _countdown(groups: Sequence[list[str]]) -> Iterable[tuple[int, list[str]]]:
    return zip(range(len(groups), 0, -1), groups, strict=True)


def _fate(host: HostReport) -> Fate:
    """Return what became of a host's difference."""
    if host.status == "rollback_failed":
        return "half"
    return "made" if host.changed or host.status in HELD else "undone"


def _clip_error(error: HostError | None) -> HostError | None:
    texts = error.model_dump(exclude_none=True) if error else {}
    return HostError(**{name: SizeBudget.clip(text) for name, text in texts.items()}) if error else None


def _problem_size(problem: Problem) -> int:
    texts = problem.error.model_dump(exclude_none=True).values() if problem.error else ()
    return sum(map(drawn, (*texts, *problem.hosts))) + MARKUP


def _entry(entry: DiffEntry) -> tuple[str, str, str | None, str | None]:
    return entry.subsystem, entry.key, entry.before, entry.after


def _entry_size(entry: DiffEntry) -> int:
    return drawn(entry.key) + drawn(entry.before) + drawn(entry.after)


def _clip_entry(entry: DiffEntry, clip: Callable[[str], str]) -> DiffEntry:
    return DiffEntry(
        subsystem=entry.subsystem,
        key=clip(entry.key),
        before=None if entry.before is None else clip(entry.before),
        after=None if entry.after is None else clip(entry.after),
    )


def _step_size(step: OperationResult) -> int:
    return drawn(step.command) + drawn(step.stderr)


def _clip_step(step: OperationResult, clip: Callable[[str], str]) -> OperationResult:
    stderr = None if step.stderr is None else clip(step.stderr)
    return OperationResult(command=clip(step.command), ok=step.ok, stderr=stderr)
