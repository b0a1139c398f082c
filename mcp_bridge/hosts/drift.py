# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet's drift: what on each host is not as the changes in force have set it."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from mcp_bridge import untrusted_text
from mcp_bridge.models.base import Strict
from mcp_bridge.models.report import HostError, HostReport
from mcp_bridge.runs.playbook_run import Fleet
from mcp_bridge.runs.task import Finished, Scope, Task


class DriftEntry(Strict):
    """One setting that is not as it should be."""

    subsystem: str
    """sysctl, link, route, tc or nft."""
    key: str
    """The setting in the tool's own terms."""
    wanted: str | None = None
    """What the change set; none where it took the setting away."""
    found: str | None = None
    """What is there now; none where there is nothing."""
    checkpoint_id: str
    """The change that set it."""
    owner: str | None = None
    """Who has the setting now, where that can be known."""


class HostDrift(Strict):
    """What differs on one host."""

    report: HostReport
    """unchanged, or would_change with what it would take to mend it; else why there is no answer."""
    drift: list[DriftEntry] = []
    """The settings that differ, in the order in which a plan is applied."""
    compared_with: list[str] = []
    """The changes in force, oldest first; of each setting the newest counts."""


class DriftReport(Strict):
    """What differs on the hosts."""

    run_id: str
    """The run that asked."""
    in_order: bool
    """Whether every host answered and nothing differs."""
    hosts: dict[str, HostDrift]
    """By host."""
    note: str = untrusted_text.NOTE
    """How to take the text in it."""


def verify(fleet: Fleet, scope: Scope, *, checkpoint_id: str | None = None) -> DriftReport:
    """Compare the hosts with the changes in force.

    Args:
        fleet: the hosts.
        scope: which of them.
        checkpoint_id: only what this change set.

    Raises:
        InventoryError: no host matches.
        RunError: the playbook could not be run.
    """
    variables: dict[str, Any] = {"netopt_fail_on_drift": False}  # who asks judges
    if checkpoint_id:
        variables["netopt_checkpoint_id"] = checkpoint_id
    return gather(fleet.run(Task("verify", variables), scope))


def gather(finished: Finished) -> DriftReport:
    """Return what the hosts answered."""
    drift, known = finished.events.results("drift"), finished.events.results("checkpoints")
    hosts = {
        name: _told(report, drift.get(name), known.get(name, [])) for name, report in sorted(finished.hosts.items())
    }
    in_order = all(host.report.status in {"unchanged", "skipped"} for host in hosts.values())
    return DriftReport(run_id=finished.record.run_id, in_order=in_order, hosts=hosts)


def _told(report: HostReport, drift: Any, known: Any) -> HostDrift:
    """Return what one host answered, an error where it sent something else; a host can send anything."""
    if drift is None:
        return HostDrift(report=report)
    try:
        told = {"report": report, "drift": drift, "compared_with": [entry["id"] for entry in known]}
        return HostDrift.model_validate(told)
    except (ValidationError, TypeError, KeyError):
        error = HostError(
            stage="verify",
            message="The host's answer does not have the expected shape",
            hint="Let netopt use the collection netopt.linux that it was installed with.",
        )
        return HostDrift(report=HostReport(status="failed", error=error))
