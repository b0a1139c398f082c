# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traffic that limits meet: frames of every shape, several senders, ICMP, and what is told to who is refused."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.effects.classes import fragments
from tests.effects.frames import Frame, internet_checksum
from tests.effects.lab import CLIENT, HOST
from tests.effects.seen import watched
from tests.effects.traffic import FAMILIES, SILENT_S
from tests.kernel.nft_namespaces import run

if TYPE_CHECKING:
    from tests.effects.lab import Lab
    from tests.effects.traffic import Path, Traffic

FIRST_SPORT = 21000
SOLICITATION, ADVERTISEMENT = 135, 136


@dataclass(frozen=True)
class Sent:
    """Datagrams of a shape on a way from the client, each of a flow of its own."""

    family: int
    path: Path
    shape: dict[str, Any] = field(default_factory=dict)
    whole: bool = True


def arriving(sent: Sent, number: int) -> Traffic:
    """Send so many datagrams; returns how many of them a socket gets."""
    path, family = sent.path, sent.family

    def send(lab: Lab) -> int:
        first = getattr(lab, "next_sport", FIRST_SPORT)  # no flow is known from earlier traffic
        lab.next_sport = first + number
        with getattr(lab, path.receiver).inside(), socket.socket(FAMILIES[family], socket.SOCK_DGRAM) as there:
            there.settimeout(SILENT_S)
            there.bind(("", path.arrives))
            with lab.client.inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as made:
                made.bind(("eth0", 0))
                ethernet = lab.mac("host", "eth0") + lab.mac("client", "eth0")
                for sport in range(first, first + number):
                    ends = {"src": CLIENT[family], "dst": path.address[family]}
                    one = Frame(family, sport=sport, dport=path.port, **ends, **sent.shape)
                    for each in [one] if sent.whole else fragments(one):
                        made.send(each.to(ethernet))
            return _got(there, number)

    return send


def _got(there: socket.socket, number: int) -> int:
    arrived = 0
    with suppress(TimeoutError):
        while arrived < number:
            there.recv(999)
            arrived += 1
    return arrived


def senders(path: Path, addresses: tuple[str, ...], each: int, family: int) -> Traffic:
    """Send flows of datagrams from several addresses of the client; returns how many arrive."""

    def send(lab: Lab) -> int:
        with lab.client.inside():
            for address in addresses:
                if f" {address}/" not in run("ip -o addr show dev eth0"):
                    run(f"ip addr add {address}/{24 if family == 4 else 64} dev eth0{'' if family == 4 else ' nodad'}")
        with getattr(lab, path.receiver).inside(), socket.socket(FAMILIES[family], socket.SOCK_DGRAM) as there:
            there.settimeout(SILENT_S)
            there.bind(("", path.arrives))
            with lab.client.inside():
                for address in addresses:
                    for _ in range(each):
                        made = lab.stack.enter_context(socket.socket(FAMILIES[family], socket.SOCK_DGRAM))
                        made.bind((address, 0))
                        made.sendto(b"x", (path.address[family], path.port))
            return _got(there, each * len(addresses))

    return send


