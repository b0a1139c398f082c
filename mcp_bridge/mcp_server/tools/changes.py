# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tools that change hosts: apply, confirm, roll back, and the checkpoints in between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Annotated, Any

from fastmcp import Context, FastMCP
from mcp.types import InputRequiredResult
from pydantic import Field, TypeAdapter, ValidationError

from mcp_bridge.access.authorize import check_confirm_timeout, check_places, check_plan
from mcp_bridge.hosts import checkpoints, drift
from mcp_bridge.hosts.checkpoints import Checkpoints
from mcp_bridge.hosts.drift import DriftReport
from mcp_bridge.mcp_server.tools import host_words, resume_rollout
from mcp_bridge.mcp_server.tools.call import (
    ADDS_TO_HOSTS,
    CHANGES_HOSTS,
    READS_HOSTS,
    AppContext,
    CheckpointId,
    Hosts,
    RunId,
    actionable,
    follow,
    refused,
)
from mcp_bridge.mcp_server.tools.consent import confirmed
from mcp_bridge.mcp_server.tools.consent_text import about_apply, about_checkpoint
from mcp_bridge.mcp_server.tools.plans import as_object
from mcp_bridge.models import ChangeReport, RenderedPlan, Rollout
from mcp_bridge.models.scalars import Iface
from mcp_bridge.planning.checked_plan import CheckedPlan, check_rendered
from mcp_bridge.runs.execute import Started
from mcp_bridge.runs.report import Progress
from mcp_bridge.runs.task import Scope
from mcp_bridge.service import ApplyOptions, Service

Label = Annotated[str | None, Field(description="A name for the checkpoint, for people.", max_length=200)]
IFACE: TypeAdapter[Any] = TypeAdapter(Iface)
DryRun = Annotated[bool, Field(description="Say what would change and change nothing.")]


def register_reading(server: FastMCP[Any], app: AppContext) -> None:
    """Add the tools that only look."""

    @server.tool(title="List checkpoints", annotations=READS_HOSTS)
    async def list_checkpoints_tool(ctx: Context, hosts: Hosts = "all") -> Checkpoints:
        """List the checkpoints that the hosts keep, newest first, with their status on every host."""
        fleet = app.on_behalf_of(ctx).fleet()
        return await follow(ctx, lambda progress: checkpoints.read(fleet, Scope(limit=hosts, progress=progress)))

    @server.tool(title="Verify hosts", annotations=READS_HOSTS)
    async def verify_drift_tool(
        ctx: Context,
        hosts: Hosts = "all",
        checkpoint_id: Annotated[
            CheckpointId | None, Field(description="Only what this change set; by default all changes in force.")
        ] = None,
    ) -> DriftReport:
        """Compare hosts with what the confirmed changes have set, knob by knob, and change nothing.

        Tells wanted and found, the change that set it, and who owns the knob now where that can be known.
        Applying the plan again mends what differs.
        """
        fleet = app.on_behalf_of(ctx).fleet()
        return await follow(
            ctx,
            lambda progress: drift.verify(fleet, Scope(limit=hosts, progress=progress), checkpoint_id=checkpoint_id),
        )


