# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Effects of the MTU, of the device's features, and of a route's metrics, over IPv4 and IPv6."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.effects.device_traffic import (
    WAYS,
    algorithm,
    begun_with,
    filled_in,
    largest,
    offered,
    pieces,
    sent_again,
    too_large,
)
from tests.effects.lab import CLIENT
from tests.effects.row import NULL, REMOVE, ROLLBACK, Row
from tests.effects.sysctl_rows import USUAL
from tests.effects.sysctl_traffic import first_packet
from tests.effects.traffic import OWN

if TYPE_CHECKING:
    from collections.abc import Iterator

MTU = 1300
NETWORKS = {4: "192.0.2.0/24", 6: "2001:db8::/64"}
MSS = {4: 1448, 6: 1428}  # with timestamps
NO_PROBES = ("sysctl -qw net.ipv4.tcp_early_retrans=0",)  # they would come ahead of what is sent again


def _mtu() -> Iterator[Row]:
    for family, (way, path) in itertools.product((4, 6), WAYS.items()):
        shared = {"gone": (ROLLBACK, NULL)[family == 6], "shared": f"mtu {family}"}
        expected = 2 if path is OWN or family == 4 else 0  # a router does not cut packets of IPv6
        says = f"a datagram of 1,400 bytes {way} over IPv{family}"
        yield Row("mtu", says, {"mtu": MTU}, pieces(path, 1400, family), expected, free=1, **shared)
        says = f"a datagram of 1,000 bytes {way} over IPv{family}"
        yield Row("mtu", says, {"mtu": MTU}, pieces(path, 1000, family), 1, free=1, **shared)
    for family in (4, 6):
        shared = {"gone": (ROLLBACK, NULL)[family == 6], "shared": f"mtu, first {family}"}
        says = f"what the sender of a large packet is told over IPv{family}"
        yield Row("mtu", says, {"mtu": MTU}, too_large(1400, family), MTU, free=None, **shared)
        says = f"the size that a connection offers over IPv{family}"
        offers = first_packet("tcp", family, lambda _ip, tcp: tcp[22] << 8 | tcp[23])
        less = 40 if family == 4 else 60
        yield Row("mtu", says, {"mtu": MTU}, offers, MTU - less, free=1500 - less, **shared)


def _features() -> Iterator[Row]:
    for feature, gone in (("tso", ROLLBACK), ("sg", REMOVE), ("tx", NULL)):
        traffic = largest("host", "client", CLIENT[4])
        changes = {"offloads": {feature: False}}
        yield Row(
            "offloads", f"{feature} off, much of this host", changes, traffic, expected=False, free=True, gone=gone
        )
    for family in (4, 6):
        traffic = filled_in(family)
        changes = {"offloads": {"tx": False}}
        says = f"tx off, a checksum over IPv{family}"
        yield Row("offloads", says, changes, traffic, expected=True, free=False, shared="checksums")


def _routes() -> Iterator[Row]:
    for family, network in NETWORKS.items():
        for word, value, traffic, expected, free, gone in (
            ("initcwnd", 3, begun_with(family), 3 * MSS[family], (9 * MSS[family], 12 * MSS[family]), ROLLBACK),
            ("initcwnd", 25, begun_with(family), 25 * MSS[family], (9 * MSS[family], 12 * MSS[family]), REMOVE),
            ("initrwnd", 5, offered(family), (1, 5 * 1460), (5 * 1460 + 1, 65535), NULL),
            ("rto_min_ms", 700, sent_again(family), (0.6, 1.5), (0.1, 0.5), REMOVE),
            ("congctl", "reno", algorithm(family), "reno", USUAL, ROLLBACK),
        ):
            changes: dict[str, Any] = {"routes": [{"dst": network, word: value}]}
            says = f"{word} {value} over IPv{family}"
            yield Row("routes", says, changes, traffic, expected, free=free, gone=gone, arranged=NO_PROBES)


ROWS = tuple(replace(row, quick=False) for row in (*_mtu(), *_features(), *_routes()))
