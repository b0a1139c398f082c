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


@pytest.fixture(scope="module")
def policy() -> Policy:
    """Return the shipped policy."""
    return load_policy()


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
        {"sysctl": {"net.ipv4.tcp_rmem": "4096\t131072   6291456"}, "dscp": [], "offloads": {}},
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
    ({"shaper": {"ingress_mbit": 100}}, {"shaper": {"ingress_mbit": 100.0}}),
    ({"qdisc": {"type": "fq"}}, {"qdisc": {"type": "fq", "params": {}}}),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_same_meaning_same_form(policy: Policy, one: dict[str, Any], other: dict[str, Any]) -> None:
    """Two spellings of one plan have one canonical form."""
    assert normal({"iface": "eth0", "changes": one}, policy) == normal({"iface": ["eth0"], "changes": other}, policy)


LIMIT = {"protocol": "tcp", "port": 80, "limit": 5, "mask": 32, "action": "reject"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"mtu": 1400, "dscp": [], "connection_tracking": {}}, {"mtu"}),
        ({"connection_limits": [LIMIT], "dscp": []}, {"connection_limits", "dscp"}),
        (
            {"connection_limits": [LIMIT], "nat_rules": [], "connection_tracking": {}, "htb_classes": [], "sysctl": {}},
            {"connection_limits", "nat_rules", "connection_tracking"},
        ),
        ({"connection_tracking": {"max_connections": 4096}, "dscp": []}, {"connection_tracking"}),
        ({"connection_tracking": {"drop_invalid": True}, "dscp": []}, {"connection_tracking", "dscp"}),
    ],
)
def test_an_empty_field_of_rules_stays_beside_rules(
    policy: Policy, changes: dict[str, Any], expected: set[str]
) -> None:
    """There it says that its rules may go; everywhere else it asks for nothing."""
    data = normal({"iface": "eth0", "changes": changes}, policy)
    assert set(data["changes"]) == expected
    assert normal(data, policy) == data


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
    """Empty fields of rules stay beside the marks of a profile, whose values hosts may still adapt; alone they go."""
    values = profile_changes(policy.profiles["video_calls"], policy)
    plan = {"iface": "eth0", "profile": "video_calls", "changes": {"connection_limits": [], "dscp": [], "mtu": None}}
    data = normal(plan, policy)
    assert data["changes"] == {**values, "connection_limits": []}
    assert normal(data, policy) == data
    bare = check({"iface": "eth0", "profile": "video_calls"}, policy).target_inputs
    assert check(plan, policy).target_inputs.adaptations == bare.adaptations != []
    plain = {**plan, "profile": "gaming"}
    assert normal(plain, policy)["changes"] == profile_changes(policy.profiles["gaming"], policy)


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