def register(server: FastMCP[Any], app: AppContext) -> None:
    """Add the tools that change hosts."""

    @server.tool(title="Apply a rendered plan", annotations=CHANGES_HOSTS)
    async def apply_rendered_plan_tool(  # noqa: PLR0913 - the tool's arguments, by name
        ctx: Context,
        *,
        rendered_plan: Annotated[
            dict[str, Any] | str | None,
            Field(
                description="What render_change_plan_tool returned, unchanged: as an object or as JSON text. May be "
                "left out with resume alone."
            ),
        ] = None,
        checkpoint_label: Label = None,
        hosts: Hosts = "all",
        dry_run: DryRun = True,
        confirm_timeout_s: Annotated[
            int | None,
            Field(
                description="Seconds within which confirm_change_tool must be called, else every host restores by "
                "itself. Leave out to have the change confirmed as soon as a new connection to the host comes about.",
                ge=5,
                le=86400,
            ),
        ] = None,
        persist: Annotated[
            bool,
            Field(
                description="Bring the change back after a restart of a host, once it is confirmed; needs systemd there"
            ),
        ] = False,
        rollout: Annotated[
            Rollout | None,
            Field(description="Go over the hosts in waves, and stop when too many fail. Leave out for all at once."),
        ] = None,
        resume: Annotated[
            RunId | None,
            Field(
                description="Run id of a rollout that was interrupted or stopped: go on with its plan, hosts, waves "
                "and checkpoint. All other arguments but dry_run are then left out."
            ),
        ] = None,
    ) -> ChangeReport | InputRequiredResult:
        """Apply a rendered plan: on each host all of it holds, or the host is as it was before.

        The plan is rendered again and refused when its digest differs. The default is a dry run; without it, the
        person behind the client is asked first. Each host rehearses, writes a checkpoint, applies and reads back;
        rollback_to_checkpoint_tool undoes it.
        """
        asked = ApplyOptions(
            dry_run=dry_run,
            label=checkpoint_label,
            confirm_timeout_s=confirm_timeout_s,
            persist=persist,
            rollout=rollout,
        )
        given = None if rendered_plan is None else _rendered(rendered_plan)
        with actionable():
            wanted = resume_rollout.wanted(app.service, resume, given=given, options=asked)
            plan = _permitted(app, wanted.rendered, wanted.options)
            if not dry_run:
                confirm_s = app.service.policy.validation_limits.confirm_timeout_default_s
                lines = about_apply(
                    plan.rendered, _reached(app), wanted.options, confirm_s=confirm_s, resumes=wanted.resumes
                )
                question = await confirmed(ctx, app.access, app.admission(), lines)
                if question is not None:
                    return question
        return await _carry_out(app, ctx, hosts, partial(wanted.begin, plan), changes=not dry_run)

    @server.tool(title="Confirm a change", annotations=ADDS_TO_HOSTS)
    async def confirm_change_tool(
        ctx: Context,
        checkpoint_id: CheckpointId,
        *,
        hosts: Hosts = "all",
        extend_s: Annotated[
            int | None,
            Field(
                description="Do not keep the change yet, but give it this many seconds from now to be confirmed.",
                ge=5,
                le=86400,
            ),
        ] = None,
    ) -> ChangeReport | InputRequiredResult:
        """Keep a change that was applied with confirm_timeout_s, over a new connection to each host.

        Or, with extend_s, put off when the hosts restore by themselves. The person behind the client is asked first.
        """
        if extend_s is None:
            return await _with_checkpoint(app, ctx, "confirm", checkpoint_id, hosts=hosts)
        with actionable():
            check_confirm_timeout(app.admission().caller, extend_s)
        return await _with_checkpoint(
            app,
            ctx,
            "extend",
            checkpoint_id,
            hosts=hosts,
            extend_s=extend_s,
            begin=lambda service, scope: service.begin_extension(
                checkpoint_id=checkpoint_id, seconds=extend_s, scope=scope
            ),
        )

    @server.tool(title="Take a snapshot", annotations=ADDS_TO_HOSTS)
    async def snapshot_checkpoint_tool(
        ctx: Context,
        iface: Annotated[
            str | list[str], Field(description="Interface whose state is written down, a list of them, or 'auto'.")
        ] = "auto",
        checkpoint_label: Label = None,
        hosts: Hosts = "all",
    ) -> ChangeReport:
        """Write the present state of the hosts down as a checkpoint, without changing anything."""
        try:
            IFACE.validate_python(iface)
        except ValidationError as error:
            raise refused(f"iface: {error.errors(include_input=False)[0]['msg']}") from None
        return await _carry_out(
            app,
            ctx,
            hosts,
            lambda service, scope: service.begin_snapshot(iface=iface, label=checkpoint_label, scope=scope),
        )

    @server.tool(title="Roll back to a checkpoint", annotations=CHANGES_HOSTS)
    async def rollback_to_checkpoint_tool(
        ctx: Context, checkpoint_id: CheckpointId, *, hosts: Hosts = "all", dry_run: DryRun = True
    ) -> ChangeReport | InputRequiredResult:
        """Bring hosts back to the state before a change, and undo what was changed after it as well.

        The id of a run names the change on every host, so this rolls back the fleet. The default is a dry run;
        without it, the person behind the client is asked first.
        """
        return await _with_checkpoint(app, ctx, "rollback", checkpoint_id, hosts=hosts, dry_run=dry_run)

    @server.tool(title="Delete a checkpoint", annotations=CHANGES_HOSTS)
    async def delete_checkpoint_tool(
        ctx: Context, checkpoint_id: CheckpointId, *, hosts: Hosts = "all", dry_run: DryRun = True
    ) -> ChangeReport | InputRequiredResult:
        """Forget a checkpoint on the hosts; the state before it can then no longer be restored.

        The default is a dry run; without it, the person behind the client is asked first.
        """
        return await _with_checkpoint(app, ctx, "delete_checkpoint", checkpoint_id, hosts=hosts, dry_run=dry_run)


