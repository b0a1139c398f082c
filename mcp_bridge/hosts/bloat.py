# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says in words how long packets wait on a link that is full, and how that was before a change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_bridge.hosts.measure import Delays, Measured

WORDS = (
    (10, "it stays quick"),
    (30, "games hardly feel it"),
    (100, "calls bear it, games suffer"),
    (400, "calls and games suffer"),
)
"""By milliseconds that a full link adds at most. Judgement; ITU-T G.114 gives a call 150 ms one way in all."""
BEYOND = "it is hardly usable while it is full"
ADVICE = "A profile with the rates of the uplink shapes below them: netopt apply --profile gaming --up MBIT --down MBIT"
QUICK_MS = 30.0


def lines(hosts: Mapping[str, Measured], before: Mapping[str, Measured] | None = None) -> Iterator[str]:
    """Yield what was found on each host: delay idle and on a full link, in words.

    Args:
        hosts: what was measured, by host.
        before: what was measured before a change, where that is to be compared.
    """
    slow = False
    for name, host in sorted(hosts.items()):
        for kind, target, delays in _targets(host):
            added = added_ms(delays)
            if added is None:
                yield f"{name}: {target}: no delay was measured on the full link"
                continue
            slow = slow or added > QUICK_MS
            yield (
                f"{name}: to {target} {delays.p95_ms:.0f} ms while nothing else runs, {delays.loaded_p95_ms:.0f} ms "
                f"while the link is full: {added:.0f} ms more, so {word(added)}"
            )
            earlier = _same((before or {}).get(name), kind, target)
            if earlier is not None:
                yield f"{name}: before it was {earlier:.0f} ms more: {_compared(earlier, added)}"
        if host.iperf is not None and host.iperf.throughput_mbps is not None:
            down = f" and {host.iperf.reverse_mbps:g}" if host.iperf.reverse_mbps is not None else ""
            ways = "up and down" if down else "up"
            yield f"{name}: the link carried {host.iperf.throughput_mbps:g}{down} Mbit/s {ways}"
    if slow:
        yield ADVICE


def added_ms(delays: Delays) -> float | None:
    """Return by how much a full link raises the 95th percentile of the delay; ``None`` where it was not measured."""
    if delays.p95_ms is None or delays.loaded_p95_ms is None:
        return None
    return max(0.0, delays.loaded_p95_ms - delays.p95_ms)


def word(added: float) -> str:
    """Return what so many milliseconds more mean to people."""
    return next((words for most, words in WORDS if added <= most), BEYOND)


def _compared(earlier: float, now: float) -> str:
    if now < earlier:
        times = f", {earlier / now:.0f} times less" if now >= 1 and earlier >= 2 * now else ""
        return f"{earlier - now:.0f} ms less now{times}"
    return f"{now - earlier:.0f} ms more now"


def _targets(host: Measured) -> Iterator[tuple[str, str, Delays]]:
    for kind, found in (("ping", host.ping), ("tcp", host.tcp)):
        for target, delays in found.items():
            yield kind, target, delays


def _same(host: Measured | None, kind: str, target: str) -> float | None:
    """Return what was added in an earlier measurement of the same target."""
    delays = None if host is None else (host.ping if kind == "ping" else host.tcp).get(target)
    return None if delays is None else added_ms(delays)
