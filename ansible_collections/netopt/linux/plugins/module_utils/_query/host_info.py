# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gathers what a host has now: facts and the state of what netopt can change. Reads only."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .._checkpoint.store import Store
from .._common.errors import NetoptError
from .._common.interfaces import host_interfaces
from .._common.report import one_line
from .._host import facts as host_facts
from .._link import kernel as link_kernel
from .._plan.nic_words import GROUPS, OF_LINK
from .._sysctl import observe as sysctl_observe
from .._sysctl.keys import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .._host.commands import Tools

TABLE = ("inet", "netopt")
_VERSIONS = {"ip": "-V", "tc": "-V", "nft": "-v", "ethtool": "--version", "sysctl": "--version"}


def links(ifaces: Sequence[str], tools: Tools) -> dict[str, Any]:
    """Return MTU, offloads and queues of interfaces, by name."""
    groups = [*GROUPS, *OF_LINK]
    scope = {"ifaces": list(ifaces), "features": True, "ipv6": False, "nic": groups, "steering": True}
    state = link_kernel.observe(scope, tools)
    return {iface: state["links"][iface] for iface in ifaces}


def traffic_control(ifaces: Sequence[str], tools: Tools) -> dict[str, dict[str, list[str]]]:
    """Return the lines of ``tc -d`` on the qdiscs, classes and filters of interfaces, by name.

    As text: ``tc -j`` of iproute2 6.1 still prints classes as text.
    """
    return {
        iface: {
            kind: [
                line.rstrip()
                for line in tools.run(["tc", "-d", kind, "show", "dev", iface], stage="observe").stdout.splitlines()
            ]
            for kind in ("qdisc", "class", "filter")
        }
        for iface in ifaces
    }


def firewall(tools: Tools) -> str | None:
    """Return the listing of table ``inet netopt``, ``None`` where there is no such table."""
    tables = json.loads(tools.run(["nft", "-j", "list", "tables"], stage="observe").stdout)["nftables"]
    if not any((entry.get("table", {}).get("family"), entry.get("table", {}).get("name")) == TABLE for entry in tables):
        return None
    return tools.run(["nft", "list", "table", *TABLE], stage="observe").stdout


def versions(tools: Tools) -> dict[str, str | None]:
    """Return the first line that each tool says of its version, ``None`` for one that is not installed."""
    found: dict[str, str | None] = {}
    for tool, flag in _VERSIONS.items():
        try:
            done = tools.run([tool, flag], stage="facts", check=False)
        except NetoptError:
            found[tool] = None
        else:
            found[tool] = next(iter((done.stdout or done.stderr).splitlines()), None)
    return found


def _beyond_defaults() -> dict[str, list[str | None]]:
    from .beyond_defaults import beyond_defaults  # noqa: PLC0415 - asked for by those who move to netopt alone

    return beyond_defaults()


def _devices(tools: Tools) -> dict[str, Any]:
    from .devices import devices  # noqa: PLC0415 - as above

    return devices(tools)


def gather(
    *, subsets: Sequence[str], ifaces: Sequence[str], sysctl: Sequence[str], tools: Tools
) -> tuple[dict[str, Any], list[str]]:
    """Return what is asked for, and what could not be read.

    Args:
        subsets: some of the readers below, by name.
        ifaces: the interfaces for ``link`` and ``tc``; ``auto`` is that of the default route.
        sysctl: the keys for ``sysctl`` and for ``sysctl`` of the facts; an absent one is ``None``.
        tools: runs the programs.

    Returns:
        ``{subset: what was found, None where it could not be read}`` and one line for each of the latter.
    """

    def named() -> tuple[str, ...]:
        return host_interfaces(ifaces, host_facts.gather())

    readers: dict[str, Callable[[], Any]] = {
        "facts": lambda: host_facts.gather(sysctl=sysctl),
        "link": lambda: links(named(), tools),
        "tc": lambda: traffic_control(named(), tools),
        "nft": lambda: firewall(tools),
        "sysctl": lambda: {canonical(key): sysctl_observe.read(key) for key in sysctl},
        "checkpoints": lambda: [asdict(header) for header in Store().headers()],
        "versions": lambda: versions(tools),
        "beyond_defaults": _beyond_defaults,
        "devices": lambda: _devices(tools),
    }
    found: dict[str, Any] = {}
    problems = []
    for subset, read in readers.items():
        if subset not in subsets:
            continue
        try:
            found[subset] = read()
        except NetoptError as error:
            found[subset] = None
            problems.append(f"{subset}: {one_line(error.as_dict())}")
    return found, problems
