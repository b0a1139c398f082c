# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watches over one change until nothing is left to be done about it, in a process of its own.

It begins as a fork of the change's maker, which costs next to nothing and is enough for most changes: they are decided
within seconds. From then on it runs from restore.pyz, with nothing of the maker's in memory.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING

from .._checkpoint.model import ARMED, due
from .._checkpoint.store import boot_id
from .._common.errors import NetoptError
from .._host.lock import GUARD, RUN_DIR, holder, host_lock
from .confirm import is_to_settle, settle

if TYPE_CHECKING:
    from .._checkpoint.model import Header
    from .._checkpoint.store import Store
    from .._host.lock import Holder

GRACE_S = 10.0  # from SIGTERM, at which a maker undoes its change by itself, to SIGKILL
LOOK_S = 60.0
RETRY_S = 0.5
NAME = "netopt-guard"  # in ps and top; proc(5) has room for 15 characters
FORK_WAITS_S = 20.0  # for how long the maker's fork waits for a decision
WAKE = signal.SIGCONT  # ends a sleep when the time has been moved; nothing that is sent it by mistake minds


def guard(store: Store, identity: str, *, run_dir: str = RUN_DIR) -> None:
    """Return when the change is finished: confirmed, rolled back, or gone.

    Args:
        store: where the checkpoint lies.
        identity: its id.
        run_dir: where the lock lies.
    """
    _take_name()
    signal.pthread_sigmask(signal.SIG_BLOCK, {WAKE})  # else one that comes while nothing sleeps would be lost
    wake: float | None = 0.0
    while wake is not None:
        signal.sigtimedwait({WAKE}, max(0.0, wake - time.monotonic()))
        try:
            wait_s = _patience(store, identity)
            with host_lock(f"{GUARD}{identity}", wait_s=wait_s, directory=run_dir) as lock:
                wake = _reconcile(store, identity, lock)
        except NetoptError:  # the lock is taken still
            _end_if_hung(store, identity, run_dir)
            wake = time.monotonic() + RETRY_S  # it may as well be a lock file that cannot be opened


def wait_in_fork(store: Store, identity: str, *, run_dir: str = RUN_DIR) -> bool:
    """Wait for the maker's end and, for a while, for the decision. Return whether anything is left to watch over.

    Imports nothing: what it comes from may be gone by now.
    """
    _take_name()
    signal.pthread_sigmask(signal.SIG_BLOCK, {WAKE})  # and in what goes on from here
    try:
        with host_lock(f"{GUARD}{identity}", wait_s=_patience(store, identity), directory=run_dir):
            moment = _moment(store, identity)
        if moment is not None:
            signal.sigtimedwait({WAKE}, max(0.0, min(moment - time.monotonic(), FORK_WAITS_S)))
            with host_lock(f"{GUARD}{identity}", wait_s=LOOK_S, directory=run_dir) as lock:
                _settle(store, identity, lock)
                moment = _moment(store, identity)
    except NetoptError:
        return True
    return moment is not None


def _take_name() -> None:
    """Show what this process is for, rather than what it was forked from or which Python runs it."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "w", encoding="ascii") as stream:
        stream.write(NAME)


def _moment(store: Store, identity: str) -> float | None:
    """Return the monotonic time at which something is to be done about a change, ``None`` for never."""
    header = _header(store, identity)
    return due(header) if header is not None and header.boot_id == boot_id() else None


def _reconcile(store: Store, identity: str, lock: int) -> float | None:
    """Do what is due, and return when to look again. What it takes is imported only now, and seldom needed."""
    _settle(store, identity, lock)
    moment = _moment(store, identity)
    if moment is None or time.monotonic() < moment:
        return moment
    from .._host.commands import Tools  # noqa: PLC0415
    from .rollback import reconcile  # noqa: PLC0415

    previous = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        return reconcile(store, identity, Tools(keep_open=(lock,)))
    except NetoptError:
        return None  # a damaged checkpoint; it has been marked as such
    finally:
        signal.signal(signal.SIGTERM, previous)


def _settle(store: Store, identity: str, lock: int) -> None:
    """Write a confirmation down that a shell has made; it holds as well where the disk is full."""
    header = _header(store, identity)
    if header is None or not is_to_settle(header):
        return
    from .._host.commands import Tools  # noqa: PLC0415 - the maker's fork has it

    with contextlib.suppress(NetoptError):
        settle(store, header, Tools(keep_open=(lock,)))


def _patience(store: Store, identity: str) -> float:
    """Return for how many seconds the lock is waited for."""
    header = _header(store, identity)
    if header is None or header.status != ARMED or header.give_up_at is None:
        return LOOK_S
    return max(0.1, header.give_up_at - time.monotonic())


def _end_if_hung(store: Store, identity: str, run_dir: str) -> None:
    """End the maker of the change if it holds the lock beyond its time: first so that it restores, then at once."""
    header = _header(store, identity)
    if header is None or header.status != ARMED or header.give_up_at is None:
        return
    other = holder(run_dir)
    if time.monotonic() < header.give_up_at or other is None or not _made_by(header, other):
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(OSError):
            os.kill(other.pid, signal.SIGCONT)
            os.kill(other.pid, number)
        ends = time.monotonic() + GRACE_S
        while other.alive() and time.monotonic() < ends:
            time.sleep(0.1)


def _made_by(header: Header, other: Holder) -> bool:
    return other.alive() and header.maker == {"pid": other.pid, "started": other.started}


def _header(store: Store, identity: str) -> Header | None:
    try:
        return store.header(identity)
    except NetoptError:
        return None
