# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times TCP connects at a steady pace: one that is slow or lost does not hold up those after it."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from dataclasses import field

from .._common.quick_dataclass import dataclass
from . import targets as probe_targets


@dataclass
class Connects:
    """What came of connecting to a service many times.

    Attributes:
        series: milliseconds of each connect in the order in which they were begun, ``None`` of one that failed.
        failures: how many failed, by what the kernel said.
    """

    series: list[float | None] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)

    def fail(self, reason: str) -> None:
        """Count a failure."""
        self.failures[reason] = self.failures.get(reason, 0) + 1


@dataclass(frozen=True)
class _Attempt:
    client: socket.socket
    number: int
    begun: float


def connects(target: str, *, duration_s: float, interval_s: float) -> Connects:
    """Connect to ``host:port`` every ``interval_s`` for ``duration_s``, and close each connection at once.

    Raises:
        OSError: the name has no address.
    """
    host, port = probe_targets.service(target)
    family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    total = probe_targets.probes(duration_s, interval_s)
    found = Connects(series=[None] * total)
    open_: dict[int, _Attempt] = {}
    poll = select.poll()
    begun = time.perf_counter()
    number = 0
    while number < total or open_:
        now = time.perf_counter()
        if number < total and now >= begun + number * interval_s:
            attempt = _Attempt(socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol), number, now)
            number += 1
            code = attempt.client.connect_ex(address)
            if code in (0, errno.EINPROGRESS):
                open_[attempt.client.fileno()] = attempt
                poll.register(attempt.client, select.POLLOUT)
            else:
                found.fail(os.strerror(code))
                attempt.client.close()
            continue
        ends = [attempt.begun + probe_targets.WAIT_S for attempt in open_.values()]
        if number < total:
            ends.append(begun + number * interval_s)
        ready = {descriptor for descriptor, _event in poll.poll(max(0.0, min(ends) - now) * 1000)}
        now = time.perf_counter()
        for descriptor, attempt in list(open_.items()):
            late = now >= attempt.begun + probe_targets.WAIT_S
            if descriptor in ready or late:
                _finish(attempt, now, found, done=descriptor in ready)
                poll.unregister(descriptor)
                attempt.client.close()
                del open_[descriptor]
    return found


def _finish(attempt: _Attempt, now: float, found: Connects, *, done: bool) -> None:
    """Write down what came of one connect."""
    code = attempt.client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if done else errno.ETIMEDOUT
    if code:
        found.fail("timed out" if code == errno.ETIMEDOUT else os.strerror(code))
    else:
        found.series[attempt.number] = (now - attempt.begun) * 1000
