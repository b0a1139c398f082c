# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Table ``inet netopt`` under real traffic: limits, marks, translation, and what must not be disturbed."""

from __future__ import annotations

import os
import socket
import struct
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._nft import kernel as nft_kernel
from ansible_collections.netopt.linux.plugins.module_utils._nft import subsystem as nft_subsystem
from tests.kernel.nft_namespaces import Namespace, run
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

PORT = 7000
PATIENCE_S = 10.0
SILENT_S = 0.5  # for what is dropped without a word
SERVER = {4: "192.0.2.1", 6: "2001:db8::1"}
# Two sources in one prefix (IPv4 /24, IPv6 /64) and one in another, all on the same link.
SOURCES = {
    4: ("192.0.2.2", "192.0.2.3", "198.51.100.2"),
    6: ("2001:db8::2", "2001:db8::3", "2001:db8:0:9::2"),
}
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


class Lab:
    """A server and a client on one link, and what is open between them."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.server, self.client = Namespace(), Namespace()
        for namespace in (self.server, self.client):
            stack.callback(namespace.close)
        self.server.join(self.client, "eth0", "eth0")
        self.server.address("eth0", "192.0.2.1/24", "198.51.100.1/24", "2001:db8::1/64", "2001:db8:0:9::1/64")
        self.client.address("eth0", *(f"{source}/24" for source in SOURCES[4]))
        self.client.address("eth0", *(f"{source}/64" for source in SOURCES[6]))

    def apply(self, **changes: Any) -> None:
        """Bring the server to what changes on eth0 ask, as a module does it, and prove that it is so."""
        with self.server.inside():
            apply(nft_subsystem.intent(changes, ("eth0",)))

    def listen(self, family: int = 4, port: int = PORT) -> socket.socket:
        """Return a TCP socket that listens on the server."""
        with self.server.inside():
            made = self.stack.enter_context(socket.socket(FAMILIES[family], socket.SOCK_STREAM))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((SERVER[family], port))
        made.listen(64)
        made.settimeout(PATIENCE_S)
        return made

    def connect(self, source: str, port: int = PORT, *, timeout: float = PATIENCE_S) -> socket.socket:
        """Return a connection from one of the client's addresses; raises what the client meets."""
        family = 6 if ":" in source else 4
        with self.client.inside():
            made = self.stack.enter_context(socket.socket(FAMILIES[family], socket.SOCK_STREAM))
        made.settimeout(timeout)
        made.bind((source, 0))
        made.connect((SERVER[family], port))
        return made

    def connects_soon(self, source: str) -> bool:
        """Say whether a connection is made in time: the kernel does not count anew in every tick."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            with suppress(ConnectionRefusedError):
                self.connect(source)
                return True
            time.sleep(0.05)  # asked again: only a connection tells
        return False

    def datagrams(self, family: int, port: int = PORT) -> tuple[socket.socket, socket.socket]:
        """Return UDP sockets on the server and the client that are bound to ``port`` and send to each other."""
        found = []
        for namespace, here, there in (
            (self.server, SERVER[family], SOURCES[family][0]),
            (self.client, SOURCES[family][0], SERVER[family]),
        ):
            with namespace.inside():
                made = self.stack.enter_context(socket.socket(FAMILIES[family], socket.SOCK_DGRAM))
            made.settimeout(PATIENCE_S)
            made.bind((here, port))
            made.connect((there, port))
            found.append(made)
        return found[0], found[1]


def accept(listener: socket.socket) -> socket.socket:
    """Return the next connection of a listener; it gives up as soon as the others do."""
    made, _ = listener.accept()
    made.settimeout(PATIENCE_S)
    return made


def apply(intent: nft_subsystem.Intent) -> None:
    """Make in the current namespace what an intent asks for, and prove that it is there."""
    tools = Tools()
    probe = Namespace()
    try:
        with probe.inside():
            wanted = nft_kernel.resolve(intent, nft_subsystem.ABSENT, tools)
    finally:
        probe.close()
    for operation in nft_subsystem.operations(nft_kernel.observe({}, tools), wanted):
        nft_kernel.perform(operation, tools)
    assert nft_subsystem.operations(nft_kernel.observe({}, tools), wanted) == []


def exchange(one: socket.socket, other: socket.socket) -> bool:
    """Say whether bytes pass in both directions."""
    for sender, receiver in ((one, other), (other, one)):
        sender.sendall(b"ping")
        if receiver.recv(16) != b"ping":
            return False
    return True


def end(connection: socket.socket) -> None:
    """End a connection at once, so that it no longer counts."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Yield a fresh lab and close all that was opened in it."""
    with ExitStack() as stack:
        yield Lab(stack)


