# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every constraint of the policy is checked somewhere, fires where it should, and stays silent where it should."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._transaction import preflight
from mcp_bridge.collection.dscp import DSCP_NAMES
from mcp_bridge.collection.feature_names import KERNEL_NAMES, SHORT_NAMES
from mcp_bridge.policy import Policy
from mcp_bridge.validator import validate
from mcp_bridge.validator.constraints import CHECKS
from mcp_bridge.validator.explain import ALWAYS

OF_LINKS = {"link_without_profile", "link_not_shaped"}
ELSEWHERE = {"empty_plan", "unknown_sysctl", "no_effect", *OF_LINKS}  # seen while looking at the plan and at each key
HTB = {"type": "htb"}
LRO = {"lro": True}
MASQUERADE = [{"type": "masquerade"}]
BBR = {"net.ipv4.tcp_congestion_control": "bbr"}


def classes(*entries: tuple[str, float] | tuple[str, float, str]) -> list[dict[str, Any]]:
    """Return classes from ``(classid, rate)`` or ``(classid, rate, parent)``."""
    return [dict(zip(("classid", "rate_mbit", "parent"), entry, strict=False)) for entry in entries]


BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("empty_plan", {}, "changes"),
    ("unknown_sysctl", {"sysctl": {"vm.swappiness": 1}}, "changes.sysctl.vm.swappiness"),
    ("no_effect", {"sysctl": {"net.ipv4.tcp_low_latency": 1}}, "changes.sysctl.net.ipv4.tcp_low_latency"),
    (
        "ceil_below_rate",
        {"shaper": {"egress_mbit": 10, "ceil_mbit": 5}, "qdisc": {"type": "fq"}},
        "changes.shaper.ceil_mbit",
    ),
    (
        "ceil_below_rate",
        {"qdisc": HTB, "htb_classes": [{"classid": "1:1", "rate_mbit": 2, "ceil_mbit": 1.5}]},
        "changes.htb_classes[0].ceil_mbit",
    ),
    ("default_class_unknown", {"qdisc": HTB, "default_class": "1:5"}, "changes.default_class"),
    (
        "default_class_unknown",
        {"qdisc": {"type": "htb", "params": {"default": "5"}}, "htb_classes": classes(("1:4", 1))},
        "changes.qdisc.params.default",
    ),
    ("parent_unknown", {"qdisc": HTB, "htb_classes": classes(("1:4", 1, "1:3"))}, "changes.htb_classes[0].parent"),
    (
        "duplicate_classid",
        {"qdisc": HTB, "htb_classes": classes(("1:4", 1), ("1:04", 1))},
        "changes.htb_classes[1].classid",
    ),
    ("class_cycle", {"qdisc": HTB, "htb_classes": classes(("1:4", 1, "1:4"))}, "changes.htb_classes[0].parent"),
    ("classes_without_htb", {"qdisc": {"type": "fq"}, "htb_classes": classes(("1:4", 1))}, "changes.htb_classes"),
    (
        "classes_without_htb",
        {"qdisc": {"type": "cake"}, "shaper": {"egress_mbit": 5}, "htb_classes": classes(("1:4", 1))},
        "changes.htb_classes",
    ),
    (
        "children_exceed_parent",
        {"qdisc": HTB, "htb_classes": classes(("1:1", 10), ("1:2", 6, "1:1"), ("1:3", 5, "1:1"))},
        "changes.htb_classes[0].rate_mbit",
    ),
    (
        "children_exceed_parent",
        {"shaper": {"egress_mbit": 10}, "qdisc": {"type": "fq_codel"}, "htb_classes": classes(("1:2", 6), ("1:3", 5))},
        "changes.shaper.egress_mbit",
    ),
    (
        "children_exceed_parent",
        {"shaper": {"egress_mbit": 2}, "qdisc": {"type": "fq_codel"}, "htb_classes": classes(("1:2", 2))},
        "changes.shaper.egress_mbit",
    ),
    (
        "adapt_pings",
        {
            "qdisc": {"type": "cake"},
            "shaper": {"egress_mbit": 9, "adapt": {"reflectors": ["192.0.2.1"], "egress_min_mbit": 5}},
        },
        "changes.shaper.adapt.reflectors",
    ),
    ("shaper_without_leaf", {"shaper": {"egress_mbit": 10}}, "changes.shaper"),
    (
        "lro_with_forwarding",
        {"offloads": LRO, "sysctl": {"net.ipv4.ip_forward": 1}},
        "changes.offloads.lro",
    ),
    ("lro_with_nat", {"offloads": LRO, "nat_rules": MASQUERADE}, "changes.offloads.lro"),
    ("nat_without_forwarding", {"nat_rules": MASQUERADE, "sysctl": {"net.ipv4.ip_forward": 0}}, "changes.nat_rules"),
    (
        "nat_without_forwarding",
        {
            "nat_rules": [{"type": "masquerade", "src": "fd00:77::/64"}],
            "sysctl": {"net.ipv6.conf.all.forwarding": 0, "net.ipv4.ip_forward": 1},
        },
        "changes.nat_rules",
    ),
    (
        "dnat_takes_transit",
        {"nat_rules": [{"type": "dnat", "protocol": "tcp", "port": 80, "to_addr": "10.0.0.2"}]},
        "changes.nat_rules[0]",
    ),
    ("bbr_without_fq", {"sysctl": BBR}, "changes.sysctl.net.ipv4.tcp_congestion_control"),
    (
        "bbr_without_fq",
        {"sysctl": BBR, "qdisc": {"type": "fq_codel"}},
        "changes.sysctl.net.ipv4.tcp_congestion_control",
    ),
    (
        "limit_on_management_port",
        {"connection_limits": [{"protocol": "tcp", "port": 22, "limit": 50}]},
        "changes.connection_limits[0]",
    ),
    ("limit_on_management_port", {"rate_limits": [{"rate": "100/second"}]}, "changes.rate_limits[0]"),
]

