# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``docs/plan.md`` says of matches, for rows that are crossed: which frame fits, seen by filters and by rules."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from tests.effects.frames import Frame

if TYPE_CHECKING:
    from collections.abc import Sequence

WITH_PORTS = ("tcp", "udp", "sctp")
ONLY = {"icmp": 4, "icmpv6": 6}
BITS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ecn": 64, "cwr": 128}
REST = "1:fffe"


def fits(match: dict[str, Any], one: Frame, *, by_rules: bool, mark: int = 0, priority: int = 0) -> bool:
    """Return whether a frame fits a match.

    Filters see each fragment by itself, and behind one extension header of 8 bytes. Rules see whole packets, and
    behind all headers. ``src`` and ``dst`` of the frame are given.
    """
    known = by_rules or one.family == 4 or one.extension is None or (one.extensions == 1 and one.units == 1)
    has_ports = known and one.proto in WITH_PORTS and (by_rules or not one.offset)
    said = {
        "proto": lambda proto: known and proto == one.proto and ONLY.get(proto, one.family) == one.family,
        "dports": lambda ports: has_ports and _among(one.dport, ports),
        "sports": lambda ports: has_ports and _among(one.sport, ports),
        "src": lambda network: ip_address(one.src) in ip_network(network),
        "dst": lambda network: ip_address(one.dst) in ip_network(network),
        "dscp": lambda code: code == one.dscp,
        "max_length": lambda length: len(one.packet) <= length,
        "tcp_flags": lambda flags: has_ports and one.proto == "tcp" and _flagged(one.flags, flags),
        "fwmark": lambda text: _marked(mark, text),
        "skb_priority": lambda number: number == priority,
        "uid": lambda _user: False,  # all is sent by root, or by nobody
    }
    return all(said[name](value) for name, value in match.items())


def class_of(classes: Sequence[dict[str, Any]], one: Frame, *, by_rules: bool, mark: int = 0, priority: int = 0) -> str:
    """Return the class of the first match that a frame fits, else that of the rest."""
    for each in classes:
        for match in each.get("match", ()):
            if fits(match, one, by_rules=by_rules, mark=mark, priority=priority):
                return str(each["classid"])
    return REST


def _among(port: int, ports: Sequence[str]) -> bool:
    found = (text.partition("-") for text in ports)
    return any(int(low) <= port <= int(high or low) for low, _, high in found)


def _flagged(flags: int, wanted: Sequence[str]) -> bool:
    return all(bool(flags & BITS[text.lstrip("!")]) is not text.startswith("!") for text in wanted)


def _marked(mark: int, wanted: int | str) -> bool:
    value, _, mask = str(wanted).partition("/")
    bits = int(mask, 0) if mask else 0xFFFFFFFF
    return mark & bits == int(value, 0)
