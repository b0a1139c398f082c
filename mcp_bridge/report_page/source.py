# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds a run and what came of it."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from mcp_bridge import untrusted_text
from mcp_bridge.errors import RunError
from mcp_bridge.models import ChangeReport
from mcp_bridge.runs.history import RunHistory
from mcp_bridge.runs.registry import RunRecord

LATEST = "`netopt report` alone takes the latest change."


def find(history: RunHistory, run_id: str | None) -> tuple[RunRecord, ChangeReport]:
    """Return a run's record and its report; hosts of a run whose process was killed are asked.

    Args:
        history: the runs.
        run_id: which one; the latest change when not given.

    Raises:
        UnknownRunError: there is none of this id.
        RunError: there is none at all, it goes on, or it was a question.
    """
    record, result = history.status(run_id or _latest(history))
    if record.is_question or result == {}:
        raise RunError(f"Run {record.run_id} was a question ({record.action}) and changed nothing", hint=LATEST)
    if result is None:
        reached = len(history.progress(record.run_id))
        raise RunError(
            f"Run {record.run_id} is {record.state} and has no report yet; it has reached {reached} hosts",
            hint="Ask again once it is over.",
        )
    return _plain(record), _report(record, untrusted_text.plain(result))


def _latest(history: RunHistory) -> str:
    """Return the id of the latest change."""
    runs = history.fleet().runs.latest(limit=history.settings.keep_runs)
    found = next((record.run_id for record in runs if not (record.is_question or record.dry_run)), None)
    if found is None:
        raise RunError("There is no run to report on", hint=f"Runs are kept in {history.settings.runs_dir}.")
    return found


def _plain(record: RunRecord) -> RunRecord:
    limit = record.limit and untrusted_text.plain_text(record.limit)
    return record.model_copy(update={"caller": untrusted_text.plain_text(record.caller), "limit": limit})


def _report(record: RunRecord, result: dict[str, Any]) -> ChangeReport:
    if "hosts" not in result:  # it ended before it reached one
        return ChangeReport(
            applied=False,
            dry_run=record.dry_run,
            errors=[str(result.get("error") or "The run ended without a report")],
            run_id=record.run_id,
            plan_digest=record.plan_digest,
            started=record.started,
            finished=record.finished,
        )
    try:
        return ChangeReport.model_validate(result)
    except ValidationError as error:
        where = ", ".join(".".join(str(part) for part in issue["loc"]) for issue in error.errors()[:3])
        raise RunError(
            f"The report of run {record.run_id} does not have the expected shape: {where}",
            hint="Another version of netopt has written it; use that one.",
        ) from None
