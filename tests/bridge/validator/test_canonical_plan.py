# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The canonical form: one meaning, one spelling."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from mcp_bridge.models import ParameterPlan
from mcp_bridge.planning.checked_plan import check
from mcp_bridge.policy import Policy, load_policy
from mcp_bridge.validator import normal_form, profile_changes, validate
from tests.bridge.plan_strategies import PLANS


def normal(data: dict[str, Any], policy: Policy) -> dict[str, Any]:
    """Return the canonical form of valid data."""
    result = validate(data, policy)
    assert result.normalized_plan is not None, result.issues
    return result.normalized_plan.dump()


@settings(max_examples=200, deadline=None)
@given(PLANS)
def test_idempotent(data: dict[str, Any]) -> None:
    """The canonical form of a canonical form is itself."""
    policy = load_policy()
    once = normal_form(ParameterPlan.model_validate(data), policy)
    assert normal_form(once, policy) == once
    assert normal(once.dump(), policy) == once.dump()


SAME = [
    ({"sysctl": {"net.core.rmem_max": 1048576}}, {"sysctl": {"net.core.rmem_max": " 0x100000 "}}),
    (
        {"sysctl": {"net.ipv4.tcp_rmem": "4096 131072 6291456"}},
        {"sysctl": {"net.ipv4.tcp_rmem": "4096\t131072   6291456"}, "offloads": {}},
    ),
    (
        {"sysctl": {"net.core.wmem_max": 1048576, "net.core.rmem_max": 1048576}},
        {"sysctl": {"net.core.rmem_max": "1048576", "net.core.wmem_max": "1048576"}},
    ),
    (
        {"dscp": [{"match": {"proto": "UDP", "dports": 53}, "dscp": "EF"}]},
        {"dscp": [{"match": {"proto": "udp", "dports": ["53-53"]}, "dscp": 46}]},
    ),
    (
        {"connection_limits": [{"protocol": "tcp", "port": 80, "limit": 5}]},
        {"connection_limits": [{"protocol": "TCP", "port": "80", "limit": 5, "mask": 32, "action": "reject"}]},
    ),
    (
        {"offloads": {"gro": True, "tx-udp_tnl-segmentation": False}},
        {"offloads": {"Generic-Receive-Offload": True, "tx_udp_tnl_segmentation": False}},
    ),
    (
        {"nic": {"rings": {"rx": 512}}, "steering": {"rps_cpus": "0-3,8"}},
        {"nic": {"rings": {"rx": "512"}, "pause": {}}, "steering": {"rps_cpus": "8,0-2,3"}},
    ),
    (
        {"nic": {"rings": {"rx": 512, "tx": None}, "pause": None}},
        {"nic": {"pause": {"autoneg": None, "rx": None, "tx": None}, "rings": {"tx": None, "rx": 512}}},
    ),
    ({"shaper": {"ingress_mbit": 100}}, {"shaper": {"ingress_mbit": 100.0}}),
    ({"qdisc": {"type": "fq"}}, {"qdisc": {"type": "fq", "params": {}}}),
    (
        {"sysctl": {"net.core.somaxconn": None, "net.ipv4.conf.eth0/7.rp_filter": None}, "dscp": None},
        {"dscp": [], "sysctl": {"net/ipv4/conf/eth0.7/rp_filter": None, "net/core/somaxconn": None}},
    ),
    ({"mtu": 1400, "connection_tracking": None}, {"connection_tracking": {}, "mtu": 1400, "sysctl": None}),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_same_meaning_same_form(policy: Policy, one: dict[str, Any], other: dict[str, Any]) -> None:
    """Two spellings of one plan have one canonical form."""
    assert normal({"iface": "eth0", "changes": one}, policy) == normal({"iface": ["eth0"], "changes": other}, policy)


LIMIT = {"protocol": "tcp", "port": 80, "limit": 5, "mask": 32, "action": "reject"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"mtu": 1400, "dscp": [], "connection_tracking": {}}, {"dscp", "connection_tracking"}),
        ({"connection_limits": [LIMIT], "dscp": []}, {"dscp"}),
        (
            {"mtu": None, "shaper": None, "qdisc": None, "htb_classes": [], "default_class": None, "sysctl": {}},
            {"mtu", "shaper", "qdisc", "htb_classes", "default_class"},
        ),
        ({"mtu": 1400, "sysctl": {}, "offloads": {}}, set()),
        ({"mtu": 1400, "sysctl": None, "offloads": None}, set()),
    ],
)
def test_what_is_null_or_empty_is_taken_away(policy: Policy, changes: dict[str, Any], expected: set[str]) -> None:
    """It is null in the canonical form, beside what is set; a plan with a name has no need to say so."""
    data = normal({"iface": "eth0", "changes": changes}, policy)
    assert {field for field, value in data["changes"].items() if value is None} == expected
    assert normal(data, policy) == data
    given = {**changes, "dscp": None, "rate_limits": [{"rate": "5/second"}]}
    assert None not in normal({"name": "web", "iface": "eth0", "changes": given}, policy)["changes"].values()


