# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of runs, whichever process carries them out or did: status, progress, their end, their recovery."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Any

from mcp_bridge.audit.log import AuditLog
from mcp_bridge.backends import ansible_environment, process_tree
from mcp_bridge.errors import NetoptBridgeError, RunError
from mcp_bridge.models import ChangeReport
from mcp_bridge.runs import events as run_events
from mcp_bridge.runs import execute
from mcp_bridge.runs import lock as run_lock
from mcp_bridge.runs.playbook_run import Fleet
from mcp_bridge.runs.registry import RunRecord
from mcp_bridge.runs.sweep import sweep
from mcp_bridge.settings import Settings

LOG = logging.getLogger(__name__)
STUBBORN_S = 60.0
ASK_EVERY_S = 1.0
ASK_AGAIN_S = 5.0  # hosts that had not decided are not asked more often


class RunHistory:
    """The runs of one installation, on behalf of one caller.

    Args:
        settings: where things are.
        caller: who asks, for the registry and the audit log.
    """

    def __init__(self, settings: Settings, *, caller: str) -> None:
        self.settings = settings
        self.caller = caller
        self.audit = AuditLog(settings.audit_file)

    def fleet(self) -> Fleet:
        """The hosts, on behalf of this caller."""
        return Fleet(self.settings, caller=self.caller)

    def status(self, run_id: str) -> tuple[RunRecord, dict[str, Any] | None]:
        """Return what is known of a run and what came of it; of one whose process was killed the hosts are asked.

        Raises:
            UnknownRunError: there is none.
        """
        fleet = self.fleet()
        record = fleet.runs.get(run_id)
        if record.state == "lost":
            record = self._reconcile(fleet, record)
        return record, fleet.runs.result(run_id)

    def result(self, run_id: str, *, within_s: float) -> dict[str, Any] | None:
        """Return what came of a run, ``None`` where that cannot be known yet.

        Args:
            run_id: the run; its process has ended, or was killed.
            within_s: for how long hosts that have not decided are asked.

        Raises:
            UnknownRunError: there is none.
        """
        ends = time.monotonic() + within_s
        _record, result = self.status(run_id)
        while result is None and time.monotonic() < ends:
            time.sleep(ASK_EVERY_S)
            _record, result = self.status(run_id)
        return result

    def progress(self, run_id: str) -> dict[str, str]:
        """Return where each host of a run is, whichever process carries it out.

        Raises:
            UnknownRunError: there is none.
        """
        return run_events.progress(self.fleet().runs.folder(run_id))

    def cancel(self, run_id: str) -> RunRecord:
        """Ask a run to end, whichever process carries it out, and return its record.

        A process of its own that has not heeded a request for ``STUBBORN_S`` is killed with all that it started; what
        became of the hosts is then found out as for any run that lost its process.

        Raises:
            UnknownRunError: there is none.
            RunError: it has ended.
        """
        fleet = self.fleet()
        record = fleet.runs.get(run_id)
        if record.state not in {"running", "lost"}:
            raise RunError(f"Run {run_id} has ended: {record.state}", hint="There is nothing to cancel.")
        self.audit_run(record, outcome="cancel requested")
        folder = fleet.runs.folder(run_id)
        if run_lock.asked_for_s(folder) > STUBBORN_S and record.pid != os.getpid():
            process_tree.end(
                ansible_environment.marker(run_id), own={record.pid} if run_lock.is_alive(folder) else set()
            )
            record = fleet.runs.get(run_id)
        run_lock.ask_to_end(folder, caller=self.caller)
        return self._reconcile(fleet, record) if record.state == "lost" else record

    def recover(self) -> list[RunRecord]:
        """Find the runs whose process was killed, clear up after them, and ask the hosts what became of them.

        A server does this when it starts.
        """
        fleet = self.fleet()
        sweep(fleet.runs)
        lost = [record for record in fleet.runs.latest(limit=self.settings.keep_runs) if record.state == "lost"]
        return [self._reconcile(fleet, record) for record in lost]

    def recover_in_background(self) -> None:
        """Do the same without keeping anybody waiting."""
        threading.Thread(target=self._recover_quietly, name="netopt-recover", daemon=True).start()

    def _recover_quietly(self) -> None:
        try:
            self.recover()
        except (NetoptBridgeError, OSError):
            LOG.exception("What became of runs that were interrupted could not be found out")

    def _reconcile(self, fleet: Fleet, record: RunRecord) -> RunRecord:
        """Ask the hosts what became of a run, and close it once that is known of all of them."""
        sweep(fleet.runs)
        with fleet.runs.looking(record) as mine:
            if mine is None:
                return fleet.runs.get(record.run_id)  # another process asks already
            if mine.state != "lost" or fleet.runs.result_age_s(mine.run_id) < ASK_AGAIN_S:
                return mine
            try:
                report, decided = execute.reconcile(fleet, mine)
            except NetoptBridgeError:
                return mine
            result = report.model_dump(mode="json")
            if not decided:
                fleet.runs.keep_result(mine, result)
                return mine
            self.audit_end(mine, report)
            hosts: dict[str, str] = {name: host.status for name, host in report.hosts.items()}
            return fleet.runs.finish(
                mine, state="failed" if report.errors else "successful", result=result, hosts=hosts
            )

    def audit_end(self, record: RunRecord, report: ChangeReport) -> None:
        """Write down how a run ended."""
        self.audit_run(
            record,
            outcome="failed" if report.errors else "done",
            hosts={name: host.status for name, host in report.hosts.items()},
            detail={"errors": report.errors} if report.errors else {},
        )

    def audit_run(self, record: RunRecord, *, outcome: str, **fields: Any) -> None:
        """Write down what happens with a run; ``fields`` are further ones of ``AuditEntry``."""
        detail = {"hosts": record.limit or "all", **fields.pop("detail", {})}
        self.audit.append(
            caller=self.caller,
            action=record.action,
            outcome=outcome,
            run_id=record.run_id,
            plan_digest=record.plan_digest,
            checkpoint_id=record.checkpoint_id,
            detail={key: value for key, value in detail.items() if value is not None},
            **fields,
        )
