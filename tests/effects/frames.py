# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Frames with what may stand ahead of a port: tags, options, extension headers. Checksums are right."""

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
EXPERIMENT = 0x1E  # an option that nobody knows, and everybody skips (RFC 4727)
CARRIED = 64  # bytes behind the IP headers
CASTAGNOLI = 0x82F63B78
MORE_FOLLOW, UNIT = 1, 8


def crc32c(packet: bytes) -> int:
    """Return CRC32c, which SCTP has as its checksum (RFC 9260, appendix A)."""
    value = 0xFFFFFFFF
    for byte in packet:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (CASTAGNOLI if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def internet_checksum(data: bytes) -> int:
    """Return the checksum of IP, TCP, UDP and ICMP (RFC 1071)."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclass(frozen=True)
class Frame:
    """A frame from the host to its neighbour.

    Attributes:
        family: 4 or 6.
        proto: the transport protocol.
        sport: its source port; of ICMP the type and the code.
        dport: its destination port.
        tags: names of tags, from the outside.
        options: of IPv4, in whole units of four bytes.
        extension: the number of an extension header of IPv6, which has eight bytes.
        extensions: how many of these extension headers there are.
        units: how many times eight bytes each of them has.
        offset: of a fragment, in units of eight bytes.
        more: whether more fragments follow.
        dscp: the code point.
        flags: of TCP.
        src, dst: addresses, the host's and its neighbour's by default.
    """

    family: int = 4
    proto: str = "udp"
    sport: int = 40000
    dport: int = 7000
    tags: tuple[str, ...] = ()
    options: bytes = b""
    extension: int | None = None
    extensions: int = 1
    units: int = 1
    offset: int = 0
    more: bool = False
    dscp: int = 0
    flags: int = 0
    src: str = ""
    dst: str = ""

    @property
    def packed(self) -> bytes:
        """The frame as it is sent."""
        return self.to(ETHERNET)

    def to(self, ethernet: bytes) -> bytes:
        """Return the frame with these addresses of Ethernet."""
        tagged = b"".join(struct.pack("!HH", TAGS[name], 10) for name in self.tags)
        return ethernet + tagged + struct.pack("!H", TYPES[self.family]) + self.packet

    @property
    def packet(self) -> bytes:
        """The IP packet."""
        return self._ip4(self.carried) if self.family == 4 else self._ip6(self.carried)

    @property
    def carried(self) -> bytes:
        """What IP carries: a fragment's own part of it."""
        whole = self._whole()
        return whole[: CARRIED // 2] if self.more else whole[CARRIED // 2 :] if self.offset else whole

    @property
    def ends(self) -> tuple[bytes, bytes]:
        """The addresses."""
        source, target = self.src or HERE[self.family], self.dst or THERE[self.family]
        return ip_address(source).packed, ip_address(target).packed

    def _whole(self) -> bytes:
        ports = struct.pack("!HH", self.sport, self.dport)
        if self.proto == "sctp":
            bare = ports + bytes(8) + bytes([1, 0, 0, CARRIED - 12]) + bytes(CARRIED - 16)
            return bare[:8] + struct.pack("<I", crc32c(bare)) + bare[12:]
        place, bare = {
            "tcp": (16, ports + bytes(8) + bytes([5 << 4, self.flags]) + bytes(CARRIED - 14)),
            "udp": (6, ports + struct.pack("!HH", CARRIED, 0) + bytes(CARRIED - 8)),
        }.get(self.proto, (2, ports[:2] + bytes(CARRIED - 2)))
        pseudo = b"" if self.proto == "icmp" else b"".join(self.ends) + struct.pack("!II", CARRIED, self._number)
        return bare[:place] + struct.pack("!H", internet_checksum(pseudo + bare)) + bare[place + 2 :]

    @property
    def _number(self) -> int:
        return PROTOCOLS[self.proto]

    def _ip4(self, rest: bytes) -> bytes:
        words = 5 + len(self.options) // 4
        size, where = words * 4 + len(rest), self.more << 13 | self.offset
        head = struct.pack("!BBHHHBBH", 0x40 | words, self.dscp << 2, size, 1, where, 64, self._number, 0)
        head += b"".join(self.ends) + self.options
        return head[:10] + struct.pack("!H", internet_checksum(head)) + head[12:] + rest

    def _ip6(self, rest: bytes) -> bytes:
        number = self._number
        for _ in range(self.extensions if self.extension is not None else 0):
            is_fragment = self.extension == FRAGMENT
            if is_fragment:
                ahead = struct.pack("!HI", self.offset << 3 | self.more, 1)
            elif self.extension == HOP_BY_HOP:
                ahead = ROUTER_ALERT[6]
            else:
                ahead = bytes(6) if self.extension == ROUTING else bytes([1, 4, 0, 0, 0, 0])
            filled = UNIT * (self.units - 1)
            ahead += bytes([EXPERIMENT, filled - 2]) + bytes(filled - 2) if filled else b""
            rest = bytes([number, self.units - 1 if not is_fragment else 0]) + ahead + rest
            number = self.extension or 0
        head = struct.pack("!IHBB", 6 << 28 | self.dscp << 22, len(rest), number, 64)
        return head + b"".join(self.ends) + rest
