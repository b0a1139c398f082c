# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes as the kernel dumps them, and the messages that set metrics of one and leave all else of it. Pure.

A message that replaces a route is the route as it was dumped, attribute by attribute, with other metrics. So nothing
that nobody has thought of is lost, and the kernel's own units (RTAX, linux/rtnetlink.h) stay what they are.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import Dict, Mapping, NamedTuple, Optional, Tuple

from .._netlink import messages as rt
from .._netlink.interfaces import NEXTHOP, RT_TABLE_MAIN, RTM_GETROUTE, RTMSG, RTN_UNICAST

__all__ = ["RTMSG", "RTM_GETROUTE"]

RTM_NEWROUTE = 24
RTA_DST, RTA_SRC, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_METRICS = 1, 2, 4, 5, 6, 7, 8
RTA_MULTIPATH, RTA_CACHEINFO, RTA_TABLE, RTA_VIA, RTA_PREF, RTA_EXPIRES, RTA_NH_ID = 9, 12, 15, 18, 20, 23, 30
RTAX_LOCK, RTAX_RTO_MIN, RTAX_CC_ALGO = 1, 13, 16
RTNH_F_ONLINK = 4  # the only flag of a route that may be given; the others tell how it is
AF_INET, AF_INET6 = 2, 10
CACHEINFO = struct.Struct("=IIi")  # struct rta_cacheinfo begins: references, last use, expiry
TICKS = 100  # of an expiry in a second (USER_HZ)

METRICS = {"initcwnd": 11, "initrwnd": 14, "quickack": 15, "rto_min_ms": RTAX_RTO_MIN, "congctl": RTAX_CC_ALGO}
LOCK = "lock "
_NONE = "0"


class Route(NamedTuple):
    """A route of one family through one interface.

    Attributes:
        family: as in a message.
        network: where it leads to, ``0.0.0.0/0``.
        source: from where, empty where that does not count.
        tos: for which type of service.
        metric: the one by which the kernel chooses among routes to one network.
        oif: the number of the interface, 0 for several.
        hops: the numbers of the interfaces of several next hops.
        protocol: who made it.
        head: the fixed part of the message that gives it back.
        attributes: (number with its flags, payload) of all that gives it back, without metrics.
        metrics: payload of each metric by number.
        expires_s: how many seconds it lives still, 0 for ever.
        nexthop_object: whether its next hop is an object of its own.
    """

    family: int
    network: str
    source: str
    tos: int
    metric: int
    oif: int
    hops: Tuple[int, ...]
    protocol: int
    head: bytes
    attributes: Tuple[Tuple[int, bytes], ...]
    metrics: Mapping[int, bytes]
    expires_s: int
    nexthop_object: bool

    @property
    def place(self) -> tuple[int, str, str, int, int]:
        """What is the same of routes of which a replacement would meet any."""
        return self.family, self.network, self.source, self.tos, self.metric

    @property
    def name(self) -> str:
        """What tells it from other routes through its interface, its network first."""
        source = f" from {self.source}" if self.source else ""
        tos = f" tos {self.tos:#04x}" if self.tos else ""
        return f"{self.network}{source}{tos}" + (f" metric {self.metric}" if self.metric else "")


def read(body: bytes) -> Optional[Route]:
    """Return a dumped route, ``None`` for one that is not of the main table or is no way to anywhere."""
    family, bits, source_bits, tos, table, protocol, scope, kind, flags = RTMSG.unpack_from(body)
    if kind != RTN_UNICAST or family not in (AF_INET, AF_INET6) or table not in (RT_TABLE_MAIN, 0, 252):
        return None
    told = list(rt.attributes(body[RTMSG.size :], flags=True))
    plain = {number & rt.TYPE_MASK: payload for number, payload in told}
    if RTA_TABLE in plain and rt.as_u32(plain[RTA_TABLE]) != RT_TABLE_MAIN:
        return None
    ticks = CACHEINFO.unpack_from(plain[RTA_CACHEINFO])[2] if RTA_CACHEINFO in plain else 0
    left_out = (RTA_METRICS, RTA_CACHEINFO)
    return Route(
        family=family,
        network=_network(family, plain.get(RTA_DST), bits),
        source=_network(family, plain.get(RTA_SRC), source_bits) if source_bits else "",
        tos=tos,
        metric=rt.as_u32(plain[RTA_PRIORITY]) if RTA_PRIORITY in plain else 0,
        oif=rt.as_u32(plain[RTA_OIF]) if RTA_OIF in plain else 0,
        hops=tuple(_hops(plain.get(RTA_MULTIPATH, b""))),
        protocol=protocol,
        head=RTMSG.pack(family, bits, source_bits, tos, table, protocol, scope, kind, flags & RTNH_F_ONLINK),
        attributes=tuple(one for one in told if one[0] & rt.TYPE_MASK not in left_out),
        metrics=dict(rt.attributes(plain.get(RTA_METRICS, b""))),
        expires_s=max(1, round(ticks / TICKS)) if ticks > 0 else 0,
        nexthop_object=RTA_NH_ID in plain,
    )


