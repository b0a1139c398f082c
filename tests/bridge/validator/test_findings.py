# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each mistake in a plan has its path, its message and its hint; all of them are told at once."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from mcp_bridge.policy import Policy
from mcp_bridge.validator import validate
from tests.bridge.validator.test_validate import errors, plan

FINDINGS: list[tuple[dict[str, Any], str, str, str | None]] = [
    ({}, "iface", "This key is required", "iface"),
    ({"iface": "eth0"}, "changes", "The plan changes nothing", "profile"),
    ({"iface": "eth0", "changes": {"sysctl": {}, "offloads": {}}}, "changes", "The plan changes nothing", None),
    ({"iface": "eth0", "changes": {"sysctl": None, "offloads": None}}, "changes", "The plan changes nothing", None),
    (
        {"name": "web", "iface": "eth0", "changes": {"mtu": None, "dscp": []}},
        "changes",
        "The plan changes nothing",
        None,
    ),
    (
        plan(sysctl={"net/core/somaxconn": None, "net.core.somaxconn": 9999}),
        "changes.sysctl.net.core.somaxconn",
        "The key stands here twice",
        "Keep one",
    ),
    (plan(sysctl={"net.{iface}.x": None}), "changes.sysctl.net.{iface}.x", "{iface} stands where", "as sysctl does"),
    ({"iface": "eth0", "profile": "gamin"}, "profile", "There is no such profile", "gaming"),
    ({"iface": "eth0", "profil": "gaming"}, "profil", "Unknown key", "Did you mean profile?"),
    (plan(sysctls={}), "changes.sysctls", "Unknown key", "Did you mean sysctl?"),
    (plan(qdisc={"type": "fq", "params": {"limt": 5}}), "changes.qdisc.params.limt", "Unknown key", "limit"),
    (plan(qdisc={"type": "fqcodel"}), "changes.qdisc.type", "Value must be one of", "fq_codel"),
    (plan(qdisc={"params": {}}), "changes.qdisc.type", "This key is required", None),
    (plan(qdisc="fq"), "changes.qdisc", "", None),
    (plan(sysctl={"net.core.rmem_mx": 1}), "changes.sysctl.net.core.rmem_mx", "No card", "net.core.rmem_max"),
    (plan(sysctl={"kernel.panic": 1}), "changes.sysctl.kernel.panic", "No card", None),
    (plan(sysctl={"net/core/rmem_max": 1}), "changes.sysctl.net/core/rmem_max", "below minimum", "2304"),
    (
        plan(sysctl={"net/core/rmem_max": 4096, "net.core.rmem_max": 4096}),
        "changes.sysctl.net.core.rmem_max",
        "stands here twice, as net/core/rmem_max as well",
        "Keep one",
    ),
    (plan(sysctl={"net.core.{iface}.x": 1}), "changes.sysctl.net.core.{iface}.x", "where an interface has keys", None),
    (
        plan(sysctl={"vm.min_free_kbytes": 1}),
        "changes.sysctl.vm.min_free_kbytes",
        "No card",
        "policy card vm.min",
    ),
    (
        plan(sysctl={"kernel.core_pattern": "x"}),
        "changes.sysctl.kernel.core_pattern",
        "names a program",
        "Leave it out",
    ),
    (plan(sysctl={"net.ipv4.route.flush": 1}), "changes.sysctl.net.ipv4.route.flush", "an action", "Leave it out"),
    (plan(sysctl={"dev.raid.speed_limit_max": 1}), "changes.sysctl.dev.raid.speed_limit_max", "No card", "net., vm."),
    (
        plan(sysctl={"net.ipv4.conf.all.rp_filter": 3}),
        "changes.sysctl.net.ipv4.conf.all.rp_filter",
        "maximum",
        "0 to 2",
    ),
    (
        plan(sysctl={"net.ipv4.ip_local_reserved_ports": "a-b"}),
        "changes.sysctl.net.ipv4.ip_local_reserved_ports",
        "Value must match",
        "of the form",
    ),
    (
        plan(sysctl={"net.ipv4.tcp_allowed_congestion_control": "bbr fast"}),
        "changes.sysctl.net.ipv4.tcp_allowed_congestion_control",
        "fast is not one of the words allowed",
        None,
    ),
    (plan(sysctl={"net.core.rmem_max": True}), "changes.sysctl.net.core.rmem_max", "text or a whole number", None),
    (
        plan(sysctl={"net.core.rmem_max": 1}),
        "changes.sysctl.net.core.rmem_max",
        "Value is below minimum allowed: ",
        None,
    ),
    (plan(sysctl={"net.core.rmem_max": "1_000_000"}), "changes.sysctl.net.core.rmem_max", "plain decimal", None),
    (plan(sysctl={"net.core.rmem_max": "many"}), "changes.sysctl.net.core.rmem_max", "whole number", "Allowed"),
    (plan(sysctl={"net.ipv4.tcp_rmem": "4096 131072"}), "changes.sysctl.net.ipv4.tcp_rmem", "3 whole numbers", None),
    (
        plan(sysctl={"net.ipv4.tcp_rmem": "4096 6291456 131072"}),
        "changes.sysctl.net.ipv4.tcp_rmem",
        "must not decrease",
        None,
    ),
    (
        plan(sysctl={"net.ipv4.ip_local_port_range": "60000 30000"}),
        "changes.sysctl.net.ipv4.ip_local_port_range",
        "must not decrease",
        None,
    ),
    (
        plan(sysctl={"net.ipv4.tcp_congestion_control": "bbrr"}),
        "changes.sysctl.net.ipv4.tcp_congestion_control",
        "not one of those allowed",
        "bbr",
    ),
    (plan(sysctl={"net.ipv4.tcp_syncookies": 9}), "changes.sysctl.net.ipv4.tcp_syncookies", "exceeds maximum", None),
    (plan(mtu=1), "changes.mtu", "Value is below minimum allowed: ", "Allowed"),
    (plan(mtu=10**30), "changes.mtu", "Value exceeds maximum allowed: ", None),
    (plan(mtu=float("nan")), "changes.mtu", "Value must be a finite number", None),
    (plan(mtu=True), "changes.mtu", "Value must be a number, not true", None),
    (
        plan(shaper={"egress_mbit": 400_001}),
        "changes.shaper.egress_mbit",
        "Value exceeds maximum allowed: 400000",
        None,
    ),
    (plan(shaper={"egress_mbit": float("inf")}), "changes.shaper.egress_mbit", "Value must be a finite number", None),
    (plan(netem={"loss_pct": 101}), "changes.netem.loss_pct", "Value exceeds maximum allowed", None),
    (
        plan(netem={"loss_pct": 1, "duration_s": 86400}),
        "changes.netem.duration_s",
        "Value exceeds maximum allowed",
        None,
    ),
    (plan(rate_limits=[{"rate": "5/fortnight"}]), "changes.rate_limits[0].rate", "Not a rate", None),
    (plan(dscp=[{"match": {}, "dscp": "XX"}]), "changes.dscp[0].dscp", "Not a DSCP", None),
    (plan(offloads={"warp": True}), "changes.offloads.warp", "Unknown key", None),
    (plan(htb_classes=[{"classid": "1:1"}]), "changes.htb_classes[0].rate_mbit", "This key is required", None),
    (
        plan(qdisc={"type": "htb"}, htb_classes=[{"classid": "1:1", "rate_mbit": 1}, {"classid": "1", "rate_mbit": 1}]),
        "changes.htb_classes[1].classid",
        "The class is defined twice",
        None,
    ),
    (
        plan(
            qdisc={"type": "htb"},
            htb_classes=[
                {"classid": "1:1", "rate_mbit": 1, "parent": "1:2"},
                {"classid": "1:2", "rate_mbit": 1, "parent": "1:1"},
            ],
        ),
        "changes.htb_classes[0].parent",
        "its own ancestor",
        None,
    ),
    (
        plan(
            qdisc={"type": "htb"},
            htb_classes=[{"classid": "1:1", "rate_mbit": 1}]
            + [{"classid": f"1:{n}", "rate_mbit": 1, "parent": f"1:{n - 1}"} for n in range(2, 10)],
        ),
        "changes.htb_classes[8].parent",
        "Nested deeper",
        None,
    ),
    (
        plan(qdisc={"type": "fq_codel"}, shaper={"egress_mbit": 5}, htb_classes=[{"classid": "1:1", "rate_mbit": 1}]),
        "changes.htb_classes[0].classid",
        "belongs to the shaper",
        None,
    ),
    (
        plan(
            htb_classes=[{"classid": "1:1", "rate_mbit": 5, "match": [{"sports": "1-65534", "dports": "1-65534"}] * 2}]
        ),
        "changes.htb_classes[0].match",
        "filters",
        None,
    ),
    (
        plan(
            htb_classes=[{"classid": "1:1", "rate_mbit": 5}, {"classid": "1:2", "rate_mbit": 5, "parent": "1:1"}],
            default_class="1:1",
        ),
        "changes.default_class",
        "has classes below it",
        None,
    ),
    (
        plan(
            htb_classes=[
                {"classid": "1:1", "rate_mbit": 5, "match": [{"proto": "tcp"}]},
                {"classid": "1:2", "rate_mbit": 5, "parent": "1:1"},
            ],
        ),
        "changes.htb_classes[0].match",
        "has classes below it",
        None,
    ),
    (
        plan(sysctl={"net.core.rps_sock_flow_entries": 1000}, steering={"rfs_entries": 1000}),
        "changes.sysctl.net.core.rps_sock_flow_entries",
        "changes.steering.rfs_entries sets another value: 1024",
        None,
    ),
    (
        plan(sysctl={"net.ipv4.tcp_fastopen": 99}),
        "changes.sysctl.net.ipv4.tcp_fastopen",
        "Value has bits that mean nothing (0x60)",
        None,
    ),
    (plan(nic={"rings": {"rx": 99999}}), "changes.nic.rings.rx", "Value exceeds maximum allowed: 65536", None),
    (plan(nic={"rings": {"tx": "mx"}}), "changes.nic.rings.tx", "nor max", None),
    (plan(nic={"ring": {}}), "changes.nic.ring", "Unknown key", "rings"),
    (plan(steering={"xps_cpus": "0-"}), "changes.steering.xps_cpus", "Not CPUs", None),
    (plan(offloads={"gr": True}), "changes.offloads.gr", "did you mean gro?", None),
    (
        plan(
            sysctl={"net.netfilter.nf_conntrack_max": 100_000},
            connection_tracking={"max_connections": 200_000},
        ),
        "changes.sysctl.net.netfilter.nf_conntrack_max",
        "sets another value",
        None,
    ),
    (
        plan(
            qdisc={"type": "htb"},
            htb_classes=[{"classid": "1:1", "rate_mbit": 1, "leaf": {"type": "fq", "params": {"limit": 10**7 + 1}}}],
        ),
        "changes.htb_classes[0].leaf.params.limit",
        "Value exceeds maximum allowed",
        None,
    ),
    (
        {"iface": "eth0", "profile": "gaming", "validate": {"targets": {"ping": ["a", "-f"]}}},
        "validate.targets.ping[1]",
        "Not a host name",
        None,
    ),
    (
        {"iface": "eth0", "profile": "gaming", "validation": {"duration_s": 3000}},
        "validation.duration_s",
        "Value exceeds maximum allowed: 600",
        None,
    ),
    *(
        (
            {"iface": "eth0", "profile": "gaming", "validate": {"targets": targets, "objectives": objectives}},
            f"validate.objectives.{next(iter(objectives))}",
            "There is nothing to measure this to",
            hint,
        )
        for targets, objectives, hint in (
            ({}, {"loss_pct": 1}, "Give validate.targets.tcp or validate.targets.ping"),
            ({"iperf": "a"}, {"latency_p95_ms": 1}, "Give validate.targets.tcp or validate.targets.ping"),
            ({"ping": ["a"]}, {"throughput_mbps": 1}, "Give validate.targets.iperf."),
            ({"ping": []}, {"max_regression_pct": 1}, "validate.targets.iperf"),
        )
    ),
    (
        {"iface": "eth0", "profile": "gaming", "validate": {"targets": {"ping": ["a"] * 9, "tcp": ["a:1"] * 9}}},
        "validate.targets",
        "18 targets in all",
        None,
    ),
    (
        {
            "iface": "eth0",
            "profile": "gaming",
            "validate": {"targets": {"iperf": "a"}, "objectives": {"throughput_mbps": 5}, "duration_s": 4},
        },
        "validate.duration_s",
        "Too short to judge throughput",
        "at least 5 seconds",
    ),
    ({"iface": ["eth0"] * 2, "profile": "gaming"}, "iface", "listed twice", None),
    ({"iface": [f"e{n}" for n in range(40)], "profile": "gaming"}, "iface", "more than the", None),
    ({"iface": "eth0", "profile": "gaming", "rationale": ["x" * 4090]}, "rationale[0]", "Value exceeds maximum", None),
]


