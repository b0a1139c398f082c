# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What came of a run, in one sentence."""

from __future__ import annotations

from mcp_bridge.models import ChangeReport
from mcp_bridge.report_page.content import Outcome, Tone
from mcp_bridge.runs import report as run_report
from mcp_bridge.runs.registry import RunRecord


def good(record: RunRecord) -> frozenset[str]:
    """Return the statuses with which a host did what was asked of it."""
    return run_report.HELD if record.action == "apply" else run_report.RESTORED


def outcome(record: RunRecord, report: ChangeReport) -> Outcome:
    """Return what came of a run."""
    statuses = [host.status for host in report.hosts.values()]
    total = len(statuses)
    damaged = statuses.count("rollback_failed")
    missing = run_report.failures(report.hosts, good=good(record))  # a host that is unchanged for a failure is one
    well = total - len(missing)
    if damaged:
        return Outcome(
            tone="bad",
            sentence=f"{_hosts(damaged)} could not be restored and {_need(damaged)} to be looked at; "
            f"{_done(record, report, well, total)}.",
        )
    if report.errors or not total:
        words = _done(record, report, well, total) if total else "No host was reached"
        stopped = "; the rollout was stopped" if report.rollout and report.rollout.stopped else ""
        return Outcome(tone="bad", sentence=f"{_capital(words)}{stopped}.")
    tone: Tone = "attention" if record.state not in {"successful", "failed"} or well < total else "good"
    return Outcome(tone=tone, sentence=f"{_capital(_done(record, report, well, total))}.")


def _done(record: RunRecord, report: ChangeReport, well: int, total: int) -> str:
    if record.action == "apply" and report.dry_run:
        changing = sum(host.status == "would_change" for host in report.hosts.values())
        refusing = f", {total - well} would refuse" if well < total else ""
        return f"{changing} of {_hosts(total)} would change{refusing}; nothing was changed"
    one, several = {
        "apply": ("holds the change", "hold the change"),
        "rollback": ("is as before the change", "are as before the change"),
    }.get(record.action, (f"did what was asked ({record.action.replace('_', ' ')})",) * 2)
    if total == well == 1:
        return f"the host {one}"
    return f"{'all' if well == total else f'{well} of'} {_hosts(total)} {one if well == 1 else several}"


def _hosts(count: int) -> str:
    return f"{count} host" if count == 1 else f"{count} hosts"


def _need(count: int) -> str:
    return "needs" if count == 1 else "need"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
