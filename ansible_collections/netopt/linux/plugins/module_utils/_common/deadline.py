# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has the kernel end this process at a time, also where it is stopped or hangs: a timer that sends SIGKILL.

It is for the time in which nothing else would: before a change has a guard. Processes that this one starts have no
such timer; what they hold of the host's lock is taken from them by whoever wants it next, see ``_host/lock.py``.
"""

from __future__ import annotations

import signal
from typing import Any

CLOCK_MONOTONIC = 1  # linux/time.h
PR_SET_PDEATHSIG = 1  # linux/prctl.h
SIGEV_BYTES = 64  # struct sigevent, with what it pads itself to

_armed: list[Any] = []  # the library and the timer, for as long as it runs: a process has one end


def end_at(seconds: float) -> None:
    """Have this process killed after some seconds, unless ``go_on`` comes first; without a timer it is not."""
    import ctypes  # noqa: PLC0415 - for a change alone

    class Event(ctypes.Structure):
        _fields_ = (
            ("value", ctypes.c_void_p),
            ("signo", ctypes.c_int),
            ("notify", ctypes.c_int),  # 0: a signal
            ("rest", ctypes.c_char * SIGEV_BYTES),
        )

    timer = ctypes.c_void_p()
    try:
        library = _library(ctypes)
        made = library.timer_create(CLOCK_MONOTONIC, ctypes.byref(Event(signo=signal.SIGKILL)), ctypes.byref(timer))
    except (OSError, AttributeError):
        return
    if made == 0:
        _armed[:] = [library, timer, ctypes.c_long * 4]
        _set(seconds)


def go_on() -> None:
    """Let this process live on."""
    if _armed:
        _set(0.0)
        _armed.clear()


def end_with_parent(library: Any) -> None:
    """Have this process killed when its parent ends (prctl(2)).

    Args:
        library: the C library, as ctypes loads it.
    """
    library.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def _set(seconds: float) -> None:
    """Set the timer; 0 stops it."""
    library, timer, longs = _armed
    whole = int(seconds)
    library.timer_settime(timer, 0, longs(0, 0, whole, int((seconds - whole) * 1e9)), None)


def _library(ctypes: Any) -> Any:
    """Return the library with timers: the C library, or one beside it before glibc 2.34."""
    library = ctypes.CDLL(None)
    return library if hasattr(library, "timer_create") else ctypes.CDLL("librt.so.1")
