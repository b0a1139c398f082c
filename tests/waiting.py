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

# Lines of shell: wait until both ends of the pair eth0 and peer0 have noticed each other, which the kernel tells them a
# moment after both are up; the second also until IPv6 has given them its addresses, which it does then.
ENDS_ARE_UP = """
for device in eth0 peer0; do
  until ip link show $device | grep -q 'state UP'; do sleep 0.01; done
done
"""
PAIR_IS_UP = f"""{ENDS_ARE_UP}
for device in eth0 peer0; do
  until ip -6 addr show dev $device -tentative | grep -q 'scope link'; do sleep 0.01; done
done
"""


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


def past(moment: float) -> None:
    """Return once a moment of the monotonic clock is over.

    For deadlines, which no other sign can tell: what must not happen before, or must not happen at all.
    """
    while (left := moment - time.monotonic()) > 0:
        time.sleep(left)


def _missed(what: object, seconds: float) -> str:
    return f"waited {seconds} s in vain: {what() if callable(what) else what}"
