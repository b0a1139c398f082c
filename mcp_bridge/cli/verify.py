# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: PLC0415 - what a command needs is loaded by that command: `netopt --help` is quick

"""``netopt verify``: what has been changed behind netopt's back."""

from __future__ import annotations

import argparse
import threading
from typing import TYPE_CHECKING

from mcp_bridge.cli import options
from mcp_bridge.cli.changes import checkpoint_id
from mcp_bridge.cli.output import say, say_json, table
from mcp_bridge.cli.progress import Progress, follow
from mcp_bridge.exit_codes import EXIT_DONE, EXIT_FAILED

if TYPE_CHECKING:
    from mcp_bridge.hosts.drift import DriftReport


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "verify",
        help="say what differs from the confirmed changes",
        description="Compare hosts with what the confirmed changes have set, of each setting the newest. Nothing is "
        "changed. The exit status is 1 when anything differs.",
    )
    parser.add_argument(
        "checkpoint",
        metavar="CHECKPOINT",
        nargs="?",
        type=checkpoint_id,
        help="only what this change set (default: all in force)",
    )
    options.add_hosts(parser)
    options.add_json(parser)
    parser.set_defaults(func=_verify)


def _verify(args: argparse.Namespace) -> int:
    from mcp_bridge.hosts import drift
    from mcp_bridge.runs.task import Scope

    fleet = options.service_of(args).fleet()

    def work(progress: Progress, cancel: threading.Event) -> drift.DriftReport:
        scope = Scope(limit=args.limit, progress=progress, cancel=cancel)
        return drift.verify(fleet, scope, checkpoint_id=args.checkpoint)

    found = follow(work, quiet=args.json)
    if args.json:
        say_json(found)
    else:
        _show(found)
    return EXIT_DONE if found.in_order else EXIT_FAILED


def _show(found: DriftReport) -> None:
    """Print what differs for people: one line for each setting."""
    rows = [
        (name, entry.key, _value(entry.wanted), _value(entry.found), entry.checkpoint_id, entry.owner or "")
        for name, host in found.hosts.items()
        for entry in host.drift
    ]
    if rows:
        table(("HOST", "SETTING", "WANTED", "FOUND", "SET BY", "NOW OWNED BY"), rows)
    for name, host in found.hosts.items():
        for warning in host.report.warnings:
            say(f"{name}: {warning}")
        if host.report.status == "skipped":
            say(f"{name}: has no such checkpoint")
        elif host.report.error is not None:
            say(f"{name}: {host.report.status}: {host.report.error.message}")
            if host.report.error.hint:
                say(f"{name}:   hint: {host.report.error.hint}")
        elif not host.drift:
            say(f"{name}: nothing differs")


def _value(text: str | None) -> str:
    return "(none)" if text is None else text
