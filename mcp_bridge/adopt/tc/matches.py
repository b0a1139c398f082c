# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Matches as plans have them, from filters of the kinds u32, fw, basic and matchall. Pure.

A key of u32 is a mask and a value of four bytes at an offset of the packet; here it is taken apart into the fields of
the headers. Layouts: struct tc_u32_sel in linux/pkt_cls.h, RFC 791, RFC 8200.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.kernel_state import U32_FIRST, as_u32, attributes
from mcp_bridge.collection.match_words import flag_words

from .ematches import meta_match

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mcp_bridge.collection.kernel_state import TcObject

IPV4, IPV6, ANY = "ip", "ipv6", "all"
NETWORKS = {IPV4: "0.0.0.0/0", IPV6: "::/0"}
PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp"}
TCP = "tcp"
WITH_PORTS = (TCP, "udp", "sctp")
U32 = 2**32 - 1
U32_LINK, U32_DIVISOR, U32_SEL, U32_MARK = 3, 4, 5, 10
INDEV = {"u32": 8, "fw": 3}  # the attribute of the interface by which packets came
FW_MASK = 5
SEL = struct.Struct(">BBBxHHhhI")
KEY = struct.Struct(">IIii")

Key = tuple[str, int, int]
"""The field of a header, its mask and its value."""

# By family, then by the offset of four bytes: (field, where it begins in them, its bits).
_WORDS: Mapping[str, Mapping[int, tuple[tuple[str, int, int], ...]]] = {
    IPV4: {
        0: (("version", 28, 4), ("ihl", 24, 4), ("tos", 16, 8), ("length", 0, 16)),
        4: (("id", 16, 16), ("flags", 13, 3), ("fragment", 0, 13)),
        8: (("ttl", 24, 8), ("proto", 16, 8), ("checksum", 0, 16)),
        12: (("src", 0, 32),),
        16: (("dst", 0, 32),),
    },
    IPV6: {
        0: (("version", 28, 4), ("tos", 20, 8), ("flow", 0, 20)),
        4: (("length", 16, 16), ("proto", 8, 8), ("hops", 0, 8)),
        **{8 + 4 * word: ((f"src{word}", 0, 32),) for word in range(4)},
        **{24 + 4 * word: ((f"dst{word}", 0, 32),) for word in range(4)},
    },
}
_TRANSPORT = {
    0: (("sport", 16, 16), ("dport", 0, 16)),
    12: (("offset", 24, 8), ("flags_tcp", 16, 8), ("window", 0, 16)),
}
_HEADER = {IPV4: 20, IPV6: 40}
_LENGTH_AHEAD = {IPV4: 0, IPV6: 40}
_ALWAYS = {("version", 4), ("version", 6), ("ihl", 5), ("fragment", 0)}  # what ports need, and a plan adds itself


class UnsaidError(Exception):
    """No plan says this of packets; the text says what."""


@dataclass
class Found:
    """Whom a filter leads where.

    Attributes:
        family: ``ip``, ``ipv6`` or ``all``.
        match: the match as a plan has it; empty for all packets of the family.
        loosely: what the plan's match is less exact about, in words.
    """

    family: str
    match: dict[str, Any] = field(default_factory=dict)
    loosely: list[str] = field(default_factory=list)


def match_of(one: TcObject) -> Found | None:
    """Return what a filter matches, ``None`` for a table of filters, which matches nothing itself.

    Raises:
        UnsaidError: no plan matches that.
    """
    if one.protocol not in (IPV4, IPV6, ANY):
        raise UnsaidError(f"frames of the protocol {one.protocol}")
    told = dict(attributes(one.options or b""))
    if INDEV.get(one.kind) in told:
        raise UnsaidError("packets by the interface that they came by (indev)")
    if one.kind == "matchall":
        return Found(one.protocol)
    if one.kind == "fw":
        mask = as_u32(told[FW_MASK]) if FW_MASK in told else U32
        return Found(one.protocol, {"fwmark": _mark(one.handle, mask)})
    if one.kind == "basic":
        said = meta_match(one.options or b"")
        if said is None:
            raise UnsaidError("packets by what an extended match compares, but for priority and nf_mark")
        return Found(one.protocol, said)
    if one.kind != "u32":
        raise UnsaidError(f"packets by a filter of the kind {one.kind}")
    return None if U32_DIVISOR in told or U32_SEL not in told else _of_u32(one, told)


def _mark(value: int, mask: int) -> int | str:
    """Return a mark as a plan has it."""
    if value & ~mask or not mask:
        raise UnsaidError("packets by a mark that none has, or all have")
    return mark_said(value, mask)


def mark_said(value: int, mask: int) -> int | str:
    """Return a mark and its mask as a plan has them."""
    return value if mask == U32 else f"0x{value:x}/0x{mask:x}"


def ports_said(first: int, last: int) -> str:
    """Return a range of ports as a plan has it."""
    return str(first) if first == last else f"{first}-{last}"


def is_of_protocol(match: Mapping[str, Any]) -> bool:
    """Return whether the protocol of a match has what else it names of the transport header."""
    protocol = match.get("proto", TCP)
    has_ports = bool({"sports", "dports"} & match.keys())
    return (protocol in WITH_PORTS or not has_ports) and (protocol == TCP or "tcp_flags" not in match)


def has_mark(one: TcObject) -> bool:
    """Return whether a u32 filter looks at the mark of packets."""
    return one.form == "filter" and one.kind == "u32" and U32_MARK in dict(attributes(one.options or b""))


