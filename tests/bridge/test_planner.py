# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a plan to what a target needs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from mcp_bridge.errors import DigestError, NetoptBridgeError, PlanError
from mcp_bridge.models import RenderedPlan
from mcp_bridge.planning import planner
from mcp_bridge.policy import Policy, load_policy
from mcp_bridge.validator import profile_changes
from tests.bridge.plan_strategies import PLANS

EXAMPLES = Path(__file__).parents[2] / "examples"
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


def test_normalise_refuses_with_all_issues(policy: Policy) -> None:
    """A refused plan carries every issue, and says the first in one line with its hint."""
    data = example("too-large")
    data["changes"]["mtu"] = 1

    with pytest.raises(PlanError) as caught:
        planner.normalise(data, policy)

    assert {issue.path for issue in caught.value.issues} == {"changes.sysctl.net.core.rmem_max", "changes.mtu"}
    assert "The plan is refused: " in str(caught.value)
    assert "Allowed" in str(caught.value)
    assert isinstance(caught.value, NetoptBridgeError)


def test_digest_is_over_canonical_json(policy: Policy) -> None:
    """Anybody can compute the digest from the plan and the text."""
    rendered = planner.render(example("gaming"), policy)

    content = {"plan": rendered.plan.dump(), **{name: getattr(rendered, name) for name in TEXT}}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert rendered.digest == hashlib.sha256(canonical.encode()).hexdigest()


def test_render_shows_every_subsystem(policy: Policy) -> None:
    """What a plan asks of each subsystem is in the text."""
    data = example("gaming")
    data["changes"] |= {"mtu": 1400, "offloads": {"gro": False}}
    rendered = planner.render(data, policy)

    assert any("net.core.rmem_max" in command for command in rendered.sysctl_cmds)
    assert "fq" in rendered.tc_script
    assert "table inet netopt" in rendered.nft_script
    assert any("gro off" in command for command in rendered.ethtool_cmds)
    assert any("mtu 1400" in command for command in rendered.ip_link_cmds)


def test_warnings(policy: Policy) -> None:
    """Doubts of the validator and what the text cannot show are told."""
    gaming = " ".join(planner.render(example("gaming"), policy).warnings)
    assert "tcp_low_latency" in gaming
    assert "management" in gaming
    assert "profile" not in gaming

    profile = " ".join(planner.render({"iface": "auto", "profile": "server"}, policy).warnings)
    assert "adapt" in profile
    assert "default route" in profile

    netem = planner.render({"iface": "eth0", "changes": {"netem": {"loss_pct": 1, "duration_s": 7}}}, policy)
    assert any("after 7 s" in warning for warning in netem.warnings)


@settings(max_examples=75, deadline=None)
@given(PLANS)
def test_rendering_is_stable(data: dict[str, Any]) -> None:
    """Rendering a canonical plan gives the same text and digest, also after a trip through JSON."""
    policy = load_policy()
    rendered = planner.render(data, policy)

    assert planner.render(rendered.plan, policy).digest == rendered.digest
    back = RenderedPlan.model_validate_json(rendered.model_dump_json(by_alias=True))
    assert planner.check_rendered(back, policy).digest == rendered.digest
    assert planner.target_inputs(rendered.plan, policy) == planner.target_inputs(data, policy)


def test_check_rendered_refuses_what_was_altered(policy: Policy) -> None:
    """Neither another plan, nor another text, nor another digest passes for what was approved."""
    rendered = planner.render(example("server-protection"), policy)
    other = planner.render(example("gaming"), policy)

    assert planner.check_rendered(rendered, policy) == rendered
    for altered in (
        {"plan": other.plan},
        {"digest": other.digest},
        {"sysctl_cmds": ["reboot"]},
        {"nft_script": ""},
        {"tc_script": "rm -rf /"},
    ):
        with pytest.raises(DigestError) as caught:
            planner.check_rendered(rendered.model_copy(update=altered), policy)
        assert caught.value.hint


