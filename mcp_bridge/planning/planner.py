# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a plan to what a target needs: canonical form, text with a digest, and the variables of the playbook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection import plans
from mcp_bridge.collection.errors import NetoptError
from mcp_bridge.errors import DigestError, PlanError
from mcp_bridge.models import Issue, ParameterPlan, RenderedPlan
from mcp_bridge.validator import normal_form, profile_changes, validate
from mcp_bridge.validator.finding import did_you_mean

from . import kernel_support

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mcp_bridge.policy import Policy

AUTO = "auto"


@dataclass(frozen=True)
class TargetInputs:
    """What the playbook is told about a plan.

    Attributes:
        plan: the normalised plan as JSON data.
        digest: of the plan and its text.
        adaptations: rules that fit the values to each host; none for values that a user wrote.
        skippable: why a sysctl key may be skipped where the kernel lacks it, by key.
        modules: the kernel module that a sysctl key needs, by key.
        allowlist: argument prefixes by program, ``None`` for those that every host knows.
    """

    plan: dict[str, Any]
    digest: str
    adaptations: list[dict[str, Any]]
    skippable: dict[str, str]
    modules: dict[str, str]
    allowlist: dict[str, list[str]] | None

    def extra_vars(self) -> dict[str, Any]:
        """Return the variables of the playbook ``netopt.linux.apply``."""
        return {
            "netopt_plan": self.plan,
            "netopt_digest": self.digest,
            "netopt_adaptations": self.adaptations,
            "netopt_skippable": self.skippable,
            "netopt_modules": self.modules,
            "netopt_allowlist": self.allowlist,
        }


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


def normalise(plan: ParameterPlan | Mapping[str, Any], policy: Policy) -> ParameterPlan:
    """Return a plan in canonical form.

    Args:
        plan: a plan, or what a client sent for one.
        policy: what it is judged by.

    Raises:
        PlanError: the plan has errors; carries all of its issues.
    """
    result = validate(plan, policy)
    if result.normalized_plan is None:
        raise PlanError(result.issues)
    return result.normalized_plan


def render(plan: ParameterPlan | Mapping[str, Any], policy: Policy) -> RenderedPlan:
    """Return a plan as text, with what a person should know before applying it.

    Args:
        plan: a plan; brought into canonical form first.
        policy: what it is judged by.

    Raises:
        PlanError: the plan has errors, or a part of it cannot be said in commands.
    """
    result = validate(plan, policy)
    normal = result.normalized_plan
    if normal is None:
        raise PlanError(result.issues)
    data = normal.dump()
    text = _text(data, policy)
    warnings = [f"{issue.path}: {issue.message}" for issue in result.issues if issue.severity == "warning"]
    return RenderedPlan(
        **text, plan=normal, digest=plans.digest(data, text), warnings=[*warnings, *_notes(normal, policy)]
    )


def _text(data: dict[str, Any], policy: Policy) -> dict[str, Any]:
    """Return the text of a normalised plan; what cannot be said becomes the plan's issue."""
    try:
        return plans.render(data, skippable=policy.skippable, modules=policy.modules)
    except NetoptError as error:
        below = f"sysctl.{error.key}" if error.key in data["changes"].get("sysctl", {}) else error.key
        path = f"changes.{below}" if below else "changes"
        raise PlanError([Issue(path=path, message=error.message, hint=error.hint)]) from None


def _notes(plan: ParameterPlan, policy: Policy) -> list[str]:
    """Return what the text cannot show."""
    notes = []
    if comes_from_profile(plan, policy):
        notes.append(f"The values are those of the profile {plan.profile}; each host may adapt them to its hardware")
    if plan.iface == AUTO:
        notes.append(f"Each host puts the interface of its default route where the text says {AUTO}")
    if plan.changes.netem:
        notes.append(f"The impairment ends by itself after {plan.changes.netem.duration_s} s")
    return notes


def comes_from_profile(plan: ParameterPlan, policy: Policy) -> bool:
    """Return whether a plan's values are those of its profile, so that hosts may adapt them.

    That is so when the plan has no changes of its own, and when normalising has filled in the profile's.
    """
    profile = policy.profiles.get(plan.profile) if plan.profile else None
    if profile is None:
        return False
    asked = normal_form(plan, policy).changes.dump()
    return asked == profile_changes(profile, policy, beside=asked)


