# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bands of prio and ets: which packets wait in which, and which band is asked first. Pure.

A band may hold bands itself. What is told here is flat: the queues at the ends, and for each packet one of them.
Sources: tc-prio(8), tc-ets(8), net/sched/sch_prio.c, net/sched/sch_ets.c. Layouts: struct tc_prio_qopt and TCA_ETS_* in
linux/pkt_sched.h.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mcp_bridge.collection.kernel_state import SMALLEST_QUANTUM, as_u32, attributes

from .filters import Filters, filters_said
from .led import Led, through, without_idle
from .matches import ANY, UnsaidError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mcp_bridge.collection.kernel_state import TcObject

    from .reading import Reading

PRIO = struct.Struct("=i16B")
ETS_BANDS, ETS_STRICT, ETS_QUANTA, ETS_PRIOMAP = 1, 2, 3, 5
LARGEST_QUANTUM = 10_000_000  # that the policy takes


@dataclass(frozen=True)
class Bands:
    """The bands of a qdisc.

    Attributes:
        strict: how many are asked one after the other.
        quanta: of those behind them, which share what these leave: the bytes that each sends in its turn.
        priomap: the band of each priority of packets, from 0, where no filter leads them elsewhere.
    """

    strict: int
    quanta: tuple[int, ...]
    priomap: tuple[int, ...]

    @property
    def number(self) -> int:
        """How many there are."""
        return self.strict + len(self.quanta)


FAST = Bands(3, (), (1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1))
"""Those of a prio that names none, and of pfifo_fast."""


@dataclass(frozen=True)
class Queue:
    """Where packets wait.

    Attributes:
        place: the band, as a class.
        level: how many are asked before it.
        quantum: the bytes that it sends in its turn, where others are of the same level.
    """

    place: int
    level: int
    quantum: int | None = None


@dataclass
class Spread:
    """Which packets wait where below a qdisc of bands.

    Attributes:
        entries: packets and their queues, in the order in which they are asked; the last one is for all packets.
        queues: those that packets get to, in the order in which they send.
        idle: the qdiscs that no packet gets to.
        held: the qdiscs of bands.
    """

    entries: list[Led] = field(default_factory=list)
    queues: list[Queue] = field(default_factory=list)
    idle: list[TcObject] = field(default_factory=list)
    held: list[TcObject] = field(default_factory=list)


def bands_of(one: TcObject | None) -> Bands | None:
    """Return the bands of a prio or an ets, ``None`` of other qdiscs."""
    options = (one.options if one else None) or b""
    if one is None or one.kind not in ("prio", "ets"):
        return None
    if one.kind == "prio":
        number, *priomap = PRIO.unpack_from(options)
        return Bands(number, (), tuple(priomap))
    told = dict(attributes(options))
    quanta = tuple(as_u32(payload) for _number, payload in attributes(told.get(ETS_QUANTA, b"")))
    priomap = [payload[0] for _number, payload in attributes(told[ETS_PRIOMAP])]
    return Bands(told[ETS_BANDS][0] - len(quanta), quanta, tuple(priomap))


def filters_of_bands(one: TcObject, bands: Bands, filters: Iterable[TcObject], reading: Reading) -> Filters:
    """Return what the filters at bands say: they lead by minor number alone, or to the band of priority 0.

    Args:
        one: the qdisc.
        bands: those that it has.
        filters: all at it.
        reading: is told of what no plan has.
    """

    def place(target: int) -> int:
        number = target & 0xFFFF
        return one.handle | (number if 1 <= number <= bands.number else bands.priomap[0] + 1)

    said = filters_said(filters, reading)
    led = [replace(each, target=place(each.target)) for each in said.led]
    rest, not_ip = (None if each is None else place(each) for each in (said.rest, said.not_ip))
    return Filters(led, rest, not_ip)