KEPT: list[dict[str, Any]] = [
    {"mtu": 1400},
    {"qdisc": HTB, "htb_classes": [{"classid": "1:1", "rate_mbit": 2, "ceil_mbit": 2}], "default_class": "1"},
    {"htb_classes": classes(("1:1", 10), ("1:2", 5, "1:1"), ("1:3", 5, "1:1")), "default_class": "1:3"},
    {"shaper": {"egress_mbit": 10, "ceil_mbit": 20}, "qdisc": {"type": "cake"}},
    {
        "shaper": {"egress_mbit": 10},
        "qdisc": {"type": "fq_codel"},
        "htb_classes": classes(("1:2", 4.9), ("1:3", 5, "1:1"), ("1:4", 1, "1:2")),
    },
    {"offloads": LRO},
    {"offloads": {"lro": False}, "nat_rules": MASQUERADE, "sysctl": {"net.ipv4.ip_forward": 1}},
    {"nat_rules": MASQUERADE},
    {
        "nat_rules": [{"type": "masquerade", "src": "fd00:77::/64"}],
        "sysctl": {"net.ipv6.conf.all.forwarding": 1, "net.ipv4.ip_forward": 0},
    },
    {"nat_rules": [{"type": "dnat", "protocol": "tcp", "port": 80, "dst": "192.0.2.1", "to_addr": "10.0.0.2"}]},
    {"sysctl": BBR, "qdisc": {"type": "fq"}},
    {"sysctl": {**BBR, "net.core.default_qdisc": "fq"}},
    {"netem": {"loss_pct": 1, "duration_s": 3600}},
    {"connection_limits": [{"protocol": "tcp", "port": 443, "limit": 50}]},
    {"rate_limits": [{"rate": "100/second", "port": 443, "protocol": "tcp"}]},
]


def test_every_constraint_is_checked(policy: Policy) -> None:
    """The checks on the plan and on the host are those that the policy lists, each at its level."""
    at_plan = {name for name, rule in policy.rules.constraints.items() if rule.level in {"plan", "both"}}
    at_host = {name for name, rule in policy.rules.constraints.items() if rule.level in {"host", "both"}}

    assert set(CHECKS) | ELSEWHERE == at_plan
    assert set(preflight.CHECKS) == at_host
    assert set(ALWAYS) <= ELSEWHERE
    assert {name for name, _changes, _path in BROKEN} | {"nonlocal_netem_duration", *OF_LINKS} == at_plan


