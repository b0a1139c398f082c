# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts with the tools of other releases, and machines with their kernels: every kind of change, there and back.

What the hosts' own tools print is compared, over plain ssh.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.fleet import Fleet

pytestmark = pytest.mark.lab

MATCH = [{"proto": "udp", "dports": ["5060-5070"]}]
SIMPLE: dict[str, dict[str, Any]] = {
    "fq": {},
    "fq_codel": {"limit": 500},
    "cake": {},
    "sfq": {},
    "pfifo_fast": {},
    "mq": {},
}
KINDS: dict[str, dict[str, Any]] = {
    "sysctl": {"sysctl": {"net.ipv4.tcp_fin_timeout": 21, "net.ipv4.tcp_rmem": "4096 131072 33554432"}},
    "forwarding": {"sysctl": {"net.ipv4.ip_forward": 1}},
    **{f"qdisc {name}": {"qdisc": {"type": name, "params": params}} for name, params in SIMPLE.items()},
    "qdisc pfifo": {"qdisc": {"type": "pfifo", "params": {"limit": 100}}},
    "qdisc bfifo": {"qdisc": {"type": "bfifo", "params": {"limit_bytes": 100000}}},
    "qdisc tbf": {"qdisc": {"type": "tbf", "params": {"rate_mbit": 100, "burst_bytes": 50000, "latency_ms": 50}}},
    "shaper": {"shaper": {"egress_mbit": 500}},
    "shaper of what arrives": {"shaper": {"ingress_mbit": 400}},
    "classes of what arrives": {
        "shaper": {"ingress_mbit": 400},
        "ingress": {"htb_classes": [{"classid": "1:10", "rate_mbit": 100, "match": MATCH}], "default_class": "1:10"},
    },
    "netem of some": {"netem": {"delay_ms": 5, "match": MATCH[0], "duration_s": 300}},
    "netem": {"netem": {"delay_ms": 5, "loss_pct": 0.1, "duration_s": 300}},
    "classes": {
        "htb_classes": [
            {"classid": "1:10", "rate_mbit": 100, "priority": 0, "match": MATCH},
            {"classid": "1:20", "rate_mbit": 50, "leaf": {"type": "pfifo", "params": {"limit": 50}}},
        ],
        "default_class": "1:20",
    },
    "marks": {"dscp": [{"match": {"proto": "udp", "dports": [5060]}, "dscp": "EF"}]},
    "connection limits": {"connection_limits": [{"protocol": "tcp", "port": 443, "limit": 100}]},
    "rate limits": {
        "rate_limits": [
            {"rate": "1000/second", "burst": 50, "protocol": "tcp", "port": 80},
            {"rate": "10/second", "protocol": "icmpv6", "per_source": True},
            {
                "rate": "50/second",
                "protocol": "icmp",
                "icmp_type": "echo-request",
                "src": ["10.0.0.0/8"],
                "except": ["10.1.0.0/16"],
            },
        ]
    },
    "tracking": {"connection_tracking": {"tcp_timeout_established": 7200, "drop_invalid": True}},
    "translation": {"sysctl": {"net.ipv4.ip_forward": 1}, "nat_rules": [{"type": "masquerade", "src": "10.99.0.0/16"}]},
    "offloads": {"offloads": {"tso": False}},
    "mtu": {"mtu": 1400},
    "queue length and steering": {"nic": {"txqueuelen": 5000}, "steering": {"rps_cpus": "all", "rps_flow_cnt": 1024}},
    "metrics of a route": {"routes": [{"dst": "default", "initcwnd": 20}]},
}
TOGETHER = [name for name in KINDS if not name.startswith(("qdisc", "netem")) and name != "forwarding"]
LACKING = ("this kernel has no", "CONFIG_")


def applied(fleet: Fleet, changes: dict[str, Any]) -> str:
    """Apply changes, see that they hold and that there is nothing left to do, and return the checkpoint's id."""
    answer = fleet.apply(changes)
    (host,) = answer.report["hosts"].values()
    if host["status"] == "failed" and any(word in str(host["error"]["hint"]) for word in LACKING):
        pytest.skip(host["error"]["hint"])
    assert host["status"] in ("applied", "unchanged"), json.dumps(host["error"], indent=1)
    assert fleet.apply(changes).statuses == {"unchanged"}
    verified = fleet.netopt("verify", "--json")
    assert verified.status == 0, verified.text
    return str(answer.report["checkpoint_id"] or "")


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind(fleet: Fleet, kind: str) -> None:
    """A change holds, holds already when it is applied again, and leaves nothing behind once it is rolled back."""
    before = fleet.views()
    identity = applied(fleet, KINDS[kind])
    if identity:
        undone = fleet.netopt("rollback", identity, "--json")
        assert undone.status == 0, undone.text
    assert fleet.differences(before) == []


def test_everything_at_once(fleet: Fleet) -> None:
    """All kinds in one plan; then another plan in their place; then both are undone."""
    before = fleet.views()
    changes: dict[str, Any] = {"sysctl": {}}
    for name in TOGETHER:
        for field, value in KINDS[name].items():
            changes[field] = {**changes.get(field, {}), **value} if isinstance(value, dict) else value
    first = applied(fleet, changes)
    limits = {"connection_limits": [{"protocol": "tcp", "port": 8443, "limit": 7}], "rate_limits": []}
    applied(fleet, {**changes, **limits})
    undone = fleet.netopt("rollback", first, "--json")
    assert undone.status == 0, undone.text
    assert fleet.differences(before) == []
