# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a run still has a process that carries it out, and how anybody can ask for its end.

The process holds an flock on a file in the run's folder. The kernel gives that back the moment the process is
gone, however it went, so no process id has to be trusted. The lock can be handed to a process of the run's own.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from pathlib import Path
from typing import Self

from mcp_bridge import atomic_files

ALIVE = "alive"
NOT_YET = "alive.new"
CANCEL = "cancel"


class RunLock:
    """The lock of one run, held as long as this object and the processes that it was handed to live.

    Args:
        descriptor: the open, locked file.
        folder: the run's folder.
    """

    def __init__(self, descriptor: int, folder: Path) -> None:
        self.descriptor = descriptor
        self._folder = folder
        self._open = True

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Make the lock of a new run.

        It gets its name when it is locked. Else somebody could find it before that, and take the run for a killed one.
        """
        descriptor = os.open(folder / NOT_YET, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (folder / NOT_YET).rename(folder / ALIVE)
        return cls(descriptor, folder)

    @classmethod
    def begin(cls, folder: Path) -> Self:
        """Take the lock of a run whose process has gone.

        Raises:
            BlockingIOError: a process carries the run out.
        """
        descriptor = os.open(folder / ALIVE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise
        return cls(descriptor, folder)

    @classmethod
    def inherited(cls, descriptor: int, folder: Path) -> Self:
        """Return the lock that the process before this one handed over; this one's children do not get it."""
        fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        return cls(descriptor, folder)

    def hand_over(self) -> None:
        """Let go of it here; whoever inherited it has it still."""
        if self._open:
            self._open = False
            os.close(self.descriptor)

    def end(self) -> None:
        """Say that there is nothing left to do about the run."""
        if self._open:
            with contextlib.suppress(OSError):  # the folder may have been removed
                (self._folder / ALIVE).unlink(missing_ok=True)
            self.hand_over()

    def __del__(self) -> None:
        """Let go of it when nobody can end it any more, e.g. since beginning the run failed."""
        self.hand_over()


def is_open(folder: Path) -> bool:
    """Tell whether a run was begun and not ended, whether or not its process lives."""
    return (folder / ALIVE).exists()


def is_alive(folder: Path) -> bool:
    """Tell whether a process carries the run out."""
    try:
        descriptor = os.open(folder / ALIVE, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def ask_to_end(folder: Path, *, caller: str) -> None:
    """Ask whatever process carries the run out to end it; the first request is the one that is kept."""
    if not (folder / CANCEL).exists():
        atomic_files.write(folder / CANCEL, caller)


def asked_for_s(folder: Path) -> float:
    """Return for how many seconds the end of the run has been asked for, 0 when nobody has."""
    try:
        return max(0.0, time.time() - (folder / CANCEL).stat().st_mtime)
    except FileNotFoundError:
        return 0.0


class Cancel:
    """Whether a run is to end: since this process says so, or since the folder holds a request.

    Args:
        folder: the run's folder.
        event: this process's own say.
    """

    def __init__(self, folder: Path, event: threading.Event | None) -> None:
        self._request = folder / CANCEL
        self._event = event

    def is_set(self) -> bool:
        """Tell whether the run is to end."""
        return (self._event is not None and self._event.is_set()) or self._request.exists()
