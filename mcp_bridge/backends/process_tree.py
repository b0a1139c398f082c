# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds and ends every process of a run, also those that left its session.

Ansible's workers call setsid, so the process group of ``ansible-playbook`` is not the whole run. A run
is instead known by a marker in the environment, which children inherit, and by descent, which holds
where a program such as sudo has emptied the environment.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Collection
from pathlib import Path

GRACE_S = 3.0
POLL_S = 0.05


def _read(pid: int, name: str) -> bytes:
    try:
        return (Path("/proc") / str(pid) / name).read_bytes()
    except OSError:  # it ended meanwhile, or belongs to another user
        return b""


def _is_shared_connection(pid: int) -> bool:
    """Tell whether ``pid`` is an ssh ControlPersist master, which other runs may be using."""
    return _read(pid, "cmdline").startswith(b"ssh: ")


def _state_and_parent(pid: int) -> tuple[str, int]:
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return (fields[0].decode(), int(fields[1])) if len(fields) > 1 else ("X", 0)


def members(marker: str) -> set[int]:
    """Return the pids of the live processes that carry ``marker`` (``NAME=value``) and of their descendants."""
    wanted = marker.encode()
    marked: set[int] = set()
    children: dict[int, list[int]] = {}
    ended: set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        pid = int(entry.name)
        state, parent = _state_and_parent(pid)
        if state in "ZX":
            ended.add(pid)
        children.setdefault(parent, []).append(pid)
        if wanted in _read(pid, "environ").split(b"\0"):
            marked.add(pid)
    found: set[int] = set()
    pending = list(marked)
    while pending:
        pid = pending.pop()
        if pid not in found:
            found.add(pid)
            pending += children.get(pid, [])
    return {pid for pid in found - ended - {os.getpid()} if not _is_shared_connection(pid)}


def _send(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue  # gone meanwhile, or another user's (become): it ends with its parent's pipes


def end(marker: str, *, own: Collection[int] = (), grace_s: float = GRACE_S) -> None:
    """End every process of the run and wait until it is gone: TERM first, KILL for what is left after ``grace_s``.

    Args:
        marker: by which they are known.
        own: pids that are the run's besides: one that waited for it was started before there was a marker.
        grace_s: how long they may take.
    """
    known = members(marker) | set(own)
    _send(known, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while time.monotonic() < deadline:
        known = _alive(known | members(marker))
        if not known:
            return
        time.sleep(POLL_S)
    left = _alive(known | members(marker))
    _send(left, signal.SIGKILL)
    deadline = time.monotonic() + grace_s
    while _alive(left) and time.monotonic() < deadline:
        time.sleep(POLL_S)


def _alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if _state_and_parent(pid)[0] not in "ZX"}
