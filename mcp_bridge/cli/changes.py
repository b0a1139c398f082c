# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: PLC0415 - what a command needs is loaded by that command: `netopt --help` is quick

"""``netopt apply``, ``confirm`` and ``rollback``."""

from __future__ import annotations

import argparse
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mcp_bridge.cli import consent, options, rollouts
from mcp_bridge.cli.output import say_json, show_report
from mcp_bridge.cli.progress import Progress, follow

if TYPE_CHECKING:
    from mcp_bridge.models import RenderedPlan
    from mcp_bridge.planning.checked_plan import CheckedPlan
    from mcp_bridge.planning.host_plans import HostPlans
    from mcp_bridge.planning.plan_set import PlanSet
    from mcp_bridge.runs.execute import Started
    from mcp_bridge.runs.task import Scope
    from mcp_bridge.service import Service

WITH_THE_ROLLOUT = (
    *(
        "plan",
        "rendered",
        "profile",
        "from_inventory",
        "iface",
        "up",
        "down",
        "overhead",
        "label",
        "confirm_timeout",
        "persist",
        "limit",
        "check",
    ),
    *rollouts.FIELDS,
)
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    apply = commands.add_parser(
        "apply",
        help="apply a plan to hosts",
        description="Apply a plan: on each host all of it holds, or the host is as it was before.",
    )
    apply.add_argument(
        "plan", metavar="PLAN", nargs="*", help="JSON or YAML file, - for standard input; several are one change"
    )
    apply.add_argument("--rendered", metavar="FILE", help="instead of PLAN: what `render --format json` printed")
    apply.add_argument("--profile", metavar="NAME", help="instead of PLAN: a profile, adapted to each host")
    options.add_from_inventory(apply)
    apply.add_argument("--iface", metavar="NAME", help="with --profile: the interface, or a glob (default: auto)")
    options.add_link(apply)
    options.add_label(apply)
    apply.add_argument(
        "--confirm-timeout",
        metavar="SECONDS",
        type=seconds,
        help="restore unless `netopt confirm` comes within SECONDS; without it, netopt confirms by itself over a new "
        "connection",
    )
    apply.add_argument("--persist", action="store_true", help="bring the change back after a restart of a host")
    rollouts.add(apply)
    options.add_hosts(apply)
    options.add_check(apply)
    consent.add(apply)
    options.add_json(apply)
    apply.set_defaults(func=_apply)

    for word, text in (
        ("confirm", "keep a change that was applied with --confirm-timeout"),
        ("rollback", "bring hosts back to the state before a change"),
    ):
        parser = commands.add_parser(word, help=text, description=f"{text[0].upper()}{text[1:]}.")
        parser.add_argument(
            "checkpoint", metavar="CHECKPOINT", type=checkpoint_id, help="as `netopt checkpoints` lists"
        )
        if word == "confirm":
            parser.add_argument(
                "--extend",
                metavar="SECONDS",
                type=seconds,
                help="do not keep it yet: restore unless it is confirmed within SECONDS from now",
            )
        options.add_hosts(parser)
        options.add_check(parser)
        if word == "rollback":
            consent.add(parser)
        options.add_json(parser)
        parser.set_defaults(func=_on_checkpoint, action=word)


def checkpoint_id(text: str) -> str:
    """Return a checkpoint's id, for argparse."""
    if not _ID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"not a checkpoint id: {text!r}")
    return text