def test_single_keys_are_taken_away(policy: Policy) -> None:
    """Of kernel parameters and offloads a key is null, and the others keep their values."""
    changes = {"sysctl": {"net.core.somaxconn": None, "net.core.rmem_max": 1048576}, "offloads": {"gro": None}}
    data = normal({"iface": "eth0", "changes": changes}, policy)
    assert data["changes"] == {
        "sysctl": {"net.core.rmem_max": "1048576", "net.core.somaxconn": None},
        "offloads": {"gro": None},
    }
    assert normal(data, policy) == data


def test_single_words_of_routes_are_taken_away(policy: Policy) -> None:
    """Of a route a word is null, and the others keep their values; without any, or as null, all routes are meant."""
    routes = [{"dst": "default", "initcwnd": 9, "quickack": None}, {"congctl": None, "dst": "10.0.0.0/8"}]
    data = normal({"iface": "eth0", "changes": {"routes": routes}}, policy)
    assert data["changes"]["routes"] == routes
    assert normal(data, policy) == data
    for nothing in (None, []):
        assert normal({"iface": "eth0", "changes": {"routes": nothing}}, policy)["changes"] == {"routes": None}


def test_a_digest_binds_what_is_taken_away(policy: Policy) -> None:
    """Plans that take away different things have different digests, and the text names only what is set."""
    plans: list[dict[str, Any]] = [
        {"mtu": 1400},
        {"mtu": 1400, "dscp": []},
        {"mtu": 1400, "rate_limits": None},
        {"mtu": 1400, "sysctl": {"net.core.somaxconn": None}},
        {"mtu": 1400, "offloads": {"gro": None}},
        {"mtu": 1400, "routes": None},
        {"mtu": 1400, "routes": [{"dst": "default", "initcwnd": None}]},
    ]
    checked = [check({"iface": "eth0", "changes": changes}, policy) for changes in plans]
    assert len({each.rendered.digest for each in checked}) == len(plans)
    texts = [each.rendered.dump() for each in checked]
    for text in texts:
        for own in ("plan", "digest", "warnings"):
            text.pop(own)
    assert all(text == texts[0] for text in texts)
    for each in checked:
        assert check(each.target_inputs.plan, policy).rendered.digest == each.rendered.digest


def test_netem_defaults(policy: Policy) -> None:
    """An impairment is always limited in time and in packets."""
    changes = normal({"iface": "eth0", "changes": {"netem": {"loss_pct": 1}}}, policy)["changes"]
    limits = policy.validation_limits
    assert changes["netem"] == {
        "loss_pct": 1,
        "limit": limits.netem_limit_default,
        "duration_s": limits.netem_duration_default_s,
    }


def test_profile_fills_in(policy: Policy) -> None:
    """A plan with a profile and no changes gets the profile's values, in canonical form."""
    for name, profile in policy.profiles.items():
        data = normal({"iface": "eth0", "profile": name, "changes": {"sysctl": {}}}, policy)
        assert data["changes"] == profile_changes(profile, policy)
        assert set(data["changes"]["sysctl"]) == set(profile.changes["sysctl"])
        assert all(isinstance(value, str) for value in data["changes"]["sysctl"].values())
        assert "validate" not in data


def test_a_profile_takes_rules_away_on_purpose(policy: Policy) -> None:
    """What is taken away stands beside a profile's values, which hosts may still adapt where they are whole."""
    values = profile_changes(policy.profiles["video_calls"], policy)
    plan = {"iface": "eth0", "profile": "video_calls", "changes": {"connection_limits": [], "mtu": None}}
    data = normal(plan, policy)
    assert data["changes"] == {**values, "connection_limits": None, "mtu": None}
    assert normal(data, policy) == data
    bare = check({"iface": "eth0", "profile": "video_calls"}, policy).target_inputs
    assert check(plan, policy).target_inputs.adaptations == bare.adaptations != []
    without_marks = {**plan, "changes": {"dscp": []}}
    assert normal(without_marks, policy)["changes"] == {**values, "dscp": None}
    assert check(without_marks, policy).target_inputs.adaptations == []


def test_explicit_changes_stay_alone(policy: Policy) -> None:
    """A plan with changes of its own gets nothing of the profile's values."""
    data = normal({"iface": "eth0", "profile": "gaming", "changes": {"mtu": 1400}}, policy)
    assert data["changes"] == {"mtu": 1400}


def test_profile_brings_objectives(policy: Policy) -> None:
    """Where a plan says what to measure to, the profile says what must hold; the plan's own word counts more."""
    data = normal(
        {
            "iface": "eth0",
            "profile": "gaming",
            "changes": {"mtu": 1400},
            "validate": {"targets": {"ping": ["192.0.2.1"]}, "objectives": {"jitter_ms": 9}},
        },
        policy,
    )
    assert data["validate"] == {
        "targets": {"ping": ["192.0.2.1"]},
        "objectives": {"latency_p95_ms": 20, "jitter_ms": 9, "loss_pct": 0.01},
        "duration_s": policy.profiles["gaming"].validation.duration_s,
    }
