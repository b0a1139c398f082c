# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only the host can tell about a plan."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._transaction.preflight import CHECKS, preflight

LIMIT_80 = {"protocol": "tcp", "port": 80, "limit": 5}
LIMIT_22 = {"protocol": "tcp", "port": 22, "limit": 5}
FORWARDS = {"sysctl": {"net.ipv4.ip_forward": "1"}}
FORWARDS_6 = {"sysctl": {"net.ipv6.conf.all.forwarding": "1"}}
DNAT = {"type": "dnat", "protocol": "tcp", "port": 8000, "to_addr": "10.0.0.2", "to_port": 80}
SSH_22 = {"local_port": 22, "remote_addr": "192.0.2.1", "local_addr": "192.0.2.2", "arrives": ["eth0"]}
AT_2222 = {"management": {**SSH_22, "local_port": 2222, "leaves": ["eth0"]}}
SSH_2222 = {"management": {"local_port": 2222, "remote_addr": "192.0.2.1", "local_addr": "192.0.2.2"}}
ON_TOP = {"interfaces": {"eth0": {"upper": {"eth0.10": "vlan"}}}}


def by_port(proto: str | None) -> dict[str, Any]:
    """Return a class for a port."""
    return {"classid": "1:20", "rate_mbit": 1, "match": [{"dports": ["53"], **({"proto": proto} if proto else {})}]}


CASES = [
    ({}, {}, [], []),
    ({"offloads": {"lro": True}}, FORWARDS, [], ["lro_with_forwarding"]),
    ({"offloads": {"lro": True}, **FORWARDS}, {}, [], ["lro_with_forwarding"]),
    ({"offloads": {"lro": True}}, {"sysctl": {"net.ipv6.conf.all.forwarding": "1"}}, [], ["lro_with_forwarding"]),
    ({"offloads": {"lro": True}, "sysctl": {"net.ipv4.ip_forward": "0"}}, FORWARDS, [], []),
    ({"offloads": {"lro": False}}, FORWARDS, [], []),
    ({"offloads": {"lro": True}}, {}, [], []),
    ({"nat_rules": [{"type": "masquerade"}]}, {"sysctl": {"net.ipv4.ip_forward": "0"}}, [], ["nat_without_forwarding"]),
    ({"nat_rules": [{"type": "masquerade"}]}, {}, [], ["nat_without_forwarding"]),
    ({"nat_rules": [{"type": "masquerade"}]}, FORWARDS, [], []),
    ({"nat_rules": [{"type": "masquerade"}], **FORWARDS}, {"sysctl": {"net.ipv4.ip_forward": "0"}}, [], []),
    ({"nat_rules": [{"type": "masquerade", "src": "fd00:77::/64"}]}, FORWARDS, [], ["nat_without_forwarding"]),
    ({"nat_rules": [{"type": "masquerade", "src": "fd00:77::/64"}]}, FORWARDS_6, [], []),
    ({"nat_rules": [{"type": "masquerade"}]}, FORWARDS_6, [], ["nat_without_forwarding", "packets_missed"]),
    ({"nat_rules": [DNAT]}, FORWARDS, [], ["dnat_takes_transit"]),
    ({"nat_rules": [{**DNAT, "dst": "192.0.2.1"}]}, FORWARDS, [], []),
    ({"nat_rules": [{**DNAT, "dst": "192.0.2.1"}]}, {}, [], ["nat_without_forwarding"]),
    ({"mtu": 1279}, {"ipv6": True}, [], ["mtu_below_ipv6_minimum"]),
    ({"mtu": 1280}, {"ipv6": True}, [], []),
    ({"mtu": 1000}, {"ipv6": False}, [], []),
    ({"netem": {"loss_pct": 1}}, {}, ["web"], ["netem_unlabelled_host"]),
    ({"netem": {"loss_pct": 1}}, {}, ["netem"], []),
    ({"netem": {"loss_pct": 1}}, {"management": {**SSH_22, "leaves": ["eth0"]}}, ["netem"], []),
    (
        {"netem": {"loss_pct": 1}},
        {"management": {**SSH_22, "local_port": 2222, "leaves": ["eth0"]}},
        ["netem"],
        ["netem_on_management"],
    ),
    ({"netem": {"loss_pct": 1}}, {"management": {**SSH_22, "under": ["eth0"]}}, ["netem"], ["netem_on_management"]),
    ({"netem": {"loss_pct": 1, "match": {"proto": "udp"}}}, AT_2222, ["netem"], []),
    ({"netem": {"loss_pct": 1, "match": {"sports": ["2222"]}}}, AT_2222, ["netem"], ["netem_on_management"]),
    (
        {"netem": {"loss_pct": 1, "direction": "ingress", "match": {"dports": ["2222"]}}},
        AT_2222,
        ["netem"],
        ["netem_on_management"],
    ),
    (
        {"netem": {"loss_pct": 1, "match": {"proto": "tcp", "sports": ["22"]}}},
        {"management": {**SSH_22, "leaves": ["eth0"]}},
        ["netem"],
        ["netem_on_management"],
    ),
    ({"htb_classes": [by_port("udp")]}, {}, [], ["ports_miss_fragments"]),
    ({"htb_classes": [by_port("udp"), by_port(None)]}, {}, [], ["ports_miss_fragments"]),
    ({"htb_classes": [by_port("udp"), {"classid": "1:30", "match": [{"src": "10.0.0.1/32"}]}]}, ON_TOP, [], []),
    ({"htb_classes": [by_port("tcp"), {"classid": "1:30", "match": [{"proto": "udp"}]}]}, {}, [], []),
    ({"htb_classes": [by_port("udp")] * 257}, ON_TOP, [], ["classes_missed_on_top"]),
    ({"htb_classes": [by_port("udp")] * 257}, {}, [], []),
    ({"htb_classes": [by_port("tcp")] * 256}, ON_TOP, [], []),
    ({"connection_limits": [LIMIT_80, LIMIT_22]}, {}, [], ["limit_on_management_port"]),
    ({"connection_limits": [LIMIT_22]}, SSH_2222, [], []),
    ({"connection_limits": [{**LIMIT_22, "port": 2222}]}, SSH_2222, [], ["limit_on_management_port"]),
    ({"connection_limits": [{**LIMIT_22, "protocol": "udp"}]}, {}, [], []),
    ({"rate_limits": [{"rate": "5/second"}]}, {}, [], ["limit_on_management_port"]),
    ({"rate_limits": [{"rate": "5/second", "protocol": "udp"}]}, {}, [], []),
    ({"rate_limits": [{"rate": "5/second", "src": ["10.0.0.0/8"]}]}, {}, [], []),  # each host knows who manages it
    ({"rate_limits": [{"rate": "5/second", "src": ["0.0.0.0/0"]}]}, {}, [], ["limit_on_management_port"]),
    ({"connection_limits": [{**LIMIT_22, "src": ["8000::/1", "::/1"]}]}, {}, [], ["limit_on_management_port"]),
    ({"rate_limits": [{"rate": "5/second", "port": 443}]}, {}, [], []),
    ({"rate_limits": [{"rate": "5/second", "port": 22}]}, {"management": None}, [], ["limit_on_management_port"]),
]