@pytest.mark.parametrize("family", [4, 6])
def test_connections_over_the_limit_are_reset(lab: Lab, family: int) -> None:
    """N connections of one source pass, the next is refused, another prefix is free, and ending one makes room."""
    listener = lab.listen(family)
    lab.apply(connection_limits=[{"protocol": "tcp", "port": PORT, "limit": 3, "mask": 32, "action": "reject"}])
    first, _, other = SOURCES[family]
    held = [lab.connect(first) for _ in range(3)]
    with pytest.raises(ConnectionRefusedError):
        lab.connect(first)
    lab.connect(other)
    assert exchange(held[2], [accept(listener) for _ in range(3)][2])
    end(held[0])
    assert lab.connects_soon(first)


@pytest.mark.parametrize(("family", "free"), [(4, True), (6, False)])
def test_a_source_is_an_ipv4_address_or_an_ipv6_64(lab: Lab, family: int, *, free: bool) -> None:
    """Mask 32 counts each IPv4 address by itself, and all addresses of an IPv6 /64 together."""
    lab.listen(family)
    lab.apply(connection_limits=[{"protocol": "tcp", "port": PORT, "limit": 1}])
    first, neighbour, _ = SOURCES[family]
    lab.connect(first)
    if free:
        lab.connect(neighbour)
    else:
        with pytest.raises(ConnectionRefusedError):
            lab.connect(neighbour)


def test_two_limits_on_one_port_both_hold(lab: Lab) -> None:
    """A limit per address and a wider one per /24 are both kept."""
    lab.listen()
    limits = [{"protocol": "tcp", "port": PORT, "limit": 2}, {"protocol": "tcp", "port": PORT, "limit": 3, "mask": 24}]
    lab.apply(connection_limits=limits)
    first, neighbour, other = SOURCES[4]
    for _ in range(2):
        lab.connect(first)
    with pytest.raises(ConnectionRefusedError):
        lab.connect(first)
    lab.connect(neighbour)
    with pytest.raises(ConnectionRefusedError):
        lab.connect(neighbour)
    lab.connect(other)


def test_a_port_limited_twice_keeps_the_lower_limit(lab: Lab) -> None:
    """Two limits that differ in nothing but the number do not disturb each other."""
    lab.listen()
    lab.apply(connection_limits=[{"protocol": "tcp", "port": PORT, "limit": limit} for limit in (3, 2, 4)])
    for _ in range(2):
        lab.connect(SOURCES[4][0])
    with pytest.raises(ConnectionRefusedError):
        lab.connect(SOURCES[4][0])


@pytest.mark.parametrize("ports", [[PORT, PORT + 1], None], ids=["some", "all"])
def test_ports_count_together(lab: Lab, ports: list[int] | None) -> None:
    """A connection to one port uses up the limit of all that are counted together, and of no other source."""
    lab.listen(port=PORT)
    lab.listen(port=PORT + 1)
    named = {} if ports is None else {"ports": list(map(str, ports))}
    lab.apply(connection_limits=[{"protocol": "tcp", "limit": 1, **named}])
    source, neighbour, _ = SOURCES[4]
    lab.connect(source, PORT)
    for port in (PORT, PORT + 1):
        with pytest.raises(ConnectionRefusedError):
            lab.connect(source, port)
    lab.connect(neighbour, PORT + 1)