def _of_u32(one: TcObject, told: Mapping[int, bytes]) -> Found:
    if U32_LINK in told:
        raise UnsaidError("packets by tables that filters lead to")
    if one.handle >> 20 < U32_FIRST:
        raise UnsaidError("packets by a table that other filters lead to, or none")
    found = Found(one.protocol)
    if U32_MARK in told:
        value, mask = struct.unpack_from("=II", told[U32_MARK])
        found.match["fwmark"] = _mark(value, mask)
    keys = [key for key in _keys(told[U32_SEL]) if key[0]]
    if found.family == ANY and keys:
        found.family = IPV4
        found.loosely.append("the same bytes of frames that are not IPv4")
    family = found.family
    fields = _fields_of(family, keys)
    for side in ("src", "dst"):
        network = _network(family, side, fields)
        if network:
            found.match[side] = network
    for name, (mask, value) in fields.items():
        _take(found, name, mask, value)
    if not {"sports", "dports", "tcp_flags"} & found.match.keys():
        names = {"ihl": "packets with options", "fragment": "fragments behind the first one"}
        found.loosely += [words for name, words in names.items() if name in fields]
    if not is_of_protocol(found.match):
        raise UnsaidError(f"bytes of the header of {found.match['proto']}")
    return found


def _keys(selector: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (mask, value, offset) of each key of a selector.

    All offsets count from the packet's start. Those of ``nexthdr`` count from the transport header in tables alone that
    a filter has led to, with its own ``offset`` (u32_classify in net/sched/cls_u32.c); no plan has such tables.
    """
    count = SEL.unpack_from(selector)[2]
    for number in range(count):
        mask, value = struct.unpack_from(">II", selector, SEL.size + number * KEY.size)
        (offset,) = struct.unpack_from("=i", selector, SEL.size + number * KEY.size + 8)
        yield mask, value, offset


def _fields_of(family: str, keys: Iterable[tuple[int, int, int]]) -> dict[str, tuple[int, int]]:
    """Return the mask and the value of each field of the headers that keys are about."""
    fields: dict[str, tuple[int, int]] = {}
    for name, mask, value in (key for each in keys for key in _fields(family, *each)):
        if name in fields:
            raise UnsaidError(f"the field {name} of {family} packets by two keys")
        fields[name] = mask, value
    return fields


def _fields(family: str, mask: int, value: int, offset: int) -> Iterator[Key]:
    """Yield the fields of the headers that a key is about."""
    words = _WORDS[family].get(offset)
    if words is None:
        words = _TRANSPORT.get(offset - _HEADER[family])
    if words is None:
        raise UnsaidError(f"bytes at offset {offset} of {family} packets")
    for name, shift, bits in words:
        part = (1 << bits) - 1
        if mask >> shift & part:
            yield name, mask >> shift & part, value >> shift & part


def _network(family: str, side: str, fields: dict[str, tuple[int, int]]) -> str | None:
    """Take the fields of an address out, and return it as a network."""
    names = [side] if family == IPV4 else [f"{side}{word}" for word in range(4)]
    if not any(name in fields for name in names):
        return None
    mask = value = 0
    for name in names:
        part = fields.pop(name, (0, 0))
        mask, value = mask << 32 | part[0], value << 32 | part[1]
    width = 32 * len(names)
    length = mask.bit_count()
    if mask != ((1 << length) - 1) << (width - length):
        raise UnsaidError(f"some bits of the address {side} of {family} packets")
    address = ipaddress.IPv4Address(value) if family == IPV4 else ipaddress.IPv6Address(value)
    return str(ipaddress.ip_network((address, length)))


def _take(found: Found, name: str, mask: int, value: int) -> None:
    """Take one field of a header into a match."""
    if (name, value) in _ALWAYS:
        return
    if name == "tos" and mask | 3 == 0xFF and not value & 3:
        found.match["dscp"] = value >> 2
        if mask & 3:
            found.loosely.append("the two bits of ECN")
    elif name == "proto" and mask == 0xFF and value in PROTOCOLS:
        if (value, found.family) in ((1, IPV6), (58, IPV4)):
            raise UnsaidError(f"the protocol {value} in {found.family} packets, which none have")
        found.match["proto"] = PROTOCOLS[value]
    elif name == "length" and not value and (mask | mask - 1) == 0xFFFF:
        found.match["max_length"] = _max_length(found.family, ~mask & 0xFFFF)
    elif name in ("sport", "dport") and (mask | mask - 1) == 0xFFFF:
        found.match[f"{name}s"] = [_ports(value, value | ~mask & 0xFFFF)]
        found.loosely += [] if value else ["port 0"]
    elif name == "flags_tcp":
        found.match["tcp_flags"] = flag_words(value, mask)
    else:
        raise UnsaidError(f"the field {name} of {found.family} packets by 0x{mask:x}")


def _max_length(family: str, rest: int) -> int:
    """Return the length of the longest packet whose length fits into the rest of a word."""
    length = rest + _LENGTH_AHEAD[family]
    if length < _HEADER[family]:
        raise UnsaidError(f"{family} packets that are shorter than their header")
    return length


def _ports(first: int, last: int) -> str:
    """Return a range of ports as a plan has it: none has the port 0."""
    first = max(first, 1)
    if first > last:
        raise UnsaidError("packets of the port 0")
    return ports_said(first, last)
