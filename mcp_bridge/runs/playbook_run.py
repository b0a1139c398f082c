# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs netopt's playbooks on hosts: one registered run each, with its own folder, log and outcome."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcp_bridge import atomic_files, backends
from mcp_bridge.backends import inventory
from mcp_bridge.backends.job import Job, RunOutcome
from mcp_bridge.errors import NetoptBridgeError, RunError
from mcp_bridge.models.report import HostError, HostReport
from mcp_bridge.runs import report as run_report
from mcp_bridge.runs.events import EventWriter
from mcp_bridge.runs.lock import Cancel
from mcp_bridge.runs.registry import RunRecord, RunRegistry, RunState
from mcp_bridge.runs.report import RunEvents
from mcp_bridge.runs.sweep import sweep
from mcp_bridge.runs.task import Finished, Scope, Task
from mcp_bridge.settings import Settings

NO_HOSTS = re.compile(
    r"no hosts to target|no hosts matched|does not match any hosts|No inventory was parsed|provided hosts list is empty"
)
HOSTS = "hosts.json"  # these as in callbacks/netopt_run.py, which is no module of this package
EXCLUDED = "excluded.json"
BUSY = "busy.json"
REFUSED = "refused.json"
ABOUT = "about.json"  # what else is to be known of a run by whoever finds it without its process
ERROR_LINE = re.compile(r"^(?:\[ERROR\]:|ERROR!)\s*(.*)", re.MULTILINE)


class HostsBusyError(RunError):
    """Other runs are at work on some of the hosts.

    Args:
        busy: by host, the run that has it.
    """

    def __init__(self, busy: Mapping[str, str]) -> None:
        runs: dict[str, list[str]] = {}
        for host, run_id in sorted(busy.items()):
            runs.setdefault(run_id, []).append(host)
        said = "; ".join(f"run {run_id} is at work on {', '.join(hosts)}" for run_id, hosts in runs.items())
        super().__init__(
            f"No host was touched: {said}", hint="Wait until it has ended, or cancel it, and run this again."
        )
        self.busy = dict(busy)


