# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traffic that shows kernel parameters: what stands in packets of the host, and which packets it takes and answers."""

from __future__ import annotations

import os
import socket
import struct
import time
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from tests.effects.frames import PROTOCOLS, Frame
from tests.effects.lab import CLIENT, HOST
from tests.effects.seen import ETHERNET_BYTES, watched
from tests.effects.traffic import FAMILIES, SILENT_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.effects.lab import Lab
    from tests.effects.traffic import Traffic

PORT = 7700
BROADCAST = b"\xff" * 6
ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
ICMP_REDIRECT = 5
KINDS = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}
USER = 1000


def read(proto: str, family: int, word: Callable[[bytes, bytes], Any]) -> Callable[[bytes], Any]:
    """Return what reads a word of (the IP header, what it carries) of the host's own packets of a protocol."""
    at, length, carries, end = {4: (12, 4, 9, 20), 6: (8, 16, 6, 40)}[family]
    source = ip_address(HOST[family]).packed

    def of(data: bytes) -> Any:
        packet = data[ETHERNET_BYTES:]
        if packet[0] >> 4 != family or packet[at : at + length] != source or packet[carries] != PROTOCOLS[proto]:
            return None
        return word(packet, packet[end:])

    return of


def first_packet(
    proto: str, family: int, word: Callable[[bytes, bytes], Any], *, port: int = PORT, wanted: int = 1, **how: Any
) -> Traffic:
    """Have a socket of the host begin to talk to the client; returns a word of the first packet, or of several."""

    def send(lab: Lab) -> Any:
        with watched(lab, "client") as seen:
            with lab.host.inside(), suppress(OSError), socket.socket(FAMILIES[family], KINDS[proto]) as made:
                made.settimeout(SILENT_S)
                if how.get("source"):
                    made.bind((how["source"], 0))
                if how.get("fast"):
                    made.sendto(b"x", socket.MSG_FASTOPEN, (CLIENT[family], port))
                else:
                    made.connect((CLIENT[family], port))
                    made.send(b"x" * how.get("size", 1))
            found = seen(read(proto, family, word), wanted)
        return (found[0] if wanted == 1 else found) if found else None

    return send


def options(_ip: bytes, tcp: bytes) -> frozenset[int]:
    """Return the kinds of options of TCP."""
    found, at, end = set(), 20, (tcp[12] >> 4) * 4
    while at < end and tcp[at]:
        found.add(tcp[at])
        at += 1 if tcp[at] == 1 else tcp[at + 1]
    return frozenset(found)


def echoes(target: str, family: int = 4, *, broadcast: bool = False, number: int = 2) -> Traffic:
    """Ping from the client; returns how many of the pings the host answers."""
    request = struct.pack("!BBHHH", 8 if family == 4 else 128, 0, 0xFFFF - 0x0800 - 7 if family == 4 else 0, 7, 0)
    protocol = socket.IPPROTO_ICMP if family == 4 else socket.IPPROTO_ICMPV6
    reply = 0 if family == 4 else 129

    def send(lab: Lab) -> int:
        with lab.client.inside(), socket.socket(FAMILIES[family], socket.SOCK_RAW, protocol) as made:
            made.settimeout(SILENT_S)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, int(broadcast))
            if family == 6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
                index = socket.if_nametoindex("eth0")
            where = (target, 0) if family == 4 else (target, 0, 0, index if target.startswith("ff") else 0)
            answers = 0
            for _ in range(number):
                made.sendto(request, where)
                until = time.monotonic() + SILENT_S
                while time.monotonic() < until:
                    with suppress(TimeoutError):
                        data = made.recv(256)
                        if (data[20] if family == 4 else data[0]) == reply:
                            answers += 1
                            break
            return answers

    return send


def asked(address: str, source: str = CLIENT[4]) -> Traffic:
    """Ask by ARP who has an address; returns how many answers come."""

    def send(lab: Lab) -> int:
        mine = lab.mac("client", "eth0")
        question = struct.pack("!HHBBH", 1, IPV4, 6, 4, 1) + mine + socket.inet_aton(source)
        question += bytes(6) + socket.inet_aton(address)
        with (
            watched(lab, "client") as seen,
            lab.client.inside(),
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as made,
        ):
            made.bind(("eth0", 0))
            made.send(BROADCAST + mine + struct.pack("!H", ARP) + question)
            return len(seen(lambda data: _answers(data, address), 1))

    return send


def _answers(data: bytes, address: str) -> bool | None:
    is_it = (
        data[12:14] == struct.pack("!H", ARP) and data[20:22] == b"\0\2" and data[28:32] == socket.inet_aton(address)
    )
    return is_it or None


def questions(address: str, wanted: int) -> Traffic:
    """Have the host send to a neighbour that is not there; returns how many times it asks for it in a moment."""

    def send(lab: Lab) -> int:
        with watched(lab, "client") as seen:
            with lab.host.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
                made.sendto(b"x", (address, PORT))
            target = socket.inet_aton(address)
            return len(seen(lambda data: (data[12:14] == b"\x08\x06" and data[38:42] == target) or None, wanted))

    return send


