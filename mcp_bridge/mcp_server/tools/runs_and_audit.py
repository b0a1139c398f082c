# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tools that look up runs and the audit log, and the one that ends a run."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

from fastmcp import FastMCP
from pydantic import Field

from mcp_bridge.audit.log import SCAN_MAX, AuditEntry
from mcp_bridge.mcp_server.tools.bounded_report import told
from mcp_bridge.mcp_server.tools.call import CHANGES_HOSTS, READS, AppContext, RunId, actionable, add_tool
from mcp_bridge.models.base import Strict
from mcp_bridge.runs.registry import RunRecord

PAGE_BYTES = 16_000
Limit = Annotated[int, Field(description="How many entries at most, the newest ones.", ge=1, le=1000)]
Before = Annotated[int | None, Field(description="Only older entries: next_before of the page before.", ge=1, le=2**53)]

PROGRESS_MAX = 50


class RunStatus(Strict):
    """A run and what came of it."""

    run: RunRecord
    """What is known of it."""
    result: dict[str, Any] | None
    """The ChangeReport of a change, in bounded length; absent while the run goes on."""
    progress: dict[str, str] = {}
    """By host: the step that it is at, or the status that it has reported. Of many hosts, the first ones."""


class AuditPage(Strict):
    """Entries of the audit log."""

    entries: list[AuditEntry]
    """Oldest first; as many as fit a page."""
    next_before: int | None = None
    """With it as before, the next page has older entries; absent when there are none."""
    intact: bool
    """Whether the last 5,000 entries of the log are as they were written; `netopt audit verify` looks at all of it."""
    first_damaged_line: int | None = None
    """Number of the first entry that was changed, moved or follows one that was taken out."""
    damage: str | None = None
    """The file at fault, what is wrong with it, and what to do."""


def run_status_tool(app: AppContext, run_id: RunId) -> RunStatus:
    """Tell how a run is doing and, once it has ended, what came of it on each host."""
    with actionable():
        record, result = app.service.history.status(run_id)
        progress = app.service.history.progress(run_id)
    return RunStatus(run=_short(record), result=told(result), progress=dict(islice(progress.items(), PROGRESS_MAX)))


def get_audit_log_tool(app: AppContext, limit: Limit = 100, before: Before = None) -> AuditPage:
    """Return the newest entries of the audit log: who changed what, where, and what came of it."""
    return _page(app, "", limit=limit, before=before)


def search_audit_log_tool(
    app: AppContext,
    query: Annotated[
        str,
        Field(
            description="Text to look for anywhere in an entry: a host, a run, a caller.",
            min_length=1,
            max_length=200,
        ),
    ],
    limit: Limit = 100,
    before: Before = None,
) -> AuditPage:
    """Return the newest entries of the audit log that contain a text, without regard to case."""
    return _page(app, query, limit=limit, before=before)


def cancel_run_tool(app: AppContext, run_id: RunId) -> RunStatus:
    """End a run, also one that was begun before this server was started. Each host is left whole.

    A host that has confirmed the change keeps it, any other is led back. run_status_tool tells which.
    """
    with actionable():
        return RunStatus(run=_short(app.service.history.cancel(run_id)), result=None)


def register_reading(server: FastMCP[Any], app: AppContext) -> None:
    """Add the tools that only look."""
    add_tool(server, app, run_status_tool, title="Status of a run", annotations=READS)
    add_tool(server, app, get_audit_log_tool, title="Read the audit log", annotations=READS)
    add_tool(server, app, search_audit_log_tool, title="Search the audit log", annotations=READS)


def register(server: FastMCP[Any], app: AppContext) -> None:
    """Add the tool that changes something."""
    add_tool(server, app, cancel_run_tool, title="Cancel a run", annotations=CHANGES_HOSTS)


def _short(record: RunRecord) -> RunRecord:
    """Return a record without the outcome of each host where they are many: the report tells them."""
    return record if len(record.hosts) <= PROGRESS_MAX else record.model_copy(update={"hosts": {}})


def _page(app: AppContext, text: str, *, limit: int, before: int | None) -> AuditPage:
    audit = app.service.history.audit
    entries = audit.find(text, limit=limit, scan=SCAN_MAX, before=before, size_max=PAGE_BYTES)
    more = entries and entries[0].sequence > 1
    page = AuditPage(entries=entries, next_before=entries[0].sequence if more else None, intact=True)
    damage, whole = audit.check_recent()
    if damage is None:
        return page
    told = f"{damage}. {damage.hint}"
    return page.model_copy(update={"intact": False, "first_damaged_line": whole.sequence + 1, "damage": told})
