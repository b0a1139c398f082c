# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: PLC0415 - what a command needs is loaded by that command: `netopt --help` is quick

"""``netopt adopt``: makes plans of what files of other tools say."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_bridge.cli import options
from mcp_bridge.cli.output import say, say_json
from mcp_bridge.exit_codes import EXIT_DONE, EXIT_FAILED

if TYPE_CHECKING:
    from mcp_bridge.adopt.plans import Adopted


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "adopt",
        help="make a plan of what sysctl.d files and TuneD profiles say",
        description="Read files of other tools as these tools do, and write a plan that says the same, with the line "
        "of each setting. What no plan can say is listed line by line on standard error, with the reason. The exit "
        "status is 1 where nothing could be adopted.",
    )
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        type=Path,
        help="sysctl.conf, files or folders of sysctl.d, the root of a host with its folders, tuned.conf or its folder",
    )
    parser.add_argument("--iface", metavar="NAME", default="auto", help="interface of the plan (default: auto)")
    parser.add_argument("--name", metavar="NAME", help="name of the plan, under which it can be replaced and removed")
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help="write the plan there; further ones beside it, with a number"
    )
    options.add_json(parser)
    parser.set_defaults(func=_adopt)


def _adopt(args: argparse.Namespace) -> int:
    from mcp_bridge.adopt.plans import from_files
    from mcp_bridge.policy import load_policy

    policy = load_policy(options.settings_of(args).policy_dir)
    adopted, left_out = from_files(args.files, policy, iface=args.iface, name=args.name)
    if args.json:
        say_json(
            {
                "plans": [each.plan for each in adopted],
                "left_out": [
                    {"file": one.place.file, "line": one.place.line, "text": one.text, "reason": one.reason}
                    for one in left_out
                ],
            }
        )
    else:
        _write(adopted, args.output)
        for one in left_out:
            sys.stderr.write(f"{one.place}: {one.text}\n  {one.reason}\n")
        count = sum(len(each.places) for each in adopted)
        sys.stderr.write(f"{count} settings adopted, {len(left_out)} lines left out.\n")
    return EXIT_DONE if adopted else EXIT_FAILED


def _write(adopted: list[Adopted], output: Path | None) -> None:
    from mcp_bridge.adopt.text import as_yaml

    for number, each in enumerate(adopted, 1):
        if output is None:
            say(("---\n" if number > 1 else "") + as_yaml(each).rstrip("\n"))
        else:
            path = output if number == 1 else output.with_stem(f"{output.stem}-{number}")
            path.write_text(as_yaml(each), encoding="utf-8")
            sys.stderr.write(f"{path}\n")
