# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tools for what a change leaves on hosts: its checkpoint is listed, compared, confirmed, rolled back to, deleted."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

from fastmcp import Context, FastMCP
from mcp.types import InputRequiredResult
from pydantic import Field, TypeAdapter, ValidationError

from mcp_bridge.access.authorize import check_confirm_timeout
from mcp_bridge.collection.queries import MAX_OFFSET
from mcp_bridge.consent.consent_text import about_checkpoint
from mcp_bridge.hosts import checkpoints, drift
from mcp_bridge.hosts.checkpoints import Checkpoint, Checkpoints
from mcp_bridge.hosts.drift import DriftReport
from mcp_bridge.mcp_server.tools.bounded_report import BoundedReport, names_in_rows, size
from mcp_bridge.mcp_server.tools.call import (
    ADDS_TO_HOSTS,
    CHANGES_HOSTS,
    READS_HOSTS,
    AppContext,
    CheckpointId,
    DryRun,
    Hosts,
    Label,
    actionable,
    add_tool,
    carry_out,
    follow,
    refused,
)
from mcp_bridge.mcp_server.tools.consent import confirmed
from mcp_bridge.models.interfaces import Iface
from mcp_bridge.runs.execute import Started
from mcp_bridge.runs.task import CheckpointAction, Scope
from mcp_bridge.service import Service

PAGE_BYTES = 14_000
HOSTS_SHOWN = 20  # of a checkpoint, by name
IFACE: TypeAdapter[Any] = TypeAdapter(Iface)


class ListedCheckpoint(Checkpoint):
    """One checkpoint on the hosts that keep it."""

    by_status: dict[str, list[str]] = {}
    """In place of hosts, where they are many: hosts by status, five and more in a row by their ends."""


class CheckpointPage(Checkpoints):
    """Checkpoints, newest first, and the hosts that could not be asked."""

    checkpoints: list[ListedCheckpoint]  # type: ignore[assignment]  # each as the list of any, and shorter
    """Newest first; as many as fit a page."""
    total: int
    """How many there are in all."""
    next_offset: int | None = None
    """The offset with which to ask for the rest; absent when nothing is left."""


async def list_checkpoints_tool(
    app: AppContext,
    ctx: Context,
    hosts: Hosts = "all",
    offset: Annotated[int, Field(description="next_offset of the page before.", ge=0, le=MAX_OFFSET)] = 0,
) -> CheckpointPage:
    """List the checkpoints that the hosts keep, newest first: what each changed, and its status on every host."""
    fleet = app.on_behalf_of(ctx).fleet()
    found = await follow(ctx, lambda progress: checkpoints.read(fleet, Scope(limit=hosts, progress=progress)))
    return page(found, offset)


def page(found: Checkpoints, offset: int) -> CheckpointPage:
    """Return as many checkpoints from ``offset`` on as fit a page, one at least."""
    shown: list[ListedCheckpoint] = []
    room = PAGE_BYTES
    for checkpoint in found.checkpoints[offset:]:
        listed = ListedCheckpoint.model_construct(**checkpoint.__dict__)
        if len(checkpoint.hosts) > HOSTS_SHOWN:
            listed = listed.model_copy(update={"hosts": {}, "by_status": _by_status(checkpoint.hosts)})
        room -= size(listed)
        if shown and room < 0:
            break
        shown.append(listed)
    end = offset + len(shown)
    return CheckpointPage(
        checkpoints=shown,
        damaged=dict(islice(found.damaged.items(), HOSTS_SHOWN)),
        unanswered=dict(islice(found.unanswered.items(), HOSTS_SHOWN)),
        total=len(found.checkpoints),
        next_offset=end if end < len(found.checkpoints) else None,
    )


def _by_status(hosts: dict[str, str]) -> dict[str, list[str]]:
    gathered: dict[str, list[str]] = {}
    for host, status in hosts.items():
        gathered.setdefault(status, []).append(host)
    return {status: names_in_rows(names) for status, names in gathered.items()}


async def verify_drift_tool(
    app: AppContext,
    ctx: Context,
    hosts: Hosts = "all",
    checkpoint_id: Annotated[
        CheckpointId | None, Field(description="Only what this change set; by default all changes in force.")
    ] = None,
) -> DriftReport:
    """Compare hosts with what the confirmed changes have set, setting by setting.

    Tells wanted and found, the change that set it, and who owns the setting now where that can be known.
    Applying the plan again mends what differs.
    """
    fleet = app.on_behalf_of(ctx).fleet()
    return await follow(
        ctx,
        lambda progress: drift.verify(fleet, Scope(limit=hosts, progress=progress), checkpoint_id=checkpoint_id),
    )