def check_rendered(rendered: RenderedPlan, policy: Policy) -> RenderedPlan:
    """Return a rendered plan made anew, after making sure that it is the one that was handed in.

    Args:
        rendered: what a client was shown.
        policy: what the plan is judged by, today.

    Raises:
        PlanError: the policy no longer permits the plan.
        DigestError: the plan now renders to something else, or its text was altered.
    """
    fresh = render(rendered.plan, policy)
    if fresh.digest != rendered.digest:
        raise DigestError(
            f"The plan does not render to what was approved: digest {rendered.digest[:12]} was given,"
            f" {fresh.digest[:12]} is current",
            hint="The plan, the policy or netopt changed in between. Render the plan again and review it.",
        )
    altered = [name for name in plans.TEXT_FIELDS if getattr(fresh, name) != getattr(rendered, name)]
    if altered:
        raise DigestError(
            f"The text was altered after rendering: {', '.join(altered)}",
            hint="Text is never executed. Change the plan and render it again.",
        )
    return fresh


def target_inputs(plan: ParameterPlan | Mapping[str, Any], policy: Policy) -> TargetInputs:
    """Return what the playbook is told about a plan.

    Args:
        plan: a plan as it was written, or in canonical form.
        policy: brings rules, cards and the allowlist.

    Raises:
        PlanError: the plan has errors, or a part of it cannot be said in commands.
    """
    normal = normalise(plan, policy)
    data = normal.dump()
    adapts = normal.profile is not None and comes_from_profile(normal, policy)
    adaptations = policy.rules.adaptations_for(normal.profile) if adapts and normal.profile else []
    keys = None if adaptations else data["changes"].get("sysctl", {}).keys()  # an adaptation may bring keys in
    return TargetInputs(
        plan=data,
        digest=plans.digest(data, _text(data, policy)),
        adaptations=adaptations,
        skippable={key: why for key, why in policy.skippable.items() if keys is None or key in keys},
        modules={key: module for key, module in policy.modules.items() if keys is None or key in keys},
        allowlist=None if policy.allowlist == plans.ALLOWLIST else policy.allowlist,
    )


def plan_from_profile(
    profile: str,
    iface: str | Sequence[str],
    facts: Mapping[str, Any] | None,
    overrides: Mapping[str, Any] | None,
    policy: Policy,
) -> ParameterPlan:
    """Return a plan with a profile's values.

    Args:
        profile: its name.
        iface: an interface, several, or ``auto``.
        facts: a host's facts; with them the values are fitted to that host.
        overrides: in the shape of ``changes``; laid over the profile's values. ``None`` takes a value out.
        policy: brings the profile and the rules.

    Raises:
        PlanError: there is no such profile, or the plan that results has errors.
    """
    return fit(profile, iface, facts, overrides, policy).plan


def fit(
    profile: str,
    iface: str | Sequence[str],
    facts: Mapping[str, Any] | None,
    overrides: Mapping[str, Any] | None,
    policy: Policy,
) -> Fitted:
    """Return what ``plan_from_profile`` does, with what was done to the profile's values and why.

    Raises:
        PlanError: there is no such profile, or the plan that results has errors.
    """
    found = policy.profiles.get(profile)
    if found is None:
        hint = did_you_mean(profile, policy.profiles, what="profiles")
        raise PlanError([Issue(path="profile", message="There is no such profile", hint=hint)])
    changes = profile_changes(found, policy)
    rationale = [found.description]
    steps: tuple[dict[str, Any], ...] = ()
    lacking: tuple[kernel_support.Unsupported, ...] = ()
    if facts is not None:
        names = facts.get("default_interface") or AUTO if iface == AUTO else iface
        adapted = plans.adapt(changes, policy.rules.adaptations_for(found.name), facts, names)
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
    names = iface if isinstance(iface, str) else list(iface)
    plan = normalise({"iface": names, "profile": profile, "changes": changes, "rationale": rationale}, policy)
    kept = kernel_support.unsupported(plan.changes.dump(), facts, policy) if facts is not None else ()
    return Fitted(plan, steps, lacking, kept)


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
