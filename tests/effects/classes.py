# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traffic that is judged by the classes that it falls into, by their counters.

What comes of it is ``{class: times}``, in times that the whole was sent: a datagram in two fragments that fall into two
classes is once in each of them. Without classes it is empty.
"""

from __future__ import annotations

import re
import socket
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.effects.frames import CARRIED, FRAGMENT, PROTOCOLS, Frame
from tests.effects.lab import CLIENT, HOST, INNER
from tests.effects.traffic import FAMILIES
from tests.kernel.nft_namespaces import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.effects.lab import Lab
    from tests.effects.traffic import Traffic

EACH = 10
SETTLED_S, PAUSE_S = 2.0, 0.02
SHAPER = "1:1"
# way: (who sends, by which device, whose address of Ethernet it is for)
WAYS = {
    "sent": ("host", "eth0", ("client", "eth0")),
    "forwarded": ("inner", "eth0", ("host", "eth1")),
    "bridged": ("inner", "eth0", ("client", "eth0")),
    "arriving": ("client", "eth0", ("host", "eth0")),
}
ENDS = {
    "sent": (HOST, CLIENT),
    "forwarded": (INNER, CLIENT),
    "bridged": (INNER, CLIENT),
    "arriving": (CLIENT, HOST),
}


def counted(lab: Lab, device: str) -> dict[str, int]:
    """Return how many packets each class of a device has sent, save the shaper's."""
    with lab.host.inside():
        if not re.search(f"^[0-9]+: {device}[@:]", run("ip -o link show"), re.MULTILINE):
            return {}
        text = run(f"tc -s class show dev {device}")
    found = re.findall(r"^class htb (\S+) .*\n Sent \d+ bytes (\d+) pkt", text, re.MULTILINE)
    return {name: int(packets) for name, packets in found if name != SHAPER}


def fallen(lab: Lab, device: str, send: Callable[[], Any], packets: int) -> dict[str, int]:
    """Send, and return how many times ``EACH`` packets each class has got, of so many in all."""
    before = counted(lab, device)
    send()
    until = time.monotonic() + SETTLED_S
    while True:
        after = counted(lab, device)
        found = {name: (count - before.get(name, 0)) // EACH for name, count in after.items()}
        found = {name: times for name, times in found.items() if times}
        if not before or sum(found.values()) >= packets // EACH or time.monotonic() > until:
            return found
        time.sleep(PAUSE_S)


def fragments(one: Frame) -> list[Frame]:
    """Return a frame as its two fragments."""
    where: dict[str, Any] = {} if one.family == 4 else {"extension": FRAGMENT}
    return [replace(one, more=True, **where), replace(one, offset=4, **where)]


def framed(way: str, one: Frame, *, whole: bool = True, device: str = "eth0") -> Traffic:
    """Send a frame several times on a way, or its two fragments; returns the classes of a device that have them."""
    place, by, (whose, their) = WAYS[way]
    sender, receiver = ENDS[way]
    one = replace(one, src=one.src or sender[one.family], dst=one.dst or receiver[one.family])

    def send(lab: Lab) -> dict[str, int]:
        ethernet = lab.mac(whose, their) + lab.mac(place, by)
        with getattr(lab, place).inside():
            made = lab.stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
        made.bind((by, 0))
        sent = [one] if whole else fragments(one)

        def all_of_them() -> None:
            for _ in range(EACH):
                for each in sent:
                    made.send(each.to(ethernet))

        return fallen(lab, device, all_of_them, EACH * len(sent))

    return send


def opened(lab: Lab, one: Frame, *, size: int = CARRIED - 8, mark: int = 0, priority: int = 0) -> Callable[[], None]:
    """Return what has a socket of the host send once what a frame says, without its tags.

    What is neither UDP nor TCP is sent by a raw socket of IP. A connection of TCP is refused by the neighbour, so that
    its first packet alone counts.
    """
    family = one.family
    kind = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}.get(one.proto, socket.SOCK_RAW)
    level, option = (socket.IPPROTO_IP, socket.IP_TOS) if family == 4 else (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)

    def send() -> None:
        number = PROTOCOLS[one.proto] if kind == socket.SOCK_RAW else 0
        with lab.host.inside(), suppress(OSError), socket.socket(FAMILIES[family], kind, number) as made:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.settimeout(1)
            made.bind((one.src or HOST[family], 0 if number else one.sport))
            made.setsockopt(level, option, one.dscp << 2)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, priority)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
            if one.options:
                made.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, one.options)
            made.connect((one.dst or CLIENT[family], 0 if number else one.dport))
            if kind != socket.SOCK_STREAM:
                made.send(one.carried if number else b"x" * size)

    return send


def spoken(one: Frame, *, size: int = CARRIED - 8, mark: int = 0, priority: int = 0, device: str = "eth0") -> Traffic:
    """Have sockets of the host send what a frame says; returns the classes that it falls into."""

    def send(lab: Lab) -> dict[str, int]:
        once = opened(lab, one, size=size, mark=mark, priority=priority)
        fragments_each = -(-(size + 8) // 1480) if one.proto == "udp" else 1
        return fallen(lab, device, lambda: [once() for _ in range(EACH)], EACH * fragments_each)

    return send
