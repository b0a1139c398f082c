# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several plans for the same hosts: each is checked, and all of them are one transaction on each host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection import plans
from mcp_bridge.collection.errors import NetoptError
from mcp_bridge.errors import PlanError
from mcp_bridge.models import Issue, RenderedPlan
from mcp_bridge.planning.checked_plan import CheckedPlan, check_rendered

if TYPE_CHECKING:
    from mcp_bridge.policy import Policy


@dataclass(frozen=True)
class PlanSet:
    """Plans that a policy permits, made by ``together`` alone; applied as one ``CheckedPlan`` is.

    Attributes:
        plans: two at least, in the order in which they were given.
        policy: what they were judged by.
    """

    plans: tuple[CheckedPlan, ...]
    policy: Policy

    @property
    def digest(self) -> str:
        """One digest for all."""
        return plans.digest_of([plan.digest for plan in self.plans])

    @property
    def warnings(self) -> list[str]:
        """What a person should know before they are applied."""
        return [f"{named(plan)}: {warning}" for plan in self.plans for warning in plan.warnings]

    @property
    def rationale(self) -> list[str]:
        """Why they are made."""
        return [line for plan in self.plans for line in plan.rationale]

    def inputs(self) -> dict[str, Any]:
        """Return what a host is told about them."""
        each = [plan.target_inputs for plan in self.plans]
        return {
            "plans": [one.plan for one in each],
            "judged": [{"digest": one.digest, "adaptations": one.adaptations} for one in each],
            "digest": self.digest,
            "skippable": {key: why for one in each for key, why in one.skippable.items()},
            "modules": {key: module for one in each for key, module in one.modules.items()},
            "allowlist": each[0].allowlist,
        }

    def extra_vars(self) -> dict[str, Any]:
        """Return the variables of the playbook ``netopt.linux.apply``; a plan of the inventory's counts for nothing."""
        return {"netopt_plan": None, **{f"netopt_{name}": value for name, value in self.inputs().items()}}

    def preview(self) -> tuple[str, ...]:
        """Return the commands of each plan, below its name."""
        return tuple(line for plan in self.plans for line in (f"# {named(plan)}", *plan.preview()))

    def renewed(self, policy: Policy) -> PlanSet:
        """Return them as another policy judges them.

        Raises:
            PlanError, DigestError: as ``check_rendered`` does.
        """
        return PlanSet(tuple(plan.renewed(policy) for plan in self.plans), policy)

    def kept(self) -> dict[str, Any]:
        """Return what they are made anew from, as JSON data."""
        return {"plans": [plan.kept()["rendered"] for plan in self.plans]}


def together(checked: Sequence[CheckedPlan], policy: Policy) -> CheckedPlan | PlanSet:
    """Return plans as one change.

    Args:
        checked: one at least.
        policy: what they were judged by.

    Raises:
        PlanError: two have one name, or want different values for one section.
    """
    if len(checked) == 1:
        return checked[0]
    try:
        plans.refuse_together([plan.target_inputs.plan for plan in checked])
    except NetoptError as error:
        path = error.key or ""
        raise PlanError([Issue(path=path, message=error.message.removeprefix(f"{path}: "), hint=error.hint)]) from None
    return PlanSet(tuple(checked), policy)


def remade(rendered: Sequence[Any], policy: Policy) -> CheckedPlan | PlanSet:
    """Return plans made anew of what ``PlanSet.kept`` or ``CheckedPlan.kept`` gave.

    Raises:
        PlanError, DigestError: as ``check_rendered`` does.
    """
    return together([check_rendered(RenderedPlan.model_validate(one), policy) for one in rendered], policy)


def named(plan: CheckedPlan) -> str:
    """Return how a plan is called among others."""
    return plan.rendered.plan.name or f"plan {plan.digest[:12]}"
