# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Queues of a network interface: what its device keeps in them, and which CPUs work on them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema

from mcp_bridge.collection.nic_words import CPUS_WANTED, MAX, cpu_list

from .base import NO_BOOL, U32_MAX, WORD_LENGTH_MAX, Strict, refusal

Number = Annotated[int, Field(ge=0, le=U32_MAX), NO_BOOL]
"""A number that the kernel keeps in 32 bits."""


def _count(value: object) -> int | str:
    """Return a number, or ``max``."""
    text = value.strip() if isinstance(value, str) and len(value) <= WORD_LENGTH_MAX else value
    if text == MAX:
        return MAX
    number = int(text) if isinstance(text, str) and text.isascii() and text.isdecimal() else text
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= U32_MAX:
        raise refusal("count", f"Neither a whole number from 0 to {U32_MAX} nor {MAX}")
    return number


Count = Annotated[
    int | str,
    PlainValidator(_count),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0, "maximum": U32_MAX}, {"type": "string", "const": MAX}]}
    ),
]
"""A number, or as many as the device can."""

_CPUS = "^([0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*|all|numa|none)$"


def _cpus(value: object) -> str:
    """Return CPUs as the kernel lists them, ``0-3,8``, or a word for some."""
    found = cpu_list(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if found is None:
        raise refusal("cpus", f"Not CPUs: {CPUS_WANTED}")
    return found


Cpus = Annotated[str, PlainValidator(_cpus), WithJsonSchema({"type": "string", "pattern": _CPUS})]
"""CPUs as a list such as 0-3,8, `all` that are online, those of the device's node by `numa`, or `none`."""


class Rings(Strict):
    """Packets that the device keeps in its rings, or `max`."""

    rx: Count | None = None
    """Received packets."""
    tx: Count | None = None
    """Packets to send."""
    rx_mini: Count | None = None
    """Received small packets."""
    rx_jumbo: Count | None = None
    """Received large packets."""


class Coalesce(Strict):
    """When the device raises an interrupt, by the words of ethtool -C."""

    adaptive_rx: bool | None = None
    """The driver adapts it to what arrives."""
    adaptive_tx: bool | None = None
    """The driver adapts it to what leaves."""
    cqe_mode_rx: bool | None = None
    """Time counts from the last packet received."""
    cqe_mode_tx: bool | None = None
    """Time counts from the last packet sent."""
    rx_usecs: Number | None = None
    """Delay after a packet has arrived, microseconds."""
    rx_frames: Number | None = None
    """Packets that arrive before it."""
    rx_usecs_irq: Number | None = None
    """The same while an interrupt is served."""
    rx_frames_irq: Number | None = None
    """The same while an interrupt is served."""
    tx_usecs: Number | None = None
    """Delay after a packet was sent, microseconds."""
    tx_frames: Number | None = None
    """Packets that are sent before it."""
    tx_usecs_irq: Number | None = None
    """The same while an interrupt is served."""
    tx_frames_irq: Number | None = None
    """The same while an interrupt is served."""
    stats_block_usecs: Number | None = None
    """Between two writings of statistics, microseconds."""
    pkt_rate_low: Number | None = None
    """Packets per second below which the words in low hold."""
    rx_usecs_low: Number | None = None
    """Of adaptive coalescing, at a low rate."""
    rx_frames_low: Number | None = None
    """Of adaptive coalescing, at a low rate."""
    tx_usecs_low: Number | None = None
    """Of adaptive coalescing, at a low rate."""
    tx_frames_low: Number | None = None
    """Of adaptive coalescing, at a low rate."""
    pkt_rate_high: Number | None = None
    """Packets per second above which the words in high hold."""
    rx_usecs_high: Number | None = None
    """Of adaptive coalescing, at a high rate."""
    rx_frames_high: Number | None = None
    """Of adaptive coalescing, at a high rate."""
    tx_usecs_high: Number | None = None
    """Of adaptive coalescing, at a high rate."""
    tx_frames_high: Number | None = None
    """Of adaptive coalescing, at a high rate."""
    sample_interval: Number | None = None
    """Between two looks at the rate, seconds."""
    tx_aggr_max_bytes: Number | None = None
    """Bytes that are sent in one transfer."""
    tx_aggr_max_frames: Number | None = None
    """Packets that are sent in one transfer."""
    tx_aggr_time_usecs: Number | None = None
    """Wait for more to send in one transfer, microseconds."""


class Channels(Strict):
    """Queues of the device with an interrupt, or `max`."""

    combined: Count | None = None
    """Queues both ways."""
    rx: Count | None = None
    """Queues of what arrives."""
    tx: Count | None = None
    """Queues of what leaves."""
    other: Count | None = None
    """Others, as for the link's state."""


class Pause(Strict):
    """Pause frames of Ethernet."""

    autoneg: bool | None = None
    """Both ends agree on them."""
    rx: bool | None = None
    """Heed those that arrive."""
    tx: bool | None = None
    """Send them where rings are full."""


class Nic(Strict):
    """Queues of the network interface, by the words of ethtool(8)."""

    rings: Rings | None = None
    """Packets that the device keeps, or `max`."""
    coalesce: Coalesce | None = None
    """When it raises an interrupt."""
    channels: Channels | None = None
    """Its queues, or `max`."""
    pause: Pause | None = None
    """Pause frames of Ethernet."""
    txqueuelen: Number | None = None
    """Packets that wait in a default queue of the kernel."""
    promisc: bool | None = None
    """Whether it takes in frames that are for others."""


class Steering(Strict):
    """Which CPUs work on packets (RPS, RFS, XPS), the same for all queues: `0-3,8`, `all`, `numa` or `none`."""

    rps_cpus: Cpus | None = None
    """CPUs that what arrives is spread over."""
    rps_flow_cnt: Number | None = None
    """Flows that each receive queue remembers the CPU of."""
    xps_cpus: Cpus | None = None
    """CPUs that may use a transmit queue."""
    rfs_entries: Number | None = None
    """Flows of the host, net.core.rps_sock_flow_entries."""