async def _with_checkpoint(  # noqa: PLR0913 - what the tools were called with
    app: AppContext,
    ctx: Context,
    action: str,
    checkpoint_id: str,
    *,
    hosts: str,
    dry_run: bool = False,
    extend_s: int | None = None,
    begin: Callable[[Service, Scope], Started] | None = None,
) -> ChangeReport | InputRequiredResult:
    """Confirm, put off, roll back to or delete a checkpoint, once the person behind the client has agreed."""
    if not dry_run:
        runs = app.service.fleet().runs
        with actionable():
            lines = about_checkpoint(action, checkpoint_id, _reached(app), runs, seconds=extend_s)
            question = await confirmed(ctx, app.access, app.admission(), lines)
        if question is not None:
            return question
    return await _carry_out(
        app,
        ctx,
        hosts,
        begin
        or (lambda service, scope: service.begin(action, checkpoint_id=checkpoint_id, scope=scope, check=dry_run)),
        changes=not dry_run,
    )


def _reached(app: AppContext) -> str:
    """Return the hosts that the call reaches, in words.

    Raises:
        InventoryError: the inventory can no longer be read.
    """
    return host_words.told(app.admission().hosts or (), app.access.host_scope.groups)


def _permitted(app: AppContext, rendered: RenderedPlan, options: ApplyOptions) -> CheckedPlan:
    """Return the plan made anew, after making sure that it is the one shown and that the caller may have it.

    Raises:
        PlanError, DigestError, AccessError: it is refused.
    """
    policy = app.service.policy
    admission = app.admission()
    checked = check_rendered(rendered, policy)
    plan = checked.rendered.plan
    check_plan(admission.caller, plan, policy)
    if not options.dry_run:
        check_confirm_timeout(admission.caller, options.confirm_timeout_s)
    if admission.hosts is not None:
        check_places(admission.caller, plan, admission.hosts, app.access.host_scope)
    return checked


async def _carry_out(
    app: AppContext, ctx: Context, hosts: str, begin: Callable[[Service, Scope], Started], *, changes: bool = True
) -> ChangeReport:
    """Begin a change and follow it to its end.

    Args:
        app: what the tools work with.
        ctx: the request.
        hosts: host pattern.
        begin: registers the change.
        changes: whether the hosts count towards those that the caller may change at once.
    """
    service: Service = app.on_behalf_of(ctx)
    admission = app.admission()
    cancel = threading.Event()

    def work(progress: Progress) -> ChangeReport:
        with ExitStack() as stack:
            if changes:
                stack.enter_context(app.access.limits.occupied(admission.caller, len(admission.hosts or ())))
            started: Started = begin(service, Scope(limit=hosts, progress=progress, cancel=cancel))
            run_id = started.record.run_id
            app.cancels[run_id] = cancel
            stack.callback(app.cancels.pop, run_id, None)
            progress("run", run_id)
            return service.finish(started)

    return await follow(ctx, work)


def _rendered(value: dict[str, Any] | str) -> RenderedPlan:
    try:
        return RenderedPlan.model_validate(as_object(value, name="rendered_plan"))
    except ValidationError as error:
        lines = [f"- {'.'.join(map(str, issue['loc']))}: {issue['msg']}" for issue in error.errors(include_input=False)]
        raise refused(
            "This is not a rendered plan; pass on what render_change_plan_tool returned.\n" + "\n".join(lines)
        ) from None
