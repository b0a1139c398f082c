# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs netopt's playbooks on hosts: one registered run each, with its own folder, log and outcome."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp_bridge import inventory
from mcp_bridge.errors import NetoptBridgeError, RunError
from mcp_bridge.models.report import HostReport
from mcp_bridge.reporting import Progress, RunEvents
from mcp_bridge.runner import Job, RunOutcome, run_playbook
from mcp_bridge.runs import RunRecord, RunRegistry, RunState
from mcp_bridge.settings import Settings

NO_HOSTS = re.compile(
    r"no hosts to target|no hosts matched|does not match any hosts|No inventory was parsed|provided hosts list is empty"
)
ERROR_LINE = re.compile(r"^(?:\[ERROR\]:|ERROR!)\s*(.*)", re.MULTILINE)


@dataclass(frozen=True)
class Scope:
    """Whom a run is about and who listens to it.

    Attributes:
        limit: host pattern, ``None`` for every host of the inventory.
        progress: told of each host's steps.
        cancel: ends the run when set.
        inventory: instead of the one in the settings.
    """

    limit: str | None = None
    progress: Progress | None = None
    cancel: threading.Event | None = None
    inventory: str | None = None


@dataclass(frozen=True)
class Task:
    """What a run does.

    Attributes:
        action: its name in the registry, e.g. ``apply``.
        playbook: the collection's playbook.
        extravars: its variables.
        check: predict only.
        skip_tags: tags of the playbook's tasks to leave out.
        record: fields for the run's record.
    """

    action: str
    playbook: str
    extravars: Mapping[str, Any] = field(default_factory=dict)
    check: bool = False
    skip_tags: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finished:
    """A run that has ended: its record, how it ended, and what it said of each host."""

    record: RunRecord
    outcome: RunOutcome
    events: RunEvents
    hosts: dict[str, HostReport]
    notes: list[str]


class Fleet:
    """The hosts of an inventory.

    Args:
        settings: where things are.
        caller: who asks, for the registry and the audit log.
    """

    def __init__(self, settings: Settings, *, caller: str) -> None:
        self.settings = settings
        self.caller = caller
        self.runs = RunRegistry(settings.runs_dir, keep=settings.keep_runs)

    def begin(self, task: Task, scope: Scope) -> RunRecord:
        """Register a run; ``execute`` carries it out."""
        limit = inventory.check_pattern(scope.limit)
        return self.runs.begin(
            action=task.action, caller=self.caller, limit=limit, dry_run=task.check, **dict(task.record)
        )

    def execute(self, record: RunRecord, task: Task, scope: Scope) -> Finished:
        """Carry a registered run out and return how it ended, also when that is badly for every host.

        Raises:
            InventoryError: there is no host to run on.
            RunError: the playbook could not be run at all.
        """
        events = RunEvents(scope.progress)
        source = scope.inventory or self.settings.inventory
        try:
            outcome = run_playbook(
                Job(
                    playbook=task.playbook,
                    inventory=source,
                    limit=record.limit,
                    extravars=task.extravars,
                    check=task.check,
                    skip_tags=task.skip_tags,
                    forks=self.settings.forks,
                    timeout_s=self.settings.run_timeout_s,
                ),
                run_id=record.run_id,
                folder=self.runs.folder(record.run_id),
                on_event=events.on_event,
                cancel=scope.cancel,
            )
        except BaseException as error:
            self._fail(record, "failed", error)
            raise
        if not events.hosts and outcome.status not in {"cancelled", "timeout"}:
            problem = self._nothing_ran(outcome, record.limit, source)
            self._fail(record, "failed", problem)
            raise problem
        hosts = events.host_reports(outcome)
        notes = []
        if outcome.handler_error:
            notes.append(f"Progress was not followed to the end: {outcome.handler_error}")
        if not events.complete:
            notes.append(f"The run ended early ({outcome.status}); its log is {outcome.log}")
            hosts.update(self._never_begun(hosts, record.limit, source))
        return Finished(record, outcome, events, hosts, notes)

    def run(self, task: Task, scope: Scope) -> Finished:
        """Register a run, carry it out and close it; for questions, whose answers nobody asks for later."""
        finished = self.execute(self.begin(task, scope), task, scope)
        self.close(finished, result={})
        return finished

    def close(self, finished: Finished, *, result: dict[str, Any]) -> RunRecord:
        """Keep what came of the run."""
        hosts: dict[str, str] = {name: report.status for name, report in finished.hosts.items()}
        return self.runs.finish(finished.record, state=finished.outcome.status, result=result, hosts=hosts)

    def _fail(self, record: RunRecord, state: RunState, error: BaseException) -> None:
        self.runs.finish(record, state=state, result={"error": str(error) or type(error).__name__}, hosts={})

    def _nothing_ran(self, outcome: RunOutcome, limit: str | None, source: str | None) -> NetoptBridgeError:
        text = _read(outcome.log)
        if NO_HOSTS.search(text) or outcome.rc == 0:
            if source is not None and "," not in source and not Path(source).exists():
                return inventory.missing(source)
            return inventory.no_match(limit, inventory=source)
        found = ERROR_LINE.search(text)
        lines = [line for line in text.splitlines() if line.strip()]
        line = found.group(1) if found else (lines or ["ansible-playbook printed nothing"])[-1]
        return RunError(f"The playbook could not be run: {line}", hint=f"The log is {outcome.log}.")

    def _never_begun(
        self, begun: Mapping[str, HostReport], limit: str | None, source: str | None
    ) -> dict[str, HostReport]:
        try:
            known = inventory.read(source, limit=limit)
        except NetoptBridgeError:
            return {}
        names = [host.name for host in known if host.name not in begun]
        return {
            name: HostReport(status="skipped", warnings=["The run ended before this host's turn"]) for name in names
        }


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
