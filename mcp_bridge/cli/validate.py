# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: PLC0415 - what a command needs is loaded by that command: `netopt --help` is quick

"""``netopt validate`` and ``netopt render``: no host is touched."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mcp_bridge.cli import options
from mcp_bridge.cli.output import issue_lines, say, say_json
from mcp_bridge.exit_codes import EXIT_DONE, EXIT_FAILED

if TYPE_CHECKING:
    from mcp_bridge.models import RenderedPlan


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    validate = commands.add_parser("validate", help="check a plan against the policy", description="Check a plan.")
    validate.add_argument("plan", metavar="PLAN", nargs="?", help="JSON or YAML file, - for standard input")
    options.add_from_inventory(validate)
    options.add_hosts(validate, asks=False)
    options.add_json(validate)
    validate.set_defaults(func=_validate)

    render = commands.add_parser(
        "render", help="print the commands that a plan amounts to", description="Render a plan."
    )
    render.add_argument("plan", metavar="PLAN", help="JSON or YAML file, - for standard input")
    render.add_argument("--format", choices=("script", "json"), default="script", help="default: script")
    options.add_json(render)
    render.set_defaults(func=_render)


def _validate(args: argparse.Namespace) -> int:
    from mcp_bridge.policy import load_policy
    from mcp_bridge.validator import validate

    if bool(args.plan) == args.from_inventory:
        raise options.UsageError("Give exactly one of PLAN and --from-inventory")
    if args.from_inventory:
        return _validate_inventory(args)
    document = options.read_document(args.plan)
    result = validate(document, load_policy(options.settings_of(args).policy_dir))
    if args.json:
        say_json(result)
    else:
        for line in issue_lines(result.issues):
            say(line)
        say("The plan is valid." if result.ok else "The plan is refused.")
    return EXIT_DONE if result.ok else EXIT_FAILED


def _validate_inventory(args: argparse.Namespace) -> int:
    """Check the plan of each host; one that is refused ends it with all issues, as it would end an apply."""
    found = options.plans_of_inventory(args)
    if args.json:
        say_json(found.summary())
    else:
        for warning in found.warnings:
            say(f"warning: {warning}")
        for line in found.headings():
            say(line)
        say("The plans are valid.")
    return EXIT_DONE


def _render(args: argparse.Namespace) -> int:
    from mcp_bridge.planning.checked_plan import check
    from mcp_bridge.policy import load_policy

    document = options.read_document(args.plan)
    rendered = check(document, load_policy(options.settings_of(args).policy_dir)).rendered
    if args.json or args.format == "json":
        say_json(rendered)
    else:
        say(as_script(rendered))
    return EXIT_DONE


def as_script(rendered: RenderedPlan) -> str:
    """Return the rendered plan as one bash script, in the order in which a plan is applied."""
    lines = ["#!/bin/bash", f"# Preview of plan {rendered.digest}. `netopt apply` never runs this text.", "set -eu"]
    lines += [f"# {' '.join(warning.split())}" for warning in rendered.warnings]
    lines += [*rendered.sysctl_cmds, *rendered.ip_link_cmds, *rendered.ethtool_cmds]
    if rendered.tc_script:
        lines.append(rendered.tc_script.rstrip("\n"))
    if rendered.nft_script:
        lines.append(rendered.nft_script.rstrip("\n"))
    return "\n".join(lines)
