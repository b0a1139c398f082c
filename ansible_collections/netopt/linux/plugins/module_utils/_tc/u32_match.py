# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns a plan's match into u32 selectors, one list of words for each filter that is needed. Pure.

A u32 key is a value and a mask at an offset, so a range of ports becomes several keys, and alternatives become
several filters. IPv4 and IPv6 have their headers in different places, so each gets filters of its own, and so does IPv6
with an extension header. Ports are counted from where the transport header begins, see ``u32_tables.py``.
"""

from __future__ import annotations

import ipaddress
import itertools
from typing import TYPE_CHECKING, Any, Dict, List

from .._common.errors import NetoptError
from .._plan.match_words import FLAGS_WANTED, FWMARK_WANTED, flags_of, mark_of
from .intent import BY_RULE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Match = Dict[str, Any]
Words = List[str]

PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "sctp": 132}
ONLY = {"icmp": "ip", "icmpv6": "ipv6"}
WITH_PORTS = ("tcp", "udp", "sctp")
LAST_PORT = 65535
FIELDS = frozenset({"proto", "sports", "dports", "src", "dst", "fwmark", "dscp", "max_length", "tcp_flags"})
SELECTOR = {"ip": "ip", "ipv6": "ip6"}  # u32's word for each protocol of a filter
EXTENDED = "ipv6 with an extension header"
HEADER_END = 40  # of IPv6, where its extension header begins with the number of the next one
PORT_AT = {"sport": 0, "dport": 2}
FLAGS_AT = 13  # of TCP, from where its header begins
LENGTH_AT = {"ip": (2, 0), "ip6": (4, HEADER_END)}  # where the length stands, and how much of a packet it leaves out


def port_masks(first: int, last: int) -> list[tuple[int, int]]:
    """Return the fewest (value, mask) pairs that together match the ports from ``first`` to ``last``."""
    found = []
    while first <= last:
        size = first & -first or LAST_PORT + 1
        while first + size - 1 > last:
            size >>= 1
        found.append((first, LAST_PORT + 1 - size))
        first += size
    return found


def _ports(ranges: Sequence[Any]) -> list[tuple[int, int]]:
    """Return (value, mask) pairs for ports given as ``N`` or ``N-M``."""
    found = []
    for each in ranges:
        first, _dash, last = str(each).partition("-")
        try:
            low, high = int(first), int(last or first)
        except ValueError:
            low, high = 1, 0
        if not 0 <= low <= high <= LAST_PORT:
            raise NetoptError(
                f"{each} is no port or range of ports",
                stage="plan",
                key="htb_classes.match",
                wanted=str(each),
                hint="Write one port as 443 or a range as 8000-8080; ports go from 0 to 65535.",
            )
        found.extend(port_masks(low, high))
    return found


def _families(match: Match) -> list[str]:
    """Return which of ``ip`` and ``ipv6`` a match can be about."""
    found = {"ip", "ipv6"}
    if match.get("proto") in ONLY:
        found &= {ONLY[match["proto"]]}
    for field in ("src", "dst"):
        if match.get(field):
            found &= {"ip" if _network(match[field]).version == 4 else "ipv6"}
    if not found:
        raise NetoptError(
            f"Nothing can match {match}: it mixes IPv4 and IPv6",
            stage="plan",
            key="htb_classes.match",
            wanted=str(match),
            hint="Use addresses and a protocol of one family in a match.",
        )
    return sorted(found)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return a CIDR as a network."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise NetoptError(
            f"{text} is no address or prefix: {error}",
            stage="plan",
            key="htb_classes.match",
            wanted=str(text),
            hint="Write an address such as 192.0.2.1, or a prefix such as 2001:db8::/32.",
        ) from None


def _refuse_unknown(match: Match) -> None:
    """Raise for what no filter can tell."""
    for name in BY_RULE:
        if match.get(name) is not None:
            raise NetoptError(
                f"No filter of tc can tell {name}, and a rule of nftables, which can, is not made here",
                stage="plan",
                key=f"htb_classes.match.{name}",
                wanted=str(match[name]),
                hint="Apply a whole plan with netopt_apply; of what arrives, match something else.",
            )
    unknown = sorted(set(match) - FIELDS - set(BY_RULE))
    if unknown:
        raise NetoptError(
            f"Unknown field {unknown[0]} in a match",
            stage="plan",
            key=f"htb_classes.match.{unknown[0]}",
            hint="Known fields: " + ", ".join(sorted(FIELDS)) + ".",
        )


def selectors(match: Match) -> list[tuple[str, Words]]:
    """Return (``ip``, ``ipv6`` or ``EXTENDED``, the words behind ``u32``) for each filter that a match needs."""
    _refuse_unknown(match)
    sports, dports = _ports(match.get("sports") or ()), _ports(match.get("dports") or ())
    flags = _masked(match, "tcp_flags", flags_of, FLAGS_WANTED)
    protocols = _protocols(match)
    families = _families(match)
    kinds = [*families, EXTENDED] if "ipv6" in families else families
    found = []
    for kind, protocol in itertools.product(kinds, protocols):
        base = _header_words(kind, match, protocol)
        if (sports or dports or flags) and kind == "ip":
            base += ["match", "u16", "0x0000", "0x1fff", "at", "6"]  # later fragments carry no ports
        for value, mask in [flags] if flags else ():
            base += ["match", "u8", f"0x{value:02x}", f"0x{mask:02x}", "at", f"nexthdr+{FLAGS_AT}"]
        nothing: list[tuple[int, int] | None] = [None]
        for length, sport, dport in itertools.product(_lengths(kind, match), sports or nothing, dports or nothing):
            words = [*base, *length]
            for name, pair in (("sport", sport), ("dport", dport)):
                if pair is not None:
                    words += ["match", "u16", *(f"0x{part:04x}" for part in pair), "at", f"nexthdr+{PORT_AT[name]}"]
            found.append((kind, words or ["match", "u32", "0", "0"]))
    return found


def _header_words(kind: str, match: Match, protocol: str | None) -> Words:
    """Return the words for everything but ports."""
    words: Words = []
    selector = SELECTOR.get(kind, "ip6")
    if protocol is not None and kind == EXTENDED:
        words += ["match", "u8", str(PROTOCOLS[protocol]), "0xff", "at", str(HEADER_END)]
    elif protocol is not None:
        words += ["match", selector, "protocol", str(PROTOCOLS[protocol]), "0xff"]
    for field in ("src", "dst"):
        if match.get(field):
            words += ["match", selector, field, str(_network(match[field]))]
    if match.get("dscp") is not None:
        words += [
            "match",
            selector,
            "dsfield" if selector == "ip" else "priority",
            f"0x{int(match['dscp']) << 2:02x}",
            "0xfc",
        ]
    mark = _masked(match, "fwmark", mark_of, FWMARK_WANTED)
    if mark:
        words += ["match", "mark", str(mark[0]), f"0x{mark[1]:08x}"]
    return words


def _protocols(match: Match) -> Sequence[str | None]:
    """Return the protocols that a match is about, ``None`` for any."""
    if match.get("proto") or match.get("tcp_flags"):
        return [match.get("proto") or "tcp"]
    return WITH_PORTS if match.get("sports") or match.get("dports") else [None]


def _lengths(kind: str, match: Match) -> list[Words]:
    """Return the words for each of the ranges of lengths that together are those up to the largest; none fits none."""
    if match.get("max_length") is None:
        return [[]]
    at, header = LENGTH_AT[SELECTOR.get(kind, "ip6")]
    most = int(match["max_length"]) - header
    return [
        ["match", "u16", f"0x{value:04x}", f"0x{mask:04x}", "at", str(at)]
        for value, mask in (port_masks(0, most) if most >= 0 else ())
    ]


def _masked(
    match: Match, name: str, read: Callable[[Any], tuple[int, int] | None], wanted: str
) -> tuple[int, int] | None:
    """Return the (value, mask) of a field, ``None`` where the match has none."""
    if match.get(name) is None:
        return None
    found = read(match[name])
    if found is None:
        raise NetoptError(
            f"{name} is {match[name]!r}, wanted {wanted}",
            stage="plan",
            key=f"htb_classes.match.{name}",
            wanted=wanted,
            hint="Correct the match.",
        )
    return found
