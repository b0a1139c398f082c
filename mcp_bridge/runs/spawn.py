# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gives a run a process of its own, so that the end of the server, however sudden, is not the end of the run."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcp_bridge import atomic_files, errors
from mcp_bridge.backends import ansible_environment
from mcp_bridge.backends.ansible_runner import TASK
from mcp_bridge.backends.job import Cancellation
from mcp_bridge.errors import InventoryError, NetoptBridgeError, RunError
from mcp_bridge.runs import lock as run_lock
from mcp_bridge.runs.events import EventReader
from mcp_bridge.runs.lock import RunLock
from mcp_bridge.runs.report import Progress
from mcp_bridge.runs.spare_worker import COMMAND, SpareWorker
from mcp_bridge.settings import Settings, variable

POLL_S = 0.1
LOG = "process.log"
LOCK = "NETOPT_RUN_LIFE"  # the number of the file that is the run's lock; a server may be older than this
# what a command line may have set otherwise than the environment
PASSED_ON = (
    "state_dir",
    "inventory",
    "policy_dir",
    "forks",
    "run_timeout_s",
    "keep_runs",
    "keep_runs_days",
    "backend",
    "awx_url",
    "awx_token_file",
    "awx_ca_file",
    "awx_templates",
)


def spawn(
    settings: Settings, *, folder: Path, lock: RunLock, task: Mapping[str, Any], spare: SpareWorker | None = None
) -> subprocess.Popen[bytes]:
    """Start the process of a run in a session of its own, or take the spare one, and hand it the run's lock.

    Args:
        settings: where things are.
        folder: the run's folder.
        lock: the run's lock; this process no longer has it afterwards.
        task: what is to be done, for ``run_worker``.
        spare: the process that waits for a run.
    """
    atomic_files.write(folder / TASK, json.dumps(task, ensure_ascii=False))
    environment = {**os.environ, ansible_environment.MARKER: folder.name, LOCK: str(lock.descriptor)}
    for name in PASSED_ON:
        value = getattr(settings, name)
        environment[variable(name)] = "" if value is None else str(value)
    with (folder / LOG).open("wb") as log:
        taken = spare and spare.take(folder.name, environment, descriptor=lock.descriptor, log=log)
        process = taken or subprocess.Popen(
            [*COMMAND, folder.name],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(lock.descriptor,),
            env=environment,
        )
    lock.hand_over()
    return process


def follow(
    process: subprocess.Popen[bytes],
    *,
    folder: Path,
    progress: Progress | None,
    cancel: Cancellation | None,
    caller: str,
) -> None:
    """Tell the progress of a run to its end, and pass a request to end it on.

    Args:
        process: the run's.
        folder: its folder.
        progress: told of each host's steps.
        cancel: ends the run once it is set.
        caller: who would be the one to end it.
    """
    reader = EventReader(folder)
    asked = False
    ended = False
    while not ended:
        ended = process.poll() is not None
        for event in reader.new():
            if progress is not None:
                progress(event["host"], event["text"])
        if cancel is not None and cancel.is_set() and not asked and not ended:
            run_lock.ask_to_end(folder, caller=caller)
            asked = True
        if not ended:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(POLL_S)


def raised(result: Mapping[str, Any]) -> NetoptBridgeError | None:
    """Return the error with which a run ended, ``None`` when it ended with a report."""
    if "error" not in result or "run_id" in result:
        return None
    kind = getattr(errors, str(result.get("kind")), RunError)
    chosen = kind if kind in {InventoryError, RunError} else RunError
    error: NetoptBridgeError = chosen(str(result.get("message", result["error"])), hint=str(result.get("hint", "")))
    return error
