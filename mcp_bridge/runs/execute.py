# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries a registered run out and says what came of it, also when its process was killed on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from mcp_bridge import backends
from mcp_bridge.models import ChangeReport, HostReport, RolloutReport
from mcp_bridge.runs import events as run_events
from mcp_bridge.runs import recovery
from mcp_bridge.runs import report as run_report
from mcp_bridge.runs.lock import Cancel
from mcp_bridge.runs.playbook_run import Fleet
from mcp_bridge.runs.recovery import Findings
from mcp_bridge.runs.registry import RunRecord
from mcp_bridge.runs.report import RunEvents
from mcp_bridge.runs.task import Finished, Scope, Task

MAKES_CHECKPOINT = frozenset({"apply", "remove", "snapshot"})
RESUME_TIMEOUT_S = 30.0
GRACE_S = 45.0  # for asking hosts what became of a run that ended early, and for leading them back
ASK_S = 25.0  # of these, for asking
LEAST_S = 5.0


@dataclass(frozen=True)
class Started:
    """A change that is registered and audited, and about to be carried out by ``Service.finish``.

    Attributes:
        record: its run.
        task: what is to be done.
        scope: on which hosts, and who listens.
        fleet: the hosts, and the registry that holds the run's lock.
        preview: the plan's text.
        notes: what a person should know beforehand.
    """

    record: RunRecord
    task: Task
    scope: Scope
    fleet: Fleet
    preview: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.fleet.runs.folder(self.record.run_id)

    def as_json(self) -> dict[str, Any]:
        """Return what another process needs to carry it out, as JSON data."""
        task = self.task
        return {
            "task": {
                "action": task.action,
                "extravars": dict(task.extravars),
                "check": task.check,
                "timeout_s": task.timeout_s,
            },
            "inventory": self.scope.inventory,
            "preview": list(self.preview),
            "notes": list(self.notes),
        }

    @classmethod
    def of_json(cls, data: Mapping[str, Any], *, record: RunRecord, fleet: Fleet, cancel: threading.Event) -> Self:
        """Return what ``as_json`` was made from."""
        told = data["task"]  # a server that was started before an upgrade names more than these
        task = Task(told["action"], told["extravars"], check=told["check"], timeout_s=told["timeout_s"])
        scope = Scope(limit=record.limit, cancel=cancel, inventory=data["inventory"])
        return cls(record, task, scope, fleet, tuple(data["preview"]), tuple(data["notes"]))


def carry_out(started: Started) -> tuple[Finished, ChangeReport]:
    """Run the playbook in this process; the run is left open.

    Raises:
        InventoryError: no host matches.
        RunError: the playbook could not be run, or other runs are at work on some of the hosts.
    """
    record, task = started.record, started.task
    finished = started.fleet.execute(record, task, started.scope)
    if not finished.events.complete and not task.check:
        finished.hosts.update(_truth(started.fleet, record, finished))
    rollout = finished.events.rollout
    if rollout is not None and not finished.events.complete:
        rollout = _interrupted(rollout)
        finished.hosts.update(run_report.without_turn(finished.hosts, rollout))
    report = _report(
        record,
        finished.hosts,
        notes=[*started.notes, *finished.notes],
        preview=list(started.preview),
        rollout=rollout,
    )
    return finished, report


def _truth(fleet: Fleet, record: RunRecord, finished: Finished) -> dict[str, HostReport]:
    """Return what became of the hosts of a run that ended early: what they said, or say now.

    Where an apply was begun and is not confirmed, its confirmation will not come: the host is led back at once
    instead of by its own timer.
    """
    reason = finished.outcome.status
    ends = time.monotonic() + GRACE_S
    said = {host: finished.events.reported(host) for host in finished.hosts}
    known = _for_good(
        {host: report for host, report in said.items() if report is not None}, rollout=finished.events.rollout
    )
    told = recovery.ask(
        fleet, record, [host for host in finished.hosts if host not in known], reason=reason, timeout_s=ASK_S
    )
    reports = told.reports
    begun = set(finished.events.hosts)
    if record.action == "apply":
        reachable = [
            host
            for host, report in sorted(reports.items())
            if host in begun
            and report.status != "unreachable"
            and (host in told.undecided or report.status == "unchanged")
        ]
        left = max(LEAST_S, ends - time.monotonic())
        for host, back in recovery.revert(fleet, record, reachable, timeout_s=left).items():
            if back.status != "skipped":
                reports[host] = back.model_copy(update={"error": back.error or reports[host].error})
            elif host in told.undecided:
                # what went on there when it was asked has left no checkpoint, and none can come any more
                reports[host] = recovery.untouched(reason)
    never = [host for host in reports if host not in begun and reports[host].status == "unchanged"]
    return {**known, **{host: report for host, report in reports.items() if host not in never}}


