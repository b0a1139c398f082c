# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a profile to a plan: its values, fitted to a host where its facts are known, with others laid over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection import interfaces, plans
from mcp_bridge.errors import PlanError
from mcp_bridge.models import Issue, ParameterPlan
from mcp_bridge.validator import link_changes, profile_changes, validate
from mcp_bridge.validator.finding import did_you_mean

from . import kernel_support

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mcp_bridge.collection.interfaces import Wanted
    from mcp_bridge.policy import Policy, Profile


@dataclass(frozen=True)
class Fitted:
    """A profile's plan for one host.

    Attributes:
        plan: the plan in canonical form.
        steps: what rules altered, as in ``adapt_profile.Adapted``.
        left_out: values of the profile that the host cannot have.
        kept: values that the host cannot have either, but that were asked for; applying the plan will fail.
    """

    plan: ParameterPlan
    steps: tuple[dict[str, Any], ...] = ()
    left_out: tuple[kernel_support.Unsupported, ...] = ()
    kept: tuple[kernel_support.Unsupported, ...] = ()


def plan_from_profile(
    profile: str,
    iface: Wanted | Sequence[Wanted],
    facts: Mapping[str, Any] | None,
    overrides: Mapping[str, Any] | None,
    policy: Policy,
) -> ParameterPlan:
    """Return a plan with a profile's values.

    Args:
        profile: its name.
        iface: as in a plan.
        facts: a host's facts; with them the values are fitted to that host.
        overrides: in the shape of ``changes``; laid over the profile's values. ``None`` takes a value out.
        policy: brings the profile and the rules.

    Raises:
        PlanError: there is no such profile, or the plan that results has errors.
    """
    return fit(profile, iface, facts, overrides, policy).plan


def fit(
    profile: str,
    iface: Wanted | Sequence[Wanted],
    facts: Mapping[str, Any] | None,
    overrides: Mapping[str, Any] | None,
    policy: Policy,
    *,
    link: Mapping[str, Any] | None = None,
) -> Fitted:
    """Return what ``plan_from_profile`` does, with what was done to the profile's values and why.

    Args:
        profile: its name.
        iface: as in a plan.
        facts: a host's facts; with them the values are fitted to that host.
        overrides: in the shape of ``changes``; laid over the profile's values. ``None`` takes a value out.
        policy: brings the profile and the rules.
        link: the uplink behind the interface, as in a plan.

    Raises:
        PlanError: there is no such profile, or the plan that results has errors.
    """
    found = policy.profiles.get(profile)
    if found is None:
        hint = did_you_mean(profile, policy.profiles, what="profiles")
        raise PlanError([Issue(path="profile", message="There is no such profile", hint=hint)])
    shaped = _shaped(found, link, policy, own=overrides or ())
    changes = {**profile_changes(found, policy), **shaped}
    rationale = [found.description]
    steps: tuple[dict[str, Any], ...] = ()
    lacking: tuple[kernel_support.Unsupported, ...] = ()
    if facts is not None:
        names = interfaces.host_interfaces(interfaces.named({"iface": iface}), facts)
        rules = policy.rules.adaptations_for(found.name)
        adapted = plans.adapt(changes, rules, facts, names, link=link if shaped else None)
        lacking = kernel_support.unsupported(adapted.changes, facts, policy)
        changes = kernel_support.without(adapted.changes, lacking)
        steps = adapted.steps
        rationale += [*adapted.notes, *(f"Left out {entry['key']}: {entry['reason']}" for entry in adapted.skipped)]
        rationale += [f"Left out {entry.key}: {entry.reason}" for entry in lacking]
    if overrides:
        changes = _overlaid(changes, overrides)
        rationale.append(f"Laid over the profile: {', '.join(sorted(map(str, overrides)))}")
        if facts is None:
            rationale.append("No host's facts were given: the profile's values are applied as they are on every host")
    if not changes:  # an empty plan with a profile would get the profile's values back
        lost = "; ".join(rationale[1:])
        raise PlanError([Issue(path="changes", message=f"Nothing of the profile is left: {lost}")])
    whole = changes.keys() >= shaped.keys()  # what was left out would come back with the link
    told = {"link": dict(link)} if link and shaped and whole else {}
    draft = {"iface": iface, "profile": profile, **told, "changes": changes, "rationale": rationale}
    result = validate(draft, policy)
    plan = result.normalized_plan
    if plan is None:
        raise PlanError(result.issues)
    kept = kernel_support.unsupported(plan.changes.dump(), facts, policy) if facts is not None else ()
    return Fitted(plan, steps, lacking, kept)


def _shaped(
    profile: Profile, link: Mapping[str, Any] | None, policy: Policy, *, own: Collection[str]
) -> dict[str, Any]:
    """Return the changes by which a profile shapes an uplink, beside those that are given.

    Raises:
        PlanError: it says nothing of uplinks, or the rates are out of bounds.
    """
    if link is None:
        return {}
    result = validate({"iface": "auto", "profile": profile.name, "link": dict(link)}, policy)
    if result.normalized_plan is None:
        raise PlanError(result.issues)
    return link_changes(profile, link, own=own)


def _overlaid(values: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with others laid over them: objects key by key, everything else as a whole.

    ``None`` takes a value out. Another qdisc replaces the profile's with all its parameters.
    """
    result = dict(values)
    for key, value in overrides.items():
        current = result.get(key)
        if value is None:
            result.pop(key, None)
        elif isinstance(current, dict) and isinstance(value, dict) and _same_kind(current, value):
            result[key] = _overlaid(current, value)
        else:
            result[key] = value
    return result


def _same_kind(current: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    """Return whether two objects can be merged; two qdiscs only when they are of one type."""
    return "type" not in value or value["type"] == current.get("type")