async def confirm_change_tool(
    app: AppContext,
    ctx: Context,
    checkpoint_id: CheckpointId,
    *,
    hosts: Hosts = "all",
    extend_s: Annotated[
        int | None,
        Field(
            description="Do not keep it yet: this many seconds from now to confirm it.",
            ge=5,
            le=86400,
        ),
    ] = None,
) -> BoundedReport | InputRequiredResult:
    """Keep a change that was applied with confirm_timeout_s, over a new connection to each host.

    Or, with extend_s, put off when the hosts restore by themselves. The person behind the client is asked first.
    """
    if extend_s is not None:
        with actionable():
            check_confirm_timeout(app.admission().caller, extend_s)
    return await _with_checkpoint(app, ctx, "confirm", checkpoint_id, hosts=hosts, extend_s=extend_s)


async def snapshot_checkpoint_tool(
    app: AppContext,
    ctx: Context,
    iface: Annotated[str | list[str], Field(description="As in a plan.")] = "auto",
    checkpoint_label: Label = None,
    hosts: Hosts = "all",
) -> BoundedReport:
    """Write the present state of the hosts down as a checkpoint, without changing anything."""
    try:
        IFACE.validate_python(iface)
    except ValidationError as error:
        raise refused(f"iface: {error.errors(include_input=False)[0]['msg']}") from None
    return await carry_out(
        app,
        ctx,
        hosts,
        lambda service, scope: service.begin_snapshot(iface=iface, label=checkpoint_label, scope=scope),
    )


async def rollback_to_checkpoint_tool(
    app: AppContext, ctx: Context, checkpoint_id: CheckpointId, *, hosts: Hosts = "all", dry_run: DryRun = True
) -> BoundedReport | InputRequiredResult:
    """Bring hosts back to the state before a change, and undo what was changed after it as well.

    The id of a run names the change on every host, so this rolls back the fleet. The default is a dry run;
    without it, the person behind the client is asked first.
    """
    return await _with_checkpoint(app, ctx, "rollback", checkpoint_id, hosts=hosts, dry_run=dry_run)


async def delete_checkpoint_tool(
    app: AppContext, ctx: Context, checkpoint_id: CheckpointId, *, hosts: Hosts = "all", dry_run: DryRun = True
) -> BoundedReport | InputRequiredResult:
    """Forget a checkpoint on the hosts; the state before it can then no longer be restored.

    The default is a dry run; without it, the person behind the client is asked first.
    """
    return await _with_checkpoint(app, ctx, "delete_checkpoint", checkpoint_id, hosts=hosts, dry_run=dry_run)


def register_reading(server: FastMCP[Any], app: AppContext) -> None:
    """Add the tools that only look."""
    add_tool(server, app, list_checkpoints_tool, title="List checkpoints", annotations=READS_HOSTS)
    add_tool(server, app, verify_drift_tool, title="Verify hosts", annotations=READS_HOSTS)


def register(server: FastMCP[Any], app: AppContext) -> None:
    """Add the tools that change hosts."""
    add_tool(server, app, confirm_change_tool, title="Confirm a change", annotations=ADDS_TO_HOSTS)
    add_tool(server, app, snapshot_checkpoint_tool, title="Take a snapshot", annotations=ADDS_TO_HOSTS)
    add_tool(server, app, rollback_to_checkpoint_tool, title="Roll back to a checkpoint", annotations=CHANGES_HOSTS)
    add_tool(server, app, delete_checkpoint_tool, title="Delete a checkpoint", annotations=CHANGES_HOSTS)


async def _with_checkpoint(  # noqa: PLR0913 - what the tools were called with
    app: AppContext,
    ctx: Context,
    action: CheckpointAction,
    checkpoint_id: str,
    *,
    hosts: str,
    dry_run: bool = False,
    extend_s: int | None = None,
) -> BoundedReport | InputRequiredResult:
    """Do something with a checkpoint, or give its change ``extend_s`` more, once the person has agreed."""
    if not dry_run:
        runs = app.service.fleet().runs
        asked = action if extend_s is None else "extend"
        with actionable():
            lines = about_checkpoint(asked, checkpoint_id, app.reached(), runs, seconds=extend_s)
            question = await confirmed(ctx, app.access, app.admission(), lines)
        if question is not None:
            return question

    def begin(service: Service, scope: Scope) -> Started:
        if extend_s is not None:
            return service.begin_extension(checkpoint_id=checkpoint_id, seconds=extend_s, scope=scope)
        return service.begin(action, checkpoint_id=checkpoint_id, scope=scope, check=dry_run)

    return await carry_out(app, ctx, hosts, begin, changes=not dry_run)
