# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traffic that shows devices and routes: how large packets are, what is filled in by the device, how TCP begins."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from tests.effects.frames import PROTOCOLS, internet_checksum
from tests.effects.lab import CLIENT, HOST
from tests.effects.seen import ETHERNET_BYTES, watched
from tests.effects.sysctl_traffic import read
from tests.effects.traffic import FAMILIES, OWN, PASSING, SILENT_S, Path
from tests.kernel.nft_namespaces import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.effects.lab import Lab
    from tests.effects.traffic import Traffic

PORT = 7800
IP_MTU_DISCOVER, MAY_BE_CUT, PROBE = 10, 0, 3
IPV6_MTU_DISCOVER = 23
MUCH = 200_000
DEAF = "table inet deaf {{\nchain out {{ type filter hook output priority 0; {rule}; }}\n}}\n"


def pieces(path: Path, size: int, family: int) -> Traffic:
    """Send a datagram; returns in how many packets it arrives."""
    carries, fragment = {4: (9, None), 6: (6, 44)}[family]
    target = ip_address(path.address[family]).packed

    def send(lab: Lab) -> int:
        def is_of_it(data: bytes) -> bool | None:
            packet = data[ETHERNET_BYTES:]
            ends = packet[16:20] if packet[0] >> 4 == 4 else packet[24:40]
            return (ends == target and packet[carries] in (PROTOCOLS["udp"], fragment)) or None

        with watched(lab, path.receiver) as seen, getattr(lab, path.sender).inside():
            run(f"ip -{family} route flush cache")  # what the sender has been told before
            with socket.socket(FAMILIES[family], socket.SOCK_DGRAM) as made:
                if family == 4:
                    made.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, MAY_BE_CUT)
                made.sendto(b"x" * size, (path.address[family], PORT))
            return len(seen(is_of_it, 9))

    return send


def too_large(size: int, family: int) -> Traffic:
    """Send a datagram that must not be cut on its way through; returns the size that the sender is told to keep to."""
    level, option = (socket.IPPROTO_IP, IP_MTU_DISCOVER) if family == 4 else (socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER)
    carries, number, kind, code, end, at, length = {
        4: (9, PROTOCOLS["icmp"], 3, 4, 20, 6, "!H"),
        6: (6, PROTOCOLS["icmpv6"], 2, 0, 40, 4, "!I"),
    }[family]

    def send(lab: Lab) -> int | None:
        def told(data: bytes) -> Any:
            packet = data[ETHERNET_BYTES:]
            if packet[0] >> 4 != family or packet[carries] != number or packet[end : end + 2] != bytes([kind, code]):
                return None
            return struct.unpack_from(length, packet, end + at)[0]

        with watched(lab, "inner") as seen, lab.inner.inside():
            with socket.socket(FAMILIES[family], socket.SOCK_DGRAM) as made:
                made.setsockopt(level, option, PROBE)
                made.sendto(b"x" * size, (CLIENT[family], PORT))
            found = seen(told, 1)
        return found[0] if found else None

    return send


def largest(sender: str, receiver: str, address: str) -> Traffic:
    """Send much by TCP; returns whether the receiver's wire has seen more at once than a packet may hold."""

    def send(lab: Lab) -> bool:
        with getattr(lab, receiver).inside(), socket.socket() as there:
            there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            there.bind(("", PORT))
            there.listen()
            with watched(lab, receiver) as seen, getattr(lab, sender).inside(), socket.socket() as made:
                made.settimeout(2)
                made.connect((address, PORT))
                taken, _ = there.accept()
                taken.settimeout(2)
                with taken:
                    for _ in range(20):
                        made.send(bytes(30_000))
                        with suppress(TimeoutError):
                            taken.recv(100_000)
                return bool(seen(lambda data: len(data) > 1600 or None, 1))

    return send


