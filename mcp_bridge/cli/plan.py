# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: PLC0415 - what a command needs is loaded by that command: `netopt --help` is quick

"""``netopt plan``: what a profile comes to on the hosts of an inventory."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mcp_bridge.cli import options
from mcp_bridge.cli.output import say, say_json
from mcp_bridge.cli.progress import Progress, follow
from mcp_bridge.exit_codes import EXIT_DONE, EXIT_FAILED

if TYPE_CHECKING:
    from mcp_bridge.hosts.profile_plans import Draft, Drafts


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "plan",
        help="show what a profile comes to on each host, and why",
        description="Read the facts of hosts, fit a profile's values to each by the rules of the policy, and show the "
        "plans, hosts with equal plans together. Nothing is changed. The exit status is 1 when a host has no plan.",
    )
    parser.add_argument(
        "profile", metavar="PROFILE", nargs="?", help="gaming, streaming, video_calls, bulk_transfer, server, ..."
    )
    options.add_from_inventory(parser, instead_of="PROFILE")
    parser.add_argument(
        "--iface",
        metavar="NAME",
        action="append",
        help="interface, can be given several times (default: that of each host's default route)",
    )
    options.add_link(parser)
    parser.add_argument("--overrides", metavar="FILE", help="changes that replace the profile's, as JSON or YAML")
    options.add_hosts(parser)
    options.add_json(parser)
    parser.set_defaults(func=_plan)


def _plan(args: argparse.Namespace) -> int:
    if bool(args.profile) == args.from_inventory:
        raise options.UsageError("Give exactly one of PROFILE and --from-inventory")
    link = options.link_of(args)
    if args.from_inventory:
        if link:
            raise options.UsageError("--up and --down go with PROFILE", hint="A plan says its link itself.")
        return _plan_from_inventory(args)
    from mcp_bridge.hosts import profile_plans as draft
    from mcp_bridge.runs.task import Scope

    service = options.service_of(args)
    overrides = options.read_document(args.overrides) if args.overrides else {}
    iface = args.iface or ["auto"]

    def work(progress: Progress, cancel: threading.Event) -> Drafts:
        scope = Scope(limit=args.limit, progress=progress, cancel=cancel)
        names = iface[0] if len(iface) == 1 else iface
        return draft.from_profile(service, args.profile, iface=names, overrides=overrides, scope=scope, link=link)

    found = follow(work, quiet=args.json)
    if args.json:
        say_json(found)
    else:
        for line in _lines(found):
            say(line)
    return EXIT_FAILED if found.unplanned else EXIT_DONE


def _plan_from_inventory(args: argparse.Namespace) -> int:
    """Show the plan that the inventory's variables give each host."""
    found = options.plans_of_inventory(args)
    if args.json:
        say_json(found.summary())
        return EXIT_DONE
    for heading, share in zip(found.headings(), found.shares, strict=True):
        say(heading)
        inputs = share.plan.inputs()
        for plan in inputs.get("plans") or [inputs["plan"]]:
            if plan.get("name"):
                say(f"  name = {plan['name']}")
            say(f"  iface = {plan['iface']}")
            for key, value in _leaves(plan["changes"]):
                say(f"  {key} = {value}")
    for warning in found.warnings:
        say(f"warning: {warning}")
    return EXIT_DONE


def _lines(found: Drafts) -> Iterator[str]:
    """Yield what is said of the plans, for people."""
    for number, draft in enumerate(found.plans, 1):
        hosts = "1 host" if len(draft.hosts) == 1 else f"{len(draft.hosts)} hosts"
        yield f"Plan {number} of {len(found.plans)}, for {hosts}: {', '.join(draft.hosts)}"
        yield from (f"  {line}" for line in _of_draft(draft))
    for host, reason in found.unplanned.items():
        yield f"No plan for {host}: {reason}"


def _of_draft(draft: Draft) -> Iterator[str]:
    for key, value in _leaves(draft.plan.changes.dump()):
        yield f"{key} = {value}"
    for adapted in draft.adapted:
        yield f"because of {adapted.rule}{_only(adapted.hosts)}: {adapted.message}"
        for change in adapted.changes:
            before, after = ("unset" if value is None else value for value in (change.before, change.after))
            yield f"  {change.key}: {before} -> {after}"
    for entry in draft.unsupported:
        by = f" (rule {entry.rule})" if entry.rule else ""
        yield f"left out {entry.key}{_only(entry.hosts)}: {entry.reason}{by}"
    for entry in draft.will_fail:
        yield f"will fail {entry.key}{_only(entry.hosts)}: {entry.reason}"


def _only(hosts: list[str] | None) -> str:
    return f" on {', '.join(hosts)}" if hosts else ""


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a plan's changes by their path; those of sysctl by their key alone."""
    if isinstance(value, Mapping) and value:
        for key, content in value.items():
            yield from _leaves(content, str(key) if name in {"", "sysctl"} else f"{name}.{key}")
    elif value != {}:
        yield name, value