def test_check_rendered_judges_by_todays_policy(policy: Policy) -> None:
    """A plan that was fine when it was rendered is refused once the policy forbids it."""
    rendered = planner.render({"iface": "eth0", "changes": {"qdisc": {"type": "fq"}}}, policy)
    stricter = replace(policy, validation_limits=policy.validation_limits.model_copy(update={"qdisc_types": ["cake"]}))
    with pytest.raises(PlanError):
        planner.check_rendered(rendered, stricter)


def test_target_inputs(policy: Policy) -> None:
    """The playbook gets the canonical plan, its digest, and what of the policy matters on a host."""
    inputs = planner.target_inputs(example("gaming"), policy)

    assert set(inputs.extra_vars()) == {
        "netopt_plan",
        "netopt_digest",
        "netopt_adaptations",
        "netopt_skippable",
        "netopt_modules",
        "netopt_allowlist",
    }
    assert inputs.digest == planner.render(example("gaming"), policy).digest
    assert "net.ipv4.tcp_low_latency" in inputs.skippable
    assert json.loads(json.dumps(inputs.extra_vars())) == inputs.extra_vars()


def test_only_a_profiles_values_are_adapted(policy: Policy) -> None:
    """Rules go along only where the plan has no changes of its own."""
    own = planner.target_inputs(example("gaming"), policy)
    bare = planner.target_inputs({"iface": "eth0", "profile": "gaming"}, policy)
    none = planner.target_inputs({"iface": "eth0", "changes": {"mtu": 1400}}, policy)

    assert own.adaptations == none.adaptations == []
    assert bare.adaptations == policy.rules.adaptations_for("gaming")
    assert bare.adaptations


@pytest.mark.parametrize("name", ["gaming", "streaming", "video_calls", "bulk_transfer", "server"])
def test_every_profile_makes_a_plan(policy: Policy, name: str) -> None:
    """Every profile gives a plan that renders, with and without a host's facts."""
    plan = planner.plan_from_profile(name, "eth0", None, None, policy)
    fitted = planner.plan_from_profile(name, "auto", SMALL_HOST, None, policy)

    assert plan.changes.dump() == profile_changes(policy.profiles[name], policy)
    assert planner.comes_from_profile(plan, policy)
    assert planner.render(plan, policy).digest != planner.render(fitted, policy).digest


def test_profile_fitted_to_a_host(policy: Policy) -> None:
    """With a host's facts the values are those of that host, and the rationale says why."""
    plan = planner.plan_from_profile("bulk_transfer", "auto", SMALL_HOST, None, policy)

    assert plan.changes.sysctl is not None
    assert int(plan.changes.sysctl["net.core.rmem_max"]) == 6291456
    assert any(line.startswith("little_memory: ") for line in plan.rationale)
    assert planner.target_inputs(plan, policy).adaptations == []


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
    assert not planner.comes_from_profile(plan, policy)


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


def test_what_cannot_be_said_in_commands_is_an_issue(policy: Policy) -> None:
    """A plan that a subsystem cannot render is refused like any other."""
    entry = {"classid": "1:fffe", "rate_mbit": 1}  # the class that a shaper makes for the rest
    data = {
        "iface": "eth0",
        "changes": {"shaper": {"egress_mbit": 5}, "qdisc": {"type": "fq_codel"}, "htb_classes": [entry]},
    }
    with pytest.raises(PlanError) as caught:
        planner.render(data, policy)
    assert caught.value.issues[0].path.startswith("changes.htb_classes")


def test_digest_can_be_checked_from_the_published_json() -> None:
    """Whoever holds the JSON of a rendered plan can compute its digest with nothing but a JSON library."""
    rendered = planner.render({"iface": "eth0", "changes": {"mtu": 1400}}, load_policy())
    published = json.loads(rendered.model_dump_json(by_alias=True))
    fields = ("plan", "sysctl_cmds", "tc_script", "nft_script", "ethtool_cmds", "ip_link_cmds")
    text = json.dumps(
        {name: published[name] for name in fields}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    assert hashlib.sha256(text.encode()).hexdigest() == published["digest"]
