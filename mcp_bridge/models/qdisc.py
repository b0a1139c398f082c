# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Queueing disciplines and their parameters, by the words of tc with ``_`` for ``-``.

Units stand in the name where tc has none of its own. Bounds here are those of the kernel and of
common sense; the policy narrows them further.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .base import NO_BOOL, U32_MAX, WHOLE, Mbit, Strict
from .scalars import Classid

Packets = Annotated[int, Field(ge=1, le=10_000_000), NO_BOOL]
Bytes = Annotated[int, Field(ge=1, le=U32_MAX), NO_BOOL]
Quantum = Annotated[int, Field(ge=256, le=1_048_576), NO_BOOL]
Microseconds = Annotated[int, Field(ge=0, le=U32_MAX), NO_BOOL]


def _power_of_two(name: str, value: int | None) -> None:
    """Refuse a number that is not a power of two."""
    if value is not None and value & (value - 1):
        raise PydanticCustomError("power_of_two", "{name} must be a power of two", {"name": name})


class FqParams(Strict):
    """Parameters of fq, the scheduler that paces flows (tc-fq(8))."""

    limit: Packets | None = None
    """Packets in all."""
    flow_limit: Packets | None = None
    """Packets of one flow."""
    quantum: Quantum | None = None
    """Bytes that a flow may send per round."""
    initial_quantum: Quantum | None = None
    """Bytes that a new flow may send at first."""
    maxrate_mbit: Mbit | None = None
    """Highest rate of one flow, Mbit/s."""
    buckets: Annotated[int, Field(ge=1, le=262_144), NO_BOOL] | None = None
    """Size of the hash table of flows, a power of two."""
    refill_delay_us: Microseconds | None = None
    """Idle time after which a flow's credit is refilled, microseconds."""
    pacing: bool | None = None
    """Whether flows are paced."""
    low_rate_threshold_kbit: Annotated[int, Field(ge=1, le=U32_MAX // 1000), NO_BOOL] | None = None
    """Rate under which packets are paced one by one, kbit/s."""
    ce_threshold_us: Microseconds | None = None
    """Delay from which on packets are marked with ECN CE, microseconds."""
    timer_slack_ns: Annotated[int, Field(ge=0, le=U32_MAX), NO_BOOL] | None = None
    """Slack of the pacing timer, nanoseconds."""
    horizon_ms: Annotated[int, Field(ge=1, le=4_000_000), NO_BOOL] | None = None
    """How far ahead a packet may be scheduled, milliseconds."""
    horizon_drop: bool | None = None
    """Whether packets beyond the horizon are dropped (else capped)."""

    @model_validator(mode="after")
    def _check(self) -> FqParams:
        _power_of_two("buckets", self.buckets)
        return self


class FqCodelParams(Strict):
    """Parameters of fq_codel (RFC 8290, tc-fq_codel(8))."""

    limit: Packets | None = None
    """Packets in all."""
    flows: Annotated[int, Field(ge=1, le=65_536), NO_BOOL] | None = None
    """Number of queues."""
    target_us: Annotated[int, Field(ge=1, le=10_000_000), NO_BOOL] | None = None
    """Standing delay that is acceptable, microseconds."""
    interval_us: Annotated[int, Field(ge=1, le=60_000_000), NO_BOOL] | None = None
    """Time within which the delay must fall below the target once, microseconds."""
    quantum: Quantum | None = None
    """Bytes that a queue may send per round."""
    ecn: bool | None = None
    """Whether packets are marked rather than dropped."""
    ce_threshold_us: Microseconds | None = None
    """Delay from which on packets are marked with ECN CE, microseconds."""
    memory_limit_bytes: Bytes | None = None
    """Memory for queued packets."""
    drop_batch: Annotated[int, Field(ge=1, le=10_000), NO_BOOL] | None = None
    """Packets dropped at once when the limit is exceeded."""


class CakeParams(Strict):
    """Parameters of cake (tc-cake(8))."""

    bandwidth_mbit: Mbit | None = None
    """Rate of the shaper, Mbit/s; none is unlimited."""
    diffserv: Literal["besteffort", "precedence", "diffserv3", "diffserv4", "diffserv8"] | None = None
    """How code points map to tins."""
    isolation: (
        Literal["flowblind", "srchost", "dsthost", "hosts", "flows", "dual-srchost", "dual-dsthost", "triple-isolate"]
        | None
    ) = None
    """What is kept apart fairly."""
    nat: bool | None = None
    """Whether hosts are told apart behind NAT."""
    wash: bool | None = None
    """Whether code points are cleared."""
    ack_filter: Literal["no", "yes", "aggressive"] | None = None
    """Whether redundant TCP acknowledgements are dropped."""
    split_gso: bool | None = None
    """Whether super-packets are split."""
    rtt_ms: Annotated[float, Field(gt=0, le=10_000), NO_BOOL, WHOLE] | None = None
    """Typical round-trip time, milliseconds."""
    overhead: Annotated[int, Field(ge=-64, le=256), NO_BOOL] | None = None
    """Bytes that the link adds to each packet."""
    mpu: Annotated[int, Field(ge=0, le=256), NO_BOOL] | None = None
    """Smallest size that a packet counts as, bytes."""
    atm: Literal["noatm", "atm", "ptm"] | None = None
    """Framing of the link."""
    ingress: bool | None = None
    """Whether dropped packets count as received."""
    memlimit_bytes: Bytes | None = None
    """Memory for queued packets."""


class HtbParams(Strict):
    """Parameters of htb (tc-htb(8)); its classes are ``changes.htb_classes``."""

    default: Classid | None = None
    """Class of packets that no filter matches."""
    r2q: Annotated[int, Field(ge=1, le=100_000), NO_BOOL] | None = None
    """Divisor that turns a class's rate into its quantum."""
    direct_qlen: Packets | None = None
    """Packets in the queue that bypasses all classes."""


class SfqParams(Strict):
    """Parameters of sfq (tc-sfq(8))."""

    perturb_s: Annotated[int, Field(ge=0, le=86_400), NO_BOOL] | None = None
    """Seconds between changes of the hash, 0 for never."""
    quantum: Quantum | None = None
    """Bytes that a queue may send per round."""
    limit: Annotated[int, Field(ge=1, le=65_535), NO_BOOL] | None = None
    """Packets in all."""
    depth: Annotated[int, Field(ge=1, le=127), NO_BOOL] | None = None
    """Packets of one queue."""
    flows: Annotated[int, Field(ge=1, le=65_408), NO_BOOL] | None = None
    """Number of queues."""
    divisor: Annotated[int, Field(ge=1, le=65_536), NO_BOOL] | None = None
    """Size of the hash table, a power of two."""
    headdrop: bool | None = None
    """Whether the oldest packet is dropped rather than the newest."""

    @model_validator(mode="after")
    def _check(self) -> SfqParams:
        _power_of_two("divisor", self.divisor)
        return self


class TbfParams(Strict):
    """Parameters of tbf (tc-tbf(8)); the kernel wants a rate, a burst, and either a latency or a limit."""

    rate_mbit: Mbit
    """Rate, Mbit/s."""
    burst_bytes: Bytes
    """Size of the bucket."""
    latency_ms: Annotated[float, Field(gt=0, le=60_000), NO_BOOL, WHOLE] | None = None
    """Longest time that a packet may wait, milliseconds."""
    limit_bytes: Bytes | None = None
    """Bytes that may wait."""
    peakrate_mbit: Mbit | None = None
    """Highest rate at which the bucket is emptied, Mbit/s."""
    mtu_bytes: Annotated[int, Field(ge=1, le=262_144), NO_BOOL] | None = None
    """Size of the peak rate's bucket."""

    @model_validator(mode="after")
    def _check(self) -> TbfParams:
        if (self.latency_ms is None) == (self.limit_bytes is None):
            raise PydanticCustomError("tbf_limit", "tbf needs exactly one of latency_ms and limit_bytes")
        if (self.peakrate_mbit is None) != (self.mtu_bytes is None):
            raise PydanticCustomError("tbf_peakrate", "tbf takes peakrate_mbit and mtu_bytes together or not at all")
        return self


class PfifoParams(Strict):
    """Parameters of pfifo."""

    limit: Packets | None = None
    """Packets in all."""


class BfifoParams(Strict):
    """Parameters of bfifo."""

    limit_bytes: Bytes | None = None
    """Bytes in all."""


class PfifoFastParams(Strict):
    """pfifo_fast has no parameters."""


class Fq(Strict):
    """Fair queueing with pacing."""

    type: Literal["fq"]
    params: FqParams = Field(default_factory=FqParams)


class FqCodel(Strict):
    """Fair queueing with controlled delay."""

    type: Literal["fq_codel"]
    params: FqCodelParams = Field(default_factory=FqCodelParams)


class Cake(Strict):
    """Common Applications Kept Enhanced."""

    type: Literal["cake"]
    params: CakeParams = Field(default_factory=CakeParams)


class Htb(Strict):
    """Hierarchical token bucket."""

    type: Literal["htb"]
    params: HtbParams = Field(default_factory=HtbParams)


class Sfq(Strict):
    """Stochastic fairness queueing."""

    type: Literal["sfq"]
    params: SfqParams = Field(default_factory=SfqParams)


class Tbf(Strict):
    """Token bucket filter."""

    type: Literal["tbf"]
    params: TbfParams


class Pfifo(Strict):
    """First in, first out, limited in packets."""

    type: Literal["pfifo"]
    params: PfifoParams = Field(default_factory=PfifoParams)


class Bfifo(Strict):
    """First in, first out, limited in bytes."""

    type: Literal["bfifo"]
    params: BfifoParams = Field(default_factory=BfifoParams)


class PfifoFast(Strict):
    """Three bands by priority."""

    type: Literal["pfifo_fast"]
    params: PfifoFastParams = Field(default_factory=PfifoFastParams)


Qdisc = Annotated[
    Fq | FqCodel | Cake | Htb | Sfq | Tbf | Pfifo | Bfifo | PfifoFast,
    Field(discriminator="type"),
]
"""A queueing discipline for the root of an interface."""

LeafQdisc = Annotated[
    Fq | FqCodel | Cake | Sfq | Tbf | Pfifo | Bfifo | PfifoFast,
    Field(discriminator="type"),
]
"""A queueing discipline for a class; htb would need classes of its own."""