@pytest.mark.parametrize(("name", "changes", "path"), BROKEN)
def test_broken(policy: Policy, name: str, changes: dict[str, Any], path: str) -> None:
    """A broken constraint is told in the policy's words, with its severity and a hint."""
    constraint = policy.rules.constraints[name]
    result = validate({"iface": "eth0", "changes": changes}, policy)

    found = [issue for issue in result.issues if issue.message.startswith(constraint.message)]
    assert [(issue.path, issue.severity) for issue in found] == [(path, constraint.severity)]
    assert found[0].hint
    assert result.ok == (constraint.severity == "warning")


@pytest.mark.parametrize("changes", KEPT)
def test_kept(policy: Policy, changes: dict[str, Any]) -> None:
    """A plan that breaks nothing has no issues."""
    assert validate({"iface": "eth0", "changes": changes}, policy).issues == []


def test_netem_longer_than_the_policy_allows(policy: Policy) -> None:
    """An organisation may allow less than ``limits.yaml`` does."""
    stricter = replace(
        policy, validation_limits=policy.validation_limits.model_copy(update={"netem_duration_max_s": 60})
    )
    data = {"iface": "eth0", "changes": {"netem": {"loss_pct": 1, "duration_s": 61}}}
    constraint = policy.rules.constraints["nonlocal_netem_duration"]

    issues = validate(data, stricter).issues

    assert [issue.path for issue in issues] == ["changes.netem.duration_s"]
    assert issues[0].message.startswith(constraint.message)
    assert validate(data, policy).ok


def test_a_policy_may_drop_a_constraint(policy: Policy) -> None:
    """What the policy does not list is not held against a plan, except what no plan can do without."""
    none = replace(policy, rules=type(policy.rules)(adaptations=[], constraints=[]))

    assert validate({"iface": "eth0", "changes": {"sysctl": BBR}}, none).issues == []
    assert not validate({"iface": "eth0"}, none).ok
    assert not validate({"iface": "eth0", "changes": {"sysctl": {"vm.swappiness": 1}}}, none).ok


def test_half_parsed_parts_give_no_false_alarm(policy: Policy) -> None:
    """A default class whose entry does not parse is not reported as missing as well."""
    changes = {"qdisc": HTB, "htb_classes": [{"classid": "1:5", "rate_mbit": "x"}], "default_class": "1:5"}
    issues = validate({"iface": "eth0", "changes": changes}, policy).issues
    assert [issue.path for issue in issues] == ["changes.htb_classes[0].rate_mbit"]


def test_host_severities_are_those_of_the_policy(policy: Policy) -> None:
    """The host, which has no policy at hand, judges as severely as the policy does."""
    changes = {
        "mtu": 1000,
        "netem": {"loss_pct": 1},
        "nat_rules": MASQUERADE,
        "offloads": LRO,
        "sysctl": {"net.ipv6.conf.all.forwarding": "1"},
        "connection_limits": [{"protocol": "tcp", "port": 22, "limit": 5}],
    }
    for issue in preflight.preflight(changes, ("eth0",), {"ipv6": True}, []):
        assert issue["severity"] == policy.rules.constraints[issue["id"]].severity


def test_words_agree(policy: Policy) -> None:
    """Models and policy know the same code points and the same offloads."""
    assert {name.lower(): number for name, number in policy.validation_limits.dscp.items()} == DSCP_NAMES
    assert set(policy.validation_limits.offloads) == {*SHORT_NAMES, *KERNEL_NAMES}


def test_a_policy_may_know_fewer_words(policy: Policy) -> None:
    """An organisation that strikes a qdisc or a protocol has it refused."""
    fewer = replace(
        policy,
        validation_limits=policy.validation_limits.model_copy(
            update={"qdisc_types": ["fq"], "protocols": ["tcp"], "offloads": {}}
        ),
    )
    data = {
        "iface": "eth0",
        "changes": {
            "qdisc": {"type": "fq_codel"},
            "offloads": {"gro": True},
            "dscp": [{"match": {"proto": "udp"}, "dscp": 0}],
        },
    }
    assert {issue.path for issue in validate(data, fewer).issues} == {
        "changes.qdisc.type",
        "changes.offloads.gro",
        "changes.dscp[0].match.proto",
    }