def test_limits_on_two_ports_count_apart(lab: Lab) -> None:
    """A connection to one port does not use up the limit of another, and both limits hold."""
    lab.listen(port=PORT)
    lab.listen(port=PORT + 1)
    limits = [{"protocol": "tcp", "port": port, "limit": 1, "action": "drop"} for port in (PORT, PORT + 1)]
    lab.apply(connection_limits=limits)
    source = SOURCES[4][0]
    for port in (PORT, PORT + 1):
        lab.connect(source, port)
    for port in (PORT, PORT + 1):
        with pytest.raises(TimeoutError):
            lab.connect(source, port, timeout=SILENT_S)


@pytest.mark.parametrize("family", [4, 6])
def test_udp_flows_over_the_limit_are_refused(lab: Lab, family: int) -> None:
    """A UDP flow too many gets an ICMP error; the first goes on."""
    receiver, sender = lab.datagrams(family)
    lab.apply(connection_limits=[{"protocol": "udp", "port": PORT, "limit": 1}])
    assert exchange(sender, receiver)
    with lab.client.inside(), socket.socket(FAMILIES[family], socket.SOCK_DGRAM) as second:
        second.settimeout(PATIENCE_S)
        second.connect((SERVER[family], PORT))
        second.send(b"too many")
        with pytest.raises(ConnectionRefusedError):
            second.recv(16)
    assert exchange(sender, receiver)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(("per_source", "other_is_free"), [(True, True), (False, False)])
def test_new_connections_over_the_rate_are_dropped(
    lab: Lab, family: int, *, per_source: bool, other_is_free: bool
) -> None:
    """A burst passes, the next connection is dropped, and what is established is not."""
    listener = lab.listen(family)
    rate = {"rate": "1/hour", "burst": 2, "protocol": "tcp", "port": PORT, "per_source": per_source}
    lab.apply(rate_limits=[rate])
    first, _, other = SOURCES[family]
    held = [lab.connect(first) for _ in range(2)]
    with pytest.raises(TimeoutError):
        lab.connect(first, timeout=SILENT_S)
    accepted = [accept(listener) for _ in range(2)]
    assert all(exchange(held[0], accepted[0]) for _ in range(20))
    if other_is_free:
        lab.connect(other)
    else:
        with pytest.raises(TimeoutError):
            lab.connect(other, timeout=SILENT_S)


@pytest.mark.parametrize("per_source", [True, False])
def test_a_flow_without_answers_is_one_connection(lab: Lab, *, per_source: bool) -> None:
    """All datagrams of one flow pass, and of new flows as many as the burst has left; each counts once."""
    receiver, sender = lab.datagrams(4)
    lab.apply(rate_limits=[{"rate": "1/hour", "burst": 3, "protocol": "udp", "per_source": per_source}])
    for _ in range(50):
        sender.send(b"same flow")
    assert [receiver.recv(16) for _ in range(50)] == [b"same flow"] * 50
    with lab.server.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((SERVER[4], PORT + 1))
        other.settimeout(SILENT_S)
        with lab.client.inside():
            for _ in range(10):
                lab.stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).sendto(
                    b"new flow", (SERVER[4], PORT + 1)
                )
        arrived = 0
        with suppress(TimeoutError):
            while other.recv(16):
                arrived += 1
    assert arrived == 2


