# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tools for the plans in force on hosts: they are listed, and one is taken away."""

from __future__ import annotations

from typing import Annotated, Any

from fastmcp import Context, FastMCP
from mcp.types import InputRequiredResult
from pydantic import Field

from mcp_bridge.access.authorize import check_confirm_timeout, check_places, check_removal
from mcp_bridge.access.errors import AccessError
from mcp_bridge.consent.consent_text import about_removal
from mcp_bridge.hosts import plans
from mcp_bridge.hosts.plans import PlansInForce
from mcp_bridge.mcp_server.tools.bounded_report import BoundedReport, size
from mcp_bridge.mcp_server.tools.call import (
    CHANGES_HOSTS,
    READS_HOSTS,
    AppContext,
    DryRun,
    Hosts,
    Label,
    actionable,
    add_tool,
    carry_out,
    follow,
)
from mcp_bridge.mcp_server.tools.consent import confirmed
from mcp_bridge.models.plan import PlanName
from mcp_bridge.runs.apply_options import ApplyOptions
from mcp_bridge.runs.task import Scope

ANSWER_BYTES = 20_000

Name = Annotated[PlanName, Field(description="A plan's name, as list_plans_tool tells it.")]


async def list_plans_tool(
    app: AppContext,
    ctx: Context,
    hosts: Hosts = "all",
    name: Annotated[Name | None, Field(description="Only this plan, with what it sets.")] = None,
) -> PlansInForce:
    """List the plans in force on hosts: name, digest, since when, by whom; with name also what it sets."""
    fleet = app.on_behalf_of(ctx).fleet()
    found = await follow(ctx, lambda progress: plans.read(fleet, Scope(limit=hosts, progress=progress)))
    return bounded(found, name)


def bounded(found: PlansInForce, name: str | None) -> PlansInForce:
    """Return plans as far as an answer has room: without what they set, unless one is named and has room for that.

    Args:
        found: the plans of all hosts.
        name: the one that is asked for, ``None`` for all.
    """
    kept = {host: [plan for plan in each if name in (None, plan.name)] for host, each in found.hosts.items()}
    whole = found.model_copy(update={"hosts": kept})
    if name is not None and size(whole) <= ANSWER_BYTES:
        return whole
    short = {host: [plan.model_copy(update={"sections": []}) for plan in each] for host, each in kept.items()}
    answer = whole.model_copy(update={"hosts": short})
    while size(answer) > ANSWER_BYTES and short:
        host, _plans = short.popitem()
        answer.unanswered[host] = "left out: the answer has no room; ask for fewer hosts"
        answer.unanswered = dict(list(answer.unanswered.items())[:100])
    return answer


async def remove_plan_tool(  # noqa: PLR0913 - what a client may say
    app: AppContext,
    ctx: Context,
    name: Name,
    *,
    hosts: Hosts = "all",
    checkpoint_label: Label = None,
    dry_run: DryRun = True,
    confirm_timeout_s: Annotated[
        int | None, Field(description="As in apply_rendered_plan_tool.", ge=5, le=86400)
    ] = None,
) -> BoundedReport | InputRequiredResult:
    """Take a plan away: what it set reads as before netopt, or as another plan in force wants it.

    Goes as apply_rendered_plan_tool does; the default is a dry run.
    """
    chosen = ApplyOptions(dry_run=dry_run, label=checkpoint_label, confirm_timeout_s=confirm_timeout_s)
    with actionable():
        found = await held(app, ctx, name, hosts)
        if not dry_run:
            check_confirm_timeout(app.admission().caller, confirm_timeout_s)
            confirm_s = app.service.policy.validation_limits.confirm_timeout_default_s
            lines = about_removal(name, app.reached(), found, chosen, confirm_s=confirm_s)
            question = await confirmed(ctx, app.access, app.admission(), lines)
            if question is not None:
                return question
    return await carry_out(
        app, ctx, hosts, lambda service, scope: service.begin_removal([name], chosen, scope), changes=not dry_run
    )


async def held(app: AppContext, ctx: Context, name: str, hosts: str) -> PlansInForce:
    """Return the plans in force, after making sure that the caller may take away all that a plan sets on the hosts.

    Raises:
        AccessError: it may not, or nobody knows, as a host does not answer.
        InventoryError, RunError: the hosts cannot be asked.
    """
    fleet = app.on_behalf_of(ctx).fleet()
    found = await follow(ctx, lambda progress: plans.read(fleet, Scope(limit=hosts, progress=progress)))
    caller = app.admission().caller
    if found.unanswered and not caller.may_set_all:
        raise AccessError(
            f"What the plan {name} sets is not known of {', '.join(found.unanswered)}: no answer",
            hint=f"The caller {caller.name} may not set everything. Leave these hosts out, or wait until they answer.",
            kind="plan",
        )
    for host, each in found.hosts.items():
        sections = [section for plan in each if plan.name == name for section in plan.sections]
        check_removal(caller, [(section.path, section.value) for section in sections], app.service.policy)
        touched = {section.path.partition(".")[0] for section in sections}
        check_places(caller, touched, [host], app.access.host_scope)
    return found


def register_reading(server: FastMCP[Any], app: AppContext) -> None:
    """Add the tool that only looks."""
    add_tool(server, app, list_plans_tool, title="List the plans in force", annotations=READS_HOSTS)


def register(server: FastMCP[Any], app: AppContext) -> None:
    """Add the tool that changes hosts."""
    add_tool(server, app, remove_plan_tool, title="Remove a plan", annotations=CHANGES_HOSTS)
