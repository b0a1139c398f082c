# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change that goes from wave to wave: what is asked for, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from mcp_bridge.collection import rollout_waves

from .base import NO_BOOL, PORT_MAX, Strict, refusal

OnFailure = Literal["stay", "roll_back"]
ConfirmAt = Literal["wave", "end"]
WaveStatus = Literal["done", "failed", "stopped", "not_begun"]


def _size(value: object) -> int | str:
    try:
        return rollout_waves.sizes([value])[0]
    except rollout_waves.WavesError as error:
        raise refusal("wave", str(error)) from None


def _limit(value: object) -> int | str:
    try:
        return rollout_waves.limit(value)
    except rollout_waves.WavesError as error:
        raise refusal("limit", str(error)) from None


def _published(least: int) -> WithJsonSchema:
    number = {"type": "integer", "minimum": least, "maximum": 1_000_000}
    return WithJsonSchema({"anyOf": [number, {"type": "string", "pattern": "^([0-9]{1,6}|[0-9]{1,3}%)$"}]})


Size = Annotated[int | str, BeforeValidator(_size), _published(1)]
"""A number of hosts from 1, or a share of all hosts from 1% to 100%."""
Limit = Annotated[int | str, BeforeValidator(_limit), _published(0)]
"""A number of hosts from 0, or a share of all hosts from 0% to 100%."""
Port = Annotated[int, Field(ge=1, le=PORT_MAX), NO_BOOL]


class Rollout(Strict):
    """How a change goes over the hosts in waves, and what stops it."""

    waves: Annotated[list[Size], Field(max_length=1000)] = []
    """Sizes of the waves: hosts, or shares of all hosts such as 10%. The last holds for all waves that are left; none
    means all hosts at once, after the canary."""
    canary: Size | None = None
    """Hosts that go ahead of these waves."""
    pause_s: Annotated[int, Field(ge=0, le=86400), NO_BOOL] = 0
    """Seconds between two waves."""
    max_failures: Limit = 0
    """Hosts, or the share of all hosts, that may fail before the rollout stops. It stops in any case after a wave
    in which every host failed."""
    on_failure: OnFailure = "stay"
    """What hosts that have the change do when the rollout stops."""
    confirm: ConfirmAt | None = None
    """When hosts keep the change: each in its wave, or all at the end, until then under their guard. By
    default wave, and end where a person confirms."""
    gate_tcp: Annotated[list[Port], Field(max_length=16)] = []
    """TCP ports on which each host of a wave must take connections afterwards."""
    gate_wait_s: Annotated[int, Field(ge=0, le=3600), NO_BOOL] = 10
    """Seconds that they may take to do so."""

    def extra_vars(self) -> dict[str, Any]:
        """Return the variables of the playbook."""
        found: dict[str, Any] = {
            "netopt_waves": [*self.waves] if self.waves else [rollout_waves.ALL],
            "netopt_canary": self.canary,
            "netopt_pause_s": self.pause_s,
            "netopt_max_failures": self.max_failures,
            "netopt_on_failure": self.on_failure,
            "netopt_confirm_at": self.confirm,
            "netopt_gate_tcp": list(self.gate_tcp) or None,
            "netopt_gate_wait_s": self.gate_wait_s,
        }
        return {name: value for name, value in found.items() if value is not None}

    def waves_of(self, hosts: int) -> int:
        """Return how many waves so many hosts take."""
        return rollout_waves.most(rollout_waves.sizes(list(self.waves), self.canary), hosts)

    def said(self) -> str:
        """Return what is asked for in a sentence, for a person."""
        sizes = ", then ".join(str(size) for size in rollout_waves.sizes(list(self.waves), self.canary))
        parts = [f"In waves: {sizes}"]
        if self.pause_s:
            parts.append(f"{self.pause_s} s between them")
        if self.gate_tcp:
            ports = ", ".join(map(str, self.gate_tcp))
            parts.append(f"each only when its hosts take connections on port {ports} within {self.gate_wait_s} s")
        then = "hosts that have it roll back" if self.on_failure == "roll_back" else "hosts that have it keep it"
        parts.append(f"stopped when more than {self.max_failures} hosts fail; then {then}")
        return "; ".join(parts) + "."


class WaveGate(Strict):
    """What was found when a wave was looked at."""

    ok: bool
    """Whether the rollout went on."""
    message: str
    """How many of its hosts are well, and what one that is not says."""


class Wave(Strict):
    """One wave."""

    number: int
    """From 1."""
    hosts: list[str]
    """Its hosts."""
    started: datetime | None = None
    """When it began."""
    finished: datetime | None = None
    """When its hosts had been looked at."""
    status: WaveStatus
    """done; failed: the rollout stopped after it; stopped: the run ended in it; not_begun."""
    gate: WaveGate | None = None
    """What was found afterwards."""


class RolloutReport(Strict):
    """How a rollout went, wave by wave."""

    waves: list[Wave]
    """All waves, those that were not begun too."""
    stopped: bool
    """Whether it ended before all hosts had their turn, or with more failures than allowed."""
    reason: str | None = None
    """Why it was stopped."""
    on_failure: OnFailure
    """What was to become of the hosts that had taken the change."""
    confirm: ConfirmAt
    """When the change was to be confirmed."""
