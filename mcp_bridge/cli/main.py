# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: PLC0415 - what a command needs is loaded by that command: `netopt --help` is quick

"""Reads the command line, runs one command, and lets no error out as a traceback."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mcp_bridge.cli import access, adopt, audit, changes, checkpoints, measure, options, plans, report, serve, verify
from mcp_bridge.cli import plan as plan_command
from mcp_bridge.cli import policy as policy_command
from mcp_bridge.cli import validate as validate_command
from mcp_bridge.cli.output import say_error
from mcp_bridge.errors import NetoptBridgeError
from mcp_bridge.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_USAGE
from mcp_bridge.short_lived import look_seldom_for_circles

EPILOG = """\
exit status:
  0  done
  1  refused, or failed with everything rolled back; for verify: something differs
  2  usage
  3  some hosts could not be rolled back
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(
        prog="netopt",
        description="Change the network settings of Linux hosts, and break nothing.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="store_true", help="print the version and exit")
    commands = top.add_subparsers(metavar="COMMAND", dest="command")
    validate_command.register(commands)
    plan_command.register(commands)
    adopt.register(commands)
    changes.register(commands)
    plans.register(commands)
    checkpoints.register(commands)
    verify.register(commands)
    measure.register(commands)
    report.register(commands)
    policy_command.register(commands)
    serve.register(commands)
    access.register(commands)
    audit.register(commands)
    _register_lab(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Args:
        argv: the words after ``netopt``; by default those of this process.
    """
    if argv is None:
        look_seldom_for_circles()
    top = parser()
    try:
        args = top.parse_args(adopt.with_arguments(sys.argv[1:] if argv is None else argv))
    except SystemExit as stop:  # argparse has said what is wrong
        return stop.code if isinstance(stop.code, int) else EXIT_USAGE
    if args.version:
        from importlib import metadata

        sys.stdout.write(f"netopt {metadata.version('netopt')}\n")
        return EXIT_DONE
    if args.command is None:
        top.print_help(sys.stderr)
        return EXIT_USAGE
    return _run(args)


def _prepare(args: argparse.Namespace) -> None:
    """Have Ansible be imported beside all that comes before a run, for a command that asks hosts."""
    if getattr(args, "asks_hosts", False):
        from mcp_bridge.backends.spare_ansible import SPARE

        SPARE.prepare()


def _run(args: argparse.Namespace) -> int:
    """Run the chosen command; whatever goes wrong ends as a line and an exit status."""
    status = EXIT_FAILED
    try:
        _prepare(args)
        status = args.func(args)
        sys.stdout.flush()
    except NetoptBridgeError as error:
        say_error(error, as_json=getattr(args, "json", False))
        if isinstance(error, options.UsageError):
            status = EXIT_USAGE
    except BrokenPipeError:  # the reader, such as head, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"netopt: {place}{error.strerror or error}\n")
    except KeyboardInterrupt:
        sys.stderr.write("netopt: interrupted\n")
    except Exception as error:  # noqa: BLE001 - a defect: the operator gets one line, the details go to a file
        sys.stderr.write(f"netopt: internal error: {type(error).__name__}: {error}\n{_keep(error)}\n")
    return status


def _register_lab(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from mcp_bridge.lab import cli

    cli.register(commands)


def _keep(error: Exception) -> str:
    """Write the traceback down and return where it is."""
    from mcp_bridge.settings import Settings

    text = "".join(traceback.format_exception(error))
    try:
        folder = Settings.from_env().state_dir / "crashes"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}.txt"
        Path(path).write_text(text, encoding="utf-8")
    except (OSError, NetoptBridgeError):
        return "  The details could not be written down."
    return f"  The details are in {path}"
