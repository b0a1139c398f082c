# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the kernel about the flows that it tracks, and deletes some, over ctnetlink (nfnetlink_conntrack.h).

Nothing is asked where connections are not tracked at all: asking would load the kernel's module for it.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
from typing import TYPE_CHECKING

from . import messages as rt
from .flow import Entry, Tuple

if TYPE_CHECKING:
    from collections.abc import Iterator

NETLINK_NETFILTER = 12
CT_NEW, CT_GET, CT_DELETE = 1 << 8 | 0, 1 << 8 | 1, 1 << 8 | 2  # NFNL_SUBSYS_CTNETLINK
CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_STATUS, CTA_ID, CTA_ZONE, CTA_STATUS_MASK = 1, 2, 3, 12, 18, 26
CTA_TUPLE_IP, CTA_TUPLE_PROTO = 1, 2
CTA_IP = {4: (1, 2), 6: (3, 4)}
CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT = 1, 2, 3
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
TRACKING = "/proc/sys/net/netfilter/nf_conntrack_count"
TIMEOUT_S = 10.0
RECEIVE_BYTES = 1 << 18


class TrackingUnknownError(Exception):
    """The kernel tracks connections and does not tell which."""


def lookup(one: Tuple) -> Entry | None:
    """Return the flow that a packet belongs to, in either direction; ``None`` where it is not tracked.

    Raises:
        TrackingUnknownError: the kernel does not say.
    """
    if not os.path.exists(TRACKING):
        return None
    for reply in _answers(CT_GET, 0, one.src.version, _tuple(one)):
        return _entry(reply.body)
    return None


def flows(family: int, *, status: int = 0) -> Iterator[Entry]:
    """Yield the tracked flows of an IP version.

    Args:
        family: 4 or 6.
        status: bits that all of them have, ``IPS_...``.

    Raises:
        TrackingUnknownError: the kernel does not say.
    """
    if os.path.exists(TRACKING):
        bits = status.to_bytes(4, "big")
        # kernels since 5.15 sort out by themselves, older ones tell all
        asked = rt.attribute(CTA_STATUS, bits) + rt.attribute(CTA_STATUS_MASK, bits) if status else b""
        for reply in _answers(CT_GET, rt.NLM_F_DUMP, family, asked):
            entry = _entry(reply.body)
            if entry.status & status == status:
                yield entry


def forget(entry: Entry) -> bool:
    """Take a flow out of the table, so that its next packet counts as a new one; ``False`` where it has ended already.

    Raises:
        TrackingUnknownError: the kernel refuses.
    """
    return bool(list(_answers(CT_DELETE, rt.NLM_F_ACK, entry.sent.src.version, entry.handle)))


def _answers(kind: int, flags: int, family: int, body: bytes) -> Iterator[rt.Message]:
    """Yield the kernel's answers, the acknowledgement of a deletion among them; none where there is no such flow."""
    header = struct.pack("=BBH", FAMILIES[family], 0, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as asked:
            asked.settimeout(TIMEOUT_S)
            asked.bind((0, 0))
            asked.send(rt.message(kind, rt.NLM_F_REQUEST | flags, 1, header + body))
            while True:
                for reply in rt.messages(asked.recv(RECEIVE_BYTES)):
                    if reply.type == rt.NLMSG_DONE:
                        return
                    if reply.type == rt.NLMSG_ERROR:
                        refused, _words = rt.error_of(reply)
                        if refused == errno.ENOENT:
                            return
                        if refused:
                            raise TrackingUnknownError(os.strerror(refused))
                    yield reply
                    if flags != rt.NLM_F_DUMP:
                        return
    except OSError as error:
        raise TrackingUnknownError(str(error)) from None


def _tuple(one: Tuple) -> bytes:
    """Return the attribute by which the kernel looks a flow up."""
    source, target = CTA_IP[one.src.version]
    addresses = rt.attribute(source, one.src.packed) + rt.attribute(target, one.dst.packed)
    protocol = rt.attribute(CTA_PROTO_NUM, bytes([one.protocol]))
    protocol += rt.attribute(CTA_PROTO_SRC_PORT, struct.pack("!H", one.sport))
    protocol += rt.attribute(CTA_PROTO_DST_PORT, struct.pack("!H", one.dport))
    inner = rt.attribute(CTA_TUPLE_IP | rt.NESTED, addresses) + rt.attribute(CTA_TUPLE_PROTO | rt.NESTED, protocol)
    return rt.attribute(CTA_TUPLE_ORIG | rt.NESTED, inner)


def _entry(body: bytes) -> Entry:
    """Return a flow as the kernel tells it, behind four bytes of nfgenmsg."""
    told = dict(rt.attributes(body[4:]))
    handle = rt.attribute(CTA_TUPLE_ORIG | rt.NESTED, told[CTA_TUPLE_ORIG])
    handle += b"".join(rt.attribute(number, told[number]) for number in (CTA_ID, CTA_ZONE) if number in told)
    return Entry(
        sent=_told_tuple(told[CTA_TUPLE_ORIG]),
        answered=_told_tuple(told[CTA_TUPLE_REPLY]),
        status=int.from_bytes(told[CTA_STATUS], "big"),
        handle=handle,
    )


def _told_tuple(payload: bytes) -> Tuple:
    parts = dict(rt.attributes(payload))
    addresses = dict(rt.attributes(parts[CTA_TUPLE_IP]))
    protocol = dict(rt.attributes(parts[CTA_TUPLE_PROTO]))
    source, target = CTA_IP[4 if CTA_IP[4][0] in addresses else 6]
    return Tuple(
        protocol=protocol[CTA_PROTO_NUM][0],
        src=ipaddress.ip_address(addresses[source]),
        dst=ipaddress.ip_address(addresses[target]),
        sport=int.from_bytes(protocol.get(CTA_PROTO_SRC_PORT, b""), "big"),
        dport=int.from_bytes(protocol.get(CTA_PROTO_DST_PORT, b""), "big"),
    )
