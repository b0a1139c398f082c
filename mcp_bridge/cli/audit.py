# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ruff: noqa: PLC0415 - what a command needs is loaded by that command: `netopt --help` is quick

"""``netopt audit``: the log of who asked for what, and whether it is whole."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from mcp_bridge.cli import options
from mcp_bridge.cli.options import UsageError
from mcp_bridge.cli.output import say, say_json, table
from mcp_bridge.exit_codes import EXIT_DONE, EXIT_FAILED

if TYPE_CHECKING:
    from mcp_bridge.audit.log import AuditEntry, AuditLog

HASH_SHOWN = 12


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    parser = commands.add_parser(
        "audit", help="read and verify the audit log", description="Read and verify the audit log (docs/access.md)."
    )
    verbs = parser.add_subparsers(metavar="VERB", dest="verb", required=True)
    verify = verbs.add_parser(
        "verify",
        help="say whether every entry is as it was written",
        description="Read the whole log and say whether every entry is as it was written. The exit status is 1 when"
        " one is not. The head that is printed can be noted down elsewhere and be given back later.",
    )
    verify.add_argument("--anchor", metavar="HEAD", help="a head that was noted down: the log must still hold it")
    options.add_json(verify)
    verify.set_defaults(func=_verify)
    for name, words in (("list", "show the newest entries"), ("search", "show the newest entries with a text")):
        verb = verbs.add_parser(name, help=words, description=f"{words.capitalize()}, oldest first.")
        if name == "search":
            verb.add_argument("text", metavar="TEXT", help="text to look for anywhere in an entry, in any case")
            verb.add_argument("--all", action="store_true", help="look at more than the last 200,000 entries")
        verb.add_argument("-n", "--limit", metavar="N", type=_count, default=50, help="how many (default: 50)")
        options.add_json(verb)
        verb.set_defaults(func=_show)
    rotate = verbs.add_parser(
        "rotate",
        help="close the file and begin another",
        description="Close the log's file and begin another one that goes on from it. A file whose end is damaged is"
        " put aside in the same way; `netopt audit verify` goes on telling of the damage.",
    )
    rotate.set_defaults(func=_rotate)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"not a number from 1 to 1000000: {text!r}")
    return int(text)


def _log(args: argparse.Namespace) -> AuditLog:
    from mcp_bridge.audit.log import AuditLog

    return AuditLog(options.settings_of(args).audit_file)


def _verify(args: argparse.Namespace) -> int:
    from mcp_bridge.audit.chain import Head

    anchor = Head.parse(args.anchor) if args.anchor is not None else None
    if args.anchor is not None and anchor is None:
        raise UsageError(f"Not a head: {args.anchor!r}", hint="Give what `netopt audit verify` printed, NUMBER:HASH.")
    log = _log(args)
    damage, head = log.check(anchor=anchor)
    if args.json:
        told, hint = (str(damage), damage.hint) if damage else (None, None)
        say_json({"intact": damage is None, "head": str(head), "damage": told, "hint": hint})
    elif damage is None:
        say(f"{log.path}: {head.sequence} entries, all as they were written")
        say(f"head {head}")
    else:
        sys.stderr.write(f"netopt: {damage}\n" + (f"  hint: {damage.hint}\n" if damage.hint else ""))
    return EXIT_DONE if damage is None else EXIT_FAILED


def _show(args: argparse.Namespace) -> int:
    log = _log(args)
    if args.verb == "list":
        found = log.entries(limit=args.limit)
    else:
        scan = sys.maxsize if args.all else None
        found = log.find(args.text, limit=args.limit, scan=scan) if scan else log.search(args.text, limit=args.limit)
    if args.json:
        say_json([entry.model_dump(mode="json") for entry in found])
        return EXIT_DONE
    table(("NO", "TIME", "CALLER", "WHAT", "OUTCOME", "MORE"), (_row(entry) for entry in found))
    return EXIT_DONE


def _row(entry: AuditEntry) -> tuple[str, ...]:
    """Return an entry for people; what callers wrote does not reach the terminal as it is."""
    what = f"{entry.action} {entry.subject}" if entry.subject else entry.action
    hosts = ", ".join(f"{name}={status}" for name, status in entry.hosts.items())
    said = str(entry.detail.get("error") or entry.detail.get("reason") or "")
    more = (entry.run_id or "", hosts, (entry.plan_digest or "")[:HASH_SHOWN], said)
    cells = (str(entry.sequence), f"{entry.time:%Y-%m-%d %H:%M:%S}", entry.caller, what, entry.outcome)
    return tuple(_plain(cell) for cell in (*cells, " ".join(filter(None, more))))


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _rotate(args: argparse.Namespace) -> int:
    say(f"Closed {_log(args).rotate()}")
    return EXIT_DONE
