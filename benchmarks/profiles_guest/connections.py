# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections that a well-behaved client gets while others hold thousands, come and go, and flood with SYN packets.

The host tracks connections, as servers with a stateful firewall do; and it runs a service that takes every connection
at once, answers a request, and keeps open what asks nothing. What has the kernel track is a rule for bridges that asks
for the state of connections: it turns tracking on for IP too, and user-mode Linux has no nftables for IP.
"""

from __future__ import annotations

import os
import resource
import select
import socket
import struct
import subprocess
import time
from contextlib import suppress

from ansible_collections.netopt.linux.plugins.module_utils._netlink import conntrack

from . import world

PORT = 8080
BACKLOG = 65535  # the service asks for all that the kernel gives
GREEDY = 9000  # connections that one client wants
GREEDY_BATCH = 50  # so many at a time; it gives up when it gets few of them
FLOOD_RATE = 200  # SYN packets per second
FLOOD_BURST = 10
FLOODED_S = 2  # before the well-behaved client comes
TRIES = 20
TRY_EVERY_S = 0.1
VISITS = 200  # connections per second that come, ask and go
TIMEOUT_S = 1.0
_FILES = 65536
_NOW, _IN_ORDER = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)  # SO_LINGER: a reset leaves nothing behind
_FIREWALL = "table bridge server { chain input { type filter hook input priority 0; ct state new accept; }; }"


def attacked() -> dict[str, float]:
    """Return the share of connections that were answered, in percent, and what the greedy client holds."""
    subprocess.run(["nft", "-f", "-"], input=_FIREWALL, text=True, check=True)
    try:
        with (
            world.part("service"),
            world.part("visitor", namespace=world.NEIGHBOUR),
            world.part("greedy", namespace=world.NEIGHBOUR) as greedy_client,
        ):
            held = int(world.line(greedy_client))
            with world.part("flood", namespace=world.NEIGHBOUR), world.part("client", namespace=world.PEER) as good:
                answered = int(world.line(good))
                tracked = int(world.run("sysctl", "-n", "net.netfilter.nf_conntrack_count"))
    finally:
        world.run("nft", "delete", "table", "bridge", "server")
        for flow in list(conntrack.flows(4)):
            conntrack.forget(flow)
    return {"answered_pct": 100 * answered / TRIES, "held": held, "tracked": tracked}


def service() -> None:
    """Serve until ended; epoll as it is, since each layer above it takes time from the kernel."""
    _raise_limit()
    held: dict[int, socket.socket] = {}
    with socket.create_server(("", PORT), backlog=BACKLOG) as listener, select.epoll() as ready:
        listener.settimeout(0)
        ready.register(listener.fileno(), select.EPOLLIN)
        print("ready", flush=True)
        while True:
            for number, _ in ready.poll():
                if number != listener.fileno():
                    _answer(held, number)
                    continue
                with suppress(BlockingIOError):
                    while True:
                        connection, _ = listener.accept()
                        held[connection.fileno()] = connection
                        ready.register(connection.fileno(), select.EPOLLIN)


def _answer(held: dict[int, socket.socket], number: int) -> None:
    """Answer a request, or close a connection that is over."""
    with suppress(ConnectionError):
        if held[number].recv(64):
            held[number].send(b"yes")
            return
    held.pop(number).close()


def greedy() -> None:
    """Open connections until there are enough or no more are to be had, say how many are held, and hold them."""
    _raise_limit()
    print("ready", flush=True)
    held: list[socket.socket] = []
    more = True
    while more and len(held) < GREEDY:
        got = _connected_at_once(GREEDY_BATCH)
        held += got
        more = len(got) > GREEDY_BATCH // 2
    print(len(held), flush=True)
    time.sleep(300)


def client() -> None:
    """Ask the service again and again over new connections, and say how often it answered in time."""
    print("ready", flush=True)
    time.sleep(FLOODED_S)
    answered = 0
    begin = time.monotonic()
    for number in range(TRIES):
        time.sleep(max(0.0, begin + number * TRY_EVERY_S - time.monotonic()))
        connection = _connected()
        answered += connection is not None and _asked(connection)
    print(answered, flush=True)


def visitor() -> None:
    """Come, ask and go again and again until ended; what goes in order is tracked for two minutes more."""
    print("ready", flush=True)
    begin, visits = time.monotonic(), 0
    while True:
        connection = _connected()
        if connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _IN_ORDER)
            _asked(connection)
        visits += 1
        time.sleep(max(0.0, begin + visits / VISITS - time.monotonic()))


def _asked(connection: socket.socket) -> bool:
    """Ask for an answer and close the connection; return whether it came in time."""
    with connection, suppress(OSError):
        connection.send(b"please")
        return connection.recv(8) == b"yes"
    return False


def flood() -> None:
    """Send SYN packets from made-up addresses until ended."""
    print("ready", flush=True)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        begin, sent = time.monotonic(), 0
        while True:
            for _ in range(FLOOD_BURST):
                sock.sendto(_syn(), (world.HOST_ADDRESS, 0))
            sent += FLOOD_BURST
            time.sleep(max(0.0, begin + sent / FLOOD_RATE - time.monotonic()))


def _syn() -> bytes:
    chance = os.urandom(9)
    source = bytes([198, 18 + chance[0] % 2]) + chance[1:3]
    target = socket.inet_aton(world.HOST_ADDRESS)
    port = 1024 + int.from_bytes(chance[3:5], "big") % 64000
    tcp = struct.pack("!HHIIBBHHH", port, PORT, int.from_bytes(chance[5:9], "big"), 0, 5 << 4, 2, 64240, 0, 0)
    pseudo = source + target + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", _checksum(pseudo + tcp)) + tcp[18:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, socket.IPPROTO_TCP, 0)
    return head + source + target + tcp


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def _connected() -> socket.socket | None:
    """Return a new connection to the service; none when it did not come in time."""
    return next(iter(_connected_at_once(1)), None)


def _connected_at_once(count: int) -> list[socket.socket]:
    """Return as many new connections to the service as come in time; closing one sends a reset."""
    waiting: dict[int, socket.socket] = {}
    writable = select.poll()
    for _ in range(count):
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NOW)
        connection.settimeout(0)
        connection.connect_ex((world.HOST_ADDRESS, PORT))
        waiting[connection.fileno()] = connection
        writable.register(connection, select.POLLOUT)
    connected = []
    deadline = time.monotonic() + TIMEOUT_S
    while waiting and (left := deadline - time.monotonic()) > 0:
        for number, event in writable.poll(left * 1000):
            writable.unregister(number)
            connection = waiting.pop(number)
            if event == select.POLLOUT:
                connection.settimeout(TIMEOUT_S)
                connected.append(connection)
            else:
                connection.close()
    for connection in waiting.values():
        connection.close()
    return connected


def _raise_limit() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, _FILES))