def filled_in(family: int) -> Traffic:
    """Send a datagram of the host; returns whether its checksum is right on the wire."""
    ends = slice(12, 20) if family == 4 else slice(8, 40)

    def right(packet: bytes, udp: bytes) -> bool:
        udp = udp[: struct.unpack_from("!H", udp, 4)[0]]
        pseudo = packet[ends] + struct.pack("!II", len(udp), PROTOCOLS["udp"])
        return internet_checksum(pseudo + udp + bytes(len(udp) % 2)) == 0

    def send(lab: Lab) -> Any:
        with watched(lab, "client") as seen:
            with lab.host.inside(), socket.socket(FAMILIES[family], socket.SOCK_DGRAM) as made:
                made.sendto(b"some words", (CLIENT[family], PORT))
            return seen(read("udp", family, right), 1)[0]

    return send


@contextmanager
def _deaf(lab: Lab) -> Iterator[None]:
    """Have the client send no acknowledgements but that of a connection's first packet."""
    with lab.client.inside():
        run("nft -f -", stdin=DEAF.format(rule=f"tcp sport {PORT} tcp flags & (syn | ack) == ack drop"))
    try:
        yield
    finally:
        with lab.client.inside():
            run("nft delete table inet deaf")


def unacknowledged(family: int, *, much: int = MUCH) -> Traffic:
    """Have the host send to a client that acknowledges nothing; returns (how much comes, when it comes once more)."""

    def send(lab: Lab) -> tuple[int, float]:
        with (
            lab.client.inside(),
            socket.socket(FAMILIES[family]) as there,
            watched(lab, "client") as seen,
            lab.host.inside(),
            socket.socket(FAMILIES[family]) as made,
        ):
            there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            return _sent(lab, there, made, seen, family, much)

    return send


def _sent(lab: Lab, there: socket.socket, made: socket.socket, seen: Any, family: int, much: int) -> tuple[int, float]:
    there.bind(("", PORT))
    there.listen()
    with _deaf(lab):
        made.connect((CLIENT[family], PORT))
        made.settimeout(0)
        since = time.monotonic()
        with suppress(BlockingIOError):
            made.send(bytes(much))
        first: set[int] = set()
        ends: list[int] = []
        again: list[float] = []

        def data(packet: bytes, tcp: bytes) -> bool | None:
            length = (
                struct.unpack_from("!H", packet, 2)[0] - 20 if family == 4 else struct.unpack_from("!H", packet, 4)[0]
            )
            carried = length - (tcp[12] >> 4) * 4
            if carried <= 0:
                return None
            start = struct.unpack_from("!I", tcp, 4)[0]
            if start in first:
                again.append(time.monotonic() - since)
                return True
            first.add(start)
            ends.append(carried)
            return None

        until = time.monotonic() + 2
        while not again and time.monotonic() < until:
            seen(read("tcp", family, data), 1)
    return sum(ends), again[0] if again else 0.0


def begun_with(family: int) -> Traffic:
    """Return traffic whose outcome is how many bytes the host sends before any acknowledgement."""
    whole = unacknowledged(family)
    return lambda lab: whole(lab)[0]


def sent_again(family: int) -> Traffic:
    """Return traffic whose outcome is after which time the host sends again what nobody has acknowledged."""
    whole = unacknowledged(family, much=100)
    return lambda lab: whole(lab)[1]


def offered(family: int) -> Traffic:
    """Connect to the host; returns the window that its first answer offers."""

    def send(lab: Lab) -> int:
        with lab.host.inside(), socket.socket(FAMILIES[family]) as there:
            there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            there.bind(("", PORT))
            there.listen()
            with watched(lab, "client") as seen, lab.client.inside(), socket.socket(FAMILIES[family]) as made:
                made.settimeout(SILENT_S)
                made.connect((HOST[family], PORT))
                word = read("tcp", family, lambda _ip, tcp: struct.unpack_from("!H", tcp, 14)[0])
                return int(seen(word, 1)[0])

    return send


def algorithm(family: int) -> Traffic:
    """Connect from the host; returns which algorithm of congestion control the connection has."""

    def send(lab: Lab) -> str:
        with lab.client.inside(), socket.socket(FAMILIES[family]) as there:
            there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            there.bind(("", PORT))
            there.listen()
            with lab.host.inside(), socket.socket(FAMILIES[family]) as made:
                made.connect((CLIENT[family], PORT))
                return made.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode()

    return send


WAYS = {"of this host": OWN, "passing through": PASSING}
