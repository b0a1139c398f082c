# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: PLC0415 - what a command needs is loaded by that command: `netopt --help` is quick

"""``netopt plans`` and ``netopt remove``: which plans are in force on hosts, and one taken away."""

from __future__ import annotations

import argparse
import json
import re
import threading
from typing import TYPE_CHECKING, Any

from mcp_bridge.cli import consent, options
from mcp_bridge.cli.changes import carry_out, seconds
from mcp_bridge.cli.output import say, say_json, table
from mcp_bridge.cli.progress import Progress, follow
from mcp_bridge.exit_codes import EXIT_DONE, EXIT_FAILED

if TYPE_CHECKING:
    from mcp_bridge.hosts.plans import PlanInForce, PlansInForce
    from mcp_bridge.service import Service

SHOWN_CHARS = 60
SHORT = 12  # characters of a digest
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    plans = commands.add_parser(
        "plans",
        help="list the plans in force on hosts",
        description="List which plans are in force on hosts: since when, by whom, and what each sets.",
    )
    plans.add_argument("name", metavar="NAME", nargs="?", type=_name, help="show this plan alone, setting by setting")
    options.add_hosts(plans)
    options.add_json(plans)
    plans.set_defaults(func=_plans)

    remove = commands.add_parser(
        "remove",
        help="take a plan away from hosts",
        description="Take plans away: what they set reads as it did before netopt, or as another plan wants it.",
    )
    remove.add_argument("names", metavar="NAME", nargs="+", type=_name, help="a plan's name, as `netopt plans` lists")
    options.add_label(remove)
    remove.add_argument(
        "--confirm-timeout",
        metavar="SECONDS",
        type=seconds,
        help="restore unless `netopt confirm` comes within SECONDS; without it, netopt confirms by itself over a new "
        "connection",
    )
    options.add_hosts(remove)
    options.add_check(remove)
    consent.add(remove)
    options.add_json(remove)
    remove.set_defaults(func=_remove)


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"not the name of a plan: {text!r}")
    return text


def _plans(args: argparse.Namespace) -> int:
    found = _in_force(args, options.service_of(args))
    if args.name:
        named = {host: [plan for plan in each if plan.name == args.name] for host, each in found.hosts.items()}
        found = found.model_copy(update={"hosts": named})
    if args.json:
        say_json(found)
    else:
        _show(found, whole=args.name is not None)
    missing = args.name is not None and not any(found.hosts.values())
    return EXIT_FAILED if found.unanswered or missing else EXIT_DONE


def _in_force(args: argparse.Namespace, service: Service) -> PlansInForce:
    """Return the plans in force on the hosts."""
    from mcp_bridge.hosts import plans
    from mcp_bridge.runs.task import Scope

    fleet = service.fleet()

    def work(progress: Progress, cancel: threading.Event) -> PlansInForce:
        return plans.read(fleet, Scope(limit=args.limit, progress=progress, cancel=cancel))

    return follow(work, quiet=args.json)


def _show(found: PlansInForce, *, whole: bool) -> None:
    """Print the plans for people: a line for each, or for each of their settings."""
    each = [(host, plan) for host, plans in found.hosts.items() for plan in plans]
    if not each:
        say("There is no such plan." if whole else "No plan is in force.")
    elif whole:
        rows = [
            (host, section.path, ", ".join(section.ifaces), _value(section.value))
            for host, plan in each
            for section in plan.sections
        ]
        table(("HOST", "SETTING", "INTERFACES", "VALUE"), rows)
    else:
        table(
            ("HOST", "PLAN", "DIGEST", "SINCE", "BY", "CHECKPOINT", "SETS"), (_row(host, plan) for host, plan in each)
        )
    for host, why in found.unanswered.items():
        say(f"{host}: no answer: {why}")


def _row(host: str, plan: PlanInForce) -> tuple[str, ...]:
    paths = dict.fromkeys(section.path.partition(".")[0] for section in plan.sections)
    told = (plan.name or "(without a name)", (plan.digest or "")[:SHORT], plan.since or "", plan.by or "")
    return (host, *told, plan.checkpoint_id or "", ", ".join(paths))


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]} ..."


def _remove(args: argparse.Namespace) -> int:
    from mcp_bridge.runs.apply_options import ApplyOptions

    service = options.service_of(args)
    chosen = ApplyOptions(dry_run=args.check, label=args.label, confirm_timeout_s=args.confirm_timeout)

    def told() -> list[str]:
        from mcp_bridge.consent.consent_text import about_removal

        found = _in_force(args, service)
        confirm_s = service.policy.validation_limits.confirm_timeout_default_s
        hosts = consent.hosts(service, args.limit)
        return [line for name in args.names for line in about_removal(name, hosts, found, chosen, confirm_s=confirm_s)]

    consent.agree(args, service, told)
    return carry_out(args, lambda service, scope: service.begin_removal(args.names, chosen, scope), service=service)
