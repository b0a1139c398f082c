# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clears up after runs whose process was killed: nothing of them stays behind."""

from __future__ import annotations

import shutil

from pydantic import ValidationError

from mcp_bridge.backends import ansible_environment, process_tree
from mcp_bridge.backends import ansible_runner as runner
from mcp_bridge.runs.lock import RunLock
from mcp_bridge.runs.registry import RunRegistry, UnknownRunError

GONE = "The process that carried out the run was killed; the run changed nothing"


def sweep(runs: RunRegistry) -> list[str]:
    """Clear up after runs whose process was killed: end what they left running, remove their secrets.

    Returns:
        The ids of the runs that are lost by that.
    """
    return [run_id for run_id in runs.abandoned() if _clear(runs, run_id)]


def _clear(runs: RunRegistry, run_id: str) -> bool:
    try:
        folder = runs.folder(run_id)
        lock = RunLock.begin(folder)
    except (UnknownRunError, BlockingIOError, FileNotFoundError):
        return False  # somebody else was quicker
    try:
        mark = ansible_environment.marker(run_id)
        while process_tree.members(mark):
            process_tree.end(mark)
        runner.remove_secrets(folder)
        try:
            record = runs.get(run_id)
        except (UnknownRunError, ValidationError):  # killed before there was a record
            shutil.rmtree(folder, ignore_errors=True)
            return False
        # this process has its lock now, so that it reads as running
        if record.state not in {"running", "lost"}:
            return False
        if record.is_question or record.dry_run:
            runs.finish(record, state="failed", result={"error": GONE}, hosts={})
            return False
        runs.mark_lost(record)
        return True
    finally:
        lock.end()
