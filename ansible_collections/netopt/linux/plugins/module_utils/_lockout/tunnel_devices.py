# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what carries a tunnel's packets from its interface's attributes (linux/if_link.h, linux/if_tunnel.h). Pure.

What a program keeps to itself (tun), or the kernel tells by other ways (wireguard, IPsec), is not known here.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import TYPE_CHECKING

from .._common.quick_dataclass import dataclass
from .._netlink import messages as rt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .connection import Address


@dataclass(frozen=True)
class _Kind:
    """The protocol of a kind of tunnel, and the numbers of its attributes."""

    protocol: str | None = None
    link: int | None = None
    local: tuple[int, ...] = ()
    remote: tuple[int, ...] = ()
    port: int | None = None
    encap: tuple[int, int] | None = None  # type and port of fou and gue, which put udp around it


VXLAN_PORT_RANGE = 10
_GRE = _Kind("gre", link=1, local=(6,), remote=(7,), encap=(14, 17))
_IPTUN = {"link": 1, "local": (2,), "remote": (3,), "encap": (15, 18)}
KINDS = {
    "vxlan": _Kind("udp", link=3, local=(4, 17), remote=(2, 16), port=15),
    "geneve": _Kind("udp", remote=(2, 7), port=5),
    **dict.fromkeys(("gre", "gretap", "erspan", "ip6gre", "ip6gretap", "ip6erspan"), _GRE),
    "ipip": _Kind("ipip", **_IPTUN),  # type: ignore[arg-type]  # numbers by name
    "sit": _Kind("ipv6", **_IPTUN),  # type: ignore[arg-type]  # numbers by name
    "ip6tnl": _Kind("ipv6", **_IPTUN),  # type: ignore[arg-type]  # numbers by name
    "vti": _Kind("esp", link=1, local=(4,), remote=(5,)),
    "vti6": _Kind("esp", link=1, local=(4,), remote=(5,)),
    "xfrm": _Kind("esp"),
    "wireguard": _Kind("udp"),
    "tun": _Kind(),
}


@dataclass(frozen=True)
class Carrier:
    """What carries a tunnel; ``None`` is what its interface does not tell, ``link`` 0 where it is bound to none.

    ``one_way`` says that it sends from a port for each flow inside, and not from the one at which it receives.
    """

    protocol: str | None
    local: Address | None
    remote: Address | None
    local_port: int | None
    link: int
    one_way: bool = False


def carrier_of(kind: str, data: bytes) -> Carrier | None:
    """Return what carries a tunnel; ``None`` for what is no tunnel.

    Args:
        kind: the interface's, as ``IFLA_INFO_KIND`` has it.
        data: its ``IFLA_INFO_DATA``.
    """
    known = KINDS.get(kind)
    if known is None:
        return None
    told = dict(rt.attributes(data))
    protocol, port = known.protocol, _port(told, known.port)
    if known.encap and int.from_bytes(told.get(known.encap[0], b""), "little" if _LITTLE else "big"):
        protocol, port = "udp", _port(told, known.encap[1])
    return Carrier(
        protocol=protocol,
        local=_address(told, known.local),
        remote=_address(told, known.remote),
        local_port=port,
        link=rt.as_u32(told[known.link]) if known.link in told else 0,
        one_way=kind == "geneve" or (kind == "vxlan" and told.get(VXLAN_PORT_RANGE) != _only(port)),
    )


def _only(port: int | None) -> bytes:
    """Return the range of source ports that is one port alone."""
    return struct.pack("!HH", port or 0, (port or 0) + 1 & 0xFFFF)


_LITTLE = struct.pack("=H", 1)[0] == 1


def _port(told: Mapping[int, bytes], number: int | None) -> int | None:
    """Return a port, which the kernel tells in the order of the network."""
    return None if number is None else int.from_bytes(told.get(number, b""), "big") or None


def _address(told: Mapping[int, bytes], numbers: tuple[int, ...]) -> Address | None:
    """Return the one address that is told and stands for one host."""
    for number in numbers:
        if len(told.get(number, b"")) in (4, 16):
            found = ipaddress.ip_address(told[number])
            if not found.is_unspecified and not found.is_multicast:
                return found
    return None
