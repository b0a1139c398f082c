# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The canonical form of a plan: what means the same reads the same, and gives the same digest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.nic_words import BY_NAME, flat, nested
from mcp_bridge.collection.route_words import with_taken_away
from mcp_bridge.collection.uplink import shaping
from mcp_bridge.models import ParameterPlan

from .sysctl_value import canonical_key, canonical_sysctl

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mcp_bridge.policy import Policy, Profile


def normal_form(plan: ParameterPlan, policy: Policy) -> ParameterPlan:
    """Return a plan in canonical form; of a canonical plan, itself.

    A profile fills in its values where the plan has none of its own, how it shapes the plan's link where the plan says
    nothing of that itself, and its objectives where the plan says where to measure to. An impairment gets the policy's
    duration and limit.

    Args:
        plan: a valid plan; a profile that the policy lacks is left alone.
        policy: brings profiles and defaults.
    """
    data = plan.dump()
    profile = policy.profiles.get(plan.profile) if plan.profile else None
    changes = normal_changes(plan.changes.dump(), policy)
    away = plan.taken_away()
    if profile:
        said = {**changes, **away}
        values = {} if changes else profile_changes(profile, policy)
        changes = {**values, **link_changes(profile, data.get("link"), own=said), **changes}
    if "sysctl" in away:
        away["sysctl"] = {canonical_key(key): None for key in sorted(away["sysctl"])}
    for field, value in away.items():
        changes[field] = with_taken_away(field, changes.get(field), value)
    data["changes"] = changes
    if isinstance(data["iface"], list) and len(data["iface"]) == 1:
        data["iface"] = data["iface"][0]
    validation = _validation(data.pop("validate", {}), profile, policy)
    if validation:
        data["validate"] = validation
    return ParameterPlan.model_validate(data)


def profile_changes(profile: Profile, policy: Policy) -> dict[str, Any]:
    """Return the values of a profile in canonical form.

    Args:
        profile: brings the values.
        policy: brings what canonical means.
    """
    stand_in = ParameterPlan.model_validate({"iface": "auto", "changes": profile.changes})
    return normal_changes(stand_in.changes.dump(), policy)


def link_changes(profile: Profile, link: Mapping[str, Any] | None, *, own: Collection[str] = ()) -> dict[str, Any]:
    """Return the changes by which a profile shapes an uplink, in canonical form; none where there is no link.

    Args:
        profile: says how.
        link: as in a plan.
        own: the fields of ``changes`` that the plan says itself.
    """
    if not link or profile.link is None:
        return {}
    given = shaping(link, profile.link.model_dump(by_alias=False), own=own)
    return ParameterPlan.model_validate({"iface": "auto", "changes": given}).changes.dump()


def normal_changes(changes: dict[str, Any], policy: Policy) -> dict[str, Any]:
    """Return changes in canonical form: without what asks for nothing, sysctl values as the kernel reads them back."""
    given = {field: nested(flat(field, value)) if field in BY_NAME else value for field, value in changes.items()}
    result = {field: value for field, value in given.items() if value not in ({}, [])}
    if "sysctl" in result:
        named = {canonical_key(key): value for key, value in result["sysctl"].items()}
        result["sysctl"] = {
            key: canonical_sysctl(value, policy.limits.at(f"sysctl.{key}")) for key, value in sorted(named.items())
        }
    if "netem" in result:
        limits = policy.validation_limits
        defaults = {"limit": limits.netem_limit_default, "duration_s": limits.netem_duration_default_s}
        result["netem"] = {**defaults, **result["netem"]}
    return result


def _validation(given: dict[str, Any], profile: Profile | None, policy: Policy) -> dict[str, Any]:
    """Return what is measured, empty when there is nothing to measure to nor to hold."""
    targets = {name: value for name, value in given.get("targets", {}).items() if value}
    objectives = dict(given.get("objectives", {}))
    if not targets:
        return {"targets": {}, **given} if objectives else {}
    if profile:
        objectives = {**profile.objectives.measured(), **objectives}
        duration = profile.validation.duration_s
    else:
        duration = policy.validation_limits.validation_duration_default_s
    return {"targets": targets, "objectives": objectives, "duration_s": given.get("duration_s", duration)}
