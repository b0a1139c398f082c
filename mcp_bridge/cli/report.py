# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ruff: noqa: PLC0415 - what a command needs is loaded by that command: `netopt --help` is quick

"""``netopt report``: a run as one page to read, or as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_bridge.cli import options
from mcp_bridge.cli.output import say
from mcp_bridge.errors import NetoptBridgeError
from mcp_bridge.exit_codes import EXIT_DONE

if TYPE_CHECKING:
    from mcp_bridge.report_page.content import Page


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "report",
        help="write a run down as one page to read",
        description="Write what came of a run to one HTML file that needs nothing else: its waves, what changed, "
        "measurements before and after, conflicts, failures and every host (docs/reports.md). The exit status tells "
        "whether the page was made, not how the run went.",
    )
    parser.add_argument("run", metavar="RUN", nargs="?", help="id of the run (default: the latest change)")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="where to; - is standard output (default: netopt-RUN.html)"
    )
    options.add_inventory(parser)
    parser.add_argument("--json", action="store_true", help="the same as one JSON object; default: standard output")
    parser.set_defaults(func=_report)


def _report(args: argparse.Namespace) -> int:
    from mcp_bridge.report_page import build, source

    record, report = source.find(options.service_of(args).history, args.run)
    page = build.page(record, report)
    text = f"{json.dumps(build.as_json(page, report), indent=2, ensure_ascii=False)}\n" if args.json else _html(page)
    output = args.output or ("-" if args.json else f"netopt-{record.run_id}.html")
    if output == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    else:
        _write(Path(output), text)
        say(output)
    return EXIT_DONE


def _write(path: Path, text: str) -> None:
    """Write a file that only its owner reads: it tells hosts and their settings. A device or a pipe is written to."""
    from mcp_bridge import atomic_files

    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    try:
        atomic_files.write(path, text)
    except OSError as error:
        raise NetoptBridgeError(
            f"{path}: {error.strerror or error}", hint="Name a file in a folder that is there, with --output."
        ) from None


def _html(page: Page) -> str:
    from mcp_bridge.report_page import render

    return render.html(page)
