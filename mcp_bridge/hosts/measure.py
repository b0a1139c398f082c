# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measurements from hosts: delay, jitter, loss and throughput as each of them sees the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from mcp_bridge import untrusted_text
from mcp_bridge.collection import measuring
from mcp_bridge.collection.errors import NetoptError
from mcp_bridge.hosts.query import QueryError
from mcp_bridge.models.base import Strict
from mcp_bridge.models.report import HostError
from mcp_bridge.runs.playbook_run import Fleet
from mcp_bridge.runs.task import Scope, Task


class Delays(Strict):
    """Round-trip times to one target."""

    sent: int = 0
    """Probes sent."""
    received: int = 0
    """Probes that came back."""
    loss_pct: float | None = None
    """Share of the probes that did not, percent."""
    min_ms: float | None = None
    """Shortest time."""
    mean_ms: float | None = None
    """Mean time."""
    p50_ms: float | None = None
    """Median."""
    p95_ms: float | None = None
    """95th percentile, by nearest rank."""
    p99_ms: float | None = None
    """99th percentile, by nearest rank."""
    max_ms: float | None = None
    """Longest time."""
    jitter_ms: float | None = None
    """Mean difference of consecutive times."""
    loaded_p50_ms: float | None = None
    """Median beside iperf's load."""
    loaded_p95_ms: float | None = None
    """95th percentile beside iperf's load."""
    loaded_loss_pct: float | None = None
    """Loss beside iperf's load."""
    message: str | None = None
    """What went wrong, e.g. ``not available: install iputils-ping``."""


class Throughput(Strict):
    """What iperf3 measured."""

    throughput_mbps: float | None = None
    """Mbit/s, as received."""
    reverse_mbps: float | None = None
    """Mbit/s the other way, where the load goes both ways."""
    retransmits: int | None = None
    """TCP segments sent again."""
    message: str | None = None
    """What went wrong, e.g. ``not available: install iperf3``."""


class Measured(Strict):
    """What one host measured."""

    ping: dict[str, Delays] = {}
    """By target: ICMP echo."""
    tcp: dict[str, Delays] = {}
    """By service: TCP connects."""
    iperf: Throughput | None = None
    """Throughput, where it was asked for."""
    counters: dict[str, int] = {}
    """What the host counted meanwhile: retransmissions, dropped packets, softnet."""
    duration_s: float | None = None
    """How long it took."""
    error: HostError | None = None
    """Why the host measured nothing, e.g. because it is unreachable."""


class Measurements(Strict):
    """What the hosts measured."""

    run_id: str
    """The run that measured."""
    hosts: dict[str, Measured]
    """By host."""
    note: str = untrusted_text.NOTE
    """How to take the answers."""


def measure(  # noqa: PLR0913 - what is measured, by name
    fleet: Fleet,
    scope: Scope,
    *,
    ping: Sequence[str],
    tcp: Sequence[str],
    iperf: str | None,
    duration_s: int,
    both_ways: bool = False,
) -> Measurements:
    """Let the hosts of ``scope`` measure, all at the same time.

    Args:
        fleet: the hosts.
        scope: which of them.
        ping: hosts for ICMP echo.
        tcp: services for TCP connects, ``host:port``.
        iperf: host with an iperf3 server.
        duration_s: for how long.
        both_ways: whether the load of iperf goes both ways; delays are then measured to its host where to no other.

    Raises:
        QueryError: there is nothing to measure, or a target is malformed.
        InventoryError: no host matches.
        RunError: the playbook could not be run.
    """
    options: dict[str, Any] = {"ping": list(ping), "tcp": list(tcp), "iperf": iperf, "duration_s": duration_s}
    options |= {"both_ways": True} if both_ways else {}
    try:
        measuring.checked(options)
    except NetoptError as error:
        raise QueryError(error.message, hint=error.hint or "") from None
    variables = {f"netopt_{name}": value for name, value in options.items() if value is not None}
    finished = fleet.run(Task("measure", variables), scope)
    measured = finished.events.results("measurements")
    nothing = HostError(stage="observe", message="The host gave no measurements")
    hosts = {
        name: _checked(measured[name]) if name in measured else Measured(error=report.error or nothing)
        for name, report in finished.hosts.items()
    }
    return Measurements(run_id=finished.record.run_id, hosts=hosts)


def _checked(found: Any) -> Measured:
    """Return a host's measurements, an error where it sent something else; a host can send anything."""
    try:
        return Measured.model_validate(found)
    except ValidationError:
        return Measured(
            error=HostError(
                stage="observe",
                message="The host's measurements do not have the expected shape",
                hint="Let netopt use the collection netopt.linux that it was installed with.",
            )
        )
