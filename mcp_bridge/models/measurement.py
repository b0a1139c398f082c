# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is measured on every host before and after a change, and what must come of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import NO_BOOL, WHOLE, Percent, Strict
from .endpoints import Host, HostPort


class Targets(Strict):
    """Where to measure to."""

    ping: Annotated[list[Host], Field(max_length=64)] | None = None
    """Hosts for ICMP echo."""
    tcp: Annotated[list[HostPort], Field(max_length=64)] | None = None
    """Services for TCP connects, ``host:port``."""
    iperf: Host | None = None
    """Host of the inventory, or one with an iperf3 server."""


class Objectives(Strict):
    """What must hold after the change; a missed one rolls the host back."""

    latency_p95_ms: Annotated[float, Field(gt=0, le=60_000), NO_BOOL, WHOLE] | None = None
    """95th percentile of the round-trip time, milliseconds."""
    jitter_ms: Annotated[float, Field(gt=0, le=60_000), NO_BOOL, WHOLE] | None = None
    """Mean difference of consecutive round-trip times, milliseconds."""
    loss_pct: Percent | None = None
    """Probes lost, percent."""
    throughput_mbps: Annotated[float, Field(gt=0, le=400_000), NO_BOOL, WHOLE] | None = None
    """Throughput, Mbit/s."""
    max_regression_pct: Annotated[float, Field(ge=0, le=1000), NO_BOOL, WHOLE] | None = None
    """How much worse than before any measure may be, percent."""


class ValidateSpec(Strict):
    """Targets and objectives of a measurement."""

    targets: Targets = Field(default_factory=Targets)
    """Where to measure to."""
    objectives: Objectives = Field(default_factory=Objectives)
    """What must hold."""
    duration_s: Annotated[int, Field(ge=1, le=3600), NO_BOOL] | None = None
    """How long to measure, seconds."""
