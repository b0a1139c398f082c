# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits, crossed with what stands ahead of ports, with several senders, with kinds of ICMP, and how they refuse.

Each row has a port of its own, so that one lab serves many.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.effects.class_rows import SHAPES
from tests.effects.lab import HOST
from tests.effects.limit_traffic import (
    Sent,
    arriving,
    closed_and_opened,
    loopback,
    neighbours,
    of_icmp,
    refused,
    senders,
)
from tests.effects.nft_rows import limit, rate
from tests.effects.row import NULL, REMOVE, ROLLBACK, Row
from tests.effects.traffic import FORWARDED, LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator

SENT, MOST = 6, 2
FIRST_PORT = 11000
ALIKE = {4: ("192.0.2.2", "192.0.2.3"), 6: ("2001:db8::2", "2001:db8::3")}
APART = {4: ("192.0.2.2", "192.0.2.3"), 6: ("2001:db8::2", "2001:db8:0:1::2")}
PORTS = itertools.count(FIRST_PORT)
SOURCES = ("ip -6 route add 2001:db8:0:2::/64 dev eth0",)
UNREACHABLE, ECHO, TIMESTAMP = 3, 8, 13
ECHO_6, REPLY_6, UNREACHABLE_6 = 128, 129, 1


def _kinds(port: int) -> dict[str, dict[str, Any]]:
    return {
        "connection_limits": limit(MOST, port, "udp"),
        "rate_limits": rate(MOST, port=port, protocol="udp"),
        "rate_limits of no protocol": rate(MOST, port=port),
        "rate_limits per packets": rate(MOST, port=port, protocol="udp", per="packets"),
    }


def _ahead_of_ports() -> Iterator[Row]:
    shapes = [(family, says, shape) for family in (4, 6) for says, shape in SHAPES[family].items() if says != "plain"]
    shapes += [(family, "in two fragments", {}) for family in (4, 6)]
    for family, says, shape in shapes:
        for kind, (way, path) in itertools.product(_kinds(0), (("to the host", LOCAL), ("passing through", FORWARDED))):
            port = next(PORTS)
            met = MOST if path is LOCAL else SENT
            sent = Sent(family, replace(path, port=port, arrives=port), shape, whole="fragments" not in says)
            yield Row(
                kind.partition(" of")[0],
                f"{kind.partition(' of ')[2] or 'udp'} over IPv{family}, {says}, {way}",
                _kinds(port)[kind],
                arriving(sent, SENT),
                met,
                free=SENT,
                gone=(ROLLBACK, REMOVE)[family == 6],
                shared=f"limits ahead of ports {family}",
            )


def _several_senders() -> Iterator[Row]:
    """Yield two senders that count as one, or apart."""
    for family, (says, pair) in itertools.product((4, 6), (("of one network", ALIKE), ("of two networks", APART))):
        if family == 4 and pair is APART:
            continue
        as_one = family == 6 and pair is ALIKE  # an IPv6 sender is a /64
        for kind, words, met in (
            ("connection_limits", {}, MOST if as_one else 2 * MOST),
            ("connection_limits", {"mask": 24}, MOST),
            ("rate_limits", {"per_source": True}, MOST if as_one else 2 * MOST),
            ("rate_limits", {"per_source": False}, MOST),
            ("rate_limits per packets", {"per_source": True, "per": "packets"}, MOST if as_one else 2 * MOST),
        ):
            port = next(PORTS)
            changes = (
                limit(MOST, port, "udp", **words) if kind == "connection_limits" else rate(MOST, port=port, **words)
            )
            path = replace(LOCAL, port=port, arrives=port)
            yield Row(
                kind,
                f"two senders {says} over IPv{family}, {', '.join(map(str, words)) or 'mask 32'}"
                f"{' off' if words.get('per_source') is False else ''}",
                changes,
                senders(path, pair[family], SENT // 2 + 1, family),
                met,
                free=2 * (SENT // 2 + 1),
                gone=NULL,
                arranged=SOURCES,
                shared="limits of senders",
            )


def _how_they_refuse() -> Iterator[Row]:
    """Yield what a connection too many meets."""
    for family, protocol, action in itertools.product((4, 6), ("tcp", "udp"), ("reject", "drop")):
        port = next(PORTS)
        path = replace(LOCAL, port=port, arrives=port)
        yield Row(
            "connection_limits",
            f"what the sender of one too many is told, {action}, {protocol} over IPv{family}",
            limit(1, port, protocol, action=action),
            refused(path, protocol, family),
            "refused" if action == "reject" else "silence",
            free="made",
            gone=REMOVE,
            shared="limits that refuse",
        )
    for family in (4, 6):
        port = next(PORTS)
        path = replace(LOCAL, port=port, arrives=port)
        shared = {"gone": REMOVE, "shared": "limits that refuse"}
        yield Row(
            "connection_limits",
            f"one after another has been closed, over IPv{family}",
            limit(1, port),
            closed_and_opened(path, 4, family),
            4,
            free=4,
            **shared,
        )
        for kind, changes in (("connection_limits", limit(1, port + 500)), ("rate_limits", rate(1, port=port + 500))):
            says = f"of the host to itself over IPv{family}"
            yield Row(kind, says, changes, loopback(port + 500, SENT, family), SENT, free=SENT, **shared)


def _of_icmp() -> Iterator[Row]:
    """Yield what is limited of ICMP by what is named, and what is not."""
    for named, family, (kind, met) in (
        (named, family, sent)
        for family, names in (
            (
                4,
                {
                    "icmp": {ECHO: True, TIMESTAMP: True},
                    "icmp echo-request": {ECHO: True, TIMESTAMP: False},
                    "icmp 13": {ECHO: False, TIMESTAMP: True},
                    "icmpv6": {ECHO: False},
                    "no protocol": {ECHO: True, TIMESTAMP: True},
                    "udp": {ECHO: False},
                },
            ),
            (
                6,
                {
                    "icmpv6": {ECHO_6: True, REPLY_6: True},
                    "icmpv6 echo-request": {ECHO_6: True, REPLY_6: False},
                    "icmpv6 129": {ECHO_6: False, REPLY_6: True},
                    "icmp": {ECHO_6: False},
                    "no protocol": {ECHO_6: True, REPLY_6: True},
                },
            ),
        )
        for named, kinds in names.items()
        for sent in kinds.items()
    ):
        protocol, _, icmp_type = named.partition(" ")
        words: dict[str, Any] = {} if named == "no protocol" else {"protocol": protocol}
        words |= {"icmp_type": icmp_type} if icmp_type and words else {}
        yield Row(
            "rate_limits per packets",
            f"of {named}, type {kind} over IPv{family}",
            rate(MOST, per="packets", **words),
            of_icmp(kind, SENT, family),
            MOST if met else SENT,
            free=SENT,
            gone=(ROLLBACK, REMOVE, NULL)[kind % 3],
        )
    for words in ({"protocol": "icmpv6"}, {}):
        yield Row(
            "rate_limits per packets",
            f"of {'icmpv6' if words else 'no protocol'}, neighbours that look for the host",
            rate(1, per="packets", **words),
            neighbours(HOST[6], SENT),
            SENT,
            free=SENT,
        )


ROWS = tuple(
    replace(row, quick=False) for row in (*_ahead_of_ports(), *_several_senders(), *_how_they_refuse(), *_of_icmp())
)
