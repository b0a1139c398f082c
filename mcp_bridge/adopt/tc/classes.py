# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The classes of an htb as plans have them, with the packets that filters lead to each. Pure."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.kernel_state import (
    HTB_CEIL64,
    HTB_OPT,
    HTB_RATE64,
    ROOT,
    SMALLEST_BURST,
    SMALLEST_QUANTUM,
    TICK_NS,
    attributes,
    usual_burst,
    usual_quantum,
)

from .led import tell_of_order
from .params import RATESPEC, mbit, size_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mcp_bridge.collection.kernel_state import TcObject

    from .led import Led
    from .reading import Reading

HTB_PARMS = 1
TC_UNIT_NS = 1100  # in which tc reckons times, with what rounding adds
BYTES_IN_MBIT = 125000
LEAST_BURST = 1500  # that the policy takes
SLACK = 2  # bytes by which a burst may differ, since the kernel keeps it as a time


def name_of(handle: int) -> str:
    """Return a class as a plan calls it."""
    return f"1:{handle & 0xFFFF:x}"


def minor(name: str) -> int:
    """Return the minor number of a class of a plan."""
    return int(name.partition(":")[2], 16)


def class_said(one: TcObject, r2q: int, reading: Reading) -> dict[str, Any]:
    """Return a class: its name, its parent and its figures."""
    told = dict(attributes(one.options or b""))
    parms = told[HTB_PARMS]
    rate, ceil, buffer, cbuffer, quantum, _level, priority = HTB_OPT.unpack_from(parms)
    rate = struct.unpack_from("=Q", told[HTB_RATE64])[0] if HTB_RATE64 in told else rate
    ceil = struct.unpack_from("=Q", told[HTB_CEIL64])[0] if HTB_CEIL64 in told else ceil
    said: dict[str, Any] = {"classid": name_of(one.handle)}
    if one.parent != ROOT:
        said["parent"] = name_of(one.parent)
    said["rate_mbit"] = mbit(rate)
    if ceil != rate:
        said["ceil_mbit"] = mbit(ceil)
    if priority:
        said["priority"] = priority
    for name, ticks, speed in (("burst", buffer, rate), ("cburst", cbuffer, ceil)):
        size = size_at(ticks, speed)
        short = size < SMALLEST_BURST and ticks * TICK_NS < SMALLEST_BURST * 10**9 // speed - TC_UNIT_NS
        if short and size < LEAST_BURST:
            reading.leave(one, f"A plan's {name} is {LEAST_BURST} bytes at least, and not {size}.")
        said.update({name: size} if short and size >= LEAST_BURST else _burst_said(name, size, speed))
    if quantum < SMALLEST_QUANTUM:
        reading.leave(one, f"A plan's quantum is {SMALLEST_QUANTUM} bytes at least, and not {quantum}.")
    elif quantum != usual_quantum(rate / BYTES_IN_MBIT, r2q):
        said["quantum"] = quantum
    _log, layer, overhead, _align, mpu = RATESPEC.unpack_from(parms)
    if overhead or mpu or layer > 1:
        reading.leave(
            one, f"No plan has overhead {overhead} and mpu {mpu} of a class; shaper.overhead_bytes is for all."
        )
    return said


def _burst_said(name: str, size: int, speed: int) -> dict[str, int]:
    """Return a burst where it is not the one that netopt gives."""
    size = max(size, SMALLEST_BURST)  # tc's own choice is kept in units so coarse that it may read as less
    return {name: size} if abs(size - usual_burst(mbit(speed))) > SLACK + speed / 1e9 else {}


def in_order(classes: Iterable[dict[str, Any]], led: Sequence[Led], reading: Reading) -> list[dict[str, Any]]:
    """Return classes with their matches, in an order in which a plan asks them as the filters are asked.

    Args:
        classes: as a plan has them.
        led: packets and their classes, each one of these.
        reading: is told where a plan asks in another order.
    """
    by_name = {one["classid"]: one for one in classes}
    first: dict[str, int] = {}
    for number, each in enumerate(led):
        name = name_of(each.target)
        first.setdefault(name, number)
        by_name[name].setdefault("match", []).append(each.match)
    tell_of_order(led, lambda each: first[name_of(each.target)], reading)
    return sorted(by_name.values(), key=lambda one: (first.get(one["classid"], -1), minor(one["classid"])))
