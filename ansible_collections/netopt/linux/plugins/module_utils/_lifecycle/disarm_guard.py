# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wakes and disarms what watches over a change; ``arm_guard.py`` starts it."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

from .._common.errors import NetoptError
from .._host.lock import start_time

if TYPE_CHECKING:
    from .._checkpoint.model import Header
    from .._host.commands import Tools


def disarm(header: Header, tools: Tools) -> None:
    """End what watches over a change. What cannot be ended wakes up, finds nothing to do, and goes."""
    if watches(header) and header.guard["pid"] != os.getpid():
        with contextlib.suppress(OSError):
            os.kill(header.guard["pid"], signal.SIGTERM)
    stop_timer(header.guard.get("unit"), tools)


def stop_timer(unit: str | None, tools: Tools) -> None:
    """Stop a timer of systemd, if there is one."""
    if unit:
        with contextlib.suppress(NetoptError):
            tools.run(["systemctl", "stop", f"{unit}.timer"], stage="confirm", check=False)


def wake(header: Header) -> None:
    """Have the process that watches over a change look at it now; it may sleep until a time that is too late."""
    if watches(header):
        with contextlib.suppress(OSError):
            os.kill(header.guard["pid"], signal.SIGCONT)


def watches(header: Header) -> bool:
    """Return whether the process that was started to watch over a change still runs."""
    pid = header.guard.get("pid")
    return pid is not None and start_time(pid) == header.guard.get("started")
