# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arms and moves what watches over a change: a process of its own, and a systemd timer where there is one.

The process is a fork of the change's maker, there at once, and sees the maker's end the moment it happens, since it
waits for the lock that the maker holds. It belongs to no session and no terminal. Where systemd runs the host, logind
may end what a session leaves behind; so there a transient timer starts the same program once more. Whichever
comes first acts, under the lock; the other finds nothing left to do.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from typing import TYPE_CHECKING, Any

from .._checkpoint.store import ARCHIVE
from .._common.deadline import go_on
from .._common.errors import NetoptError
from .._common.quick_dataclass import dataclass
from .._host.lock import start_time
from .._host.systemd import systemd_is_ours
from .._transport.bundle import PYTHON_FLAGS
from .disarm_guard import watches
from .guard import wait_in_fork

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._checkpoint.model import Header
    from .._checkpoint.store import Store
    from .._host.commands import Tools

READY_S = 15.0


@dataclass(frozen=True)
class Armed:
    """What was armed: the value for ``Header.guard``, and a warning where only half of it could be."""

    guard: dict[str, Any]
    warning: str | None = None


def arm(store: Store, identity: str, *, after_s: float, tools: Tools) -> Armed:
    """Start what watches over a change, and return once it does.

    Args:
        store: where the checkpoint lies.
        identity: its id.
        after_s: seconds after which systemd's timer looks at it.
        tools: to run systemd-run with.

    Raises:
        NetoptError: the process did not come up; nothing may be changed then.
    """
    guard = _guard_process(store, identity)
    go_on()  # from now on the guard ends this process where it hangs
    if not systemd_is_ours():
        return Armed(guard)
    archive = store.path(identity, ARCHIVE)
    return _with_timer(guard, f"netopt-{identity}", archive=archive, identity=identity, after_s=after_s, tools=tools)


def rearm(store: Store, header: Header, *, after_s: float, tools: Tools) -> Armed:
    """Have a change watched over until another time, and return once it is.

    The process that watches reads the time anew whenever it wakes, and sleeps on when it has been moved; so does
    whatever the old timer of systemd starts. Here is started what is not there any more, and a timer for the new
    time. Once the new time is written down, ``wake`` and ``stop_timer`` deal with the old one.

    Args:
        store: where the checkpoint lies.
        header: the change's, as it is written down now.
        after_s: seconds until the new time.
        tools: to run systemd-run with.

    Raises:
        NetoptError: no process watches, and none came up.
    """
    guard = dict(header.guard) if watches(header) else {**header.guard, **_guard_process(store, header.id)}
    if not systemd_is_ours():
        return Armed(guard)
    archive = store.path(header.id, ARCHIVE)
    unit = f"netopt-{header.id}-{os.urandom(2).hex()}"  # a unit's name is free only once its service has ended
    return _with_timer(guard, unit, archive=archive, identity=header.id, after_s=after_s, tools=tools)


def _guard_process(store: Store, identity: str) -> dict[str, Any]:
    """Start the process that watches, and return it as ``Header.guard`` has it."""
    archive = store.path(identity, ARCHIVE)
    pid = _spawn_detached(lambda: wait_in_fork(store, identity), [sys.executable, *PYTHON_FLAGS, archive, "--guard"])
    return {"pid": pid, "started": start_time(pid)}


def _with_timer(
    guard: dict[str, Any], unit: str, *, archive: str, identity: str, after_s: float, tools: Tools
) -> Armed:
    """Start a timer of systemd beside the process that watches."""
    try:
        tools.run(
            [
                "systemd-run",
                "--quiet",
                "--collect",
                f"--unit={unit}",
                f"--description=Restore the network to before {identity} unless it is confirmed",
                f"--on-active={after_s:g}s",
                "--timer-property=AccuracySec=100ms",
                sys.executable,
                *PYTHON_FLAGS,
                archive,
                "--guard",
            ],
            stage="arm",
        )
    except NetoptError as error:
        return Armed(guard, f"systemd's timer is not armed, only netopt's own: {error.message}")
    return Armed(dict(guard, unit=unit))


def _spawn_detached(first: Callable[[], bool], argv: list[str]) -> int:
    """Go on in a process of its own session, adopted by PID 1, and return its pid once it watches.

    Args:
        first: what it does as a fork of this process. Unless that returns ``False``, it becomes ``argv`` then.
        argv: the program.
    """
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            if os.fork() == 0:
                _watch(first, argv, write_end)
        finally:
            os._exit(127)
    os.close(write_end)
    os.waitpid(child, 0)
    with os.fdopen(read_end, "rb", buffering=0) as stream:
        answered, _writable, _failed = select.select([stream], [], [], READY_S)
        said = stream.read(64).decode("ascii", "replace").strip() if answered else ""
    if not said.isdigit():
        raise NetoptError(
            "What restores the host by itself did not start" + (f": {said}" if said else ""),
            stage="arm",
            key=argv[0],
            wanted=" ".join(argv),
            hint="Nothing was changed. A change is made only once it is undone by itself.",
        )
    return int(said)


def _watch(first: Callable[[], bool], argv: list[str], ready: int) -> None:
    """Let go of all that this process inherited, say that it is there, and watch."""
    try:
        os.chdir("/")
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        for name in os.listdir("/proc/self/fd"):  # the lock above all: it must end with its holder
            if int(name) > 2 and int(name) != ready:
                with contextlib.suppress(OSError):  # the one that listed them is closed already
                    os.close(int(name))
        os.write(ready, str(os.getpid()).encode())
    except OSError as error:
        os.write(ready, str(error).encode("ascii", "replace"))
        return
    os.close(ready)
    try:
        if not first():
            os._exit(0)
    finally:
        os.execve(argv[0], argv, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/"})
