# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Frames with what may stand ahead of a port: tags, options, extension headers. Checksums are not kept."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import ip_address

HERE = {4: "192.0.2.1", 6: "2001:db8::1"}
THERE = {4: "192.0.2.2", 6: "2001:db8::2"}
ETHERNET = bytes.fromhex("02000000000202000000000a")
TAGS = {"802.1Q": 0x8100, "802.1ad": 0x88A8}
TYPES = {4: 0x0800, 6: 0x86DD}
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132, "icmp": 1, "icmpv6": 58}
ROUTER_ALERT = {4: bytes.fromhex("94040000"), 6: bytes.fromhex("0502000001000000")[:6]}
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60


@dataclass(frozen=True)
class Frame:
    """A frame from the host to its neighbour.

    Attributes:
        family: 4 or 6.
        proto: the transport protocol.
        sport: its source port.
        dport: its destination port.
        tags: names of tags, from the outside.
        options: of IPv4, in whole units of four bytes.
        extension: the number of an extension header of IPv6, which has eight bytes.
        offset: of a fragment, in units of eight bytes.
        dscp: the code point.
        flags: of TCP.
    """

    family: int = 4
    proto: str = "udp"
    sport: int = 40000
    dport: int = 7000
    tags: tuple[str, ...] = ()
    options: bytes = b""
    extension: int | None = None
    offset: int = 0
    dscp: int = 0
    flags: int = 0

    @property
    def packed(self) -> bytes:
        """The frame as it is sent."""
        rest = struct.pack("!HH9xB50x", self.sport, self.dport, self.flags)
        packet = self._ip4(rest) if self.family == 4 else self._ip6(rest)
        tagged = b"".join(struct.pack("!HH", TAGS[name], 10) for name in self.tags)
        return ETHERNET + tagged + struct.pack("!H", TYPES[self.family]) + packet

    def _ip4(self, rest: bytes) -> bytes:
        words = 5 + len(self.options) // 4
        size, number = words * 4 + len(rest), PROTOCOLS[self.proto]
        head = struct.pack("!BBHHHBBH", 0x40 | words, self.dscp << 2, size, 1, self.offset, 64, number, 0)
        return head + ip_address(HERE[4]).packed + ip_address(THERE[4]).packed + self.options + rest

    def _ip6(self, rest: bytes) -> bytes:
        number = PROTOCOLS[self.proto]
        if self.extension is not None:
            is_fragment = self.extension == FRAGMENT
            more = struct.pack("!HI", self.offset << 3, 1) if is_fragment else ROUTER_ALERT[6]
            rest = bytes([number, 0]) + more + rest
            number = self.extension
        head = struct.pack("!IHBB", 6 << 28 | self.dscp << 22, len(rest), number, 64)
        return head + ip_address(HERE[6]).packed + ip_address(THERE[6]).packed + rest