@pytest.mark.parametrize(
    ("data", "path", "message", "hint"), FINDINGS, ids=lambda part: part if isinstance(part, str) else ""
)
def test_findings(policy: Policy, data: dict[str, Any], path: str, message: str, hint: str | None) -> None:
    """Each mistake is named once, where it is, with a hint."""
    before = copy.deepcopy(data)
    result = validate(data, policy)

    assert not result.ok
    assert result.normalized_plan is None
    found = [issue for issue in result.issues if issue.path == path]
    assert len(found) == 1, result.issues
    assert found[0].severity == "error"
    assert message in found[0].message
    assert (hint or "") in (found[0].hint or "")
    assert repr(data) == repr(before)


@pytest.mark.parametrize(("algorithm", "hint"), [("cubik", "Did you mean cubic?"), ("nosuch", None)])
def test_known_values_are_listed_once(policy: Policy, algorithm: str, hint: str | None) -> None:
    """The message has all of them, the hint the nearest, and nothing where none is near."""
    (issue,) = validate(plan(routes=[{"dst": "default", "congctl": algorithm}]), policy).issues
    assert issue.message.count("cubic") == 1
    assert issue.hint == hint


def test_everything_at_once(policy: Policy) -> None:
    """Mistakes of structure do not hide mistakes of policy, and indexes are those of the plan as it was given."""
    data = {
        "iface": "eth0/1",
        "surprise": 1,
        "profile": "gamin",
        "changes": {
            "sysctl": {"net.core.rmem_max": "999999999999", "net.core.wmem_max": 1.5, "net.core.unknown": 1},
            "mtu": "big",
            "qdisc": {"type": "htb", "params": {"r2q": 0}},
            "htb_classes": [
                {"classid": "9:9", "rate_mbit": 1},
                {"classid": "1:20", "rate_mbit": 5, "ceil_mbit": 2},
                {"rate_mbit": 1},
                {"classid": "1:20", "rate_mbit": 999_999},
                {"classid": "1:30", "rate_mbit": 5, "match": [{"proto": "tpc"}, {"dports": 0}]},
            ],
            "default_class": "1:99",
        },
        "rationale": 5,
    }
    found = errors(validate(data, policy))

    assert set(found) == {
        "iface",
        "surprise",
        "profile",
        "changes.sysctl.net.core.rmem_max",
        "changes.sysctl.net.core.wmem_max",
        "changes.sysctl.net.core.unknown",
        "changes.mtu",
        "changes.qdisc.params.r2q",
        "changes.htb_classes[0].classid",
        "changes.htb_classes[1].ceil_mbit",
        "changes.htb_classes[2].classid",
        "changes.htb_classes[3].rate_mbit",
        "changes.htb_classes[4].match[0].proto",
        "changes.htb_classes[4].match[1].dports",
        "rationale",
    }
