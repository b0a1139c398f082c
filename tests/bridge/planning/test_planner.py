# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a profile to a plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.errors import PlanError
from mcp_bridge.planning import planner
from mcp_bridge.planning.checked_plan import check
from mcp_bridge.policy import Policy, load_policy
from mcp_bridge.validator import profile_changes

EXAMPLES = Path(__file__).parents[3] / "examples"
TEXT = ("sysctl_cmds", "tc_script", "nft_script", "ethtool_cmds", "ip_link_cmds")

SMALL_HOST = {
    "memory_mb": 1024,
    "cpus": 1,
    "kernel_version": [6, 1],
    "virtualization": "kvm",
    "initial_netns": True,
    "default_interface": "ens3",
    "interfaces": {"ens3": {"type": "ethernet", "speed_mbit": 1000}},
    "sysctl": {},
}


@pytest.fixture(scope="module")
def policy() -> Policy:
    """Return the shipped policy."""
    return load_policy()


def example(name: str) -> dict[str, Any]:
    """Return one of the examples."""
    data: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return data


@pytest.mark.parametrize("name", ["gaming", "streaming", "video_calls", "bulk_transfer", "server"])
def test_every_profile_makes_a_plan(policy: Policy, name: str) -> None:
    """Every profile gives a plan that renders, with and without a host's facts."""
    plan = planner.plan_from_profile(name, "eth0", None, None, policy)
    fitted = planner.plan_from_profile(name, "auto", SMALL_HOST, None, policy)

    assert plan.changes.dump() == profile_changes(policy.profiles[name], policy)
    own, other = check(plan, policy).rendered, check(fitted, policy).rendered
    assert any(f"those of the profile {name}" in warning for warning in own.warnings)
    assert own.digest != other.digest


def test_profile_fitted_to_a_host(policy: Policy) -> None:
    """With a host's facts the values are those of that host, and the rationale says why."""
    plan = planner.plan_from_profile("bulk_transfer", "auto", SMALL_HOST, None, policy)

    assert plan.changes.sysctl is not None
    assert int(plan.changes.sysctl["net.core.rmem_max"]) == 6291456
    assert any(line.startswith("little_memory: ") for line in plan.rationale)
    assert check(plan, policy).target_inputs.adaptations == []


OVERRIDES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"mtu": 9000}, {"mtu": 9000}),
    ({"qdisc": {"type": "sfq", "params": {"limit": 500}}}, {"qdisc": {"type": "sfq", "params": {"limit": 500}}}),
    ({"qdisc": {"params": {"limit": 500}}}, {"qdisc": {"type": "fq", "params": {"limit": 500}}}),
    ({"qdisc": None}, {}),
]


@pytest.mark.parametrize(("overrides", "expected"), OVERRIDES)
def test_overrides(policy: Policy, overrides: dict[str, Any], expected: dict[str, Any]) -> None:
    """Overrides are laid over the profile's values; null takes one out."""
    plan = planner.plan_from_profile("gaming", "eth0", None, overrides, policy)

    changes = plan.changes.dump()
    values = profile_changes(policy.profiles["gaming"], policy)
    for field in overrides:
        assert changes.get(field) == expected.get(field)
    assert changes["sysctl"] == values["sysctl"]
    assert check(plan, policy).target_inputs.adaptations == []


def test_overrides_of_single_keys(policy: Policy) -> None:
    """One key of the profile's sysctl values can be replaced, added or taken out."""
    overrides = {"sysctl": {"net.core.busy_poll": None, "net.core.busy_read": 10, "net.core.somaxconn": 4096}}
    plan = planner.plan_from_profile("gaming", "eth0", None, overrides, policy)

    sysctl = plan.changes.sysctl or {}
    assert "net.core.busy_poll" not in sysctl
    assert sysctl["net.core.busy_read"] == "10"
    assert sysctl["net.core.somaxconn"] == "4096"
    assert sysctl["net.ipv4.tcp_fastopen"] == "3"


@pytest.mark.parametrize(
    ("profile", "overrides", "path"),
    [
        ("gamin", None, "profile"),
        ("gaming", {"mtu": 1}, "changes.mtu"),
        ("gaming", {"warp": 9}, "changes.warp"),
        ("gaming", {"qdisc": "fq"}, "changes.qdisc"),
        ("gaming", {"sysctl": {"vm.swappiness": 1}}, "changes.sysctl.vm.swappiness"),
    ],
)
def test_plan_from_profile_refuses(policy: Policy, profile: str, overrides: dict[str, Any] | None, path: str) -> None:
    """An unknown profile or a wrong override is refused with its path."""
    with pytest.raises(PlanError) as caught:
        planner.plan_from_profile(profile, "eth0", None, overrides, policy)
    assert path in {issue.path for issue in caught.value.issues}
