# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an apply over MCP is to do: a plan that came along, or what a rollout was begun with that is gone on with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mcp_bridge.errors import RunError
from mcp_bridge.models import RenderedPlan
from mcp_bridge.planning.checked_plan import CheckedPlan
from mcp_bridge.planning.plan_set import PlanSet
from mcp_bridge.runs import resume as resuming
from mcp_bridge.runs.apply_options import ApplyOptions
from mcp_bridge.runs.execute import Started
from mcp_bridge.runs.registry import RunRecord
from mcp_bridge.runs.task import Scope
from mcp_bridge.service import Service

# by the field of ApplyOptions: what the tool calls it
GIVEN = {
    "label": "checkpoint_label",
    "confirm_timeout_s": "confirm_timeout_s",
    "persist": "persist",
    "rollout": "rollout",
}


@dataclass(frozen=True)
class Wanted:
    """What is to be done.

    Attributes:
        rendered: the plans.
        options: how it is applied.
        resumes: the run of the rollout that is gone on with.
    """

    rendered: tuple[RenderedPlan, ...]
    options: ApplyOptions
    resumes: RunRecord | None = None

    def begin(self, plan: CheckedPlan | PlanSet, service: Service, scope: Scope) -> Started:
        """Register the run of ``rendered``, once it is checked."""
        if self.resumes is None:
            return service.begin_apply(plan, self.options, scope)
        # by name where the gate has worked the hosts out, else as the rollout's own pattern says
        same = replace(scope, limit=None if scope.limit == "all" else scope.limit)
        return service.begin_resumption(self.resumes.run_id, same, plan=plan, dry_run=self.options.dry_run)


def wanted(service: Service, resume: str | None, *, given: tuple[RenderedPlan, ...], options: ApplyOptions) -> Wanted:
    """Return what is to be done.

    Args:
        service: the installation.
        resume: the run of a rollout to go on with, ``None`` for none.
        given: the plans that came along; with ``resume`` they have to be the rollout's.
        options: what else came along; with ``resume``, no more than whether nothing is to be changed.

    Raises:
        UnknownRunError: there is no such run.
        RunError: there is no plan, the run cannot be gone on with here, or something else is asked for than what it
            was begun with.
    """
    if resume is None:
        if not given:
            raise RunError("There is no rendered_plan", hint="render_change_plan_tool makes one.")
        return Wanted(given, options)
    other = [name for field, name in GIVEN.items() if getattr(options, field) not in (None, False)]
    if other:
        raise RunError(
            f"resume goes on with what was asked for then; it does not go with {', '.join(other)}",
            hint="Apply a plan anew to ask for something else.",
        )
    runs = service.fleet().runs
    record = runs.get(resume)
    kept, asked, place = resuming.read(runs, record)
    if place != resuming.place(service.settings.inventory):
        raise RunError(
            f"The rollout {resume} is one of another inventory than this server's",
            hint=f"`netopt apply --resume {resume}` on the server's machine goes on with it.",
        )
    if "shares" in kept:
        raise RunError(
            f"The rollout {resume} has a plan for each host",
            hint=f"`netopt apply --resume {resume}` on the server's machine goes on with it.",
        )
    each = kept["plans"] if "plans" in kept else [kept["rendered"]]
    rendered = tuple(RenderedPlan.model_validate(one) for one in each)
    if given and [one.digest for one in given] != [one.digest for one in rendered]:
        raise RunError(f"This is not the plan of the rollout {resume}", hint="Leave rendered_plan out.")
    return Wanted(given or rendered, replace(ApplyOptions(**asked), dry_run=options.dry_run), record)
