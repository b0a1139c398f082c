# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that commands share, and the documents that they name."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from mcp_bridge.errors import NetoptBridgeError
from mcp_bridge.settings import Settings

MAX_BYTES = 4 * 1024 * 1024


class UsageError(NetoptBridgeError):
    """The command line, or a file that it names, cannot be used."""


def add_inventory(parser: argparse.ArgumentParser) -> None:
    """Add ``-i`` alone."""
    parser.add_argument(
        "-i", "--inventory", metavar="INVENTORY", help="Ansible inventory (default: NETOPT_INVENTORY, then ansible.cfg)"
    )


def add_hosts(parser: argparse.ArgumentParser) -> None:
    """Add ``-i`` and ``-l``."""
    add_inventory(parser)
    parser.add_argument("-l", "--limit", metavar="PATTERN", help="only the hosts that this Ansible pattern matches")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def add_check(parser: argparse.ArgumentParser) -> None:
    """Add ``--check`` and ``--diff``."""
    parser.add_argument("--check", action="store_true", help="say what would change and change nothing")
    parser.add_argument("--diff", action="store_true", help="show each difference")


def settings_of(args: argparse.Namespace) -> Settings:
    """Return the environment's settings with the command line's laid over them."""
    settings = Settings.from_env()
    inventory = getattr(args, "inventory", None)
    return replace(settings, inventory=inventory) if inventory else settings


def read_document(name: str) -> dict[str, Any]:
    """Return the JSON or YAML object in a file, ``-`` for standard input.

    Raises:
        UsageError: there is no such file, or no such object in it.
    """
    text = _read(name)
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as problem:
        if text.lstrip().startswith(("{", "[")) and name.endswith(".json"):
            raise UsageError(
                f"{name} is not JSON: {problem}", hint="Mend the file; YAML is accepted as well."
            ) from None
        data = _yaml(name, text)
    if not isinstance(data, dict):
        raise UsageError(
            f"{name} holds {_kind(data)} where an object is wanted",
            hint="A plan looks like iface: eth0, changes: {...}",
        )
    return data


def _yaml(name: str, text: str) -> Any:
    import yaml  # noqa: PLC0415  # most plans are JSON

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  # a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise UsageError(f"{place}: {error.problem or 'not YAML'}", hint="Give a plan as JSON or YAML.") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"{name} is neither JSON nor YAML: {first}", hint="Give a plan as JSON or YAML.") from None


def _read(name: str) -> str:
    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1) if name == "-" else _start_of(Path(name))
    except OSError as error:
        raise UsageError(
            f"{name} cannot be read: {error.strerror}", hint="Give the path of a plan, or - for standard input."
        ) from None
    if len(data) > MAX_BYTES:
        raise UsageError(f"{name} is larger than {MAX_BYTES} bytes", hint="A plan is at most a few hundred kilobytes.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 at byte {error.start}", hint="Save it as UTF-8.") from None


def _start_of(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)


def _kind(data: Any) -> str:
    return {list: "a list", str: "text", type(None): "nothing"}.get(type(data), type(data).__name__)
