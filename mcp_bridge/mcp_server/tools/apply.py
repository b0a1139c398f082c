# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tool that applies a plan."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any

from fastmcp import Context, FastMCP
from mcp.types import InputRequiredResult
from pydantic import Field, ValidationError, WithJsonSchema

from mcp_bridge.access.authorize import check_confirm_timeout, check_places, check_plan, fields_of
from mcp_bridge.consent.consent_text import about_apply
from mcp_bridge.mcp_server.tools import resume_rollout
from mcp_bridge.mcp_server.tools.bounded_report import BoundedReport
from mcp_bridge.mcp_server.tools.call import (
    CHANGES_HOSTS,
    AppContext,
    DryRun,
    Hosts,
    Label,
    RunId,
    actionable,
    add_tool,
    carry_out,
    refused,
)
from mcp_bridge.mcp_server.tools.consent import confirmed
from mcp_bridge.mcp_server.tools.plans import as_object
from mcp_bridge.mcp_server.tools.plans_in_force import held
from mcp_bridge.models import RenderedPlan, Rollout
from mcp_bridge.planning.checked_plan import CheckedPlan, check_rendered
from mcp_bridge.planning.plan_set import PlanSet, together
from mcp_bridge.runs.apply_options import ApplyOptions

DIGEST = re.compile(r"[0-9a-f]{64}")


def register(server: FastMCP[Any], app: AppContext) -> None:
    """Add the tool."""
    add_tool(server, app, apply_rendered_plan_tool, title="Apply a rendered plan", annotations=CHANGES_HOSTS)


async def apply_rendered_plan_tool(  # noqa: PLR0913 - the tool's arguments, by name
    app: AppContext,
    ctx: Context,
    *,
    rendered_plan: Annotated[
        dict[str, Any] | str | list[dict[str, Any] | str] | None,
        WithJsonSchema(
            {
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "object"}],
                "description": "digest of what render_change_plan_tool returned, or all of it; a list for several "
                "plans as one change. Left out with resume.",
            }
        ),
    ] = None,
    checkpoint_label: Label = None,
    hosts: Hosts = "all",
    dry_run: DryRun = True,
    confirm_timeout_s: Annotated[
        int | None,
        Field(
            description="Seconds within which confirm_change_tool must be called, else every host restores itself. "
            "Without it a host keeps the change once a new connection reaches it.",
            ge=5,
            le=86400,
        ),
    ] = None,
    persist: Annotated[
        bool,
        Field(description="Bring the confirmed change back after a restart; needs systemd there."),
    ] = False,
    rollout: Annotated[
        Rollout | None,
        Field(description="Go over the hosts in waves; all at once without it."),
    ] = None,
    resume: Annotated[
        RunId | None,
        Field(
            description="run_id of a rollout that was interrupted or stopped: go on with it. Only dry_run goes with it."
        ),
    ] = None,
) -> BoundedReport | InputRequiredResult:
    """Apply a rendered plan: on each host all of it holds, or the host is as it was before.

    A dry run by default; otherwise the person behind the client is asked first. Each host rehearses, writes a
    checkpoint, applies and reads back; rollback_to_checkpoint_tool undoes it.
    """
    asked = ApplyOptions(
        dry_run=dry_run,
        label=checkpoint_label,
        confirm_timeout_s=confirm_timeout_s,
        persist=persist,
        rollout=rollout,
    )
    with actionable():
        handed = rendered_plan if isinstance(rendered_plan, list) else [rendered_plan]
        given = tuple(_rendered(app, one) for one in handed if one is not None)
        wanted = resume_rollout.wanted(app.service, resume, given=given, options=asked)
        plan = _permitted(app, wanted.rendered, wanted.options)
        each = [one.rendered for one in (plan.plans if isinstance(plan, PlanSet) else (plan,))]
        for one in each:
            if one.plan.name is not None and not app.admission().caller.may_set_all:
                await held(app, ctx, one.plan.name, hosts)  # it replaces the plan of its name, whoever applied that
        if not dry_run:
            confirm_s = app.service.policy.validation_limits.confirm_timeout_default_s
            lines = about_apply(each, app.reached(), wanted.options, confirm_s=confirm_s, resumes=wanted.resumes)
            question = await confirmed(ctx, app.access, app.admission(), lines)
            if question is not None:
                return question
    return await carry_out(app, ctx, hosts, partial(wanted.begin, plan), changes=not dry_run)


def _permitted(app: AppContext, rendered: tuple[RenderedPlan, ...], options: ApplyOptions) -> CheckedPlan | PlanSet:
    """Return the plans made anew, after making sure that they are those shown and that the caller may have them.

    Raises:
        PlanError, DigestError, AccessError: it is refused.
    """
    policy = app.service.policy
    admission = app.admission()
    checked = [check_rendered(one, policy) for one in rendered]
    for one in checked:
        plan = one.rendered.plan
        check_plan(admission.caller, plan, policy)
        if admission.hosts is not None:
            check_places(admission.caller, fields_of(plan), admission.hosts, app.access.host_scope)
    if not options.dry_run:
        check_confirm_timeout(admission.caller, options.confirm_timeout_s)
    return together(checked, policy)


def _rendered(app: AppContext, value: dict[str, Any] | str) -> RenderedPlan:
    """Return the plan that a client handed over whole, or by its digest."""
    if isinstance(value, str) and DIGEST.fullmatch(value.strip()):
        return app.kept.get(app.admission().caller.name, value.strip())
    if isinstance(value, dict) and value.keys() == {"digest"} and isinstance(value["digest"], str):
        return app.kept.get(app.admission().caller.name, value["digest"])
    try:
        return RenderedPlan.model_validate(as_object(value, name="rendered_plan"))
    except ValidationError as error:
        lines = [f"- {'.'.join(map(str, issue['loc']))}: {issue['msg']}" for issue in error.errors(include_input=False)]
        raise refused(
            "This is not a rendered plan; pass on what render_change_plan_tool returned.\n" + "\n".join(lines)
        ) from None