def seconds(text: str) -> int:
    """Return a number of seconds, for argparse."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"not a whole number: {text!r}")
    return int(text)


def _apply(args: argparse.Namespace) -> int:
    if args.resume:
        return _resume(args)
    documents = _what_to_apply(args)
    rollout = rollouts.asked(args)

    from mcp_bridge.runs.apply_options import ApplyOptions

    service = options.service_of(args)
    plan = _permitted(args, documents, service)
    chosen = ApplyOptions(
        dry_run=args.check,
        label=args.label,
        confirm_timeout_s=args.confirm_timeout,
        persist=args.persist,
        rollout=rollout,
    )
    consent.agree(args, service, lambda: consent.about_plans(plan, chosen, service, limit=args.limit))
    return carry_out(
        args, lambda service, scope: _announced(args, service.begin_apply(plan, chosen, scope)), service=service
    )


def _permitted(
    args: argparse.Namespace, documents: list[dict[str, Any]], service: Service
) -> CheckedPlan | PlanSet | HostPlans:
    """Return what may be applied; who gets which plan is said before the first host is touched."""
    from mcp_bridge.runs.task import Scope

    scope = Scope(limit=args.limit)
    if not args.from_inventory:
        asked = [_as_rendered(args.rendered, one) if args.rendered else one for one in documents]
        return service.check_several(asked, scope)
    plans = service.check_inventory(scope)
    if not args.json:
        sys.stderr.writelines(f"netopt: {line}\n" for line in plans.headings())
    return plans


def _resume(args: argparse.Namespace) -> int:
    """Go on with a rollout; all that it does was said when it was begun."""
    given = [name for name in WITH_THE_ROLLOUT if getattr(args, name) not in (None, False, [])]
    if given:
        raise options.UsageError(
            f"--resume goes on with what was asked for then; it does not go with {given[0].replace('_', '-')}",
            hint="Apply a plan anew to ask for something else.",
        )
    return carry_out(
        args,
        lambda service, scope: _announced(
            args, service.begin_resumption(args.resume, replace(scope, inventory=args.inventory))
        ),
    )


def _announced(args: argparse.Namespace, started: Started) -> Started:
    """Say by which id a rollout is found again, before anything can interrupt it."""
    if "netopt_waves" in started.task.extravars and not args.check:
        run_id = started.record.run_id
        sys.stderr.write(
            f"netopt: rollout {run_id}; should it be interrupted: netopt apply --resume {run_id}, "
            f"or netopt rollback {started.record.checkpoint_id}\n"
        )
    return started


def _on_checkpoint(args: argparse.Namespace) -> int:
    put_off = getattr(args, "extend", None)
    if put_off is not None:
        return carry_out(
            args,
            lambda service, scope: service.begin_extension(
                checkpoint_id=args.checkpoint, seconds=put_off, scope=scope, check=args.check
            ),
        )
    service = options.service_of(args)
    if args.action == "rollback":
        consent.agree(args, service, lambda: consent.about_checkpoint("rollback", args.checkpoint, service, args.limit))
    return carry_out(
        args,
        lambda service, scope: service.begin(args.action, checkpoint_id=args.checkpoint, scope=scope, check=args.check),
        service=service,
    )


def carry_out(
    args: argparse.Namespace, begin: Callable[[Service, Scope], Started], *, service: Service | None = None
) -> int:
    """Begin a change, follow it, print its report and return the exit status."""
    from mcp_bridge.models import ChangeReport
    from mcp_bridge.runs import report as run_report
    from mcp_bridge.runs.task import Scope

    service = service or options.service_of(args)

    def work(progress: Progress, cancel: threading.Event) -> ChangeReport:
        return service.finish(begin(service, Scope(limit=args.limit, progress=progress, cancel=cancel)))

    report = follow(work, quiet=args.json)
    if args.json:
        say_json(report)
    else:
        show_report(report, diff=getattr(args, "diff", False), inventory=args.inventory)
    return run_report.exit_code(report)


def _what_to_apply(args: argparse.Namespace) -> list[dict[str, Any]]:
    given = [name for name in ("plan", "rendered", "profile", "from_inventory") if getattr(args, name)]
    if len(given) != 1:
        raise options.UsageError("Give exactly one of PLAN, --rendered FILE, --profile NAME and --from-inventory")
    if args.from_inventory:
        return []
    if args.iface and not args.profile:
        raise options.UsageError("--iface goes with --profile", hint="A plan names its interface itself.")
    link = options.link_of(args)
    if link and not args.profile:
        raise options.UsageError("--up and --down go with --profile", hint="A plan says its link itself.")
    if args.profile:
        rationale = [f"netopt apply --profile {args.profile}"]
        told = {"link": link} if link else {}
        return [{"iface": args.iface or "auto", "profile": args.profile, **told, "rationale": rationale}]
    return [options.read_document(name) for name in args.plan or [args.rendered]]


def _as_rendered(name: str, document: dict[str, Any]) -> RenderedPlan:
    from pydantic import ValidationError

    from mcp_bridge.models import RenderedPlan

    try:
        return RenderedPlan.model_validate(document)
    except ValidationError as error:
        issue = error.errors(include_input=False)[0]
        place = ".".join(map(str, issue["loc"]))
        raise options.UsageError(
            f"{name} is not a rendered plan: {place}: {issue['msg']}",
            hint="Make it with `netopt render --format json`.",
        ) from None