@pytest.mark.parametrize("tracking", [{}, {"accept_established": True}, {"accept_established": False}])
def test_a_packet_rate_counts_what_is_established(lab: Lab, tracking: dict[str, bool]) -> None:
    """A limit on packets counts those of established connections too, whatever ``accept_established`` says."""
    receiver, sender = lab.datagrams(4)
    rates = [{"rate": "1/hour", "burst": 6, "protocol": "udp", "per": "packets"}]
    assert all(exchange(sender, receiver) for _ in range(10))
    lab.apply(rate_limits=rates, connection_tracking=tracking)
    for one in (receiver, sender):
        one.settimeout(SILENT_S)
    with pytest.raises(TimeoutError):
        all(exchange(sender, receiver) for _ in range(10))


def test_a_rate_without_protocol_leaves_neighbour_discovery_alone(lab: Lab) -> None:
    """With every packet limited away, the client still finds the server's link address."""
    lab.apply(rate_limits=[{"rate": "1/day", "burst": 1, "per": "packets"}])
    for _ in range(3):
        with suppress(OSError):
            lab.connect(SOURCES[6][0], timeout=SILENT_S)
    with lab.client.inside():
        run("ip neigh flush dev eth0")
        with suppress(OSError):
            lab.connect(SOURCES[6][0], timeout=SILENT_S)
        found = f"{SERVER[6]} lladdr"
        until(lambda: found in run("ip -6 neigh show dev eth0"), PATIENCE_S, "the server's link address")


@pytest.mark.parametrize("family", [4, 6])
def test_connections_older_than_the_limits_survive_them(lab: Lab, family: int) -> None:
    """Two connections made before anything was tracked go on under a limit of one with resets, and through a change."""
    listener = lab.listen(family)
    pairs = [(lab.connect(SOURCES[family][0]), accept(listener)) for _ in range(2)]
    limit = {"protocol": "tcp", "port": PORT, "limit": 1}
    rate = {"rate": "1/day", "burst": 1, "per_source": True}
    lab.apply(connection_limits=[limit], rate_limits=[rate])
    assert all(exchange(*pair) for pair in pairs)
    lab.apply(connection_limits=[limit], connection_tracking={"drop_invalid": True})
    assert all(exchange(*pair) for pair in pairs)


def test_loopback_is_not_limited(lab: Lab) -> None:
    """The server reaches its own service however many connections it holds."""
    lab.listen()
    lab.apply(connection_limits=[{"protocol": "tcp", "port": PORT, "limit": 1}])
    with lab.server.inside():
        for _ in range(3):
            made = lab.stack.enter_context(socket.socket())
            made.connect((SERVER[4], PORT))


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({}, 46),
        ({"proto": "udp"}, 46),
        ({"proto": "tcp"}, 0),
        ({"sports": ["80", f"{PORT - 5}-{PORT + 5}"]}, 46),
        ({"proto": "udp", "dports": [str(PORT)]}, 46),
        ({"proto": "udp", "sports": [str(PORT + 1)]}, 0),
        ({"dst": "192.0.2.0/24"}, {4: 46, 6: 0}),
        ({"src": "2001:db8::/32", "proto": "udp"}, {4: 0, 6: 46}),
    ],
)
def test_marks_are_seen_on_the_wire(lab: Lab, family: int, match: dict[str, Any], expected: Any) -> None:
    """A datagram arrives at the client with the code point of the first entry that matches it."""
    server, client = lab.datagrams(family)
    lab.apply(dscp=[{"match": match, "dscp": 46}, {"match": match, "dscp": 8}])
    level, option = {
        4: (socket.IPPROTO_IP, socket.IP_RECVTOS),
        6: (socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS),
    }[family]
    client.setsockopt(level, option, 1)
    server.send(b"marked")
    _, ancillary, _, _ = client.recvmsg(64, 64)
    traffic_class = ancillary[0][2][0]
    assert (expected[family] if isinstance(expected, dict) else expected) == traffic_class >> 2


