# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: PLC0415 - making hosts takes a third of what all of netopt loads; other commands need none of it

"""``netopt lab``: disposable hosts for trying, testing and showing things."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import TYPE_CHECKING

from mcp_bridge.errors import LabError

from . import state

if TYPE_CHECKING:
    from collections.abc import Callable

REFUSED = 1


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``lab`` and its commands to the parser of ``netopt``; each sets ``func``."""
    lab = subparsers.add_parser("lab", help="disposable test hosts: namespaces or virtual machines")
    commands = lab.add_subparsers(dest="lab_command", metavar="COMMAND", required=True)

    up = _command(commands, "up", _up, "bring a lab up")
    up.add_argument("--hosts", type=int, default=3, metavar="N", help="how many hosts (default: 3)")
    up.add_argument(
        "--kernel", choices=state.KERNELS, default="namespace", help="namespaces, or VMs with a stock kernel"
    )
    up.add_argument(
        "--release",
        default="",
        metavar="CODENAME",
        help="tools of another release, on VMs its kernel too",
    )
    down = _command(commands, "down", _down, "remove a lab and every trace of it")
    down.add_argument("--all", action="store_true", help="every lab of this user")
    status = _command(commands, "status", _status, "show the labs that are up")
    status.set_defaults(name=None)
    status.add_argument("--json", action="store_true", help="print one JSON object")
    _command(commands, "inventory", _inventory, "print the path of the lab's inventory")
    for word, text in (
        ("ssh", "log in to a host, or run a command there"),
        ("exec", "run a command without the network"),
    ):
        parser = _command(commands, word, _run, text)
        parser.add_argument("host", help="a host's name or number")
        parser.add_argument("argv", nargs=argparse.REMAINDER, metavar="CMD", help="the command and its arguments")


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    word: str,
    run: Callable[[argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(word, help=text, description=text)
    parser.add_argument("--name", default=state.DEFAULT_NAME, help=f"the lab's name (default: {state.DEFAULT_NAME})")
    parser.set_defaults(func=_guarded(run))
    return parser


def _guarded(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Turn the lab's error into one line on standard error and exit status 1."""

    def guarded(args: argparse.Namespace) -> int:
        try:
            return run(args)
        except LabError as error:
            sys.stderr.write(f"netopt lab: {error}\n")
            return REFUSED

    return guarded


def _up(args: argparse.Namespace) -> int:
    from . import lifecycle

    begun = time.monotonic()
    lab = lifecycle.up(args.name, hosts=args.hosts, kernel=args.kernel, release=args.release)
    took_s, made_of = time.monotonic() - begun, _made_of(lab.kernel, lab.release)
    sys.stdout.write(f"Lab {lab.name}: {len(lab.hosts)} hosts up in {took_s:.1f} s ({made_of})\n")
    sys.stdout.write(f"Inventory: {lab.inventory}\n")
    return 0


def _made_of(kernel: str, release: str) -> str:
    return f"{kernel}, {release}" if release else kernel


def _down(args: argparse.Namespace) -> int:
    from . import lifecycle

    for name in state.names() if args.all else [args.name]:
        found = lifecycle.down(name)
        sys.stdout.write(f"Lab {name}: {'removed' if found else 'nothing to remove'}\n")
    return 0


def _status(args: argparse.Namespace) -> int:
    from . import lifecycle

    found = [lifecycle.status(name) for name in ([args.name] if args.name else state.names())]
    if args.json:
        sys.stdout.write(json.dumps(found[0] if args.name else {"labs": found}, indent=2) + "\n")
        return 0
    for lab in found:
        ready = "ready" if lab["ready"] else "not complete"
        sys.stdout.write(f"{lab['name']} ({_made_of(lab['kernel'], lab['release'])}, {ready}): {lab['inventory']}\n")
        for host in lab["hosts"]:
            runs = "runs" if host["runs"] else "does not run"
            sys.stdout.write(f"  {host['name']}  {host['address']}:{host['port']}  {runs}\n")
    if not found:
        sys.stdout.write("No lab is up.\n")
    return 0


def _inventory(args: argparse.Namespace) -> int:
    sys.stdout.write(f"{state.load(args.name).inventory}\n")
    return 0


def _run(args: argparse.Namespace) -> int:
    from . import lifecycle

    argv = args.argv[1:] if args.argv[:1] == ["--"] else args.argv
    command = lifecycle.command(state.load(args.name), args.host, argv, console=args.lab_command == "exec")
    sys.stdout.flush()
    os.execvp(command[0], command)
    return 0
