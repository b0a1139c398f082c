# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan's rules miss on a host, and what is to be written instead."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._transaction.misses import misses

LIMITS = {"connection_limits": [{"protocol": "tcp", "port": 80, "limit": 3}]}
MARKS = {"dscp": [{"match": {"proto": "tcp", "sports": ["8000"]}, "dscp": 46}]}
DNAT = {"type": "dnat", "protocol": "tcp", "port": 8000, "dst": "192.0.2.1", "to_addr": "10.0.0.2", "to_port": 80}


def on(**upper: str) -> dict[str, Any]:
    """Return the facts of a host where something stands on eth0."""
    return {"interfaces": {"eth0": {"upper": upper}, "eth1": {}}}


@pytest.mark.parametrize(
    ("changes", "facts", "path", "instead"),
    [
        (LIMITS, on(br0="bridge"), "connection_limits", "Write br0 in the place of eth0. What the bridge"),
        (MARKS, on(bond0="bond"), "dscp", "Write bond0 in the place of eth0."),
        ({"connection_tracking": {"drop_invalid": True}}, on(v5="vlan"), "connection_tracking.drop_invalid", "Add v5"),
        ({"rate_limits": [{"rate": "1/second"}]}, on(m0="", v5="vlan"), "rate_limits", "Add m0, v5 to the plan's"),
        ({"nat_rules": [{**DNAT, "iface": "eth0"}]}, on(br0="bridge"), "nat_rules", "Write br0"),
        ({"nat_rules": [{**DNAT, "iface": "ppp0"}]}, on(), "nat_rules[0].iface", "It has eth0, eth1."),
        ({**LIMITS, "nat_rules": [DNAT]}, {}, "connection_limits[0]", "Limit port 8000"),
        ({**MARKS, "nat_rules": [DNAT]}, {}, "dscp[0].match.sports", "Add port 80."),
        (
            {"nat_rules": [{"type": "masquerade"}]},
            {"sysctl": {"net.ipv6.conf.all.forwarding": "1"}},
            "nat_rules[0]",
            "with an IPv6 src",
        ),
    ],
)
def test_told(changes: dict[str, Any], facts: dict[str, Any], path: str, instead: str) -> None:
    """Each names the field, and what to write instead."""
    ((found, missed, hint),) = misses(changes, ("eth0",), facts)
    assert (found, bool(missed)) == (path, True)
    assert instead in hint


@pytest.mark.parametrize(
    ("changes", "ifaces", "facts"),
    [
        ({**LIMITS, **MARKS}, ("eth0",), on()),
        (LIMITS, ("eth0", "v5"), on(v5="vlan")),
        ({"mtu": 1400, "connection_tracking": {"max_connections": 5000}}, ("eth0",), on(br0="bridge")),
        ({"nat_rules": [{**DNAT, "iface": "eth1"}]}, ("eth0",), on(br0="bridge")),
        ({"connection_limits": [{"protocol": "tcp", "port": 8000, "limit": 3}], "nat_rules": [DNAT]}, ("eth0",), {}),
        ({"connection_limits": [{"protocol": "udp", "port": 80, "limit": 3}], "nat_rules": [DNAT]}, ("eth0",), {}),
        ({"nat_rules": [{"type": "masquerade"}]}, ("eth0",), {"sysctl": {"net.ipv4.ip_forward": "1"}}),
    ],
)
def test_nothing_to_tell(changes: dict[str, Any], ifaces: tuple[str, ...], facts: dict[str, Any]) -> None:
    """What packets do meet is not talked about."""
    assert list(misses(changes, ifaces, facts)) == []
