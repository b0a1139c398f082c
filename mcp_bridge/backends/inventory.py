# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads an Ansible inventory for its hosts and groups, and checks host patterns before they reach Ansible."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mcp_bridge import untrusted_text
from mcp_bridge.backends import ansible_environment
from mcp_bridge.errors import InventoryError
from mcp_bridge.models.base import Strict

TIMEOUT_S = 60
# Ansible's own pattern language without @FILE, which reads a file, and ~REGEX
_PATTERN = re.compile(r"[A-Za-z0-9_*?!&\[.:][A-Za-z0-9_*?!&\[\].:,/-]*")
_SHOWN = ("ansible_host", "ansible_port", "ansible_user", "ansible_connection", "netopt_labels", "netopt_link")


class InventoryHost(Strict):
    """One host of the inventory, without its secrets."""

    name: str
    """The name by which patterns find it."""
    groups: list[str] = []
    """The groups it is in, sorted."""
    variables: dict[str, Any] = {}
    """Address, port, user, connection, labels and uplink, where set."""


def check_pattern(pattern: str | None) -> str | None:
    """Return the host pattern for ``--limit``, ``None`` for all hosts.

    Raises:
        InventoryError: it is not a plain pattern; ``@file`` and options never reach Ansible.
    """
    if pattern is None or pattern.strip() in {"", "all", "*"}:
        return None
    text = pattern.strip()
    if not _PATTERN.fullmatch(text):
        raise InventoryError(
            f"Not a host pattern: {pattern!r}",
            hint="Use names and groups joined by ',' or ':', with * ? [1:3], :& and :! as in Ansible.",
        )
    return text


def read(inventory: str | None, *, limit: str | None = None) -> list[InventoryHost]:
    """Return the hosts of ``inventory`` that ``limit`` matches, sorted by name.

    Raises:
        InventoryError: the inventory cannot be read, holds no host, or none matches.
    """
    data = _list(inventory, limit=check_pattern(limit))
    hostvars: dict[str, dict[str, Any]] = data.get("_meta", {}).get("hostvars", {})
    groups: dict[str, set[str]] = {}
    for group, content in data.items():
        if group not in {"_meta", "all", "ungrouped"}:
            for host in _members(data, group, seen=set()):
                groups.setdefault(host, set()).add(group)
        for host in content.get("hosts", []) if group != "_meta" else []:
            groups.setdefault(host, set())
    if not groups:
        raise no_match(limit, inventory=inventory)
    return [
        InventoryHost(
            name=host,
            groups=sorted(groups[host]),
            variables={key: hostvars[host][key] for key in _SHOWN if key in hostvars.get(host, {})},
        )
        for host in sorted(groups)
    ]


def missing(inventory: str) -> InventoryError:
    """Return the error for an inventory that is not there."""
    return InventoryError(
        f"There is no inventory {inventory}", hint="Give an inventory's path with -i or NETOPT_INVENTORY."
    )


def no_match(limit: str | None, *, inventory: str | None) -> InventoryError:
    """Return the error for a pattern that matches no host, with the hosts that there are."""
    named = inventory or "the inventory of ansible.cfg"
    known: Iterable[str] = ()
    if limit is not None:
        try:
            known = [host.name for host in read(inventory)]
        except InventoryError as error:
            return error
    if not known:
        return InventoryError(
            f"There is no host in {named}",
            hint="Give an inventory with -i or NETOPT_INVENTORY, e.g. the one that `netopt lab inventory` prints.",
        )
    names = list(known)
    shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    return InventoryError(f"No host of {named} matches {limit!r}", hint=f"Known hosts: {shown}.")


def _members(data: dict[str, Any], group: str, *, seen: set[str]) -> set[str]:
    if group in seen:
        return set()
    seen.add(group)
    content = data.get(group, {})
    found = set(content.get("hosts", []))
    for child in content.get("children", []):
        found |= _members(data, child, seen=seen)
    return found


def plans(
    inventory: str | None, *, limit: str | None = None
) -> tuple[list[dict[str, Any]], dict[str, int], dict[str, str]]:
    """Return what the variables of hosts say of their plans, templates evaluated.

    Returns:
        The different values, each an object with ``netopt_plan`` and ``netopt_plans`` where a host has them; by host,
        which of the values it has; and by host, why its variables cannot be evaluated.

    Raises:
        InventoryError: the inventory cannot be read, holds no host, or none matches.
    """
    command = [sys.executable, "-P", str(Path(__file__).with_name("plans_program.py")), "--list"]
    # of a key that is given twice the last one would win, with a warning that nobody sees
    found = _asked(command, inventory, limit=check_pattern(limit), ANSIBLE_DUPLICATE_YAML_DICT_KEY="error")
    if not found.get("hosts") and not found.get("errors"):
        raise no_match(limit, inventory=inventory)
    return found["values"], found["hosts"], found["errors"]


def _list(inventory: str | None, *, limit: str | None) -> dict[str, Any]:
    program = str(Path(sys.executable).parent / "ansible-inventory")
    return _asked([program, "--list", "--export"], inventory, limit=limit)


def _asked(command: list[str], inventory: str | None, *, limit: str | None, **more: str) -> dict[str, Any]:
    """Return what a program prints of an inventory, ``{}`` where no host matches."""
    if inventory is not None and "," not in inventory and not Path(inventory).exists():
        raise missing(inventory)
    command += ["-i", inventory] if inventory is not None else []
    command += ["--limit", limit] if limit is not None else []
    env = {**os.environ, **ansible_environment.build(os.environ, run_id="inventory", cwd=Path.cwd()), **more}
    try:
        done = subprocess.run(command, capture_output=True, check=False, encoding="utf-8", timeout=TIMEOUT_S, env=env)
    except subprocess.TimeoutExpired:
        raise InventoryError(
            f"Reading the inventory took more than {TIMEOUT_S} s", hint="Try `ansible-inventory --list` by hand."
        ) from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith(("ERROR", "[ERROR]"))]
        if any("no hosts to target" in line or "does not match any hosts" in line for line in lines):
            return {}
        text = (lines or done.stderr.strip().splitlines() or ["no message"])[0]
        raise InventoryError(f"The inventory cannot be read: {text}", hint="Try `ansible-inventory --list` by hand.")
    data: dict[str, Any] = untrusted_text.plain(json.loads(done.stdout))  # an inventory may come from a cloud's tags
    return data
