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
from typing import TYPE_CHECKING, Any

from mcp_bridge.errors import NetoptBridgeError

if TYPE_CHECKING:
    from mcp_bridge.planning.host_plans import HostPlans
    from mcp_bridge.service import Service
    from mcp_bridge.settings import Settings

OF_INVENTORIES = {"netopt_plan", "netopt_plans"}


class UsageError(NetoptBridgeError):
    """The command line, or a file that it names, cannot be used."""


def add_inventory(parser: argparse.ArgumentParser) -> None:
    """Add ``-i`` alone."""
    parser.add_argument(
        "-i", "--inventory", metavar="INVENTORY", help="Ansible inventory (default: NETOPT_INVENTORY, then ansible.cfg)"
    )


def add_hosts(parser: argparse.ArgumentParser, *, asks: bool = True) -> None:
    """Add ``-i`` and ``-l``.

    Args:
        parser: of the command.
        asks: whether the command asks the hosts as a rule, by a run of Ansible.
    """
    parser.set_defaults(asks_hosts=asks)
    add_inventory(parser)
    parser.add_argument("-l", "--limit", metavar="PATTERN", help="only the hosts that this Ansible pattern matches")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def add_label(parser: argparse.ArgumentParser, text: str = "a name for the checkpoint") -> None:
    """Add ``--label``."""
    parser.add_argument("--label", metavar="TEXT", type=_label, help=text)


def _label(text: str) -> str:
    """Return a label, for argparse; one that is not in the terminal's encoding could not be written down."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("not text in the encoding of the locale") from None
    return text


def add_check(parser: argparse.ArgumentParser) -> None:
    """Add ``--check`` and ``--diff``."""
    parser.add_argument("--check", action="store_true", help="say what would change and change nothing")
    parser.add_argument("--diff", action="store_true", help="show each difference")


def add_from_inventory(parser: argparse.ArgumentParser, *, instead_of: str = "PLAN") -> None:
    """Add ``--from-inventory``."""
    parser.add_argument(
        "--from-inventory",
        action="store_true",
        help=f"instead of {instead_of}: the plan that the variable netopt_plan of each host says, templates evaluated",
    )


def add_link(parser: argparse.ArgumentParser) -> None:
    """Add ``--up``, ``--down`` and ``--overhead``."""
    parser.add_argument("--up", metavar="MBIT", type=float, help="with a profile: what the uplink sends, as measured")
    parser.add_argument("--down", metavar="MBIT", type=float, help="with --up: what arrives by the uplink")
    parser.add_argument("--overhead", metavar="BYTES", type=int, help="with --up: what the uplink adds to each packet")


def link_of(args: argparse.Namespace) -> dict[str, float] | None:
    """Return the uplink that the command line tells of, as a plan has it; ``None`` where it tells of none.

    Raises:
        UsageError: it tells of one way alone.
    """
    if args.up is None and args.down is None and args.overhead is None:
        return None
    if args.up is None or args.down is None:
        raise UsageError("An uplink has two ways", hint="Give both --up MBIT and --down MBIT, as a speed test says.")
    overhead = {} if args.overhead is None else {"overhead_bytes": args.overhead}
    return {"up_mbit": args.up, "down_mbit": args.down, **overhead}


def plans_of_inventory(args: argparse.Namespace) -> HostPlans:
    """Return the plans that the inventory's variables give each host.

    Raises:
        NetoptBridgeError: AWX has the inventory, and none is named.
        InventoryError, PlanError: as ``inventory_plans.read`` does.
    """
    from mcp_bridge.planning import inventory_plans  # noqa: PLC0415  # few commands read them
    from mcp_bridge.policy import load_policy  # noqa: PLC0415  # the same

    settings = settings_of(args)
    if not args.inventory:
        inventory_plans.refuse_awx(settings)
    return inventory_plans.read(settings.inventory, limit=args.limit, policy=load_policy(settings.policy_dir))


def settings_of(args: argparse.Namespace) -> Settings:
    """Return the environment's settings with the command line's laid over them."""
    from mcp_bridge.settings import Settings  # noqa: PLC0415  # pydantic comes with it

    settings = Settings.from_env()
    inventory = getattr(args, "inventory", None)
    return replace(settings, inventory=inventory) if inventory else settings


def service_of(args: argparse.Namespace) -> Service:
    """Return the installation on behalf of the user who typed the command."""
    from mcp_bridge.service import Service, login  # noqa: PLC0415  # not every command needs it

    return Service(settings_of(args), caller=f"cli {login()}")


def read_document(name: str) -> dict[str, Any]:
    """Return the JSON or YAML object in a file, ``-`` for standard input.

    Raises:
        UsageError: there is no such file, it is not read, or there is no object in it.
    """
    from mcp_bridge.documents import DocumentError, parse  # noqa: PLC0415  # not every command reads one

    try:
        data = parse(_read(name), name=name)
    except json.JSONDecodeError as problem:
        raise UsageError(f"{name} is not JSON: {problem}", hint="Mend the file; YAML is accepted as well.") from None
    except DocumentError as problem:
        raise UsageError(problem.message, hint=problem.hint) from None
    except OSError as error:
        raise UsageError(
            f"{name} cannot be read: {error.strerror}",
            hint="Give the path of a file that is there, or - for standard input.",
        ) from None
    if not isinstance(data, dict):
        raise UsageError(
            f"{name} holds {_kind(data)} where an object is wanted",
            hint="A plan looks like iface: eth0, changes: {...}",
        )
    if data and data.keys() <= OF_INVENTORIES:
        raise UsageError(
            f"{name} holds {' and '.join(sorted(data))}: variables of an inventory, and no plan by itself",
            hint="Put it into group_vars or host_vars and use --from-inventory, or write each plan into its own file.",
        )
    return data


def _read(name: str) -> str:
    from mcp_bridge.documents.errors import BYTES_MAX  # noqa: PLC0415  # not every command reads one
    from mcp_bridge.documents.files import decoded, read_file  # noqa: PLC0415  # the same

    if name == "-":
        return decoded(sys.stdin.buffer.read(BYTES_MAX + 1), name=name)
    return read_file(Path(name))


def _kind(data: Any) -> str:
    return {list: "a list", str: "text", type(None): "nothing"}.get(type(data), type(data).__name__)
