# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads interfaces, networks and default routes of this network namespace over rtnetlink, as the kernel tells them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Iterable, Iterator, NamedTuple

from . import messages as rt
from .addresses import IFADDRMSG, RTM_GETADDR

if TYPE_CHECKING:
    from .route_socket import RouteSocket

RTM_GETROUTE = 26  # linux/rtnetlink.h
RTA_OIF, RTA_PRIORITY, RTA_MULTIPATH, RTA_TABLE = 4, 6, 9, 15
RTN_UNICAST = 1
RT_TABLE_MAIN = 254
RTMSG = struct.Struct("=BBBBBBBBI")  # family, lengths of dst and src, tos, table, protocol, scope, type, flags
NEXTHOP = struct.Struct("=HBBi")  # struct rtnexthop: length, flags, hops, interface
FAMILIES = (2, 10)  # AF_INET, AF_INET6
LINK_SCOPE = 253
HOST_BITS = {2: 32, 10: 128}


class Interface(NamedTuple):
    """An interface; ``kind`` is its driver's own word (``IFLA_INFO_KIND``), empty for hardware."""

    number: int
    name: str
    hardware: int
    up: bool
    mtu: int
    kind: str


def interfaces(route: RouteSocket) -> Iterator[Interface]:
    """Yield every interface."""
    for body in route.dump(rt.RTM_GETLINK, rt.IFINFOMSG.pack(0, 0, 0, 0, 0)):
        _family, hardware, index, flags, _change = rt.IFINFOMSG.unpack_from(body)
        told = dict(rt.attributes(body[rt.IFINFOMSG.size :]))
        info = dict(rt.attributes(told.get(rt.IFLA_LINKINFO, b"")))
        yield Interface(
            index,
            rt.as_text(told[rt.IFLA_IFNAME]),
            hardware,
            bool(flags & rt.IFF_UP),
            rt.as_u32(told[rt.IFLA_MTU]),
            rt.as_text(info.get(rt.IFLA_INFO_KIND, b"")),
        )


def in_networks(route: RouteSocket) -> set[int]:
    """Return the numbers of the interfaces that have an address in a network: not on the link alone, nor one host's."""
    found = set()
    for body in route.dump(RTM_GETADDR, IFADDRMSG.pack(0, 0, 0, 0, 0)):
        family, bits, _flags, scope, index = IFADDRMSG.unpack_from(body)
        if scope < LINK_SCOPE and bits < HOST_BITS.get(family, 0):
            found.add(index)
    return found


def default_routes(route: RouteSocket) -> list[int]:
    """Return the numbers of the interfaces of the default route, of IPv4 where there is one."""
    for family in FAMILIES:
        body = RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)
        found = equal_defaults(one for one in route.dump(RTM_GETROUTE, body) if not one[1])
        if found:
            return found
    return []


def equal_defaults(bodies: Iterable[bytes]) -> list[int]:
    """Return the interfaces of the default routes with the lowest metric, each once, in the kernel's order. Pure.

    Args:
        bodies: routes as the kernel dumps them, of one family.
    """
    found: dict[int, dict[int, None]] = {}
    for body in bodies:
        _family, bits, source, service, table, _protocol, _scope, kind, _flags = RTMSG.unpack_from(body)
        if bits or source or service or kind != RTN_UNICAST:
            continue
        told = dict(rt.attributes(body[RTMSG.size :]))
        if (rt.as_u32(told[RTA_TABLE]) if RTA_TABLE in told else table) != RT_TABLE_MAIN:
            continue
        metric = rt.as_u32(told[RTA_PRIORITY]) if RTA_PRIORITY in told else 0
        hops = [rt.as_u32(told[RTA_OIF])] if RTA_OIF in told else _nexthops(told.get(RTA_MULTIPATH, b""))
        found.setdefault(metric, {}).update(dict.fromkeys(hops))
    return list(found[min(found)]) if found else []


def _nexthops(data: bytes) -> list[int]:
    """Return the interfaces of the next hops of one route."""
    found = []
    offset = 0
    while offset + NEXTHOP.size <= len(data):
        length, _flags, _hops, index = NEXTHOP.unpack_from(data, offset)
        found.append(index)
        offset += max(length, NEXTHOP.size) + 3 & ~3
    return found
