# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waits for conditions: a test goes on the moment that what it waits for is there, and fails where it never comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], seconds: float, what: object, *, every_s: float = 0.05) -> T:
    """Return what a condition gives once that is something.

    Args:
        condition: asked again and again, and once more when the time is over.
        seconds: how long to wait at most.
        what: what is waited for, in words for the failure; a function is asked for them then.
        every_s: how long to wait between two questions.
    """
    ends = time.monotonic() + seconds
    while True:
        late = time.monotonic() >= ends
        if found := condition():
            return found
        assert not late, _missed(what, seconds)
        time.sleep(every_s)


async def until_async(condition: Callable[[], T], seconds: float, what: object, *, every_s: float = 0.05) -> T:
    """Do as ``until`` does, and let other tasks run meanwhile."""
    ends = time.monotonic() + seconds
    while True:
        late = time.monotonic() >= ends
        if found := condition():
            return found
        assert not late, _missed(what, seconds)
        await asyncio.sleep(every_s)


def _missed(what: object, seconds: float) -> str:
    return f"waited {seconds} s in vain: {what() if callable(what) else what}"
