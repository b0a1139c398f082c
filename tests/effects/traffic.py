# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kinds of traffic: each is made with what to send, and when called sends it in a lab and returns what came of it.

Numbers are what arrived, or how many connections were made.
"""

from __future__ import annotations

import re
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.effects.lab import BEHIND, CLIENT, HOST, INNER, PUBLISHED
from tests.kernel.nft_namespaces import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.effects.lab import Lab

    Traffic = Callable[[Lab], Any]

PORT = 7000
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
ROUTER_ALERT = b"\x94\x04\x00\x00"
SILENT_S = 0.3  # for what does not arrive
CLASSED, MTU = 10, 1500


@dataclass(frozen=True)
class Path:
    """A way of packets: who sends, who gets them, to which address and port, and the port they arrive at."""

    sender: str
    receiver: str
    address: dict[int, str]
    port: int = PORT
    arrives: int = PORT


LOCAL = Path("client", "host", HOST)
FORWARDED = Path("client", "inner", INNER)
PUBLISHED_PORT = Path("client", "inner", HOST, PUBLISHED, BEHIND)
OWN = Path("host", "client", CLIENT)
PASSING = Path("inner", "client", CLIENT)


def _socket(lab: Lab, place: str, kind: int, family: int) -> socket.socket:
    with getattr(lab, place).inside():
        made = lab.stack.enter_context(socket.socket(FAMILIES[family], kind))
    made.settimeout(SILENT_S)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return made


def _receiver(lab: Lab, path: Path, kind: int, family: int) -> socket.socket:
    made = _socket(lab, path.receiver, kind, family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # one of earlier traffic may be there still
    made.bind(("", path.arrives))
    if kind == socket.SOCK_STREAM:
        made.listen(256)
    return made


def _count(receiver: socket.socket) -> int:
    """Return how many datagrams arrive, and let go of the port: the next receiver is to get all."""
    arrived = 0
    with suppress(TimeoutError):
        while True:
            receiver.recvfrom(70_000)
            arrived += 1
    receiver.close()
    return arrived


def one_flow(path: Path, packets: int, *, family: int = 4) -> Traffic:
    """Send datagrams of one flow that nobody answers; returns how many arrive."""

    def send(lab: Lab) -> int:
        receiver = _receiver(lab, path, socket.SOCK_DGRAM, family)
        sender = _socket(lab, path.sender, socket.SOCK_DGRAM, family)
        for _ in range(packets):
            sender.sendto(b"x", (path.address[family], path.port))
        return _count(receiver)

    return send


def flows(path: Path, number: int, *, family: int = 4) -> Traffic:
    """Send one datagram of each of many flows; returns how many arrive."""

    def send(lab: Lab) -> int:
        receiver = _receiver(lab, path, socket.SOCK_DGRAM, family)
        for _ in range(number):
            _socket(lab, path.sender, socket.SOCK_DGRAM, family).sendto(b"x", (path.address[family], path.port))
        return _count(receiver)

    return send


def answered(path: Path, packets: int, *, family: int = 4) -> Traffic:
    """Open a flow of datagrams with an answer, then send more in it; returns how many of these arrive."""

    def send(lab: Lab) -> int:
        receiver = _receiver(lab, path, socket.SOCK_DGRAM, family)
        sender = _socket(lab, path.sender, socket.SOCK_DGRAM, family)
        sender.connect((path.address[family], path.port))
        sender.send(b"x")
        with suppress(TimeoutError):
            _, peer = receiver.recvfrom(16)
            receiver.sendto(b"x", peer)
            sender.recv(16)
        for _ in range(packets):
            sender.send(b"x")
        return _count(receiver)

    return send


def connections(path: Path, number: int, *, family: int = 4) -> Traffic:
    """Open TCP connections one after the other and hold them; returns how many are made."""

    def send(lab: Lab) -> int:
        _receiver(lab, path, socket.SOCK_STREAM, family)
        return _connect(lab, path, number, family)

    return send


def _connect(lab: Lab, path: Path, number: int, family: int) -> int:
    made = 0
    for _ in range(number):
        one = _socket(lab, path.sender, socket.SOCK_STREAM, family)
        with suppress(OSError):
            one.connect((path.address[family], path.port))
            made += 1
    return made


def pings(path: Path, number: int) -> Traffic:
    """Send ICMP echo requests of one flow; returns how many are answered."""

    def send(lab: Lab) -> int:
        with getattr(lab, path.sender).inside():
            sender = lab.stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
        sender.settimeout(SILENT_S)
        answers = 0
        for _ in range(number):
            sender.sendto(struct.pack("!BBHHH", 8, 0, 0xFFFF - 0x0800 - 7, 7, 0), (path.address[4], 0))
            with suppress(TimeoutError):
                answers += sender.recv(256)[20] == 0
        return answers

    return send


def mark(path: Path, *, family: int = 4, size: int = 1, options: bytes = b"") -> Traffic:
    """Send a datagram, in fragments where it is large; returns the code point that it arrives with."""
    level, wanted, told = {
        4: (socket.IPPROTO_IP, socket.IP_RECVTOS, socket.IP_TOS),
        6: (socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, socket.IPV6_TCLASS),
    }[family]

    def send(lab: Lab) -> int | None:
        receiver = _receiver(lab, path, socket.SOCK_DGRAM, family)
        receiver.setsockopt(level, wanted, 1)
        sender = _socket(lab, path.sender, socket.SOCK_DGRAM, family)
        if options:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, options)
        sender.sendto(b"x" * size, (path.address[family], path.port))
        with receiver, suppress(TimeoutError):  # and let go of the port: the next receiver is to get all
            _, more, _, _ = receiver.recvmsg(70_000, 64)
            return next(data[0] >> 2 for _level, kind, data in more if kind == told)
        return None

    return send


def seen_as(path: Path, *, family: int = 4) -> Traffic:
    """Send a datagram; returns the address that it seems to come from."""

    def send(lab: Lab) -> str | None:
        receiver = _receiver(lab, path, socket.SOCK_DGRAM, family)
        _socket(lab, path.sender, socket.SOCK_DGRAM, family).sendto(b"x", (path.address[family], path.port))
        with suppress(TimeoutError):
            _, peer = receiver.recvfrom(16)
            return str(peer[0])
        return None

    return send


def class_of(path: Path, *, family: int = 4, size: int = 1, dscp: int = 0) -> Traffic:
    """Send datagrams of one sender; returns the class of htb by which all of them left, "" where they are in none."""

    def send(lab: Lab) -> str:
        receiver = _receiver(lab, path, socket.SOCK_DGRAM, family)
        sender = _socket(lab, path.sender, socket.SOCK_DGRAM, family)
        level, kind = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if family == 6 else (socket.IPPROTO_IP, socket.IP_TOS)
        sender.setsockopt(level, kind, dscp << 2)
        before = _left(lab)
        for _ in range(CLASSED):
            sender.sendto(b"x" * size, (path.address[family], path.port))
        arrived = _count(receiver)
        assert arrived == CLASSED, f"{arrived} of {CLASSED} arrived"
        return _class_of(before, _left(lab), CLASSED * (1 + size // MTU))

    return send


def _left(lab: Lab) -> dict[str, int]:
    """Return how many packets each class of htb has sent."""
    with lab.host.inside():
        told = run("tc -s class show dev eth0")  # older releases of tc have no JSON of classes
    found = re.findall(r"^class htb (\S+) .*\n Sent \d+ bytes (\d+) pkt", told, re.MULTILINE)
    return {name: int(count) for name, count in found}


def _class_of(before: dict[str, int], after: dict[str, int], frames: int) -> str:
    """Return the class that has sent so many packets meanwhile; not the shaper's, which is above the others."""
    return " ".join(name for name in after if name != "1:1" and after[name] - before[name] >= frames)


