# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The classes of an htb as plans have them, with the packets that filters lead to each. Pure."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field, replace
from itertools import combinations
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
    class_of,
    handle_text,
    may_act,
    usual_burst,
    usual_quantum,
)

from .actions import chooses_queue
from .matches import ANY, IPV4, IPV6, NETWORKS, TCP, WITH_PORTS, UnsaidError, match_of
from .params import mbit, size_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mcp_bridge.collection.kernel_state import TcObject

    from .reading import Reading

HTB_PARMS = 1
RATESPEC = struct.Struct("=BBHhH")  # cell_log, linklayer, overhead, cell_align, mpu: ahead of the rate
TC_UNIT_NS = 1100  # in which tc reckons times, with what rounding adds
BYTES_IN_MBIT = 125000
LEAST_BURST = 1500  # that the policy takes
SLACK = 2  # bytes by which a burst may differ, since the kernel keeps it as a time
COMPARED_MAX = 500  # filters that are compared with all others
SINGLE = ("dscp", "proto", "sports", "dports", "fwmark", "skb_priority")
SIDES = ("src", "dst")
FAMILIES = {IPV4: [IPV4], IPV6: [IPV6], ANY: [IPV4, IPV6]}
ONE_FAMILY = ("icmp", "icmpv6")


@dataclass
class Led:
    """Packets that a filter leads to a class.

    Attributes:
        one: the filter.
        family: ``ip``, ``ipv6`` or ``all``.
        match: as a plan has it.
        target: the class.
    """

    one: TcObject
    family: str
    match: dict[str, Any]
    target: int


@dataclass
class Filters:
    """What the filters of an htb say.

    Attributes:
        led: packets and their classes, in the order in which they are asked.
        rest: the class of all that is IP and in none of these; ``None`` where no filter says so.
    """

    led: list[Led] = field(default_factory=list)
    rest: int | None = None


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


def filters_said(filters: Iterable[TcObject], reading: Reading, default: str | None = None) -> Filters:
    """Return what filters at a qdisc say; in the order in which the kernel asks them.

    Args:
        filters: all of them.
        reading: is told of what no plan has.
        default: the class of packets that no filter matches.
    """
    found = Filters()
    rest: dict[str, Led] = {}
    for one in sorted((one for one in filters if not one.is_first_table), key=lambda one: one.info >> 16):
        led = _led(one, reading)
        if led is None:
            continue
        left = [family for family in FAMILIES[led.family] if family not in rest]
        if not left:
            reading.differ(one, "It is never asked: a filter ahead of it matches everything.")
            continue
        led.family = led.family if left == FAMILIES[led.family] else left[0]
        if led.match:
            found.led.append(led)
        else:
            rest.update({family: Led(one, family, {}, led.target) for family in FAMILIES[led.family]})
    found.led = _both_families(found.led)
    _the_rest(rest, found, default)
    return found


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
    """Return the entries with those that are the same for IPv4 and IPv6 as one, and others bound to their family."""
    found: list[Led] = []
    lone: dict[tuple[str, int, str], Led] = {}
    for one in led:
        said = (repr(sorted(one.match.items())), one.target)
        twin = lone.pop((*said, IPV6 if one.family == IPV4 else IPV4), None) if one.family != ANY else None
        if twin:
            twin.family = ANY
            continue
        found.append(one)
        lone[*said, one.family] = one
    for one in found:
        if one.family in NETWORKS and not one.match.keys() & set(SIDES) and one.match.get("proto") not in ONE_FAMILY:
            one.match = {**one.match, "src": NETWORKS[one.family]}
    return found


def _the_rest(rest: dict[str, Led], found: Filters, default: str | None) -> None:
    """Take in filters that match all of a family."""
    targets = {one.target for one in rest.values()}
    if len(targets) == 1 and len(rest) == len(NETWORKS):
        found.rest = targets.pop()
        return
    for family, one in rest.items():
        if name_of(one.target) != default:
            found.led.append(Led(one.one, family, {"src": NETWORKS[family]}, one.target))


def in_order(classes: list[dict[str, Any]], led: Sequence[Led], reading: Reading) -> list[dict[str, Any]]:
    """Return the classes with their matches, in an order in which a plan asks them as the filters are asked."""
    by_name = {one["classid"]: one for one in classes}
    first: dict[str, int] = {}
    for number, each in enumerate(led):
        name = name_of(each.target)
        if name not in by_name:
            reading.leave(each.one, f"There is no class {handle_text(each.target)}.")
            continue
        first.setdefault(name, number)
        by_name[name].setdefault("match", []).append(each.match)
    for ahead, behind in combinations(led[:COMPARED_MAX], 2):
        names = name_of(ahead.target), name_of(behind.target)
        if first.get(names[0], 0) > first.get(names[1], 0) and not _apart(ahead.match, behind.match):
            reading.differ(
                behind.one, f"A plan asks all matches of a class together: this one before those of {names[0]}."
            )
    return sorted(classes, key=lambda one: (first.get(one["classid"], -1), minor(one["classid"])))


def _apart(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether no packet fits both of two matches, as far as that is easy to tell."""
    for name in one.keys() & other.keys():
        mine, theirs = one[name], other[name]
        if name in SIDES:
            networks = ipaddress.ip_network(mine), ipaddress.ip_network(theirs)
            if networks[0].version != networks[1].version or not networks[0].overlaps(networks[1]):
                return True
        elif mine != theirs and name in SINGLE and not any(sign in f"{mine}{theirs}" for sign in "-/"):
            return True  # neither ranges of ports nor masks of marks
    return False


def both(outer: Led, inner: Led) -> Led | None:
    """Return the packets that fit two entries, with the class of the inner one; ``None`` where none do.

    Raises:
        UnsaidError: no plan has a match for them.
    """
    if ANY not in (outer.family, inner.family) and outer.family != inner.family:
        return None
    match = {**outer.match, **inner.match}
    if _apart(outer.match, inner.match):
        return None
    for name in outer.match.keys() & inner.match.keys():
        if name in SIDES:
            match[name] = max((outer.match[name], inner.match[name]), key=_length)
        elif outer.match[name] != inner.match[name]:
            raise UnsaidError(f"packets by the {name} of two filters, one below the other")
    protocol = match.get("proto", TCP)
    if (protocol not in WITH_PORTS and {"sports", "dports"} & match.keys()) or (
        protocol != TCP and "tcp_flags" in match
    ):
        return None
    family = inner.family if outer.family == ANY else outer.family
    return replace(inner, one=inner.one if inner.match else outer.one, family=family, match=match)


def covers(ahead: Led, behind: Led) -> bool:
    """Return whether each packet of one entry fits one ahead of it, as far as that is easy to tell."""
    if ahead.family not in (ANY, behind.family):
        return False
    same = {name for name, value in ahead.match.items() if behind.match.get(name) == value}
    wider = {
        name
        for name in SIDES
        if name in ahead.match.keys() & behind.match.keys()
        and not _apart({name: ahead.match[name]}, {name: behind.match[name]})
        and _length(ahead.match[name]) <= _length(behind.match[name])
    }
    return ahead.match.keys() <= same | wider


def _length(network: str) -> int:
    """Return how many bits of an address a network names."""
    return ipaddress.ip_network(network).prefixlen
