# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gathers the events of a run into one report per host, and those into a ChangeReport."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from mcp_bridge import untrusted_text
from mcp_bridge.backends.job import RunOutcome
from mcp_bridge.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_NOT_ROLLED_BACK
from mcp_bridge.models.report import ChangeReport, HostError, HostReport
from mcp_bridge.models.rollout import RolloutReport
from mcp_bridge.runs import host_failure
from mcp_bridge.runs.events import EventWriter

HELD = frozenset({"applied", "unchanged", "would_change"})
RESTORED = HELD | {"rolled_back", "skipped"}  # a host that lacks the checkpoint has nothing to undo
SUMMARY_ACTION = "netopt_summary"  # says what came of a playbook, where no netopt does: as AWX's job
ROLLOUT_ACTION = "netopt_rollout"  # runs on the controller; what a host's own module calls a rollout is none
NAME_MAX = 300  # characters of a host's name or a task's
CLIP = 200  # characters of a value in a line
ANSWERS = frozenset(
    {"answer", "answers", "changing", "checkpoints", "drift", "info", "measurements", "plans", "problems"}
)  # what else than a report is kept of a host
Progress = Callable[[str, str], None]

_RESULT_EVENTS = {"runner_on_ok": "ok", "runner_on_failed": "failed", "runner_on_unreachable": "unreachable"}


@dataclass
class _Host:
    report: dict[str, Any] | None = None
    answers: dict[str, Any] = field(default_factory=dict)
    error: host_failure.Error | None = None
    status: str | None = None


class RunEvents:
    """Listens to a run. Give ``on_event`` to the runner and ask for reports afterwards.

    Args:
        progress: called as ``progress(host, text)`` when a host starts on a task or is done with one.
        log: where the same is written down, for other processes and for later.
    """

    def __init__(self, progress: Progress | None = None, *, log: EventWriter | None = None) -> None:
        self._hosts: dict[str, _Host] = {}
        self._progress = progress
        self._log = log
        self._stats: Mapping[str, Any] | None = None
        self._rollout: dict[str, Any] | None = None

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Take one of ansible-runner's events."""
        kind = event.get("event")
        said = event.get("event_data") or {}
        problem = untrusted_text.excess(said)
        if problem is not None:  # of one host: the others' answers are none the worse for it
            kind, said = "runner_on_failed", _too_much(said, problem)
        data: Mapping[str, Any] = untrusted_text.plain(said)  # all that hosts say enters here
        if kind == "playbook_on_stats":
            self._stats = data
        host = data.get("host")
        if not isinstance(host, str):
            return
        if kind == "runner_on_start":
            self._hosts.setdefault(host, _Host())
            if not str(data.get("task_action")).endswith(SUMMARY_ACTION):  # it works on no host
                self._tell(host, str(data.get("task") or "started"))
        elif kind in _RESULT_EVENTS:
            self._take(host, kind=_RESULT_EVENTS[kind], data=data)

    @property
    def hosts(self) -> list[str]:
        """The hosts that the run began to work on, in the order in which it did."""
        return list(self._hosts)

    @property
    def complete(self) -> bool:
        """Whether ansible-playbook came to its end."""
        return self._stats is not None

    @property
    def rollout(self) -> RolloutReport | None:
        """How the rollout stands, ``None`` where it is none or was not begun."""
        return rollout_report(self._rollout)

    def results(self, key: str) -> dict[str, Any]:
        """Return ``{host: value}`` of the last result of each host that has ``key``, one of ``ANSWERS``."""
        return {name: host.answers[key] for name, host in self._hosts.items() if key in host.answers}

    def reported(self, host: str) -> HostReport | None:
        """Return what the host itself has reported, ``None`` when that did not come."""
        found = self._hosts.get(host)
        return checked(found.report) if found is not None and found.report is not None else None

    def errors(self) -> dict[str, host_failure.Error]:
        """Return ``{host: error}`` of the hosts where a task failed and was not rescued."""
        return {name: host.error for name, host in self._hosts.items() if host.error is not None}

    def host_reports(self, outcome: RunOutcome) -> dict[str, HostReport]:
        """Return the report of every host that the run began to work on."""
        return {name: self._report(name, host, outcome) for name, host in self._hosts.items()}

    def _take(self, name: str, *, kind: str, data: Mapping[str, Any]) -> None:
        host = self._hosts.setdefault(name, _Host())
        result = data.get("res")
        if not isinstance(result, dict):
            return
        host.answers.update({key: value for key, value in result.items() if key in ANSWERS})
        if isinstance(result.get("rollout"), dict) and str(data.get("task_action")).endswith(ROLLOUT_ACTION):
            self._rollout = result["rollout"]
            if self._log is not None:
                self._log.append_rollout(result["rollout"])
        report = result.get("report")
        task = str(data.get("task") or data.get("task_action") or "task")
        if isinstance(report, dict) and isinstance(report.get("status"), str):
            host.report, host.error = report, None
            if kind == "failed" and report.get("error") is None:
                host.error = host_failure.failed(result, task=task)
            self._tell(name, str(report["status"]), report)
        elif kind == "unreachable":
            host.error, host.status = host_failure.unreachable(result), "unreachable"
            self._tell(name, "unreachable", {"status": "unreachable", "error": host.error})
        elif kind == "failed" and not data.get("ignore_errors"):
            host.error, host.status = host_failure.failed(result, task=task), "failed"
            self._tell(name, "failed")

    def _tell(self, host: str, text: str, report: Mapping[str, Any] | None = None) -> None:
        if self._log is not None:
            self._log.append(host, text, report)
        if self._progress is not None:
            self._progress(host, text)

    def _rescued(self, name: str) -> bool:
        stats = self._stats or {}
        return bool(stats.get("rescued", {}).get(name)) and not stats.get("failures", {}).get(name)

    def _report(self, name: str, host: _Host, outcome: RunOutcome) -> HostReport:
        if host.report is None:
            error = host.error or host_failure.interrupted(outcome.status)
            return checked({"status": host.status or "failed", "changed": False, "error": error})
        report = dict(host.report)
        if host.error is not None and not self._rescued(name):
            # something failed after the last report: that report's success no longer stands
            if report["status"] in HELD:
                report["status"] = host.status or "failed"
            report["error"] = report.get("error") or host.error
        elif not self.complete and outcome.status in {"cancelled", "timeout"} and report["status"] == "applied":
            report["status"] = "failed"
            report["error"] = report.get("error") or host_failure.interrupted(outcome.status)
        return checked(report)


