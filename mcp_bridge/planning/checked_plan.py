# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks a plan once, where it comes in: all that is done with it afterwards is done with what this check returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection import plans
from mcp_bridge.collection.errors import NetoptError
from mcp_bridge.collection.interfaces import AUTO
from mcp_bridge.collection.keys import IFACE
from mcp_bridge.collection.uplink import VARIABLE
from mcp_bridge.errors import DigestError, PlanError
from mcp_bridge.models import Issue, ParameterPlan, RenderedPlan
from mcp_bridge.planning.adaptations import adaptations_for, profile_of
from mcp_bridge.validator import validate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mcp_bridge.policy import Policy, Profile

HOW_TO_TELL = f"Give link: {{up_mbit, down_mbit}}, or the variable {VARIABLE} to a host in the inventory."


@dataclass(frozen=True)
class TargetInputs:
    """What the playbook is told about a plan.

    Attributes:
        plan: the plan in canonical form, as JSON data.
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
        """Return the variables of the playbook ``netopt.linux.apply``; plans of the inventory's count for nothing."""
        return {"netopt_plans": None, **{f"netopt_{name}": value for name, value in vars(self).items()}}


@dataclass(frozen=True)
class CheckedPlan:
    """A plan that a policy permits, made by ``check`` and ``check_rendered`` alone.

    Attributes:
        rendered: the plan in canonical form, its text, and the digest that binds the two.
        target_inputs: what the playbook is told about it.
        policy: what it was judged by.
    """

    rendered: RenderedPlan
    target_inputs: TargetInputs
    policy: Policy

    @property
    def digest(self) -> str:
        """The digest of the plan."""
        return self.rendered.digest

    @property
    def warnings(self) -> list[str]:
        """What a person should know before it is applied."""
        return self.rendered.warnings

    @property
    def rationale(self) -> list[str]:
        """Why it is made."""
        return list(self.rendered.plan.rationale)

    def extra_vars(self) -> dict[str, Any]:
        """Return the variables of the playbook ``netopt.linux.apply``."""
        return self.target_inputs.extra_vars()

    def inputs(self) -> dict[str, Any]:
        """Return what a host is told about it."""
        return dict(vars(self.target_inputs))

    def preview(self) -> tuple[str, ...]:
        """Return the commands as one list, the scripts whole and last."""
        rendered = self.rendered
        scripts = (script for script in (rendered.tc_script, rendered.nft_script) if script)
        return (*rendered.sysctl_cmds, *rendered.ip_link_cmds, *rendered.ethtool_cmds, *scripts)

    def renewed(self, policy: Policy) -> CheckedPlan:
        """Return it as another policy judges it.

        Raises:
            PlanError, DigestError: as ``check_rendered`` does.
        """
        return check_rendered(self.rendered, policy)

    def kept(self) -> dict[str, Any]:
        """Return what it is made anew from, as JSON data."""
        return {"rendered": self.rendered.model_dump(mode="json")}


def check(plan: ParameterPlan | Mapping[str, Any], policy: Policy) -> CheckedPlan:
    """Return a plan, judged and rendered.

    Args:
        plan: a plan, or what a client sent for one; brought into canonical form first.
        policy: what it is judged by.

    Raises:
        PlanError: the plan has errors, or a part of it cannot be said in commands; carries all of its issues.
    """
    result = validate(plan, policy)
    normal = result.normalized_plan
    if normal is None:
        raise PlanError(result.issues)
    data = normal.dump()
    text = _text(data, policy)
    digest = plans.digest(data, text)
    profile = profile_of(data, policy)
    adaptations = adaptations_for(data, policy)
    keys = _keys(data["changes"], adaptations)
    warnings = [f"{issue.path}: {issue.message}" for issue in result.issues if issue.severity == "warning"]
    return CheckedPlan(
        RenderedPlan(**text, plan=normal, digest=digest, warnings=[*warnings, *_notes(normal, profile)]),
        TargetInputs(
            plan=data,
            digest=digest,
            adaptations=adaptations,
            skippable=policy.skippable(keys),
            modules=policy.modules(keys),
            allowlist=None if policy.allowlist == plans.ALLOWLIST else policy.allowlist,
        ),
        policy,
    )


def check_rendered(rendered: RenderedPlan, policy: Policy) -> CheckedPlan:
    """Return a rendered plan made anew, after making sure that it is the one that was handed in.

    Args:
        rendered: what a client was shown.
        policy: what the plan is judged by, today.

    Raises:
        PlanError: the policy no longer permits the plan.
        DigestError: the plan now renders to something else, or its text was altered.
    """
    checked = check(rendered.plan, policy)
    fresh = checked.rendered
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
    return checked


def _keys(changes: dict[str, Any], adaptations: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the sysctl keys of a plan, with those that adaptations may bring in."""
    keys = dict.fromkeys(changes.get("sysctl", {}))
    for rule in adaptations:
        for word in ("set", "raise"):
            keys.update(dict.fromkeys(rule.get(word, {}).get("sysctl", {})))
    if "connection_tracking" in changes:
        keys.update(dict.fromkeys(plans.CONNECTION_TRACKING.values()))
    return list(keys)


def _text(data: dict[str, Any], policy: Policy) -> dict[str, Any]:
    """Return the text of a normalised plan; what cannot be said becomes the plan's issue."""
    try:
        keys = _keys(data["changes"], ())
        return plans.render(data, skippable=policy.skippable(keys), modules=policy.modules(keys))
    except NetoptError as error:
        below = f"sysctl.{error.key}" if error.key in (data["changes"].get("sysctl") or {}) else error.key
        path = f"changes.{below}" if below else "changes"
        raise PlanError([Issue(path=path, message=error.message, hint=error.hint)]) from None


def _notes(plan: ParameterPlan, profile: Profile | None) -> Iterator[str]:
    """Yield what the text cannot show."""
    if profile:
        told = profile.link and not plan.link
        by_link = f", and shapes by its {VARIABLE} where the inventory has one" if told else ""
        yield f"The values are those of the profile {profile.name}; each host may adapt them to its hardware{by_link}"
        if profile.link and profile.link.without and not plan.link:
            yield f"{profile.link.without} {HOW_TO_TELL}"
    if plan.iface == AUTO:
        yield (
            f"Each host puts the interface of its default route where the text says {AUTO}; where several default "
            "routes are equal, each of their interfaces gets the same"
        )
    if plan.placeholders:
        yield f"Each host puts its own interfaces that match where the text says {' or '.join(plan.placeholders)}"
    if any(IFACE in key for key in plan.changes.sysctl or {}):
        yield f"{IFACE} in a sysctl key stands for each interface of the plan; a host puts its own there"
    if plan.changes.netem:
        yield f"The impairment ends by itself after {plan.changes.netem.duration_s} s"
