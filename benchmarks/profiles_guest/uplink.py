# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delay of small packets on an uplink that only the host uses: while nothing else runs, and while it is full.

All that passes the uplink passes the host, as with the router of a household or of a branch.
"""

from __future__ import annotations

import json
import statistics
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

from . import world

if TYPE_CHECKING:
    from collections.abc import Callable

WARM_UP_S = 4  # slow start is over, and the queue stands where it will
FULL_S = 8
SLEEP_S = 0.002
CONNECTIONS = "4"  # each way
_LOAD = ("-P", CONNECTIONS, "-t", "300")


def full(probe: Callable[[float], dict[str, float]], *, seconds: float = FULL_S, down: bool = True) -> dict[str, float]:
    """Return the delays idle and under load in milliseconds, what the load adds to them, and the rates of the load.

    Args:
        probe: measures delays for so many seconds, as those of ``latency`` do.
        seconds: for how long it does so under load; half as long before.
        down: whether the load goes both ways; else the host uploads alone.
    """
    idle = probe(seconds / 2)
    downloads = world.traffic("-p", "5202", "-R", *_LOAD) if down else nullcontext()
    with world.iperf_servers(), world.traffic("-p", "5201", *_LOAD), downloads:
        time.sleep(WARM_UP_S)
        begin, before = time.monotonic(), _bytes()
        loaded = probe(seconds)
        took, after = time.monotonic() - begin, _bytes()
    return {
        **loaded,
        "idle_p50_ms": idle["p50_ms"],
        "idle_p95_ms": idle["p95_ms"],
        "added_ms": loaded["p95_ms"] - idle["p95_ms"],
        "up_mbit": (after[0] - before[0]) * 8 / 1e6 / took,
        "down_mbit": (after[1] - before[1]) * 8 / 1e6 / took,
    }


def carried_mbit() -> float:
    """Return what one connection carries to the peer, in Mbit/s; without a bottleneck that is the machine's limit."""
    with world.iperf_servers():
        report = json.loads(world.run("iperf3", "-c", world.PEER_ADDRESS, "-p", "5201", "-t", "3", "-J"))
    return float(report["end"]["sum_received"]["bits_per_second"]) / 1e6


def lateness_ms(seconds: float = 3.0) -> float:
    """Return by how much the machine wakes up too late, in milliseconds: the 99th percentile of short sleeps."""
    late = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.monotonic()
        time.sleep(SLEEP_S)
        late.append(time.monotonic() - begin - SLEEP_S)
    return statistics.quantiles(late, n=100)[-1] * 1000


def _bytes() -> tuple[int, int]:
    """Return what the host has sent, and what has arrived."""
    return world.counted("tx_bytes"), world.counted("rx_bytes")
