# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds and takes apart rtnetlink messages and their attributes (netlink(7), rtnetlink(7)). Pure.

Numbers are in the host's byte order, as the kernel wants them.
"""

from __future__ import annotations

import struct

from .._common.quick_dataclass import dataclass

NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_MULTI, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x2, 0x4, 0x300
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x100, 0x200, 0x400
NLM_F_CAPPED, NLM_F_ACK_TLVS, NLM_F_DUMP_INTR = 0x100, 0x200, 0x10

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC = 36, 37, 38
RTM_NEWTCLASS, RTM_DELTCLASS, RTM_GETTCLASS = 40, 41, 42
RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER = 44, 45, 46
RTM_NEWACTION, RTM_GETACTION = 48, 50
RTM_NEWCHAIN, RTM_DELCHAIN, RTM_GETCHAIN = 100, 101, 102

TCA_KIND, TCA_OPTIONS, TCA_STATS2, TCA_STAB, TCA_CHAIN, TCA_HW_OFFLOAD = 1, 2, 7, 8, 11, 12
TCA_DUMP_INVISIBLE, TCA_INGRESS_BLOCK, TCA_EGRESS_BLOCK = 10, 13, 14
TCA_STATS_RATE_EST = 2  # in TCA_STATS2

IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_TXQLEN, IFLA_LINKINFO = 1, 3, 4, 13, 18
IFLA_NUM_TX_QUEUES, IFLA_NUM_RX_QUEUES, IFLA_EXT_MASK = 31, 32, 29
IFLA_INFO_KIND, IFLA_INFO_DATA = 1, 2
IFF_UP = 0x1

NLMSGERR_ATTR_MSG = 1
NESTED, TYPE_MASK = 0x8000, 0x3FFF  # flags live in an attribute's two highest bits

HEADER = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
ATTRIBUTE = struct.Struct("=HH")  # struct nlattr: length, type
TCMSG = struct.Struct("=BxxxiIII")  # struct tcmsg: family, ifindex, handle, parent, info
IFINFOMSG = struct.Struct("=BxHiII")  # struct ifinfomsg: family, type, index, flags, change mask


@dataclass(frozen=True)
class Message:
    """One netlink message as received: its type, flags, sequence number and body."""

    type: int
    flags: int
    sequence: int
    body: bytes


def _padded(length: int) -> int:
    """Return ``length`` rounded up to netlink's alignment of four bytes."""
    return (length + 3) & ~3


def attribute(number: int, payload: bytes) -> bytes:
    """Return one attribute, padded."""
    return (ATTRIBUTE.pack(4 + len(payload), number) + payload).ljust(_padded(4 + len(payload)), b"\0")


def u32(number: int, value: int) -> bytes:
    """Return an attribute that holds a 32-bit number."""
    return attribute(number, struct.pack("=I", value))


def text(number: int, value: str) -> bytes:
    """Return an attribute that holds a string, ended by a zero byte."""
    return attribute(number, value.encode() + b"\0")


def attributes(data: bytes, *, flags: bool = False) -> list[tuple[int, bytes]]:
    """Return the attributes in ``data`` as (number, payload), in their order.

    Args:
        data: attributes one behind the other.
        flags: whether the numbers keep their flag bits, as is needed to write the attribute back.

    Raises:
        ValueError: an attribute says that it is longer than what is there.
    """
    mask = 0xFFFF if flags else TYPE_MASK
    found = []
    offset = 0
    while offset + 4 <= len(data):
        length, number = ATTRIBUTE.unpack_from(data, offset)
        if length < 4 or offset + length > len(data):
            raise ValueError(f"attribute {number} claims {length} bytes, {len(data) - offset} are left")
        found.append((number & mask, data[offset + 4 : offset + length]))
        offset += _padded(length)
    return found


def as_text(payload: bytes) -> str:
    """Return the string in an attribute's payload."""
    return payload.split(b"\0", 1)[0].decode(errors="replace")


def as_u32(payload: bytes) -> int:
    """Return the 32-bit number in an attribute's payload."""
    return int(struct.unpack_from("=I", payload)[0])


def message(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    """Return one netlink message, padded, addressed to the kernel."""
    return (HEADER.pack(16 + len(body), kind, flags, sequence, 0) + body).ljust(_padded(16 + len(body)), b"\0")


def messages(data: bytes) -> list[Message]:
    """Return the netlink messages in one received datagram."""
    found = []
    offset = 0
    while offset + 16 <= len(data):
        length, kind, flags, sequence, _port = HEADER.unpack_from(data, offset)
        if length < 16 or offset + length > len(data):
            raise ValueError(f"netlink message of type {kind} claims {length} bytes, {len(data) - offset} are left")
        found.append(Message(kind, flags, sequence, data[offset + 16 : offset + length]))
        offset += _padded(length)
    return found


def dumped(data: bytes, wanted: int) -> list[bytes] | None:
    """Return the bodies of one datagram of a dump, fast: ``None`` unless all of it is plain answers to one request.

    Args:
        data: the datagram.
        wanted: the request's sequence number.
    """
    found = []
    offset = 0
    unpack = HEADER.unpack_from
    end = len(data)
    while offset < end:
        length, kind, flags, sequence, _port = unpack(data, offset)
        if sequence != wanted or kind <= NLMSG_DONE or flags != NLM_F_MULTI or length < 16 or offset + length > end:
            return None
        found.append(data[offset + 16 : offset + length])
        offset += (length + 3) & ~3
    return found


def error_of(reply: Message) -> tuple[int, str]:
    """Return (errno, the kernel's own words) of an NLMSG_ERROR message; errno 0 is an acknowledgement."""
    errno = -int(struct.unpack_from("=i", reply.body)[0])
    words = ""
    if reply.flags & NLM_F_ACK_TLVS:
        quoted = HEADER.unpack_from(reply.body, 4)[0]
        start = 4 + (16 if reply.flags & NLM_F_CAPPED else _padded(quoted))
        words = as_text(dict(attributes(reply.body[start:])).get(NLMSGERR_ATTR_MSG, b""))
    return errno, words