def _for_good(reports: Mapping[str, HostReport], *, rollout: RolloutReport | None) -> dict[str, HostReport]:
    """Return what hosts of a run that ended early have said for good.

    Where all confirm at the end of the rollout, an applied change was none yet.
    """
    waits = rollout is not None and rollout.confirm == "end"
    return {host: report for host, report in reports.items() if not (waits and report.status == "applied")}


def _interrupted(rollout: RolloutReport) -> RolloutReport:
    """Return how a rollout ended whose run did not come to its end."""
    if rollout.stopped:
        return rollout
    return rollout.model_copy(update={"stopped": True, "reason": "the run ended before the rollout did"})


def reconcile(fleet: Fleet, record: RunRecord) -> tuple[ChangeReport, bool]:
    """Return what became of a run whose process was killed, and whether that is known of every host.

    Args:
        fleet: the hosts.
        record: the run.

    Raises:
        RunError: it goes on elsewhere and cannot be followed.
    """
    folder = fleet.runs.folder(record.run_id)
    events = RunEvents()
    outcome = backends.of(fleet.settings).resume(
        folder=folder, on_event=events.on_event, timeout_s=RESUME_TIMEOUT_S, cancel=Cancel(folder, None)
    )
    notes = ["The process that carried out the run was killed; this is what the hosts said, before or afterwards"]
    if outcome is not None and events.complete:
        hosts, told, rollout = events.host_reports(outcome), Findings(), events.rollout
    else:
        rollout = run_report.rollout_report(run_events.rollout(folder))
        said = {name: run_report.checked(report) for name, report in run_events.reports(folder).items()}
        hosts = _for_good(said, rollout=rollout)
        known = fleet.hosts(record)
        if known is None:
            notes = ["The process that carried out the run was killed before it had touched a host"]
        told = recovery.ask(fleet, record, [host for host in known or [] if host not in hosts], reason="lost")
        hosts.update(told.reports)
        if rollout is not None:
            rollout = _interrupted(rollout)
            hosts.update(run_report.without_turn(hosts, rollout))
            hosts.update(fleet.excluded(record))
    report = _report(record, hosts, notes=notes, preview=[], rollout=rollout)
    if not hosts:
        report = report.model_copy(update={"errors": [*report.errors, notes[0]]})
    return report, not told.undecided


def _report(
    record: RunRecord,
    hosts: Mapping[str, HostReport],
    *,
    notes: list[str],
    preview: list[str],
    rollout: RolloutReport | None,
) -> ChangeReport:
    """Return what came of a run over all its hosts."""
    good = run_report.HELD if record.action == "apply" else run_report.RESTORED
    errors = run_report.failures(hosts, good=good if rollout is None else good | {"skipped"})
    if rollout is not None and rollout.stopped:
        left = sum(len(wave.hosts) for wave in rollout.waves if wave.status == "not_begun")
        errors.insert(0, f"The rollout was stopped: {rollout.reason}; hosts that have not had their turn: {left}")
    if rollout is None and hosts and all(host.status == "skipped" for host in hosts.values()):
        errors = [_unknown(record)]
    return ChangeReport(
        applied=bool(hosts) and not record.dry_run and not errors,
        dry_run=record.dry_run,
        commands_preview=preview,
        errors=errors,
        checkpoint_id=_checkpoint_of(record, hosts),
        notes=notes,
        run_id=record.run_id,
        plan_digest=record.plan_digest,
        hosts=dict(hosts),
        started=record.started,
        finished=datetime.now(UTC),
        rollout=rollout,
    )


def _unknown(record: RunRecord) -> str:
    """Return what is wrong where no host knows what it was asked about."""
    if record.action == "remove":
        return "No host has such a plan in force; `netopt plans` lists those that there are"
    return f"No host has the checkpoint {record.checkpoint_id}; `netopt checkpoints` lists those that there are"


def _checkpoint_of(record: RunRecord, hosts: Mapping[str, HostReport]) -> str | None:
    """Return the checkpoint that the run made or used; a run that changed nothing made none."""
    if record.action in MAKES_CHECKPOINT and not any(report.checkpoint_id for report in hosts.values()):
        return None
    return record.checkpoint_id
