# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traffic that is judged by the packets that a neighbour sees on its wire."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from tests.effects.classes import ENDS, WAYS, fragments, opened
from tests.effects.frames import PROTOCOLS
from tests.effects.lab import CLIENT, HOST
from tests.effects.traffic import FAMILIES, SILENT_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.effects.frames import Frame
    from tests.effects.lab import Lab
    from tests.effects.traffic import Traffic

EVERYTHING = 0x0003
ETHERNET_BYTES = 14
MOST_S = 3.0


@contextmanager
def watched(
    lab: Lab, place: str, device: str = "eth0", *, silent_s: float = SILENT_S
) -> Iterator[Callable[..., list[Any]]]:
    """Yield what reads from the frames that a device gets, until so many have been read, or nothing more comes."""
    with (
        getattr(lab, place).inside(),
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERYTHING)) as made,
    ):
        made.bind((device, EVERYTHING))
        made.settimeout(silent_s)

        def seen(read: Callable[[bytes], Any], wanted: int) -> list[Any]:
            found: list[Any] = []
            until = time.monotonic() + MOST_S
            with suppress(TimeoutError):
                while len(found) < wanted and time.monotonic() < until:
                    data, where = made.recvfrom(70_000)
                    one = read(data) if where[2] != socket.PACKET_OUTGOING else None
                    found += [] if one is None else [one]
            return found

        yield seen


def code_points(way: str, one: Frame, *, whole: bool = True, own_socket: bool = False) -> Traffic:
    """Send a frame, or its two fragments, or what it says by a socket; returns the code points of what arrives."""
    place, by, (whose, their) = WAYS[way]
    source, target = ENDS[way]
    one = replace(one, src=one.src or source[one.family], dst=one.dst or target[one.family])
    ends = one.src, one.dst

    def send(lab: Lab) -> list[int]:
        ethernet = lab.mac(whose, their) + lab.mac(place, by)
        with watched(lab, "client") as seen:
            if own_socket:
                opened(lab, one)()
            else:
                with getattr(lab, place).inside():
                    made = lab.stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
                made.bind((by, 0))
                for each in [one] if whole else fragments(one):
                    made.send(each.to(ethernet))
            return seen(lambda data: code_point(data, one.proto, *ends), 1 if whole else 2)

    return send


def code_point(data: bytes, proto: str, source: str, target: str) -> int | None:
    """Return the code point of a frame between two ends, ``None`` of any other, and of those that find neighbours."""
    packet = data[ETHERNET_BYTES:]
    version = packet[0] >> 4
    at, length, carries = {4: (12, 4, 9), 6: (8, 16, 6)}.get(version, (0, 0, 0))
    if packet[at : at + 2 * length] != ip_address(source).packed + ip_address(target).packed:
        return None
    if packet[carries] == PROTOCOLS["icmpv6"] and proto != "icmpv6":
        return None
    return packet[1] >> 2 if version == 4 else (packet[0] << 4 | packet[1] >> 4) >> 2 & 0x3F


def answered_as(port: int, behind: int, proto: str, family: int) -> Traffic:
    """Ask a published port, whose host behind answers; returns the code points of the answers that arrive."""
    kind = socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM

    def send(lab: Lab) -> set[int]:
        with lab.inner.inside():
            server = lab.stack.enter_context(socket.socket(FAMILIES[family], kind))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("", behind))
        server.settimeout(1)
        with lab.client.inside(), socket.socket(FAMILIES[family], kind) as asker, watched(lab, "client") as seen:
            asker.settimeout(1)
            if proto == "tcp":
                server.listen()
            asker.connect((HOST[family], port))
            if proto == "udp":
                asker.send(b"x")
                _, peer = server.recvfrom(9)
                server.sendto(b"x", peer)
            found = set(seen(lambda data: code_point(data, proto, HOST[family], CLIENT[family]), 1))
        server.close()
        return found

    return send