@pytest.mark.parametrize(("changes", "facts", "labels", "expected"), CASES)
def test_preflight(changes: dict[str, Any], facts: dict[str, Any], labels: list[str], expected: Any) -> None:
    """A plan that would hurt this host is told so by the id of the constraint."""
    issues = preflight(changes, ("eth0",), facts, labels)

    assert [issue["id"] for issue in issues] == expected
    for issue in issues:
        assert set(issue) == {"id", "path", "message", "severity", "hint"}
        assert all(issue.values())
        assert issue["path"].startswith("changes.")


def test_what_breaks_nothing_is_a_warning() -> None:
    """A limit on the management port keeps established connections; rules may miss packets, or take those of others."""
    changes = {
        "mtu": 1000,
        "netem": {"loss_pct": 1},
        "htb_classes": [by_port("udp")],
        "nat_rules": [{"type": "masquerade"}, DNAT],
        "connection_limits": [LIMIT_22, {**LIMIT_22, "limit": 1}],
        "rate_limits": [{"rate": "1/day"}],
        "offloads": {"lro": True},
        "sysctl": {"net.ipv6.conf.all.forwarding": "1"},
    }
    issues = preflight(changes, ("eth0",), {"ipv6": True, "management": {**SSH_22, "under": ["eth0"]}}, [])

    assert {issue["id"] for issue in issues} == set(CHECKS) - {"classes_missed_on_top"}
    warnings = {issue["id"] for issue in issues if issue["severity"] == "warning"}
    reach = {"ports_miss_fragments", "netem_on_management"}
    assert warnings == {"limit_on_management_port", "dnat_takes_transit", "packets_missed", *reach}