class Fleet:
    """Runs playbooks on the hosts of an inventory, one registered run each.

    Args:
        settings: where things are.
        caller: who asks, for the registry and the audit log.
    """

    def __init__(self, settings: Settings, *, caller: str) -> None:
        self.settings = settings
        self.caller = caller
        self.runs = RunRegistry(settings.runs_dir, keep=settings.keep_runs, keep_days=settings.keep_runs_days)

    def begin(self, task: Task, scope: Scope) -> RunRecord:
        """Register a run; ``execute`` carries it out."""
        limit = inventory.check_pattern(scope.limit)
        sweep(self.runs)
        record = self.runs.begin(
            action=task.action, caller=self.caller, limit=limit, dry_run=task.check, **dict(task.record)
        )
        about = {"inventory": scope.inventory, "confirm": task.extravars.get("netopt_confirm")}
        atomic_files.write(self.runs.folder(record.run_id) / ABOUT, json.dumps(about))
        return record

    def about(self, record: RunRecord) -> dict[str, Any]:
        """Return ``{"inventory", "confirm"}`` of a run: where its hosts are, and who was to confirm the change."""
        found: dict[str, Any] = _read_json(self.runs.folder(record.run_id) / ABOUT) or {}
        return found

    def hosts(self, record: RunRecord) -> list[str] | None:
        """Return the hosts that a run is about, ``None`` when it did not come so far as to know."""
        found: list[str] | None = _read_json(self.runs.folder(record.run_id) / HOSTS)
        return found

    def excluded(self, record: RunRecord) -> dict[str, HostReport]:
        """Return a report for each host that the pattern keeps out of a run by name."""
        names: list[str] = _read_json(self.runs.folder(record.run_id) / EXCLUDED) or []
        return {name: HostReport(status="skipped", warnings=["Excluded by the host pattern"]) for name in names}

    def execute(self, record: RunRecord, task: Task, scope: Scope) -> Finished:
        """Carry a registered run out and return how it ended, also when that is badly for every host.

        Raises:
            InventoryError: there is no host to run on.
            RunError: the playbook could not be run at all.
        """
        folder = self.runs.folder(record.run_id)
        source = scope.inventory or self.settings.inventory
        log = EventWriter(folder)
        events = RunEvents(scope.progress, log=log)
        try:
            outcome = backends.of(self.settings).run(
                self._job(task, limit=record.limit, inventory=source),
                run_id=record.run_id,
                folder=folder,
                on_event=events.on_event,
                cancel=Cancel(folder, scope.cancel),
            )
        except BaseException as error:
            self._fail(record, "failed", error)
            raise
        finally:
            log.close()
        busy = _read_json(folder / BUSY)
        if busy:
            taken = HostsBusyError(busy)
            self._fail(record, "failed", taken)
            raise taken
        refused = _read_json(folder / REFUSED)
        if refused:
            problem = RunError(f"No host was touched: {refused}", hint=f"Look at {self.settings.state_dir / 'locks'}.")
            self._fail(record, "failed", problem)
            raise problem
        if not events.hosts and outcome.status not in {"cancelled", "timeout"}:
            nothing = self._nothing_ran(outcome, record.limit, source)
            self._fail(record, "failed", nothing)
            raise nothing
        hosts = events.host_reports(outcome)
        notes = []
        if outcome.handler_error:
            notes.append(f"Progress was not followed to the end: {outcome.handler_error}")
        if not events.complete:
            notes.append(f"The run ended early ({outcome.status}); its log is {outcome.log}")
            hosts.update(self._never_begun(hosts, record, source))
        if events.rollout is not None:
            hosts.update(run_report.without_turn(hosts, events.rollout))
            hosts.update(self.excluded(record))
        return Finished(record, outcome, events, hosts, notes)

    def _job(self, task: Task, *, limit: str | None, inventory: str | None) -> Job:
        """Return the playbook run that a task is on these hosts."""
        return Job(
            playbook=task.playbook,
            inventory=inventory,
            limit=limit,
            extravars=task.extravars,
            check=task.check,
            forks=self.settings.forks,
            timeout_s=task.timeout_s or self.settings.run_timeout_s,
            locks=self.settings.state_dir / "locks" if task.changes_hosts else None,
        )

    def run(self, task: Task, scope: Scope) -> Finished:
        """Register a run, carry it out and close it; for questions, whose answers nobody asks for later.

        Raises:
            InventoryError: there is no host to run on.
            RunError: the playbook could not be run at all, or was ended before it knew of a host.
        """
        finished = self.execute(self.begin(task, scope), task, scope)
        if not finished.events.complete:
            begun = set(finished.events.hosts)
            finished.hosts.update({name: _unasked() for name in finished.hosts if name not in begun})
        self.close(finished, result={})
        if not finished.hosts:
            raise RunError(f"The run ended before it knew of a host ({finished.outcome.status})", hint="Ask again.")
        return finished

    def close(self, finished: Finished, *, result: dict[str, Any]) -> RunRecord:
        """Keep what came of the run."""
        hosts: dict[str, str] = {name: report.status for name, report in finished.hosts.items()}
        return self.runs.finish(finished.record, state=finished.outcome.status, result=result, hosts=hosts)

    def _fail(self, record: RunRecord, state: RunState, error: BaseException) -> None:
        self.runs.finish(record, state=state, result=failure(error), hosts={})

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
        self, begun: Mapping[str, HostReport], record: RunRecord, source: str | None
    ) -> dict[str, HostReport]:
        known = self.hosts(record)
        if known is None:
            try:
                known = [host.name for host in inventory.read(source, limit=record.limit)]
            except NetoptBridgeError:
                return {}
        return {
            name: HostReport(status="skipped", warnings=["The run ended before this host's turn"])
            for name in known
            if name not in begun
        }


def _unasked() -> HostReport:
    """Return the report of a host that a run which ended early had yet to ask."""
    error = HostError(stage="connect", message="The run ended before this host's turn", hint="Ask again.")
    return HostReport(status="failed", error=error)


def failure(error: BaseException) -> dict[str, Any]:
    """Return the result of a run that ended with an error."""
    if not isinstance(error, NetoptBridgeError):
        return {"error": str(error) or type(error).__name__}
    return {"error": str(error), "message": error.message, "hint": error.hint, "kind": type(error).__name__}


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
