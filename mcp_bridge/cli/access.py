# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ruff: noqa: PLC0415 - what a command needs is loaded by that command: `netopt --help` is quick

"""``netopt access``: checks an access file, and makes tokens for it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mcp_bridge.cli.output import say, table
from mcp_bridge.exit_codes import EXIT_DONE


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    parser = commands.add_parser(
        "access",
        help="who may do what over MCP",
        description="Check an access file and make tokens for it (docs/access.md).",
    )
    verbs = parser.add_subparsers(metavar="VERB", dest="verb", required=True)
    check = verbs.add_parser("check", help="check an access file and show its callers")
    check.add_argument("file", metavar="FILE", type=Path)
    check.set_defaults(func=_check)
    token = verbs.add_parser(
        "token",
        help="make a token",
        description="Make a token: it is printed on standard output, once; what belongs in the access file is printed"
        " on standard error.",
    )
    token.add_argument("caller", metavar="CALLER", help="the caller's name in the access file")
    token.set_defaults(func=_token)


def _check(args: argparse.Namespace) -> int:
    from mcp_bridge.access.loader import load_access

    access = load_access(args.file)
    rows = [
        (rule.name, " ".join(rule.scopes), " ".join(rule.hosts), " ".join(rule.profiles), " ".join(rule.cards))
        for rule in access.callers
    ]
    table(("CALLER", "SCOPES", "HOSTS", "PROFILES", "CARDS"), rows)
    return EXIT_DONE


def _token(args: argparse.Namespace) -> int:
    from mcp_bridge.access.models import LOCAL, is_caller_name
    from mcp_bridge.access.static_tokens import new_token
    from mcp_bridge.cli.options import UsageError

    if not is_caller_name(args.caller) or args.caller == LOCAL:
        raise UsageError(f"Not a name for a caller: {args.caller!r}", hint="Use letters, digits and ._@|:/+-")
    token, digest = new_token()
    sys.stderr.write(f"authentication:\n  tokens:\n    - {{caller: '{args.caller}', sha256: {digest}}}\n")
    say(token)
    return EXIT_DONE