def _too_much(said: Mapping[str, Any], problem: str) -> dict[str, Any]:
    """Return what stands for an event that is larger than anything that a host has to say."""
    names = {key: said[key][:NAME_MAX] for key in ("host", "task") if isinstance(said.get(key), str)}
    return {**names, "res": {"msg": f"The host's answer is not read: {problem}"}}


def checked(report: Mapping[str, Any]) -> HostReport:
    """Return a host's own report, or one that says that it has not the shape of a report."""
    try:
        return HostReport.model_validate(report)
    except ValidationError as error:
        # the module on the host and this netopt are not of one version
        where = ", ".join(".".join(str(part) for part in issue["loc"]) or "report" for issue in error.errors())
        return HostReport(
            status="failed",
            error=HostError(
                stage="verify",
                message=f"The host's report does not have the expected shape: {where}",
                hint="Let netopt use the collection netopt.linux that it was installed with.",
            ),
        )


def rollout_report(said: Mapping[str, Any] | None) -> RolloutReport | None:
    """Return how a rollout stands as its playbook told it; ``None`` where it told nothing that can be read."""
    if said is None:
        return None
    try:
        return RolloutReport.model_validate(said)
    except ValidationError:
        return None  # the collection on the controller and this netopt are not of one version


def without_turn(hosts: Mapping[str, HostReport], rollout: RolloutReport) -> dict[str, HostReport]:
    """Return a report for each untouched host of the waves to which a rollout did not come."""
    return {
        name: HostReport(status="skipped", warnings=["The rollout ended before this host's turn"])
        for wave in rollout.waves
        for name in wave.hosts
        if name not in hosts or (wave.status == "not_begun" and hosts[name].status in {"unchanged", "skipped"})
    }


def failures(hosts: Mapping[str, HostReport], *, good: frozenset[str]) -> list[str]:
    """Return one line for each host whose status is not among the ``good`` ones, or that never said how it went."""
    return [
        f"{name}: {error_line(report)}"
        for name, report in hosts.items()
        if report.status not in good or (report.status in HELD and report.error is not None)
    ]


def error_line(report: HostReport) -> str:
    """Return what went wrong on a host, with stage, key, wanted, found and what to do, in one line."""
    error = report.error
    if error is None:
        return report.status
    parts = (("key", error.key), ("wanted", error.wanted), ("found", error.after))
    known = [
        f"{name} {_clipped(value)}" for name, value in parts if value and not (name == "key" and value in error.message)
    ]
    particulars = f" ({', '.join(known)})" if known else ""
    stage = f" at {error.stage}" if error.stage else ""
    hint = f" Hint: {error.hint}" if error.hint else ""
    message = " ".join(error.message.split()).rstrip(".")
    return f"{report.status}{stage}: {message}{particulars}.{hint}"


def _clipped(text: str) -> str:
    """Return text as a part of a line: without line breaks, and not at any length."""
    words = " ".join(text.split())
    return words if len(words) <= CLIP else f"{words[:CLIP]}..."


def exit_code(report: ChangeReport) -> int:
    """Return the exit status for ``report``: 0 done, 1 refused or failed, 3 not rolled back somewhere."""
    if any(host.status == "rollback_failed" for host in report.hosts.values()):
        return EXIT_NOT_ROLLED_BACK
    return EXIT_FAILED if report.errors else EXIT_DONE
