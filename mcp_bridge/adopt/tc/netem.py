# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""netem as plans have it, from the kernel's own options. Pure. Layouts: linux/pkt_sched.h."""

from __future__ import annotations

import struct
from typing import Any

from mcp_bridge.collection.kernel_state import TICK_NS, attributes

from .params import Said, mbit, whole

HEAD = struct.Struct("=IIIIII")  # latency, limit, loss, gap, duplicate, jitter
CORR, REORDER, CORRUPT, LOSS, RATE, ECN, RATE64, LATENCY64, JITTER64, SLOT = 1, 3, 4, 5, 6, 7, 8, 10, 11, 12
STATES, GEMODEL = 1, 2  # NETEM_LOSS_GI, NETEM_LOSS_GE
U32 = 2**32 - 1
DIGITS_MAX = 6
STATE_FIELDS = ("p13_pct", "p31_pct", "p32_pct", "p14_pct", "p23_pct")  # struct tc_netem_gimodel


def netem_of(options: bytes) -> Said:
    """Return what a netem does. The table that its jitter follows, no kernel shows."""
    latency, limit, loss, gap, duplicate, jitter = HEAD.unpack_from(options)
    told = dict(attributes(options[HEAD.size :]))
    said = Said()
    delay_ns = _eight(told.get(LATENCY64), latency * TICK_NS)
    jitter_ns = _eight(told.get(JITTER64), jitter * TICK_NS)
    numbers: dict[str, Any] = {
        "delay_ms": milliseconds(delay_ns),
        "delay_jitter_ms": milliseconds(jitter_ns),
        "loss_pct": percent(loss),
        "duplicate_pct": percent(duplicate),
    }
    delay_corr, loss_corr, duplicate_corr = _three(told.get(CORR))
    numbers["delay_correlation_pct"], numbers["loss_correlation_pct"] = percent(delay_corr), percent(loss_corr)
    numbers["duplicate_correlation_pct"] = percent(duplicate_corr)
    for number, name in ((REORDER, "reorder_pct"), (CORRUPT, "corrupt_pct")):
        share, correlation = struct.unpack_from("=II", told.get(number, bytes(8)))
        numbers[name], numbers[name.replace("_pct", "_correlation_pct")] = percent(share), percent(correlation)
    said.params = {name: value for name, value in numbers.items() if value}
    if LOSS in told:
        said.params["loss_model"] = _model(told[LOSS])
    if RATE in told:
        rate, overhead, cell, cell_overhead = struct.unpack_from("=IiIi", told[RATE])
        rate = _eight(told.get(RATE64), rate)
        said.params |= {"rate_mbit": mbit(rate)} if rate else {}
        if overhead or cell or cell_overhead:
            said.unsaid.append(f"rate's packet overhead {overhead}, cell {cell} and {cell_overhead}")
    said.params["limit"] = limit
    if gap > 1:
        said.unsaid.append(f"gap {gap}")
    if ECN in told and any(told[ECN]):
        said.unsaid.append("ecn")
    if SLOT in told:
        said.unsaid.append("slot")
    return said


def is_idle(options: bytes) -> bool:
    """Return whether a netem impairs nothing, and so is no more than a queue."""
    said = netem_of(options)
    return said.params.keys() <= {"limit"} and not said.unsaid


def as_pfifo(options: bytes) -> bytes:
    """Return the options of a pfifo (struct tc_fifo_qopt) that holds as many packets."""
    return struct.pack("=I", HEAD.unpack_from(options)[1])


def percent(value: int) -> float:
    """Return a probability that the kernel keeps in 32 bits, with as few digits as say the same."""
    share = value / U32 * 100
    for digits in range(DIGITS_MAX):
        short = round(share, digits)
        if abs(round(short / 100 * U32) - value) <= 1:
            return whole(short)
    return whole(share)


def milliseconds(nanoseconds: int) -> float:
    """Return a time of which the kernel keeps whole ticks, with as few digits as say the same."""
    for digits in range(DIGITS_MAX):
        short = round(nanoseconds / 1e6, digits)
        if abs(int(short * 1e6) // TICK_NS * TICK_NS - nanoseconds) < TICK_NS:
            return whole(short)
    return whole(nanoseconds / 1e6)


def _eight(payload: bytes | None, otherwise: int) -> int:
    return otherwise if payload is None else int(struct.unpack_from("=q", payload)[0])


def _three(payload: bytes | None) -> tuple[int, int, int]:
    one, two, three = struct.unpack_from("=III", payload or bytes(12))
    return one, two, three


def _model(payload: bytes) -> dict[str, Any]:
    """Return a loss model."""
    told = dict(attributes(payload))
    if GEMODEL in told:
        p, r, h, k1 = struct.unpack_from("=IIII", told[GEMODEL])
        return {
            "type": "gemodel",
            "p_pct": percent(p),
            "r_pct": percent(r),
            "bad_loss_pct": percent(U32 - h),
            "good_loss_pct": percent(k1),
        }
    chances = struct.unpack_from("=IIIII", told[STATES])
    return {"type": "state", **{name: percent(each) for name, each in zip(STATE_FIELDS, chances, strict=True)}}