def refused(path: Path, protocol: str, family: int) -> Traffic:
    """Make a connection, and one more; returns what comes of that: it is made, refused, or there is silence."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM

    def send(lab: Lab) -> str:
        with getattr(lab, path.receiver).inside(), socket.socket(FAMILIES[family], kind) as there:
            there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            there.settimeout(SILENT_S)
            there.bind(("", path.arrives))
            if protocol == "tcp":
                there.listen()
            told = ""
            for _ in range(2):
                with lab.client.inside():
                    made = lab.stack.enter_context(socket.socket(FAMILIES[family], kind))
                made.settimeout(SILENT_S)
                told = _told(made, there, (path.address[family], path.port))
            return told

    return send


def _told(made: socket.socket, there: socket.socket, where: tuple[str, int]) -> str:
    try:
        made.connect(where)
        if made.type == socket.SOCK_DGRAM:
            made.send(b"x")
            with suppress(TimeoutError):
                _, peer = there.recvfrom(9)
                there.sendto(b"x", peer)
            made.recv(9)
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "silence"
    return "made"


def closed_and_opened(path: Path, number: int, family: int) -> Traffic:
    """Make connections, each once the one before has been closed; returns how many are made."""

    def send(lab: Lab) -> int:
        made = 0
        with getattr(lab, path.receiver).inside(), socket.socket(FAMILIES[family]) as there:
            there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            there.bind(("", path.arrives))
            there.listen()
            for _ in range(number):
                with lab.client.inside(), socket.socket(FAMILIES[family]) as one, suppress(OSError):
                    one.settimeout(SILENT_S)
                    one.connect((path.address[family], path.port))
                    made += 1
                    there.accept()[0].close()
                    one.recv(9)
                time.sleep(SILENT_S / 10)  # until the last packets have been seen
        return made

    return send


def loopback(port: int, number: int, family: int) -> Traffic:
    """Make connections from the host to itself; returns how many are made."""

    def send(lab: Lab) -> int:
        made = 0
        with lab.host.inside(), socket.socket(FAMILIES[family]) as there:
            there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            there.bind(("", port))
            there.listen(number)
            for _ in range(number):
                one = lab.stack.enter_context(socket.socket(FAMILIES[family]))
                one.settimeout(SILENT_S)
                with suppress(OSError):
                    one.connect((HOST[family], port))
                    made += 1
        return made

    return send


def of_icmp(kind: int, number: int, family: int) -> Traffic:
    """Send so many of a type of ICMP to the host; returns how many a socket of it gets."""
    protocol = socket.IPPROTO_ICMP if family == 4 else socket.IPPROTO_ICMPV6
    mark = struct.pack("!HH", 0x4E4F, kind)
    bare = struct.pack("!BBH", kind, 0, 0) + mark + bytes(12)
    packet = bare[:2] + struct.pack("!H", internet_checksum(bare)) + bare[4:] if family == 4 else bare

    def send(lab: Lab) -> int:
        with lab.host.inside(), socket.socket(FAMILIES[family], socket.SOCK_RAW, protocol) as there:
            there.settimeout(SILENT_S)
            with lab.client.inside(), socket.socket(FAMILIES[family], socket.SOCK_RAW, protocol) as made:
                for _ in range(number):
                    made.sendto(packet, (HOST[family], 0))
            arrived = 0
            with suppress(TimeoutError):
                while arrived < number:
                    data = there.recv(256)
                    data = data[20:] if family == 4 else data
                    arrived += data[0] == kind and data[4:8] == mark
            return arrived

    return send


def neighbours(address: str, number: int) -> Traffic:
    """Ask for the host's address as neighbours do; returns how many times it answers."""
    target = socket.inet_pton(socket.AF_INET6, address)
    source = socket.inet_pton(socket.AF_INET6, CLIENT[6])
    group = bytes.fromhex("ff0200000000000000000001ff") + target[-3:]

    def send(lab: Lab) -> int:
        mine = lab.mac("client", "eth0")
        bare = struct.pack("!BBHI", SOLICITATION, 0, 0, 0) + target + b"\1\1" + mine
        checksum = internet_checksum(source + group + struct.pack("!II", len(bare), socket.IPPROTO_ICMPV6) + bare)
        packet = struct.pack("!IHBB", 6 << 28, len(bare), socket.IPPROTO_ICMPV6, 255) + source + group
        packet += bare[:2] + struct.pack("!H", checksum) + bare[4:]
        ethernet = b"\x33\x33\xff" + target[-3:] + mine + b"\x86\xdd"
        with (
            watched(lab, "client") as seen,
            lab.client.inside(),
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as made,
        ):
            made.bind(("eth0", 0))
            for _ in range(number):
                made.send(ethernet + packet)
            return len(seen(lambda data: (data[20] == 58 and data[54] == ADVERTISEMENT) or None, number))

    return send
