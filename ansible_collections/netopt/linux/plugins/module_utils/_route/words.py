# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes in the words of ``ip route``, and as lines of ``/proc/net/route``: for reports and the next boot. Pure."""

from __future__ import annotations

import ipaddress
import re
import struct
from typing import TYPE_CHECKING, Iterator

from .._netlink import messages as rt
from .._netlink.interfaces import RTMSG
from .attributes import (
    AF_INET,
    LOCK,
    METRICS,
    RTA_DST,
    RTA_GATEWAY,
    RTA_OIF,
    RTA_PREF,
    RTA_PREFSRC,
    RTA_PRIORITY,
    RTA_SRC,
    RTA_TABLE,
    RTA_VIA,
    RTAX_LOCK,
    RTNH_F_ONLINK,
    metrics_of,
    read,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .attributes import Route

PREFERENCES = {0: "medium", 1: "high", 3: "low"}  # RFC 4191
OTHER_METRICS = {2: "mtu", 3: "window", 4: "rtt", 5: "rttvar", 7: "cwnd", 8: "advmss", 9: "reordering", 10: "hoplimit"}
PARTS = {"rtt": 8, "rttvar": 4}  # of a millisecond, in which the kernel keeps them (tcp(7), RFC 6298)
_FIXED = (RTA_DST, RTA_SRC, RTA_OIF, RTA_PRIORITY, RTA_TABLE)
_IN_WORDS = (*_FIXED, RTA_GATEWAY, RTA_PREF, RTA_PREFSRC, RTA_VIA)
_COUNT = "[0-9a-f]{8}"


def metric_words(word: str, text: str) -> list[str]:
    """Return a metric of a plan's as ``ip route`` takes it, which locks rto_min by itself: it counts locked only."""
    value = text.replace(LOCK, "", 1)
    if word == "rto_min_ms":
        return ["rto_min", f"{value}ms"]
    return [word, *(["lock"] if text.startswith(LOCK) else []), value]


def sayable(body: str) -> bool:
    """Return whether ``ip route`` can say all of a route, given as its message in hexadecimal."""
    route = _of(body)
    ours = metrics_of(route)
    known = {RTAX_LOCK, *METRICS.values(), *OTHER_METRICS}
    rto_min = ours["rto_min_ms"]
    return (
        all(number & rt.TYPE_MASK in _IN_WORDS for number, _payload in route.attributes)
        and set(route.metrics) <= known
        and (rto_min is None or rto_min.startswith(LOCK))
        and all(
            not rt.as_u32(route.metrics[number]) % PARTS[name]
            for number, name in OTHER_METRICS.items()
            if name in PARTS and number in route.metrics
        )
    )


def command(body: str, iface: str, metrics: Mapping[str, str | None]) -> list[str]:
    """Return the command that gives a route other metrics; what of it has no word is left out.

    Args:
        body: the route's message, in hexadecimal.
        iface: its interface.
        metrics: those that are to be other, as in ``metrics_of``.
    """
    route = _of(body)
    ours = {**metrics_of(route), **metrics}
    found = ["ip", "-4" if route.family == AF_INET else "-6", "route", "change", *_place(route, iface)]
    found += _other_words(route)
    for word, said in ours.items():
        found += metric_words(word, said) if said else []
    return found


def other_metrics(body: str) -> list[str]:
    """Return the metrics of a route that no plan has, in words.

    Args:
        body: the route's message, in hexadecimal.
    """
    return _other_words(_of(body))


def _other_words(route: Route) -> list[str]:
    """Return the metrics that no plan has as ``ip route`` takes them."""
    found: list[str] = []
    locks = rt.as_u32(route.metrics[RTAX_LOCK]) if RTAX_LOCK in route.metrics else 0
    for number, name in OTHER_METRICS.items():
        if number in route.metrics:
            value = rt.as_u32(route.metrics[number])
            text = f"{value // PARTS[name]}ms" if name in PARTS else str(value)
            found += [name, *(["lock"] if locks >> number & 1 else []), text]
    return found


def _of(body: str) -> Route:
    route = read(bytes.fromhex(body))
    if route is None:  # it was one when it was dumped
        raise ValueError(f"No route: {body}")
    return route


def _place(route: Route, iface: str) -> Iterator[str]:
    """Yield the words of everything but metrics."""
    *_head, protocol, scope, _kind, flags = RTMSG.unpack(route.head)
    told = {number & rt.TYPE_MASK: payload for number, payload in route.attributes}
    yield route.network
    if route.source:
        yield from ("from", route.source)
    if route.tos:
        yield from ("tos", f"{route.tos:#04x}")
    if RTA_GATEWAY in told:
        yield from ("via", str(ipaddress.ip_address(told[RTA_GATEWAY])))
    if RTA_VIA in told:
        yield from ("via", "inet6", str(ipaddress.ip_address(told[RTA_VIA][2:])))
    yield from ("dev", iface, "proto", str(protocol))
    if route.family == AF_INET:
        yield from ("scope", str(scope))
    if RTA_PREFSRC in told:
        yield from ("src", str(ipaddress.ip_address(told[RTA_PREFSRC])))
    if route.metric:
        yield from ("metric", str(route.metric))
    if flags & RTNH_F_ONLINK:
        yield "onlink"
    if RTA_PREF in told:
        yield from ("pref", PREFERENCES.get(told[RTA_PREF][0], "medium"))


def there(body: str, iface: str) -> tuple[str, str]:
    """Return the file that lists a route while it is there, and an extended regular expression for all of its line.

    Args:
        body: the route's message, in hexadecimal.
        iface: its interface.
    """
    route = _of(body)
    told = {number & rt.TYPE_MASK: payload for number, payload in route.attributes}
    network = ipaddress.ip_network(route.network)
    gateway = told.get(RTA_GATEWAY, b"\0" * (4 if route.family == AF_INET else 16))
    name = re.sub(r"[^0-9A-Za-z_-]", lambda found: f"[{found.group()}]", iface)
    if route.family == AF_INET:
        first, mask = (_little(each.packed) for each in (network.network_address, network.netmask))
        fields = (name, first, _little(gateway), "[0-9A-F]+", "[0-9]+", "[0-9]+", str(route.metric), mask, ".*")
        return "/proc/net/route", "[[:space:]]".join(fields)
    source = ipaddress.ip_network(route.source or "::/0")
    ends = (f"{each.network_address.packed.hex()} {each.prefixlen:02x}" for each in (network, source))
    counts = f"{_COUNT} {_COUNT} {_COUNT}"
    return "/proc/net/ipv6_route", f"{' '.join(ends)} {gateway.hex()} {route.metric:08x} {counts} +{name}"


def _little(packed: bytes) -> str:
    """Return an address as ``/proc/net/route`` has it: as a number in the byte order of the host."""
    return f"{struct.unpack('=I', packed)[0]:08X}"
