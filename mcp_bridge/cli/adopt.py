# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: PLC0415 - what a command needs is loaded by that command: `netopt --help` is quick

"""``netopt adopt``: makes plans of what files of other tools say, or of what hosts hold."""

from __future__ import annotations

import argparse
import shlex
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_bridge.cli import options
from mcp_bridge.cli.output import say, say_json
from mcp_bridge.exit_codes import EXIT_DONE, EXIT_FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_bridge.adopt.found import LeftOut
    from mcp_bridge.adopt.plans import Adopted
    from mcp_bridge.cli.progress import Progress


ARGUMENTS = "--arguments"


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "adopt",
        help="make a plan of sysctl.d files, TuneD profiles and scripts of tc, or of what hosts hold",
        description="Read files of other tools as these tools do, and write a plan that says the same, with the line "
        "of each setting. What no plan can say is listed line by line on standard error, with the reason. The exit "
        "status is 1 where nothing could be adopted. A script of tc, ip and ethtool is run, shut in without a network "
        "and without this machine's files, and what it led to is read back. Without files, and with -i or -l, hosts "
        "are asked what they hold beyond their kernel's defaults: kernel parameters, and of interfaces MTU, queues, "
        "offloads, queueing disciplines and metrics of routes. Hosts with equal plans are told together. Nothing is "
        "changed.",
    )
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="*",
        type=Path,
        help="sysctl.conf, files or folders of sysctl.d, the root of a host with its folders, tuned.conf or its "
        "folder, a script of tc, ip and ethtool",
    )
    parser.add_argument(ARGUMENTS, metavar="WORDS", default="", help="what scripts are called with, in one string")
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        dest="variables",
        help="a variable that scripts find set; may be given several times",
    )
    parser.add_argument(
        "--with",
        metavar="PATH",
        action="append",
        default=[],
        dest="shown",
        type=Path,
        help="a file or folder that scripts may read; may be given several times",
    )
    parser.add_argument(
        "--iface",
        metavar="NAME",
        default="auto",
        help="interface of the plan (default: auto); of hosts, a name or glob of those that are looked at",
    )
    parser.add_argument("--name", metavar="NAME", help="name of the plan, under which it can be replaced and removed")
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help="write the plan there; further ones beside it, with a number"
    )
    options.add_hosts(parser, asks=False)
    options.add_json(parser)
    parser.set_defaults(func=_adopt)


def with_arguments(argv: Sequence[str]) -> list[str]:
    """Return the words of the command line with what ``--arguments`` has behind it; argparse takes no dash there."""
    words = list(argv)
    at = words.index(ARGUMENTS) if ARGUMENTS in words[:-1] else None
    return words if at is None else [*words[:at], f"{ARGUMENTS}={words[at + 1]}", *words[at + 2 :]]


def _adopt(args: argparse.Namespace) -> int:
    asks_hosts = bool(args.inventory or args.limit)
    if asks_hosts == bool(args.files):
        raise options.UsageError("Give files, or -i INVENTORY to ask hosts, and not both")
    return _of_hosts(args) if asks_hosts else _of_files(args)


def _of_files(args: argparse.Namespace) -> int:
    from mcp_bridge.adopt.plans import from_files
    from mcp_bridge.adopt.scripts import Call
    from mcp_bridge.policy import load_policy

    policy = load_policy(options.settings_of(args).policy_dir)
    try:
        arguments = shlex.split(args.arguments)
    except ValueError as error:
        raise options.UsageError(f"--arguments: {error}") from None
    env = dict(word.partition("=")[::2] for word in args.variables)
    call = Call(arguments, env, [path.absolute() for path in args.shown])
    adopted, left_out = from_files(args.files, policy, iface=args.iface, name=args.name, call=call)
    if args.json:
        say_json(_as_json(adopted, left_out))
    else:
        _write([("", each) for each in adopted], args.output)
        _tell(adopted, left_out)
    return EXIT_DONE if adopted else EXIT_FAILED


def _of_hosts(args: argparse.Namespace) -> int:
    from mcp_bridge.adopt.hosts import OfHosts, from_hosts
    from mcp_bridge.cli.progress import follow
    from mcp_bridge.runs.task import Scope

    service = options.service_of(args)

    def work(progress: Progress, cancel: threading.Event) -> OfHosts:
        scope = Scope(limit=args.limit, progress=progress, cancel=cancel)
        return from_hosts(service.fleet(), scope, service.policy, iface=args.iface, name=args.name)

    found = follow(work, quiet=args.json)
    if args.json:
        plans = [{"hosts": hosts, **_as_json(adopted, left_out)} for hosts, adopted, left_out in found.plans]
        say_json({"plans": plans, "unanswered": found.unanswered})
    else:
        _write([(", ".join(hosts), each) for hosts, adopted, _left in found.plans for each in adopted], args.output)
        for hosts, adopted, left_out in found.plans:
            sys.stderr.write(f"{', '.join(hosts)}:\n")
            _tell(adopted, left_out)
        for host, why in found.unanswered.items():
            sys.stderr.write(f"{host}: no answer: {why}\n")
    return EXIT_FAILED if found.unanswered else EXIT_DONE


def _as_json(adopted: list[Adopted], left_out: list[LeftOut]) -> dict[str, Any]:
    lines = [
        {
            "file": one.place.file,
            "line": one.place.line or None,
            "text": one.text,
            "reason": one.reason,
            "said": one.said,
        }
        for one in left_out
    ]
    return {"plans": [each.plan for each in adopted], "left_out": lines}


def _tell(adopted: list[Adopted], left_out: list[LeftOut]) -> None:
    """Say what no plan says, and how much was adopted."""
    for one in left_out:
        sys.stderr.write(f"{one.place}: {one.text}\n  {one.reason}\n")
    count = sum(len(each.places) for each in adopted)
    differ = sum(one.said for one in left_out)
    settings, lines = (
        f"{number} {word}{'s' * (number != 1)}"
        for number, word in ((count, "setting"), (len(left_out) - differ, "line"))
    )
    but = f", {differ} said with a difference" if differ else ""
    sys.stderr.write(f"{settings} adopted, {lines} left out{but}.\n")


def _write(documents: list[tuple[str, Adopted]], output: Path | None) -> None:
    """Write plans, each under a heading where it has one."""
    from mcp_bridge.adopt.text import as_yaml

    for number, (heading, each) in enumerate(documents, 1):
        text = (f"# {heading}\n" if heading else "") + as_yaml(each)
        if output is None:
            say(("---\n" if number > 1 else "") + text.rstrip("\n"))
        else:
            path = output if number == 1 else output.with_stem(f"{output.stem}-{number}")
            path.write_text(text, encoding="utf-8")
            sys.stderr.write(f"{path}\n")
