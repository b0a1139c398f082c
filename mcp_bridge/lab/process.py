# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes known by id and start time, so that a reused id is never mistaken for ours."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from mcp_bridge.errors import LabError

GRACE_S = 10.0
_START_TIME_FIELD = 19  # proc(5): field 22, counted after the command's closing parenthesis
_STATE_FIELD = 0


@dataclass(frozen=True)
class Process:
    """A process: its id and its start time in clock ticks since boot."""

    pid: int
    start: int

    @property
    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        fields = _stat(self.pid)
        return fields is not None and int(fields[_START_TIME_FIELD]) == self.start and fields[_STATE_FIELD] not in "ZX"


def identify(pid: int) -> Process | None:
    """Return the process that has this id now, None when there is none."""
    fields = _stat(pid)
    return None if fields is None else Process(pid, int(fields[_START_TIME_FIELD]))


def end(processes: list[Process], *, first: signal.Signals = signal.SIGKILL) -> None:
    """End processes and wait until they are gone.

    Args:
        processes: what to end; those that have ended already are passed over.
        first: the signal to begin with; SIGKILL follows when it did not help.

    Raises:
        LabError: one survived, named by its id.
    """
    for number in dict.fromkeys((first, signal.SIGKILL)):
        for process in processes:
            if process.alive:
                _signal(process.pid, number)
        if _gone(processes):
            return
    survivors = ", ".join(str(process.pid) for process in processes if process.alive)
    raise LabError(f"Processes do not end: {survivors}", hint="Look at them with ps, then repeat `netopt lab down`.")


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # it ended between the look and the signal


def _gone(processes: list[Process]) -> bool:
    deadline = time.monotonic() + GRACE_S
    while any(process.alive for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()
