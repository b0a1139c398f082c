# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds interfaces that a rule cannot name: the kernel allows names that nft has no way to write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.checks import by_sender, looked_up

from .finding import Finding, Path

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = ("connection_limits", "rate_limits", "connection_tracking", "dscp")
UNQUOTABLE = frozenset('"\\')
WILDCARD = "*"  # at the end of a name, nft takes it for any ending
HINT = "Rename the interface, or leave the rules out."


def check_interface_names(iface: object, changes: dict[str, Any]) -> Iterator[Finding]:
    """Yield the names, of the plan's interfaces and in rules, that nft cannot write where rules are asked for.

    Args:
        iface: the plan's interfaces.
        changes: ``Changes`` as JSON data.
    """
    rules = changes.get("nat_rules", [])
    classes = changes.get("htb_classes", [])
    about = any(changes.get(field) for field in RULES) or looked_up(classes) or by_sender(classes)
    if about or any("iface" not in rule for rule in rules):
        many = isinstance(iface, list)
        for index, name in enumerate(iface if isinstance(iface, list) else [iface]):
            if isinstance(name, str) and UNQUOTABLE & set(name):
                yield _finding(("iface", index) if many else ("iface",), name)
    for index, rule in enumerate(rules):
        name = rule.get("iface", "")
        if UNQUOTABLE & set(name) or WILDCARD in name:
            yield _finding(("changes", "nat_rules", index, "iface"), name)


def _finding(path: Path, name: str) -> Finding:
    return Finding(path, f"A rule of nftables cannot name an interface called {name}", HINT)
