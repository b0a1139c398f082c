# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the filters at a qdisc or a class say: which packets they lead where, in the order in which they ask. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcp_bridge.collection.kernel_state import U32_FIRST, class_of, may_act

from .actions import chooses_queue
from .led import COMPARED_MAX, Led, both, through, without_idle
from .matches import ANY, IPV4, IPV6, NETWORKS, UnsaidError, match_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mcp_bridge.collection.kernel_state import TcObject

    from .reading import Reading

FAMILIES = {IPV4: [IPV4], IPV6: [IPV6], ANY: [IPV4, IPV6]}
ONE_FAMILY = ("icmp", "icmpv6")


@dataclass
class Filters:
    """What filters say.

    Attributes:
        led: packets and their classes, in the order in which they are asked.
        rest: the class of all that is IP and in none of these; ``None`` where no filter says so.
        not_ip: the class of what is not IP; ``None`` where no filter says so.
    """

    led: list[Led] = field(default_factory=list)
    rest: int | None = None
    not_ip: int | None = None


def filters_said(filters: Iterable[TcObject], reading: Reading, default: int = 0) -> Filters:
    """Return what filters say.

    Args:
        filters: all at one place.
        reading: is told of what no plan has.
        default: the class of packets that no filter matches, 0 where there is none.
    """
    found = Filters()
    rest: dict[str, Led] = {}
    for one in _asked(filters, reading):
        led = _led(one, reading)
        if led is None:
            continue
        left = [family for family in FAMILIES[led.family] if family not in rest]
        takes_all = not led.match and led.family == ANY and found.not_ip is None
        if takes_all:
            found.not_ip = led.target
        if not left:
            if not takes_all:
                reading.differ(one, "It is never asked: a filter ahead of it matches everything.")
            continue
        led.family = led.family if left == FAMILIES[led.family] else left[0]
        if led.match:
            found.led.append(led)
        else:
            rest.update({family: Led(one, family, {}, led.target) for family in left})
    found.led = _both_families(found.led)
    _the_rest(rest, found, default)
    return found


def _asked(filters: Iterable[TcObject], reading: Reading) -> list[TcObject]:
    """Return the filters that the kernel asks by itself, in its order: of u32 those of the first table of a pref."""
    every = list(filters)
    first: dict[int, int] = {}
    for one in every:
        table = one.handle >> 20
        if one.kind == "u32" and table >= U32_FIRST:
            first[one.info >> 16] = min(table, first.get(one.info >> 16, table))
    found = []
    for one in sorted(every, key=lambda one: one.info >> 16):
        if one.is_first_table:
            continue
        if one.kind == "u32" and one.handle >> 20 > first.get(one.info >> 16, 0):
            reading.leave(one, "No plan leads packets by a table that other filters lead to, or none.")
        else:
            found.append(one)
    return found


def lead_on(filters: Filters, below: Mapping[int, Sequence[Led]]) -> None:
    """Have packets that filters lead to some places be led on from there.

    Args:
        filters: changed.
        below: of each of these places, where which packets are led on to; the last entry is for all packets.
    """
    if not below:
        return
    last = below.get(filters.rest) if filters.rest is not None else None
    while last and filters.led and filters.led[-1].target == filters.rest:
        filters.led.pop()  # what it does not match is led there as well
    filters.led = through(filters.led, below)
    if last:
        filters.led += last[:-1]
        filters.rest = last[-1].target
    if filters.not_ip is not None and filters.not_ip in below:
        filters.not_ip = below[filters.not_ip][-1].target
    filters.led = without_idle(filters.led)


def _led(one: TcObject, reading: Reading) -> Led | None:
    """Return whom a filter leads where; ``None``, and why, where no plan says it."""
    if chooses_queue(one):
        reading.leave(one, "No plan chooses the transmit queue of the device for some packets.")
        return None
    try:
        told = match_of(one)
    except UnsaidError as error:
        reading.leave(one, f"No plan leads {error}.")
        return None
    if told is None:
        return None
    target = class_of(one.kind, one.options or b"")
    if not target or one.chain or may_act(one.kind, one.options or b""):
        reading.leave(one, "No plan has a filter that does more, or less, than lead to a class.")
        return None
    for what in told.loosely:
        reading.differ(one, f"The plan says it, but for {what}, which its match looks past.")
    return Led(one, told.family, told.match, target)


def _both_families(led: Sequence[Led]) -> list[Led]:
    """Return the entries with those that are the same for IPv4 and IPv6 as one, and others bound to their family.

    Two are one where no packet of the second fits an entry between them, which would be asked before it.
    """
    found: list[Led] = []
    lone: dict[tuple[str, int, str], int] = {}
    for one in led:
        said = (repr(sorted(one.match.items())), one.target)
        number = lone.pop((*said, IPV6 if one.family == IPV4 else IPV4), None) if one.family != ANY else None
        between = found[number + 1 :] if number is not None else []
        is_free = len(between) <= COMPARED_MAX and not any(
            other.target != one.target and both(other, one) for other in between
        )
        if number is not None and is_free:
            found[number].family = ANY
            continue
        lone[*said, one.family] = len(found)
        found.append(one)
    for one in found:
        if (
            one.family in NETWORKS
            and not one.match.keys() & {"src", "dst"}
            and one.match.get("proto") not in ONE_FAMILY
        ):
            one.match = {**one.match, "src": NETWORKS[one.family]}
    return found


def _the_rest(rest: dict[str, Led], found: Filters, default: int) -> None:
    """Take in filters that match all of a family."""
    targets = {one.target for one in rest.values()}
    is_whole = len(rest) == len(NETWORKS)
    if is_whole and len(targets) == 1:
        found.rest = targets.pop()
        return
    if is_whole:
        found.rest = found.not_ip
    usual = default if found.rest is None else found.rest
    for family, one in rest.items():
        if one.target != usual:
            found.led.append(Led(one.one, family, {"src": NETWORKS[family]}, one.target))
