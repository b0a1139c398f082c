# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: PLC0415 - what a command needs is loaded by that command: `netopt --help` is quick

"""What commands print: JSON for programs, tables and lines for people."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mcp_bridge.errors import NetoptBridgeError, PlanError

if TYPE_CHECKING:
    from mcp_bridge.models import ChangeReport, HostReport, Issue

WIDE = 200


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")


def say_json(value: Any) -> None:
    """Print a model or JSON data."""
    data = value.model_dump(mode="json", by_alias=True) if hasattr(value, "model_dump") else value
    say(json.dumps(data, indent=2, ensure_ascii=False))


def say_error(error: NetoptBridgeError, *, as_json: bool) -> None:
    """Print what went wrong and what to do: to standard error, or as JSON to standard output."""
    issues = error.issues if isinstance(error, PlanError) else []
    if as_json:
        say_json(
            {
                "error": {"message": error.args[0], "hint": error.hint or None},
                "issues": [issue.model_dump(mode="json") for issue in issues],
            }
        )
        return
    if issues:
        sys.stderr.write("netopt: the plan is refused\n")
        for line in issue_lines(issues):
            sys.stderr.write(f"{line}\n")
        return
    sys.stderr.write(f"netopt: {error.args[0]}\n")
    if error.hint:
        sys.stderr.write(f"  hint: {error.hint}\n")


def issue_lines(issues: Iterable[Issue]) -> Iterator[str]:
    """Yield the lines of a validation."""
    for issue in issues:
        yield f"{issue.severity}: {issue.path or 'plan'}: {issue.message}"
        if issue.hint:
            yield f"  hint: {issue.hint}"


def table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a table, as wide as the terminal; as wide as it needs where there is none."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        drawn.add_column(heading, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else WIDE, highlight=False).print(drawn)


def show_report(report: ChangeReport, *, diff: bool, inventory: str | None = None) -> None:
    """Print a report for people.

    Args:
        report: what came of a run.
        diff: whether each difference is printed.
        inventory: as it was given on the command line, where it was.
    """
    if report.rollout is not None:
        from mcp_bridge.cli import rollouts

        for line in rollouts.lines(report.rollout):
            say(line)
    table(
        ("HOST", "STATUS", "CHANGES", "OPERATIONS"),
        (
            (name, host.status, str(len(host.diff)), str(len(host.operations)))
            for name, host in sorted(report.hosts.items())
        ),
    )
    for name, host in sorted(report.hosts.items()):
        for line in _host_lines(host, diff=diff):
            say(f"{name}: {line}")
    for note in report.notes:
        say(f"note: {note}")
    for error in report.errors:
        if error.partition(":")[0] not in report.hosts:  # those of a host have been said with the host
            say(f"error: {error}")
    touched = any(host.checkpoint_id and host.status == "applied" for host in report.hosts.values())
    if report.checkpoint_id and touched and not report.dry_run:
        where = f" -i {shlex.quote(inventory)}" if inventory else ""
        say(f"Checkpoint {report.checkpoint_id}; undo with: netopt rollback {report.checkpoint_id}{where}")


def _host_lines(host: HostReport, *, diff: bool) -> Iterator[str]:
    if diff:
        for change in host.diff:
            before = "(none)" if change.before is None else change.before
            after = "(none)" if change.after is None else change.after
            yield f"{change.subsystem} {change.key}: {before} -> {after}"
    for skip in host.skipped:
        yield f"skipped {skip.key}: {skip.reason}"
    for warning in host.warnings:
        yield f"warning: {warning}"
    if host.error is not None:
        from mcp_bridge.runs.report import error_line

        yield error_line(host)
