# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gathers what a run's record and report say into what stands on its page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mcp_bridge.models import ChangeReport, HostReport
from mcp_bridge.report_page import grouping, measurements, outcome, waves
from mcp_bridge.report_page.content import ChangeGroup, HostRow, Page, Rollout, Run
from mcp_bridge.report_page.size_budget import SizeBudget, drawn
from mcp_bridge.runs.registry import RunRecord
from mcp_bridge.runs.report import error_line

BYTES = {
    "failures": 300_000,
    "changes": 1_000_000,
    "measurements": 900_000,
    "warnings": 200_000,
    "omissions": 100_000,
    "steps": 400_000,
    "errors": 50_000,
    "notes": 50_000,
    "commands": 100_000,
}
MESSAGE = 600  # characters of a failure in the list of hosts


def page(record: RunRecord, report: ChangeReport) -> Page:
    """Return what stands on the page of a run."""
    budgets = {name: SizeBudget(size) for name, size in BYTES.items()}
    hosts = {name: report.hosts[name] for name in sorted(report.hosts, key=grouping.by_name)}
    changes = grouping.changes(hosts, budget=budgets["changes"])
    rollout = waves.rollout(report)
    good = outcome.good(record)
    ours = tuple(f"{name}: " for name in hosts)
    return Page(
        run=_run(record, report),
        outcome=outcome.outcome(record, report),
        statuses=grouping.statuses(host.status for host in hosts.values()),
        errors=_texts([line for line in report.errors if not line.startswith(ours)], budgets["errors"]),
        problems=grouping.problems(hosts, good=good, budget=budgets["failures"]),
        rollout=rollout,
        changes=changes,
        targets=measurements.targets(hosts, budget=budgets["measurements"]),
        warnings=grouping.remarks(_warnings(hosts), budget=budgets["warnings"]),
        skipped=grouping.remarks(_skipped(hosts), budget=budgets["omissions"]),
        notes=_texts(report.notes, budgets["notes"]),
        hosts=list(_rows(hosts, changes, rollout, good=good)),
        operations=grouping.operations(hosts, budget=budgets["steps"]),
        commands=_texts(report.commands_preview, budgets["commands"]),
        left_out={name: budget.dropped for name, budget in budgets.items() if budget.dropped},
    )


def _run(record: RunRecord, report: ChangeReport) -> Run:
    return Run(
        run_id=record.run_id,
        action=record.action,
        caller=record.caller,
        state=record.state,
        limit=record.limit,
        dry_run=report.dry_run,
        started=report.started,
        finished=report.finished,
        checkpoint_id=report.checkpoint_id,
        plan_digest=report.plan_digest,
    )


def _texts(found: list[str], budget: SizeBudget) -> list[str]:
    return budget.fit([budget.clip(text) for text in found], drawn)


def _warnings(hosts: Mapping[str, HostReport]) -> Iterator[tuple[str, None, str]]:
    for name, host in hosts.items():
        for text in host.warnings:
            yield name, None, text


def _skipped(hosts: Mapping[str, HostReport]) -> Iterator[tuple[str, str, str]]:
    for name, host in hosts.items():
        for skip in host.skipped:
            yield name, skip.key, skip.reason


def _rows(
    hosts: Mapping[str, HostReport], changes: list[ChangeGroup], rollout: Rollout | None, *, good: frozenset[str]
) -> Iterator[HostRow]:
    groups = {name: number for number, group in enumerate(changes, start=1) for name in group.hosts}
    turns = {name: wave.number for wave in (rollout.waves if rollout else []) for name in wave.hosts}
    for name, host in hosts.items():
        troubled = host.error is not None or host.status not in good
        yield HostRow(
            name=name,
            status=host.status,
            changes=len(host.diff),
            group=groups.get(name),
            wave=turns.get(name),
            remarks=len(host.warnings) + len(host.skipped),
            message=error_line(host)[:MESSAGE] if troubled and host.error is not None else None,
        )


def as_json(found: Page, report: ChangeReport) -> dict[str, Any]:
    """Return the same as JSON data, with the run's whole report under ``report``."""
    return {**found.model_dump(mode="json"), "report": report.model_dump(mode="json")}
