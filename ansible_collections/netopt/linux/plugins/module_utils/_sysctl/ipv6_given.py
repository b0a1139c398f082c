# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What interfaces have of IPv6 that the kernel does not make again by itself, once IPv6 was turned off and on.

``disable_ipv6`` keeps the settings of an interface and takes its addresses, routes and neighbours. Turned on again,
``::1`` and a link-local address of the hardware address come back, with their routes (``net/ipv6/addrconf.c``,
``addrconf_notify`` and ``addrconf_init_auto_addrs``); whatever else was there does not.
"""

from __future__ import annotations

import fcntl
import socket
import struct
from ipaddress import IPv6Address
from typing import TYPE_CHECKING

from .._common.files import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._host.commands import Tools

IF_INET6 = "/proc/self/net/if_inet6"
IPV6_ROUTE = "/proc/self/net/ipv6_route"
SIOCGIFHWADDR = 0x8927
ARPHRD_ETHER = 1
RTF_LOCAL = 0x80000000
RTF_ANYCAST = 0x00100000
RTF_REJECT = 0x0200
_BY_ITSELF = ("fe80" + "0" * 28 + "/64", "ff" + "0" * 30 + "/8")


def ipv6_given(tools: Tools) -> dict[str, str]:
    """Return, by interface, the first thing of IPv6 that turning it off would take for good, in words."""
    found: dict[str, str] = {}
    for name, what in (*_addresses(), *_routes(), *_neighbours(tools)):
        found.setdefault(name, what)
    return found


def _lines(path: str) -> list[list[str]]:
    """Return the fields of a file of the kernel, none where there is no IPv6."""
    try:
        return [line.split() for line in text_of(path).splitlines()]
    except FileNotFoundError:
        return []


def _hardware_address(name: str) -> bytes:
    """Return the Ethernet address of an interface, empty where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as query:
        try:
            answer = fcntl.ioctl(query, SIOCGIFHWADDR, struct.pack("16s240x", name.encode()))
        except OSError:
            return b""
    return answer[18:24] if struct.unpack_from("H", answer, 16)[0] == ARPHRD_ETHER else b""


def own_address(mac: bytes) -> str:
    """Return the link-local address that the kernel makes of a hardware address, as 32 digits (RFC 4291 appendix A)."""
    if not mac:
        return ""
    octets = [mac[0] ^ 2, *mac[1:]]
    return "fe80" + "0" * 12 + "".join(f"{octet:02x}" for octet in (*octets[:3], 0xFF, 0xFE, *octets[3:]))


def _is_made_again(name: str, digits: str) -> bool:
    if name == "lo":
        return digits == "0" * 31 + "1"
    try:
        mode = text_of(f"/proc/sys/net/ipv6/conf/{name}/addr_gen_mode").strip()
    except OSError:
        return False
    return mode == "0" and digits == own_address(_hardware_address(name))


def _addresses() -> Iterator[tuple[str, str]]:
    for digits, _index, length, _scope, _flags, name in _lines(IF_INET6):
        if not _is_made_again(name, digits):
            yield name, f"the address {IPv6Address(int(digits, 16))}/{int(length, 16)}"


def _routes() -> Iterator[tuple[str, str]]:
    for fields in _lines(IPV6_ROUTE):
        target, flags, name = f"{fields[0]}/{int(fields[1], 16)}", int(fields[8], 16), fields[9]
        by_itself = flags & (RTF_LOCAL | RTF_ANYCAST | RTF_REJECT) or target in _BY_ITSELF or name == "lo"
        if not by_itself:
            yield name, f"the route to {IPv6Address(int(fields[0], 16))}/{int(fields[1], 16)}"


def _neighbours(tools: Tools) -> Iterator[tuple[str, str]]:
    answer = tools.run(["ip", "-6", "neigh", "show", "nud", "permanent"], stage="observe", check=False)
    for line in answer.stdout.splitlines():
        words = line.split()
        if "dev" in words[:-1]:
            yield words[words.index("dev") + 1], f"the neighbour {words[0]}"