def stray(path: Path) -> Traffic:
    """Send an acknowledgement of a connection that never was, with loose pick-up off; returns how many arrive.

    The receiver answers it with a reset, and that is what is counted.
    """

    def send(lab: Lab) -> int:
        with lab.host.inside():
            run("sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0")
        place = getattr(lab, path.receiver)
        with place.inside():
            listener = lab.stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP))
        listener.settimeout(SILENT_S)
        with getattr(lab, path.sender).inside():
            sender = lab.stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP))
        segment = struct.pack("!HHIIBBHHH", 4444, path.port, 1, 1, 5 << 4, 0x10, 1024, 0, 0)
        sender.sendto(_with_checksum(segment, CLIENT[4], path.address[4]), (path.address[4], 0))
        deadline, arrived = time.monotonic() + SILENT_S, 0
        while time.monotonic() < deadline:
            with suppress(TimeoutError):
                data = listener.recv(256)
                arrived += data[20:24] == segment[:4]
        return arrived

    return send


def _with_checksum(segment: bytes, source: str, target: str) -> bytes:
    pseudo = socket.inet_aton(source) + socket.inet_aton(target) + struct.pack("!BBH", 0, 6, len(segment))
    total = sum(struct.unpack(f"!{(len(pseudo) + len(segment)) // 2}H", pseudo + segment))
    total = (total & 0xFFFF) + (total >> 16)
    total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return segment[:16] + struct.pack("!H", total) + segment[18:]
