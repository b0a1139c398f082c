# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: PLC0415 - what a command needs is loaded by that command: `netopt --help` is quick

"""``netopt policy``: checks an organisation's policy, and prints cards to start from."""

from __future__ import annotations

import argparse
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_bridge.cli import options
from mcp_bridge.cli.output import say, say_json
from mcp_bridge.exit_codes import EXIT_DONE, EXIT_FAILED

if TYPE_CHECKING:
    from mcp_bridge.cli.progress import Progress
    from mcp_bridge.hosts.query import Answers


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    policy = commands.add_parser(
        "policy", help="check a policy, or begin a card for it", description="What plans may ask for."
    )
    parts = policy.add_subparsers(metavar="COMMAND", dest="part", required=True)

    check = parts.add_parser(
        "check",
        help="check a policy, and tell all that is wrong with it",
        description="Lay a policy over the shipped one and check both. Every fault is told, with file, line and path.",
    )
    check.add_argument("folder", metavar="DIR", nargs="?", type=Path, help="default: NETOPT_POLICY_DIR")
    options.add_json(check)
    check.set_defaults(func=_check)

    card = parts.add_parser(
        "card",
        help="print a card of a sysctl key to start from",
        description="Print a card of a sysctl key that loads as it is. With an inventory it holds the values that "
        "hosts have; nothing is changed on them.",
    )
    card.add_argument("key", metavar="KEY", help="such as vm.min_free_kbytes or net.ipv4.conf.{iface}.rp_filter")
    options.add_hosts(card, asks=False)
    card.set_defaults(func=_card)


def _check(args: argparse.Namespace) -> int:
    from mcp_bridge.policy import PolicyError, load_policy

    folder = args.folder or options.settings_of(args).policy_dir
    try:
        policy = load_policy(folder)
    except PolicyError as error:
        if args.json:
            faults = [
                {"file": str(fault.file), "line": fault.line, "path": fault.path, "message": fault.problem}
                for fault in error.faults
            ]
            say_json({"ok": False, "faults": faults})
        else:
            for fault in error.faults:
                say(fault.message)
            say(f"The policy is refused: {len(error.faults)} fault{'s' if len(error.faults) > 1 else ''}.")
        return EXIT_FAILED
    counts = {"cards": len(policy.cards), "sysctl": len(policy.sysctl_cards), "profiles": len(policy.profiles)}
    if args.json:
        say_json({"ok": True, "faults": [], "directory": str(policy.directory), **counts, "digest": policy.digest})
    else:
        say(
            f"The policy of {policy.directory} is good: {counts['cards']} cards, {counts['sysctl']} sysctl keys and "
            f"families, {counts['profiles']} profiles."
        )
    return EXIT_DONE


def _card(args: argparse.Namespace) -> int:
    from mcp_bridge.policy import load_policy
    from mcp_bridge.policy.card_draft import draft
    from mcp_bridge.policy.sysctl_keys import key_problem
    from mcp_bridge.validator.sysctl_value import canonical_key, spelling_problem

    settings = options.settings_of(args)
    problem = spelling_problem(args.key)
    key = args.key if problem else canonical_key(args.key)
    problem = problem or key_problem(key)
    if problem:
        raise options.UsageError(problem, hint="Name a key as sysctl does, such as vm.min_free_kbytes.")
    found = _values(args, key) if args.inventory or args.limit else {}
    say(draft(key, found, load_policy(settings.policy_dir)))
    return EXIT_DONE


def _values(args: argparse.Namespace, key: str) -> dict[str, str | None]:
    """Return the value of a key by host; of a family, that of each place that every host has."""
    from mcp_bridge.cli.progress import follow
    from mcp_bridge.hosts import query
    from mcp_bridge.policy.sysctl_keys import IFACE
    from mcp_bridge.runs.task import Scope

    keys = [key.replace(IFACE, place) for place in ("all", "default", "lo")] if IFACE in key else [key]
    fleet = options.service_of(args).fleet()

    def work(progress: Progress, cancel: threading.Event) -> Answers:
        scope = Scope(limit=args.limit, progress=progress, cancel=cancel)
        return query.whole(fleet, "sysctl_get", scope, arguments={"keys": keys})

    answers = follow(work, quiet=False)
    problem = query.all_failed(answers)
    if problem:
        raise problem
    found: dict[str, str | None] = {}
    for host, answer in answers.hosts.items():
        values = answer.data if isinstance(answer.data, dict) else {}
        for name in keys:
            label = host if len(keys) == 1 else f"{host} ({name})"
            if not answer.error:
                value = values.get(name)
                found[label] = None if value is None else " ".join(str(value).split())
    return found
