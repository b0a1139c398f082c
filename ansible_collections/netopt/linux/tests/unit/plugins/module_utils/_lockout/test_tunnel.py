# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What carries a tunnel, by the attributes of its interface, and which rules would cut that."""

from __future__ import annotations

import struct
from ipaddress import ip_address
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._lockout.tunnel import cut, outers_of
from ansible_collections.netopt.linux.plugins.module_utils._lockout.tunnel_devices import Carrier, carrier_of
from ansible_collections.netopt.linux.plugins.module_utils._netlink.messages import attribute, u32

HERE, THERE = ip_address("192.0.2.1"), ip_address("192.0.2.2")
HERE6, THERE6 = ip_address("2001:db8::1"), ip_address("2001:db8::2")
GROUP = ip_address("239.0.0.1")


def be16(number: int, value: int) -> bytes:
    """Return an attribute that holds a number in the order of the network."""
    return attribute(number, value.to_bytes(2, "big"))


def u16(number: int, value: int) -> bytes:
    """Return an attribute that holds a number in the order of the host."""
    return attribute(number, struct.pack("=H", value))


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        (
            "vxlan",
            attribute(2, THERE.packed) + u32(3, 7) + attribute(4, HERE.packed) + be16(15, 4789),
            Carrier("udp", HERE, THERE, 4789, 7, one_way=True),
        ),
        (
            "vxlan",
            attribute(10, struct.pack("!HH", 4789, 4790)) + be16(15, 4789),
            Carrier("udp", None, None, 4789, 0),
        ),
        ("vxlan", attribute(2, GROUP.packed) + be16(15, 8472), Carrier("udp", None, None, 8472, 0, one_way=True)),
        (
            "vxlan",
            attribute(16, THERE6.packed) + attribute(17, HERE6.packed),
            Carrier("udp", HERE6, THERE6, None, 0, one_way=True),
        ),
        ("geneve", attribute(2, THERE.packed) + be16(5, 6081), Carrier("udp", None, THERE, 6081, 0, one_way=True)),
        ("gre", attribute(6, HERE.packed) + attribute(7, THERE.packed), Carrier("gre", HERE, THERE, None, 0)),
        (
            "gre",
            attribute(6, HERE.packed) + attribute(7, THERE.packed) + u16(14, 1) + be16(17, 5555),
            Carrier("udp", HERE, THERE, 5555, 0),
        ),
        ("ip6gre", attribute(6, HERE6.packed) + attribute(7, THERE6.packed), Carrier("gre", HERE6, THERE6, None, 0)),
        (
            "ipip",
            u32(1, 4) + attribute(2, HERE.packed) + attribute(3, THERE.packed) + u16(15, 0) + be16(18, 9),
            Carrier("ipip", HERE, THERE, None, 4),
        ),
        (
            "sit",
            attribute(2, HERE.packed) + attribute(3, THERE.packed) + u16(15, 2) + be16(18, 5556),
            Carrier("udp", HERE, THERE, 5556, 0),
        ),
        ("vti", attribute(4, HERE.packed) + attribute(5, THERE.packed), Carrier("esp", HERE, THERE, None, 0)),
        ("wireguard", b"", Carrier("udp", None, None, None, 0)),
        ("tun", b"", Carrier(None, None, None, None, 0)),
        ("veth", b"", None),
    ],
)
def test_carrier(kind: str, data: bytes, expected: Carrier | None) -> None:
    """Addresses, ports and the interface below; a group and an address of zeros are no peer."""
    assert carrier_of(kind, data) == expected


VXLAN: dict[str, Any] = {
    "device": "vxlan0",
    "kind": "vxlan",
    "protocol": "udp",
    "local": "192.0.2.1",
    "local_port": 4789,
    "remote": "192.0.2.2",
    "arrives": ["eth0"],
}
WIREGUARD = {"device": "wg0", "kind": "wireguard", "protocol": "udp"}
TUN = {"device": "tun0", "kind": "tun"}
GRE = {**VXLAN, "device": "gre1", "kind": "gre", "protocol": "gre", "local_port": None}


@pytest.mark.parametrize("tunnel", [VXLAN, WIREGUARD, TUN, GRE])
def test_what_takes_everything_takes_every_tunnel(tunnel: dict[str, Any]) -> None:
    """A rule that asks for nothing is about each outer flow, however little is known of it."""
    (outer,) = outers_of({"tunnels": [tunnel]})
    changes = {"nat_rules": [{"type": "dnat", "to_addr": "203.0.113.9"}]}
    ((path, message, hint),) = cut(changes, ("eth0",), outer, "the session")
    assert path == "nat_rules[0]"
    assert tunnel["device"] in message
    assert "203.0.113.9 instead" in message
    assert hint


@pytest.mark.parametrize(
    ("tunnel", "rule", "expected"),
    [
        (VXLAN, {"type": "dnat", "protocol": "udp", "port": "4000-5000", "to_addr": "203.0.113.9"}, 1),
        (VXLAN, {"type": "dnat", "protocol": "udp", "port": 514, "to_addr": "203.0.113.9"}, 0),
        (VXLAN, {"type": "dnat", "protocol": "tcp", "to_addr": "203.0.113.9"}, 0),
        (VXLAN, {"type": "dnat", "src": "192.0.2.0/24", "to_addr": "203.0.113.9"}, 1),
        (VXLAN, {"type": "dnat", "to_addr": "192.0.2.1"}, 0),
        (VXLAN, {"type": "dnat", "to_addr": "2001:db8::9"}, 0),
        (VXLAN, {"type": "dnat", "to_port": "4789"}, 0),
        (VXLAN, {"type": "dnat", "to_port": "4790"}, 1),
        (VXLAN, {"type": "dnat", "iface": "eth1", "to_addr": "203.0.113.9"}, 0),
        (VXLAN, {"type": "snat", "to_addr": "192.0.2.7"}, 1),
        (VXLAN, {"type": "snat", "to_addr": "192.0.2.7", "dst": "198.51.100.0/24"}, 0),
        (VXLAN, {"type": "masquerade"}, 0),
        (GRE, {"type": "dnat", "to_port": "80"}, 0),
        (WIREGUARD, {"type": "dnat", "protocol": "udp", "to_addr": "203.0.113.9"}, 1),
        (WIREGUARD, {"type": "dnat", "protocol": "udp", "port": 514, "to_addr": "203.0.113.9"}, 0),
        (TUN, {"type": "dnat", "protocol": "udp", "to_addr": "203.0.113.9"}, 0),
    ],
)
def test_rules(tunnel: dict[str, Any], rule: dict[str, Any], expected: int) -> None:
    """Protocol, port, addresses and interface are compared; what is not known meets only what is not asked."""
    (outer,) = outers_of({"tunnels": [tunnel]})
    assert len(list(cut({"nat_rules": [rule]}, ("eth0",), outer, "the session"))) == expected


@pytest.mark.parametrize(
    ("local", "mtu", "expected"), [("2001:db8::1", 1279, 1), ("2001:db8::1", 1280, 0), ("", 600, 0)]
)
def test_mtu(local: str, mtu: int, expected: int) -> None:
    """A tunnel over IPv6 needs what IPv6 needs."""
    tunnel = {**VXLAN, "local": local, "remote": None} if local else VXLAN
    (outer,) = outers_of({"tunnels": [tunnel]})
    assert len(list(cut({"mtu": mtu}, ("eth0",), outer, "the session"))) == expected
