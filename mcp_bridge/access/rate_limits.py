# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much a caller may do in a time, and on how many hosts at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .caller import Caller
from .errors import AccessError
from .models import Rate

BUCKETS_MAX = 10_000


class Bucket:
    """Fills at a steady rate up to its capacity; each permission takes one out."""

    def __init__(self, capacity: float, per_second: float) -> None:
        self._capacity = capacity
        self._per_second = per_second
        self._level = capacity
        self._seen = time.monotonic()

    def take(self) -> float:
        """Take one out and return 0, or return in how many seconds there will be one."""
        now = time.monotonic()
        self._level = min(self._capacity, self._level + (now - self._seen) * self._per_second)
        self._seen = now
        if self._level >= 1:
            self._level -= 1
            return 0.0
        return (1 - self._level) / self._per_second


class Limits:
    """The limits of all callers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str, Rate], Bucket] = {}
        self._busy: dict[str, int] = {}

    def call(self, caller: Caller) -> None:
        """Count a call.

        Raises:
            AccessError: there were too many in the last minute.
        """
        self._take(caller, "calls", caller.rule.rate.calls_per_minute, 60, "minute")

    def change(self, caller: Caller) -> None:
        """Count a change.

        Raises:
            AccessError: there were too many in the last hour.
        """
        self._take(caller, "changes", caller.rule.rate.changes_per_hour, 3600, "hour")

    def _take(self, caller: Caller, kind: str, number: int, seconds: int, unit: str) -> None:
        key = (caller.name, kind, caller.rule.rate)
        with self._lock:
            if len(self._buckets) > BUCKETS_MAX:
                self._buckets.clear()
            bucket = self._buckets.setdefault(key, Bucket(number, number / seconds))
            wait = bucket.take()
        if wait:
            raise AccessError(
                f"More than {number} {kind} in a{'n' if unit == 'hour' else ''} {unit} by the caller {caller.name}",
                hint=f"Try again in {int(wait) + 1} s.",
                kind="rate",
            )

    @contextmanager
    def occupied(self, caller: Caller, hosts: int) -> Iterator[None]:
        """Hold hosts of a caller's allowance while they are being changed.

        Raises:
            AccessError: with those of the caller's other runs there are too many.
        """
        with self._lock:
            busy = self._busy.get(caller.name, 0)
            if busy + hosts > caller.rule.max_hosts:
                meanwhile = f", and {busy} are being changed by its other runs" if busy else ""
                raise AccessError(
                    f"The caller {caller.name} may change {caller.rule.max_hosts} hosts at once;"
                    f" these are {hosts}{meanwhile}",
                    hint="Name fewer hosts.",
                    kind="hosts",
                )
            self._busy[caller.name] = busy + hosts
        try:
            yield
        finally:
            with self._lock:
                self._busy[caller.name] -= hosts
                if not self._busy[caller.name]:
                    del self._busy[caller.name]