def spread(
    top: TcObject,
    qdiscs: Mapping[int, TcObject],
    filters: Callable[[int], Sequence[TcObject]],
    reading: Reading,
    *,
    arriving: bool,
) -> Spread:
    """Return which packets wait where below a qdisc of bands.

    Args:
        top: the qdisc.
        qdiscs: all of its interface, by their place.
        filters: gives those at a handle.
        reading: is told of what no plan has.
        arriving: whether they are packets that arrive: these have no priority yet.

    Raises:
        UnsaidError: no plan has bands like that.
    """
    found = Spread()
    found.entries = _asked(top, qdiscs, filters, reading, arriving=arriving)
    reached = {each.target for each in found.entries}
    level = 0
    for group in _groups(top, qdiscs):
        there = {place: quantum for place, quantum in group.items() if place in reached}
        found.queues += [Queue(place, level, quantum) for place, quantum in _as_quanta(there).items()]
        level += bool(there)
    for place, one in _below(top, qdiscs):
        if bands_of(one) is not None:
            found.held.append(one)
        if not any(target in reached for target in _ends(place, one, qdiscs)):
            found.idle.append(one)
    found.held.append(top)
    return found


def _asked(
    one: TcObject,
    qdiscs: Mapping[int, TcObject],
    filters: Callable[[int], Sequence[TcObject]],
    reading: Reading,
    *,
    arriving: bool,
) -> list[Led]:
    """Return packets and their queues, in the order in which they are asked."""
    bands = bands_of(one)
    if bands is None:
        return []

    said = filters_of_bands(one, bands, filters(one.handle), reading)
    entries, usual = said.led, one.handle | bands.priomap[0] + 1
    by_priority = {one.handle | band + 1 for band in (bands.priomap[:1] if arriving else bands.priomap)}
    if said.rest is None and not arriving:
        entries += [
            Led(one, ANY, {"skb_priority": priority}, one.handle | band + 1)
            for band, priority in sorted((band, priority) for priority, band in enumerate(bands.priomap))
            if band != bands.priomap[0]
        ]
    elif said.rest is not None and (by_priority if said.not_ip is None else {said.not_ip}) != {said.rest}:
        reading.differ(one, "What is not IP has a band of its own, in a plan that of all the rest.")
    entries.append(Led(one, ANY, {}, usual if said.rest is None else said.rest))
    below = {
        there: _asked(qdiscs[there], qdiscs, filters, reading, arriving=arriving)
        for there in sorted({each.target for each in entries})
        if bands_of(qdiscs.get(there)) is not None
    }
    return without_idle(through(entries, below))


def _groups(one: TcObject, qdiscs: Mapping[int, TcObject]) -> Iterator[dict[int, int | None]]:
    """Yield the queues at the ends that send at the same time, with their quanta, in the order in which they send."""
    bands = bands_of(one)
    if bands is None:
        return
    for number in range(bands.strict):
        place = one.handle | number + 1
        below = qdiscs.get(place)
        if below is not None and bands_of(below) is not None:
            yield from _groups(below, qdiscs)
        else:
            yield {place: None}
    shared: dict[int, int | None] = {
        one.handle | number: quantum for number, quantum in enumerate(bands.quanta, bands.strict + 1)
    }
    if any(bands_of(qdiscs.get(place)) is not None for place in shared):
        raise UnsaidError("bands below one that shares what the strict bands leave")
    yield shared


def _as_quanta(there: Mapping[int, int | None]) -> dict[int, int | None]:
    """Return the quanta of queues that share, all larger by the same factor where one is too small for a plan."""
    quanta = [quantum for quantum in there.values() if quantum is not None]
    if len(quanta) < 2:
        return dict.fromkeys(there)
    factor = max(1, -(-SMALLEST_QUANTUM // min(quanta)))
    if max(quanta) * factor > LARGEST_QUANTUM:
        raise UnsaidError(f"bands that share by quanta as far apart as {min(quanta)} and {max(quanta)}")
    return {place: quantum * factor for place, quantum in there.items() if quantum is not None}


def _below(one: TcObject, qdiscs: Mapping[int, TcObject]) -> Iterator[tuple[int, TcObject]]:
    """Yield the qdiscs in the bands of one, and of those below it, with their places."""
    bands = bands_of(one)
    for number in range(bands.number if bands else 0):
        place = one.handle | number + 1
        if place in qdiscs:
            yield place, qdiscs[place]
            yield from _below(qdiscs[place], qdiscs)


def _ends(place: int, one: TcObject, qdiscs: Mapping[int, TcObject]) -> set[int]:
    """Return the queues at the ends below a place."""
    ends = {each for group in _groups(one, qdiscs) for each in group}
    return ends or {place}
