# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ruff: noqa: E501 - one row is one line
"""Effects of kernel parameters that packets show, and what packets show once they are as before."""

from __future__ import annotations

import socket
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.effects.frames import Frame
from tests.effects.lab import CLIENT, GATEWAY, HOST, INNER
from tests.effects.row import NULL, REMOVE, ROLLBACK, Row
from tests.effects.sysctl_traffic import (
    BROADCAST,
    PORT,
    accepted,
    as_a_user,
    asked,
    by_a_socket_for_both,
    connected,
    echoes,
    first_packet,
    options,
    questions,
    redirected,
    taken,
    unreachable,
    waiting,
)
from tests.effects.traffic import FORWARDED, OWN, PASSING, flows

CONF, CONF_6 = "net.ipv4.conf.{iface}.", "net.ipv6.conf.{iface}."
SACK, TIMESTAMPS, SCALE, FAST = 4, 8, 3, 34
ECN = 0xC0
TO_HOST = Frame(src=CLIENT[4], dst=HOST[4], dport=PORT)
USUAL = Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text(encoding="ascii").strip()  # in new namespaces too
ECHO = struct.pack("!BBHHH", 8, 0, 0, 0, 0)


def _window(_ip: bytes, tcp: bytes) -> int:
    return int(struct.unpack_from("!H", tcp, 14)[0])


def _has(option: int) -> Any:
    return first_packet("tcp", 4, lambda ip, tcp: option in options(ip, tcp))


def _algorithm(made: socket.socket) -> str:
    return made.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode()


TOGETHER: tuple[tuple[str, str, dict[str, Any], Any, Any, Any], ...] = (
    ("ip_default_ttl", "of a datagram", {"net.ipv4.ip_default_ttl": 33}, first_packet("udp", 4, lambda ip, _udp: ip[8]), 33, 64),
    ("ip_default_ttl", "of a connection", {"net.ipv4.ip_default_ttl": 33}, first_packet("tcp", 4, lambda ip, _tcp: ip[8]), 33, 64),
    ("hop_limit", "of a datagram", {CONF_6 + "hop_limit": 34}, first_packet("udp", 6, lambda ip, _udp: ip[7]), 34, 64),
    ("icmp_echo_ignore_all", "pings", {"net.ipv4.icmp_echo_ignore_all": 1}, echoes(HOST[4]), 0, 2),
    ("icmp.echo_ignore_all", "pings over IPv6", {"net.ipv6.icmp.echo_ignore_all": 1}, echoes(HOST[6], 6), 0, 2),
    ("tcp_timestamps", "of a connection", {"net.ipv4.tcp_timestamps": 0}, _has(TIMESTAMPS), False, True),
    ("tcp_sack", "of a connection", {"net.ipv4.tcp_sack": 0}, _has(SACK), False, True),
    ("tcp_window_scaling", "of a connection", {"net.ipv4.tcp_window_scaling": 0}, _has(SCALE), False, True),
    ("tcp_fastopen", "of a connection with data", {"net.ipv4.tcp_fastopen": 0}, first_packet("tcp", 4, lambda ip, tcp: FAST in options(ip, tcp), fast=True), None, True),
    ("tcp_ecn", "of a connection", {"net.ipv4.tcp_ecn": 1}, first_packet("tcp", 4, lambda _ip, tcp: tcp[13] & ECN), ECN, 0),
    ("tcp_ecn", "of a connection over IPv6", {"net.ipv4.tcp_ecn": 1}, first_packet("tcp", 6, lambda _ip, tcp: tcp[13] & ECN), ECN, 0),
    ("ip_no_pmtu_disc", "of a connection", {"net.ipv4.ip_no_pmtu_disc": 1}, first_packet("tcp", 4, lambda ip, _tcp: ip[6] & 0x40), 0, 0x40),
    ("auto_flowlabels", "of a datagram over IPv6", {"net.ipv6.auto_flowlabels": 0}, first_packet("udp", 6, lambda ip, _udp: any((ip[1] & 15, ip[2], ip[3]))), False, True),
    ("ip_local_port_range", "of a datagram", {"net.ipv4.ip_local_port_range": "50000 50003"}, first_packet("udp", 4, lambda _ip, udp: 50000 <= udp[0] << 8 | udp[1] <= 50003), True, False),
    ("ip_local_reserved_ports", "of a connection", {"net.ipv4.ip_local_reserved_ports": "50000-50002", "net.ipv4.ip_local_port_range": "50000 50003"}, first_packet("tcp", 4, lambda _ip, tcp: tcp[0] << 8 | tcp[1] == 50003), True, False),
    ("rp_filter", "a sender that is elsewhere", {CONF + "rp_filter": 1}, taken(replace(TO_HOST, src=INNER[4])), 0, 1),
    ("drop_unicast_in_l2_multicast", "a datagram in a broadcast frame", {CONF + "drop_unicast_in_l2_multicast": 1}, taken(TO_HOST, to=BROADCAST), 0, 1),
    ("arp_filter", "a question of somebody who is elsewhere", {CONF + "arp_filter": 1}, asked(HOST[4], INNER[4]), 0, 1),
    ("arp_ignore", "a question for another interface's address", {CONF + "arp_ignore": 1}, asked(GATEWAY[4]), 0, 1),
    ("proxy_arp", "a question for a host behind", {CONF + "proxy_arp": 1, "net.ipv4.neigh.{iface}.proxy_delay": 0}, asked(INNER[4]), 1, 0),
    ("neigh.retrans_time_ms", "a neighbour that is not there", {"net.ipv4.neigh.{iface}.retrans_time_ms": 40, "net.ipv4.neigh.{iface}.mcast_solicit": 5}, questions("192.0.2.99", 9), 5, 1),
    ("route_localnet", "a datagram to a loopback address", {CONF + "route_localnet": 1}, taken(replace(TO_HOST, dst="127.0.0.5")), 1, 0),
    ("send_redirects", "a way back by where it came", {CONF + "send_redirects": 0, "net.ipv4.conf.all.send_redirects": 0}, redirected(replace(TO_HOST, dst="192.0.2.3")), 0, 1),
    ("icmp_ratelimit", "datagrams to ports where nobody listens", {"net.ipv4.icmp_ratelimit": 0}, unreachable(15), 15, (1, 14)),
    ("somaxconn", "connections that wait", {"net.core.somaxconn": 3}, waiting(8), 4, 8),
    ("bindv6only", "IPv4 to a socket of IPv6", {"net.ipv6.bindv6only": 1}, by_a_socket_for_both(), 0, 1),
    ("ip_unprivileged_port_start", "a user's port 80", {"net.ipv4.ip_unprivileged_port_start": 80}, as_a_user(socket.SOCK_DGRAM, 0, 80, b"x"), True, False),
    ("ping_group_range", "a user's ping", {"net.ipv4.ping_group_range": "0 2000"}, as_a_user(socket.SOCK_DGRAM, socket.IPPROTO_ICMP, 0, ECHO), True, False),
    ("tcp_congestion_control", "of a connection", {"net.ipv4.tcp_congestion_control": "reno"}, connected(_algorithm), "reno", USUAL),
    ("tcp_keepalive_time", "a silent connection", {"net.ipv4.tcp_keepalive_time": 1, "net.ipv4.tcp_keepalive_intvl": 1}, connected(_algorithm, silent_s=1.3, proto_word=lambda _ip, _tcp: True), 1, 0),
    ("tcp_reflect_tos", "the answer to a marked first packet", {"net.ipv4.tcp_reflect_tos": 1}, accepted(lambda ip, _tcp: ip[1] >> 2, dscp=46), 46, 0),
    ("tcp_rmem", "the first window", {"net.ipv4.tcp_rmem": "4096 8192 65536"}, accepted(_window), (1, 8192), (8193, 65535)),
    ("conf.mtu", "a datagram of 1,400 bytes over IPv6", {CONF_6 + "mtu": 1300}, first_packet("udp", 6, lambda _ip, _udp: True, size=1400), None, True),
    ("echo_ignore_multicast", "pings to all nodes", {"net.ipv6.icmp.echo_ignore_multicast": 1}, echoes("ff02::1", 6), 0, 2),
    ("icmp_echo_ignore_broadcasts", "pings to the network", {"net.ipv4.icmp_echo_ignore_broadcasts": 0}, echoes("192.0.2.255", broadcast=True), 2, 0),
    ("bc_forwarding", "a datagram to the network behind", {CONF + "bc_forwarding": 1, "net.ipv4.conf.all.bc_forwarding": 1}, taken(replace(TO_HOST, dst="10.9.0.255"), receiver="inner"), 1, 0),
)  # fmt: skip
APART = {"proxy_arp", "ip_local_port_range", "ip_local_reserved_ports"}  # arp_filter would change what proxy_arp does
QUIET = {"icmp_echo_ignore_all", "icmp.echo_ignore_all"}  # with these no ping is answered at all


