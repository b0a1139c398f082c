# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: PLC0415 - what a command needs is loaded by that command: `netopt --help` is quick

"""``netopt checkpoints``: list them, take one by hand, forget one."""

from __future__ import annotations

import argparse
import threading
from typing import TYPE_CHECKING

from mcp_bridge.cli import consent, options
from mcp_bridge.cli.changes import carry_out, checkpoint_id
from mcp_bridge.cli.output import say, say_json, table
from mcp_bridge.cli.progress import Progress, follow
from mcp_bridge.exit_codes import EXIT_DONE, EXIT_FAILED

if TYPE_CHECKING:
    from mcp_bridge.runs.task import CheckpointAction


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "checkpoints",
        help="list the checkpoints of hosts, take one, forget one, or accept what is left of one",
        description="List the checkpoints that hosts keep, newest first.",
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--snapshot", action="store_true", help="write the present state down as a checkpoint")
    action.add_argument("--delete", metavar="CHECKPOINT", type=checkpoint_id, help="forget a checkpoint")
    action.add_argument(
        "--accept",
        metavar="CHECKPOINT",
        type=checkpoint_id,
        help="take hosts as they are after a rollback that failed, so that the next change is possible",
    )
    parser.add_argument(
        "--iface", metavar="NAME", default="auto", help="with --snapshot: the interface, or a glob (default: auto)"
    )
    options.add_label(parser, "with --snapshot: a name for the checkpoint")
    options.add_hosts(parser)
    consent.add(parser)
    options.add_json(parser)
    parser.set_defaults(func=_checkpoints)


def _checkpoints(args: argparse.Namespace) -> int:
    if args.snapshot:
        return carry_out(
            args, lambda service, scope: service.begin_snapshot(iface=args.iface, label=args.label, scope=scope)
        )
    if args.accept:
        return carry_out(args, lambda service, scope: service.begin("accept", checkpoint_id=args.accept, scope=scope))
    return _delete(args) if args.delete else _list(args)


def _delete(args: argparse.Namespace) -> int:
    action: CheckpointAction = "delete_checkpoint"
    service = options.service_of(args)
    consent.agree(args, service, lambda: consent.about_checkpoint(action, args.delete, service, args.limit))
    return carry_out(
        args, lambda service, scope: service.begin(action, checkpoint_id=args.delete, scope=scope), service=service
    )


def _list(args: argparse.Namespace) -> int:
    from mcp_bridge.hosts import checkpoints
    from mcp_bridge.runs.task import Scope

    fleet = options.service_of(args).fleet()

    def work(progress: Progress, cancel: threading.Event) -> checkpoints.Checkpoints:
        return checkpoints.read(fleet, Scope(limit=args.limit, progress=progress, cancel=cancel))

    found = follow(work, quiet=args.json)
    if args.json:
        say_json(found)
    else:
        if found.checkpoints:
            table(
                ("CHECKPOINT", "CREATED", "LABEL", "CHANGED", "HOSTS"),
                (
                    (
                        entry.checkpoint_id,
                        entry.created,
                        entry.label or "",
                        "; ".join(entry.changed),
                        ", ".join(f"{host} {status}" for host, status in entry.hosts.items()),
                    )
                    for entry in found.checkpoints
                ),
            )
        else:
            say("There are no checkpoints.")
        for host, names in found.damaged.items():
            say(f"{host}: damaged: {', '.join(names)}")
        for host, why in found.unanswered.items():
            say(f"{host}: no answer: {why}")
    return EXIT_FAILED if found.unanswered else EXIT_DONE
