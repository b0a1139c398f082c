# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's one lock: whoever changes the network holds it, and says who they are.

The lock is an flock on an open file, so the kernel gives it back the moment its holder is gone. Programs
that the holder runs inherit the file: the lock is free only when the last of them has ended too, and a
restore never races with the remains of the change that it undoes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import signal
import time
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._common.files import make_folders, text_of
from .._common.own_files import refuse_foreign
from .._common.quick_dataclass import dataclass
from .process_stat import process_stat

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN_DIR = "/run/netopt"
SLICE_S = 5.0  # how often whoever waits looks whether the holder is gone
GUARD = "guard of "  # what the process that watches over a change calls its purpose
LOOK_S = 5.0  # how long whoever changes something waits for a guard: it looks, and lets go
SAID_S = 1.0  # how long for whoever has taken the lock and not said so yet
AGAIN_S = 1.0
REMAINS_S = 1.0  # how long what a dead holder started may go on with the lock in its hands


@dataclass(frozen=True)
class Holder:
    """Who holds the lock.

    Attributes:
        pid: the process.
        started: its start time in clock ticks since boot, which tells it from a later one with the same pid.
        purpose: what it does, for people.
        released: it has given the lock back since.
    """

    pid: int
    started: int
    purpose: str
    released: bool = False

    def alive(self) -> bool:
        """Say whether this very process still runs."""
        return start_time(self.pid) == self.started

    def holds(self) -> bool:
        """Say whether it may still have the lock: it runs, and has not said that it gave it back."""
        return not self.released and self.alive()


def start_time(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot, or ``None`` when there is no such process."""
    found = process_stat(pid)
    return None if found is None or found.ended else found.started


def lock_path(directory: str = RUN_DIR) -> str:
    """Return the path of the lock file."""
    return os.path.join(directory, "lock")


def holder(directory: str = RUN_DIR) -> Holder | None:
    """Return who took the lock last, or ``None`` when nobody did. They may have it still only if it ``holds``."""
    try:
        said: dict[str, Any] = json.loads(text_of(lock_path(directory)))
        return Holder(int(said["pid"]), int(said["started"]), str(said["purpose"]), bool(said.get("released")))
    except (OSError, ValueError, KeyError):
        return None


@contextlib.contextmanager
def host_lock(purpose: str, *, wait_s: float = 0.0, directory: str = RUN_DIR) -> Iterator[int]:
    """Hold the host's lock, and yield its file descriptor for programs to inherit.

    Args:
        purpose: what it is held for; told to whoever finds it taken.
        wait_s: how long to wait for it. 0 asks once.
        directory: where the lock file lies.

    Raises:
        NetoptError: somebody else holds it, or the file cannot be opened.
    """
    path = lock_path(directory)
    refuse_foreign(directory)
    try:
        descriptor = _open(directory)
    except OSError as error:
        raise NetoptError(
            f"The lock {path} cannot be opened: {error.strerror}",
            stage="checkpoint",
            key=path,
            hint="Changing a host's network takes root: set become: true.",
        ) from None
    try:
        if not _taken_in_time(descriptor, wait_s, directory):
            raise _busy(directory)
        said = {"pid": os.getpid(), "started": start_time(os.getpid()), "purpose": purpose}
        if os.path.exists(os.path.join(directory, "default_qdisc")):
            from .default_qdisc import put_back  # noqa: PLC0415 - a process was killed in a bad moment

            put_back(directory)
        _say(descriptor, said)
        try:
            yield descriptor
        finally:
            _say(descriptor, dict(said, released=True))  # else the next one is taken for this one until it says so
    finally:
        os.close(descriptor)


def _say(descriptor: int, said: dict[str, Any]) -> None:
    """Write down who has the lock; on a full or read-only disk it is held all the same."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(said).encode(), 0)


def _open(directory: str) -> int:
    """Open the lock file; where nothing can be written any more, one that is there serves as well."""
    path, flags = lock_path(directory), os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        make_folders((directory, 0o700))
        return os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o600)
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.ENOSPC):
            raise
        return os.open(path, os.O_RDONLY | flags)


def _taken_in_time(descriptor: int, wait_s: float, directory: str) -> bool:
    """Take the lock if it comes free in time.

    Guards are awaited, and so is who they are that took it just now; what keeps it for a dead holder is ended.
    """
    ends = time.monotonic() + wait_s
    looks_end = time.monotonic() + LOOK_S
    said_ends = time.monotonic() + SAID_S
    while True:
        if _taken(descriptor, min(SLICE_S, ends - time.monotonic())):
            return True
        if _remains(descriptor, directory):
            if _taken(descriptor, REMAINS_S):
                return True
            for pid in _remains(descriptor, directory):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            if _taken(descriptor, REMAINS_S):
                return True
        if time.monotonic() >= ends:
            other = holder(directory)
            if other is None or not other.holds():  # what is said there is not of the one that has it
                patience_ends = said_ends
            else:
                patience_ends = looks_end if other.purpose.startswith(GUARD) else 0.0
            if time.monotonic() >= patience_ends:
                return False
            ends = min(time.monotonic() + AGAIN_S, patience_ends)


def _remains(descriptor: int, directory: str) -> list[int]:
    """Return the processes that hold the lock on behalf of a holder that is dead: what it ran when it was killed."""
    other = holder(directory)
    if other is None or other.alive():
        return []
    path = os.readlink(f"/proc/self/fd/{descriptor}")
    held = re.compile(rf"^lock:.* FLOCK .* {other.pid} ", re.MULTILINE)  # proc(5): who took it, not who has it now
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                if os.readlink(f"/proc/{pid}/fd/{name}") == path:
                    text = text_of(f"/proc/{pid}/fdinfo/{name}")
                    found += [int(pid)] if held.search(text) else []
    return found


def _taken(descriptor: int, wait_s: float) -> bool:
    """Take the lock if it comes free in time, and say whether it was taken."""
    if wait_s <= 0:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
    previous = signal.signal(signal.SIGALRM, _alarm)
    signal.setitimer(signal.ITIMER_REAL, wait_s)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except TimeoutError:
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    return True


def _alarm(_number: int, _frame: object) -> None:
    """End a wait for the lock."""
    raise TimeoutError


def _busy(directory: str) -> NetoptError:
    """Return the error that names the holder."""
    other = holder(directory)
    who = f"process {other.pid} ({other.purpose})" if other and not other.released else "another process"
    return NetoptError(
        f"Another change is under way on this host: {who} holds the lock",
        stage="checkpoint",
        key=lock_path(directory),
        after=who,
        hint="Wait until it has finished and run again.",
    )
