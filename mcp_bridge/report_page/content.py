# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands on the page of a run, as data: the page is drawn from it, and ``netopt report --json`` prints it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from mcp_bridge.models.base import Strict
from mcp_bridge.models.report import DiffEntry, HostError, HostStatus, OperationResult

Fate = Literal["made", "undone", "half"]
Tone = Literal["good", "attention", "bad"]


class Run(Strict):
    """Which run it is."""

    run_id: str
    """The run."""
    action: str
    """apply, rollback, confirm, ..."""
    caller: str
    """Who asked for it."""
    state: str
    """How it ended, or that it goes on."""
    limit: str | None
    """The host pattern; every host of the inventory where there is none."""
    dry_run: bool
    """Whether nothing was to be changed."""
    started: datetime
    """Begin."""
    finished: datetime | None
    """End."""
    checkpoint_id: str | None
    """What undoes the change."""
    plan_digest: str | None
    """Digest of the rendered plan."""


class Outcome(Strict):
    """What came of the run, for who reads no further."""

    tone: Tone
    """How the sentence is to be taken."""
    sentence: str
    """One sentence."""


class StatusCount(Strict):
    """How many hosts ended alike."""

    status: HostStatus
    """The outcome of a host in one word."""
    hosts: int
    """How many hosts."""


class Problem(Strict):
    """One failure, and the hosts that it befell."""

    status: HostStatus
    """What became of the hosts."""
    error: HostError | None
    """The failure; some hosts go without having said why."""
    hosts: list[str]
    """The hosts."""


class ChangeGroup(Strict):
    """One difference, and the hosts that share it."""

    fate: Fate
    """made, or would be; undone: tried and taken back; half: it could not be taken back."""

    hosts: list[str]
    """The hosts."""
    diff: list[DiffEntry]
    """What differs."""
    left_out: int = 0
    """How many more entries there are, which the page has no room for."""


class OperationGroup(Strict):
    """A row of steps, and the hosts that took the same."""

    hosts: list[str]
    """The hosts."""
    operations: list[OperationResult]
    """The steps in order."""
    left_out: int = 0
    """How many more steps there are, which the page has no room for."""


class Remark(Strict):
    """Something that hosts say, or that was left out on them."""

    key: str | None
    """The setting that was left out; none for a warning."""
    text: str
    """The warning, or the reason."""
    hosts: list[str]
    """The hosts."""


class Wave(Strict):
    """One step of a rollout."""

    number: int
    """From one."""
    hosts: list[str]
    """Its hosts."""
    status: str
    """done, failed, stopped or not_begun."""
    started: datetime | None
    """When its first host began."""
    finished: datetime | None
    """When its last host was done."""
    gate: str | None
    """What the look between this wave and the next found."""
    gate_ok: bool | None
    """Whether the next wave could begin."""
    statuses: list[StatusCount]
    """What became of its hosts."""


class Rollout(Strict):
    """The waves in which hosts were changed."""

    waves: list[Wave]
    """In order."""
    stopped: bool
    """Whether it ended before its last wave."""
    reason: str | None
    """Why it was stopped."""
    on_failure: str
    """What happens to the hosts changed before: they stay, or roll back."""
    confirm: str
    """When a change is kept: after each wave, or at the end."""


class Figures(Strict):
    """What one host measured to one target."""

    host: str
    """The host."""
    before: dict[str, float]
    """By metric, before the change."""
    after: dict[str, float]
    """By metric, after the change."""
    missed: list[str]
    """Metrics that fell short of what the plan asks."""
    messages: list[str]
    """What went wrong."""


class Judgement(Strict):
    """What a metric was held against, and on which hosts it fell short."""

    metric: str
    """The metric."""
    against: str
    """objective, or before: no worse than that by more than the plan allows."""
    wanted: float | None
    """The objective; none where each host has a bound of its own."""
    judged: int
    """How many hosts."""
    missed: list[str]
    """The hosts that fell short."""


class Target(Strict):
    """What was measured to one target, or on the hosts themselves."""

    kind: Literal["ping", "tcp", "iperf", "counters"]
    """How it was measured."""
    name: str
    """The target."""
    metrics: list[str]
    """The metrics that there are figures of, in order."""
    judgements: list[Judgement]
    """What was asked of them, and what came of it."""
    hosts: list[Figures]
    """By host."""
    samples_before: list[float]
    """Single times of all hosts in milliseconds before the change, ascending; thinned out to a few hundred."""
    samples_after: list[float]
    """The same after the change."""


class HostRow(Strict):
    """One host in the list of all."""

    name: str
    """The host."""
    status: HostStatus
    """The outcome."""
    changes: int
    """How many entries its difference has."""
    group: int | None
    """The number of its difference among ``Page.changes``, from one."""
    wave: int | None
    """Its wave."""
    remarks: int
    """How many warnings and omissions there are."""
    message: str | None
    """Why it failed, in one line."""


class Page(Strict):
    """All that stands on the page."""

    run: Run
    """Which run it is."""
    outcome: Outcome
    """What came of it."""
    statuses: list[StatusCount]
    """How many hosts ended how, the worst first."""
    errors: list[str]
    """Failures that are not of one host."""
    problems: list[Problem]
    """Failures of hosts, the worst first."""
    rollout: Rollout | None
    """The waves."""
    changes: list[ChangeGroup]
    """What changed, or would, the most common first."""
    targets: list[Target]
    """Measurements."""
    warnings: list[Remark]
    """Conflicts and warnings."""
    skipped: list[Remark]
    """Parts of the plan that were left out."""
    notes: list[str]
    """What a person should know of the whole run."""
    hosts: list[HostRow]
    """All hosts."""
    operations: list[OperationGroup]
    """What was done, the most common first."""
    commands: list[str]
    """The rendered plan."""
    left_out: dict[str, int]
    """What the page has no room for: how many of what."""
