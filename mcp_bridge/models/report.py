# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run answers: the outcome on every host, in one shape for all clients."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from .base import Strict
from .rollout import RolloutReport

HostStatus = Literal[
    "applied",
    "unchanged",
    "would_change",
    "failed",
    "rolled_back",
    "rollback_failed",
    "unreachable",
    "skipped",
]


class DiffEntry(Strict):
    """One difference between what was there and what is there now (or would be)."""

    subsystem: str
    """sysctl, link, route, tc or nft."""
    key: str
    """The setting in the tool's own terms."""
    before: str | None = None
    """Value before, none where there was none."""
    after: str | None = None
    """Value after, none where it went away."""


class OperationResult(Strict):
    """One step as it was carried out."""

    command: str
    """The step as an operator would type it."""
    ok: bool
    """Whether it succeeded."""
    stderr: str | None = None
    """What the tool complained about."""


class Skip(Strict):
    """A part of the plan that was left out on this host."""

    key: str
    """The setting."""
    reason: str
    """Why it was left out."""


class Measurements(Strict):
    """Results of the measurements, by measure."""

    before: dict[str, Any] | None = None
    """Before the change: ``ping``, ``tcp``, ``iperf``, ``counters``, ``duration_s``."""
    after: dict[str, Any] | None = None
    """After the change: the same, the ``verdicts`` on it, and how many ``looks`` they took."""


class HostError(Strict):
    """The first failure on a host."""

    stage: str
    """Where in the run it happened, e.g. rehearse, apply, verify."""
    key: str | None = None
    """The setting."""
    wanted: str | None = None
    """What was asked for."""
    before: str | None = None
    """What was there before."""
    after: str | None = None
    """What was found instead."""
    message: str
    """What went wrong, in one line."""
    hint: str | None = None
    """What to do about it."""


class HostReport(Strict):
    """The outcome on one host."""

    status: HostStatus
    """The outcome in one word."""
    changed: bool = False
    """Whether the host is, or in check mode would be, different from before."""
    diff: list[DiffEntry] = []
    """What differs."""
    operations: list[OperationResult] = []
    """What was done."""
    skipped: list[Skip] = []
    """What was left out."""
    warnings: list[str] = []
    """What a person should know."""
    checkpoint_id: str | None = None
    """The checkpoint that undoes the change on this host."""
    measurements: Measurements | None = None
    """Results of the measurements, where the plan asks for them."""
    error: HostError | None = None
    """The first failure; absent when there was none."""


class ChangeReport(Strict):
    """The outcome of a run over all its hosts."""

    applied: bool
    """Whether every host holds the change."""
    dry_run: bool
    """Whether nothing was to be changed."""
    commands_preview: list[str] = []
    """The rendered commands."""
    errors: list[str] = []
    """Failures, each with its host."""
    checkpoint_id: str | None = None
    """One name for the change on every host; rolling it back rolls back the fleet."""
    notes: list[str] = []
    """What a person should know."""
    run_id: str
    """The run, to ask for it later."""
    plan_digest: str | None = None
    """Digest of the rendered plan."""
    hosts: dict[str, HostReport] = {}
    """Outcome by host."""
    started: datetime
    """Begin of the run."""
    finished: datetime | None = None
    """End of the run; absent while it goes on."""
    rollout: RolloutReport | None = None
    """How it went wave by wave, where it went in waves."""