def test_icmp_is_marked(lab: Lab) -> None:
    """An echo reply of the server leaves with its code point."""
    lab.apply(dscp=[{"match": {"proto": "icmp"}, "dscp": 63}])
    with lab.client.inside(), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as pinger:
        pinger.settimeout(PATIENCE_S)
        pinger.sendto(struct.pack("!BBHHH", 8, 0, 0xFFFF - 0x0800 - 7, 7, 0), (SERVER[4], 0))
        reply = pinger.recv(256)
    assert reply[1] >> 2 == 63


class Routed(Lab):
    """The lab with a router in the middle: the client behind ``lan``, the server behind ``wan``."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.server, self.router, self.client = Namespace(), Namespace(), Namespace()
        for namespace in (self.server, self.router, self.client):
            stack.callback(namespace.close)
        self.client.join(self.router, "eth0", "lan")
        self.router.join(self.server, "wan", "eth0")
        self.client.address("eth0", "10.0.0.2/24", "fd00::2/64")
        self.router.address("lan", "10.0.0.1/24", "fd00::1/64")
        self.router.address("wan", "192.0.2.254/24", "2001:db8::fe/64")
        self.server.address("eth0", "192.0.2.1/24", "2001:db8::1/64")
        with self.router.inside():
            run("sysctl -qw net.ipv4.ip_forward=1")
            run("sysctl -qw net.ipv6.conf.all.forwarding=1")
        with self.client.inside():
            run("ip route add default via 10.0.0.1")
            run("ip -6 route add default via fd00::1")

    def peer(self, address: str, port: int, listening: int, family: int) -> str:
        """Return the client's address as the server sees it on a connection to ``address``."""
        listener = self.listen(family, listening)
        with self.client.inside():
            made = self.stack.enter_context(socket.socket(FAMILIES[family], socket.SOCK_STREAM))
        made.settimeout(PATIENCE_S)
        made.connect((address, port))
        accepted = accept(listener)
        assert exchange(made, accepted)
        return str(accepted.getpeername()[0])


@pytest.fixture
def routed() -> Iterator[Routed]:
    """Yield a fresh lab with a router."""
    with ExitStack() as stack:
        yield Routed(stack)


@pytest.mark.parametrize(
    ("rule", "family", "seen"),
    [
        ({"type": "masquerade"}, 4, "192.0.2.254"),
        ({"type": "masquerade", "src": "fd00::/64"}, 6, "2001:db8::fe"),
        ({"type": "masquerade", "protocol": "tcp", "port": PORT}, 4, "192.0.2.254"),
        ({"type": "snat", "src": "10.0.0.0/24", "to_addr": "192.0.2.254", "to_port": 5555}, 4, "192.0.2.254"),
        ({"type": "snat", "dst": "2001:db8::/64", "to_addr": "2001:db8::fe"}, 6, "2001:db8::fe"),
    ],
)
def test_sources_are_translated(routed: Routed, rule: dict[str, Any], family: int, seen: str) -> None:
    """The server, which has no route back, answers the router's address."""
    with routed.router.inside():
        apply(nft_subsystem.intent({"nat_rules": [rule]}, ("wan",)))
    assert seen == routed.peer(SERVER[family], PORT, PORT, family)


@pytest.mark.parametrize(
    ("family", "address", "to_addr", "seen"),
    [(4, "10.0.0.1", "192.0.2.1", "192.0.2.254"), (6, "fd00::1", "2001:db8::1", "2001:db8::fe")],
)
def test_destinations_are_translated(routed: Routed, family: int, address: str, to_addr: str, seen: str) -> None:
    """A connection to the router's port 80 ends at the server's port 7000."""
    forward = {
        "type": "dnat", "iface": "lan", "protocol": "tcp", "port": 80, "to_addr": to_addr, "to_port": PORT
    }  # fmt: skip
    back = {"type": "masquerade", "src": "10.0.0.0/24" if family == 4 else "fd00::/64"}
    with routed.router.inside():
        apply(nft_subsystem.intent({"nat_rules": [forward, back]}, ("wan",)))
    assert seen == routed.peer(address, 80, PORT, family)
