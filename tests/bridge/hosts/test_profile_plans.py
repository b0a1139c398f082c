# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for a mixed fleet: grouped by what they come to, with the rule behind each change."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_bridge.errors import PlanError
from mcp_bridge.hosts.profile_plans import Drafts, fact_keys, group
from mcp_bridge.planning.planner import fit
from mcp_bridge.policy import load_policy

POLICY = load_policy()
LINK = {"type": "ethernet", "speed_mbit": 1000, "mtu": 1500, "up": True}


def host(**differs: Any) -> dict[str, Any]:
    """Return the facts of a usual host, with what is different about this one."""
    facts = {
        "memory_mb": 16384,
        "cpus": 4,
        "kernel": "6.12.0-1-amd64",
        "kernel_version": [6, 12],
        "virtualization": "none",
        "initial_netns": True,
        "default_interface": "eth0",
        "interfaces": {"lo": {}, "eth0": LINK},
        "sysctl": {},
        "sysctl_absent": [],
    }
    return {**facts, **differs}


FLEET = {
    "big": host(memory_mb=262144, interfaces={"eth0": {**LINK, "speed_mbit": 100_000}}),
    "plain1": host(),
    "plain2": host(memory_mb=32768),
    "small": host(memory_mb=1024),
    "namespace": host(initial_netns=False),
    "bare": host(qdiscs={"fq": False, "fq_codel": False, "cake": None}, sysctl_absent=["net.ipv4.tcp_mtu_probing"]),
    "none": host(default_interface=None),
    "silent": None,
}


def drafts(profile: str = "bulk_transfer", iface: str | list[str] = "auto", **overrides: Any) -> Drafts:
    """Return the plans of the fleet."""
    return group(
        FLEET, profile, iface=iface, overrides=overrides, policy=POLICY, messages={"silent": "The host is down"}
    )


def of(found: Drafts, name: str) -> Any:
    """Return the draft that a host is in."""
    return next(draft for draft in found.plans if name in draft.hosts)


def test_equal_plans_are_together() -> None:
    """Hosts that come to the same share one plan, the largest group first, and every host is somewhere."""
    found = drafts()
    assert found.plans[0].hosts == ["plain1", "plain2"]
    assert found.plans[0].pattern == "plain1,plain2"
    hosts = [name for draft in found.plans for name in draft.hosts]
    assert sorted([*hosts, *found.unplanned]) == sorted(FLEET)
    assert len(hosts) == len(set(hosts))


@pytest.mark.parametrize(
    ("name", "rule", "key"),
    [("big", "link_100g", "net.core.rmem_max"), ("small", "little_memory", "net.core.rmem_max")],
)
def test_the_rule_behind_a_change(name: str, rule: str, key: str) -> None:
    """Each altered value is told with its rule, from what to what, and the plan has it."""
    draft = of(drafts(), name)
    (adapted,) = [entry for entry in draft.adapted if entry.rule == rule]
    (change,) = [change for change in adapted.changes if change.key == key]
    assert adapted.message
    assert change.before != change.after
    assert draft.plan.changes.dump()["sysctl"][key] == change.after


def test_what_hosts_cannot_have() -> None:
    """Settings that a rule or the kernel takes away are named with the reason, and are not in the plan."""
    found = drafts()
    by_rule = {entry.key: entry for entry in of(found, "namespace").unsupported}
    assert by_rule["net.core.rmem_max"].rule == "namespace_keys"
    bare = of(found, "bare")
    by_kernel = {entry.key: entry for entry in bare.unsupported}
    assert by_kernel["qdisc"].reason == "The kernel 6.12.0-1-amd64 has no qdisc fq (module sch_fq)"
    assert by_kernel["net.ipv4.tcp_mtu_probing"].rule is None
    changes = bare.plan.changes.dump()
    assert "qdisc" not in changes
    assert "net.ipv4.tcp_mtu_probing" not in changes["sysctl"]


def test_what_was_asked_for_stays() -> None:
    """A value of the user's that a host cannot have stays in the plan, with a warning that it will fail."""
    draft = of(drafts(qdisc={"type": "fq_codel", "params": {}}), "bare")
    assert draft.plan.changes.dump()["qdisc"]["type"] == "fq_codel"
    assert [entry.key for entry in draft.will_fail] == ["qdisc"]
    assert not of(drafts(mtu=9000), "plain1").will_fail


@pytest.mark.parametrize(
    ("iface", "name", "reason"),
    [
        ("auto", "silent", "The host is down"),
        ("auto", "none", "no default route"),
        ("eth7", "plain1", "no interface eth7. It has eth0 ("),
        (["eth0", "eth7"], "plain1", "no interface eth7"),
        ("en*", "plain1", "no interface that matches en*"),
        ({"type": "wireless"}, "plain1", "no interface with type wireless"),
    ],
)
def test_hosts_without_a_plan(iface: str | list[str], name: str, reason: str) -> None:
    """A host for which no plan can be made is named with the reason."""
    assert reason in drafts(iface=iface).unplanned[name]


def test_nothing_left_is_no_plan() -> None:
    """A host that can have nothing of a profile does not get the unadapted profile instead."""
    facts = host(qdiscs={"fq": False}, sysctl_absent=fact_keys(POLICY, "gaming"))
    with pytest.raises(PlanError, match="Nothing of the profile is left"):
        fit("gaming", "auto", facts, {}, POLICY)
