# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drafts plans from a profile for the hosts at hand: one plan for all hosts that come to the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_bridge import discovery, planner
from mcp_bridge.bridge import Bridge
from mcp_bridge.fleet import Scope
from mcp_bridge.models import ParameterPlan
from mcp_bridge.models.base import Strict
from mcp_bridge.policy import Policy
from mcp_bridge.validator import profile_changes


class Draft(Strict):
    """A plan and the hosts that it was drafted for."""

    plan: ParameterPlan
    """The plan; validate and render it, then apply it to its hosts."""
    hosts: list[str]
    """The hosts, sorted."""
    pattern: str
    """The same hosts as a pattern for the ``hosts`` of other tools."""
    notes: list[str]
    """What was adapted or left out, and why."""


class Drafts(Strict):
    """The plans that a profile comes to."""

    profile: str
    """The profile."""
    plans: list[Draft]
    """Hosts with equal plans are together; the largest group comes first."""
    unplanned: dict[str, str] = {}
    """By host: why there is no plan for it."""


def from_profile(
    bridge: Bridge, profile: str, *, iface: str | list[str], overrides: Mapping[str, Any], scope: Scope
) -> Drafts:
    """Gather the hosts' facts and return the plans that ``profile`` comes to on them.

    Args:
        bridge: the policy and the hosts.
        profile: its name.
        iface: an interface, several, or ``auto``.
        overrides: changes that replace the profile's.
        scope: which hosts.

    Raises:
        PlanError: there is no such profile, or the plan that results has errors.
        RunError: not one host answered.
    """
    policy = bridge.policy
    planner.plan_from_profile(profile, iface, None, overrides, policy)  # refused before any host is asked
    answers = discovery.facts(bridge.fleet(), scope, keys=fact_keys(policy, profile))
    problem = discovery.all_failed(answers)
    if problem is not None:
        raise problem
    groups: dict[str, Draft] = {}
    unplanned: dict[str, str] = {}
    for host, answer in sorted(answers.hosts.items()):
        if answer.data is None:
            unplanned[host] = answer.message or "The host gave no facts"
            continue
        plan = planner.plan_from_profile(profile, iface, answer.data, overrides, policy)
        key = plan.model_dump_json()
        hosts = [*(groups[key].hosts if key in groups else []), host]
        groups[key] = Draft(plan=plan, hosts=hosts, pattern=",".join(hosts), notes=list(plan.rationale))
    plans = sorted(groups.values(), key=lambda draft: (-len(draft.hosts), draft.hosts))
    return Drafts(profile=profile, plans=plans, unplanned=unplanned)


def fact_keys(policy: Policy, profile: str) -> list[str]:
    """Return the sysctl keys whose present values the profile's adaptations look at."""
    keys = set(profile_changes(policy.profiles[profile], policy).get("sysctl", {}))
    for rule in policy.rules.adaptations_for(profile):
        for part in ("set", "cap", "raise", "keep_higher"):
            content = rule.get(part) or {}
            keys.update(content.get("sysctl") or {})
    return sorted(keys)