def _network(family: int, packed: bytes | None, bits: int) -> str:
    address = ipaddress.ip_address(packed) if packed else ipaddress.ip_address(b"\0" * (4 if family == AF_INET else 16))
    return f"{address}/{bits}"


def _hops(data: bytes) -> list[int]:
    found = []
    offset = 0
    while offset + NEXTHOP.size <= len(data):
        length, _flags, _hops, index = NEXTHOP.unpack_from(data, offset)
        found.append(index)
        offset += max(length, NEXTHOP.size) + 3 & ~3
    return found


def metrics_of(route: Route) -> dict[str, str | None]:
    """Return the metrics that a plan may set, as ``ip route`` has them (``20``, ``lock 40``); ``None`` is not set."""
    locks = rt.as_u32(route.metrics[RTAX_LOCK]) if RTAX_LOCK in route.metrics else 0
    found: Dict[str, str | None] = {}
    for word, number in METRICS.items():
        payload = route.metrics.get(number)
        value = None if payload is None else rt.as_text(payload) if word == "congctl" else str(rt.as_u32(payload))
        found[word] = f"{LOCK}{value or _NONE}" if locks >> number & 1 else value
    return found


def message(route: Route, metrics: Mapping[str, str | None] | None = None) -> bytes:
    """Return the body of the message that makes a route as it is, but for some metrics.

    Args:
        route: as it was dumped.
        metrics: those that are to be other, as in ``metrics_of``.
    """
    numbers = {number: payload for number, payload in route.metrics.items() if number != RTAX_LOCK}
    locks = rt.as_u32(route.metrics[RTAX_LOCK]) if RTAX_LOCK in route.metrics else 0
    for word, text in (metrics or {}).items():
        number = METRICS[word]
        value = (text or "").replace(LOCK, "", 1)
        locks = locks | 1 << number if text and text.startswith(LOCK) else locks & ~(1 << number)
        numbers.pop(number, None)
        if value not in ("", _NONE):
            numbers[number] = value.encode() + b"\0" if word == "congctl" else struct.pack("=I", int(value))
    if locks:
        numbers[RTAX_LOCK] = struct.pack("=I", locks)
    nested = b"".join(rt.attribute(number, payload) for number, payload in sorted(numbers.items()))
    body = route.head + b"".join(rt.attribute(number, payload) for number, payload in route.attributes)
    body += rt.u32(RTA_EXPIRES, route.expires_s) if route.expires_s else b""
    return body + (rt.attribute(RTA_METRICS, nested) if nested else b"")


def same_but_metrics(one: Route, other: Route) -> bool:
    """Return whether two routes are the same but for the metrics that a plan may set, and for how long they live."""
    ours = (RTAX_LOCK, *METRICS.values())
    mine, theirs = ({n: value for n, value in each.metrics.items() if n not in ours} for each in (one, other))
    return (
        (one.head, sorted(one.attributes), mine) == (other.head, sorted(other.attributes), theirs)
        and _other_locks(one) == _other_locks(other)
        and bool(one.expires_s) == bool(other.expires_s)
    )


def _other_locks(route: Route) -> int:
    locks = rt.as_u32(route.metrics[RTAX_LOCK]) if RTAX_LOCK in route.metrics else 0
    return locks & ~sum(1 << number for number in METRICS.values())
