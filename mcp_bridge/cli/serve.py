# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: PLC0415 - what a command needs is loaded by that command: `netopt --help` is quick

"""``netopt serve``: the MCP server."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from mcp_bridge import http_address
from mcp_bridge.cli import options
from mcp_bridge.exit_codes import EXIT_DONE


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "serve", help="speak MCP to an agent", description="Serve MCP on standard input and output."
    )
    options.add_inventory(parser)
    parser.add_argument(
        "--http",
        metavar="HOST:PORT",
        type=_address,
        help="streamable HTTP instead, at /mcp: for this user's processes, or with --access for whoever has a token"
        " (default: NETOPT_HTTP)",
    )
    parser.add_argument(
        "--known-as",
        metavar="NAME",
        action="append",
        default=[],
        help="a further name by which clients reach the server over HTTP",
    )
    parser.add_argument(
        "--access",
        metavar="FILE",
        type=Path,
        help="who may do what (docs/access.md; default: NETOPT_ACCESS)",
    )
    parser.add_argument(
        "--consent",
        choices=("always", "when-possible", "never"),
        help="whether a person confirms each change through the client: always, which a client that cannot ask is"
        " denied; when-possible; or never (default: NETOPT_CONSENT, then always; the access file says otherwise for"
        " its callers)",
    )
    parser.add_argument("--read-only", action="store_true", help="leave out the tools that change hosts")
    parser.add_argument(
        "--toolsets",
        metavar="SET,...",
        type=_toolsets,
        help="tools that are listed: core, discovery, audit, all (default: NETOPT_TOOLSETS, then core); a client finds"
        " and calls the others by two tools",
    )
    parser.add_argument("--output-schemas", action="store_true", help="list the schemas of answers as well")
    parser.set_defaults(func=_serve)


def _address(text: str) -> tuple[str, int]:
    try:
        return http_address.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _toolsets(text: str) -> tuple[str, ...]:
    from mcp_bridge.settings import TOOLSETS

    words = tuple(text.replace(",", " ").split())
    unknown = sorted(set(words) - set(TOOLSETS))
    if unknown or not words:
        wrong = f"there is no toolset {unknown[0]!r}" if unknown else "no toolset is named"
        raise argparse.ArgumentTypeError(f"{wrong}; there are: {', '.join(TOOLSETS)}")
    return words


def _serve(args: argparse.Namespace) -> int:
    try:
        from mcp_bridge.mcp_server import server  # the one way into what takes the packages of the extra
    except ModuleNotFoundError as missing:
        raise _explained(missing) from None
    from mcp_bridge.access.context import Terms
    from mcp_bridge.runs.spare_worker import SpareWorker
    from mcp_bridge.service import Service, login

    settings = options.settings_of(args)
    if args.read_only:
        settings = replace(settings, read_only=True)
    if args.toolsets:
        settings = replace(settings, toolsets=args.toolsets)
    if args.output_schemas:
        settings = replace(settings, output_schemas=True)
    spare = SpareWorker()
    if not settings.read_only:
        spare.prepare()
    service = Service(settings, caller=login(), detached=True, spare=spare)
    service.history.recover_in_background()
    terms = Terms(access_file=args.access or settings.access, consent=args.consent or settings.consent)
    address = args.http or settings.http
    if address:
        host, port = address
        server.serve_http(service, host=host, port=port, terms=terms, known_as=args.known_as)
    else:
        server.serve_stdio(service, terms=terms)
    return EXIT_DONE


def _explained(missing: ModuleNotFoundError) -> Exception:
    """Return what to tell of a package that the server lacks; a module of netopt's own that is lacking is a defect."""
    package = (missing.name or "").partition(".")[0]
    if package in {"", "mcp_bridge", "ansible_collections"}:
        return missing
    return options.UsageError(f"serve needs {package}, which is not installed; in a checkout: pip install '.[mcp]'")