def taken(one: Frame, *, to: bytes | None = None, receiver: str = "host", port: int = PORT) -> Traffic:
    """Send a frame of UDP from the client to the host; returns how many of it a socket gets."""

    def send(lab: Lab) -> int:
        with getattr(lab, receiver).inside():
            there = lab.stack.enter_context(socket.socket(FAMILIES[one.family], socket.SOCK_DGRAM))
        there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        there.settimeout(SILENT_S)
        there.bind(("", port))
        with lab.client.inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as made:
            made.bind(("eth0", 0))
            made.send(one.to((to or lab.mac("host", "eth0")) + lab.mac("client", "eth0")))
        arrived = 0
        with suppress(TimeoutError):
            arrived = bool(there.recv(999)) + 0
        there.close()
        return arrived

    return send


def redirected(one: Frame) -> Traffic:
    """Send a frame by the host that leaves by where it came; returns how many times the host says so."""

    def send(lab: Lab) -> int:
        with (
            watched(lab, "client") as seen,
            lab.client.inside(),
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as made,
        ):
            made.bind(("eth0", 0))
            made.send(one.to(lab.mac("host", "eth0") + lab.mac("client", "eth0")))
            return len(seen(read("icmp", 4, lambda _ip, icmp: (icmp[0] == ICMP_REDIRECT) or None), 1))

    return send


def unreachable(number: int) -> Traffic:
    """Send datagrams to ports where nobody listens; returns how many times the host says so."""

    def send(lab: Lab) -> int:
        with watched(lab, "client") as seen, lab.client.inside():
            for port in range(number):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
                    made.sendto(b"x", (HOST[4], 9100 + port))
            return len(seen(read("icmp", 4, lambda _ip, icmp: (icmp[0] == 3) or None), number))

    return send


def waiting(number: int, *, port: int = PORT) -> Traffic:
    """Make connections that nobody accepts; returns how many are made."""

    def send(lab: Lab) -> int:
        with lab.host.inside():
            there = lab.stack.enter_context(socket.socket())
        there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        there.bind(("", port))
        there.listen(number)
        made, held = 0, []
        with lab.client.inside():
            for _ in range(number):
                one = socket.socket()
                one.settimeout(SILENT_S)
                held.append(one)
                with suppress(OSError):
                    one.connect((HOST[4], port))
                    made += 1
        for one in [*held, there]:
            one.close()
        return made

    return send


def by_a_socket_for_both(port: int = PORT + 1) -> Traffic:
    """Connect over IPv4 to a socket of IPv6; returns how many connections are made."""

    def send(lab: Lab) -> int:
        with lab.host.inside(), socket.socket(socket.AF_INET6) as there:
            there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            there.bind(("::", port))
            there.listen()
            with lab.client.inside(), socket.socket() as made, suppress(OSError):
                made.settimeout(SILENT_S)
                made.connect((HOST[4], port))
                return 1
        return 0

    return send


def as_a_user(kind: int, protocol: int, port: int, data: bytes) -> Traffic:
    """Have a user's socket of the host send from a port; returns whether it may."""

    def send(lab: Lab) -> bool:
        with lab.host.inside():
            os.setegid(USER)
            os.seteuid(USER)
            try:
                with socket.socket(socket.AF_INET, kind, protocol) as made:
                    made.bind(("", port))
                    made.settimeout(SILENT_S)
                    made.sendto(data, (CLIENT[4], PORT))
                    return bool(made.recv(99)) if protocol else True
            except (PermissionError, TimeoutError):
                return False
            finally:
                os.seteuid(0)
                os.setegid(0)

    return send


def connected(word: Callable[[socket.socket], Any], *, silent_s: float = 0, proto_word: Any = None) -> Traffic:
    """Connect from the host to the client; returns a word of the socket, or how many packets come in silence."""

    def send(lab: Lab) -> Any:
        with lab.client.inside(), socket.socket() as there:
            there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            there.bind(("", PORT + 2))
            there.listen()
            with lab.host.inside(), socket.socket() as made:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                made.connect((CLIENT[4], PORT + 2))
                if not silent_s:
                    return word(made)
                with watched(lab, "client") as seen:
                    time.sleep(silent_s)
                    return len(seen(read("tcp", 4, proto_word), 1))

    return send


def accepted(word: Callable[[bytes, bytes], Any], *, dscp: int = 0) -> Traffic:
    """Connect from the client to the host; returns a word of the answer to the first packet."""

    def send(lab: Lab) -> Any:
        with lab.host.inside(), socket.socket() as there:
            there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            there.bind(("", PORT + 3))
            there.listen()
            with watched(lab, "client") as seen, lab.client.inside(), socket.socket() as made:
                made.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
                made.connect((HOST[4], PORT + 3))
                found = seen(read("tcp", 4, word), 1)
        return found[0] if found else None

    return send