def _rows() -> list[Row]:
    found = []
    for number, (key, says, keys, traffic, expected, free) in enumerate(TOGETHER):
        gone = REMOVE if key in QUIET else ROLLBACK if key in APART else (ROLLBACK, NULL)[number % 2]
        found.append(
            Row(
                "sysctl",
                f"{key}, {says}",
                {"sysctl": keys},
                traffic,
                expected,
                free=free,
                gone=gone,
                shared=f"sysctl {gone}",
            )
        )
    return found


OFF_4, OFF_6 = {"net.ipv4.ip_forward": 0}, {"net.ipv6.conf.all.forwarding": 0}
FORWARDING = tuple(
    Row("sysctl", f"{says}, flows {way} over IPv{family}", {"sysctl": keys}, flows(path, 4, family=family), expected, free=4, gone=gone, shared=says)
    for says, keys, gone, off in (
        ("ip_forward off", OFF_4, ROLLBACK, 4),
        ("all.forwarding of IPv6 off", OFF_6, REMOVE, 6),
        ("forwarding off on the interface", {CONF + "forwarding": 0}, NULL, "in"),
    )
    for way, path in (("inwards", FORWARDED), ("outwards", PASSING), ("of this host", OWN))
    for family in (4, 6)
    for expected in (0 if path is not OWN and (off == family or (off == "in" and family == 4 and way == "inwards")) else 4,)
)  # fmt: skip
REFUSED = Row(
    "sysctl", "disable_ipv6 where there are addresses", {"sysctl": {CONF_6 + "disable_ipv6": 1}}, refused="disable_ipv6"
)
ROWS = tuple(replace(row, quick=row.shared == f"sysctl {REMOVE}") for row in (*_rows(), *FORWARDING, REFUSED))
