# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets that are led to classes, and which packets two matches have together. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.kernel_state import handle_text
from mcp_bridge.collection.match_words import flag_words, flags_of, mark_of

from .matches import ANY, UnsaidError, is_of_protocol, mark_said, ports_said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mcp_bridge.collection.kernel_state import TcObject

    from .reading import Reading

COMPARED_MAX = 500  # filters that are compared with all others
JOINED_MAX = 1000  # pairs of filters, one below the other; a class of a plan has fewer matches by far


@dataclass
class Led:
    """Packets that a filter leads to a class.

    Attributes:
        one: the filter.
        family: ``ip``, ``ipv6`` or ``all``.
        match: as a plan has it.
        target: the class, by its handle.
    """

    one: TcObject
    family: str
    match: dict[str, Any]
    target: int


def both(outer: Led, inner: Led) -> Led | None:
    """Return the packets that fit two entries, with the class of the inner one; ``None`` where none do."""
    if ANY not in (outer.family, inner.family) and outer.family != inner.family:
        return None
    match = _meet(outer.match, inner.match)
    if match is None:
        return None
    family = inner.family if outer.family == ANY else outer.family
    return replace(inner, one=inner.one if inner.match else outer.one, family=family, match=match)


def covers(ahead: Led, behind: Led) -> bool:
    """Return whether each packet of one entry fits one ahead of it."""
    return ahead.family in (ANY, behind.family) and _meet(ahead.match, behind.match) == behind.match


def through(led: Iterable[Led], below: Mapping[int, Sequence[Led]]) -> list[Led]:
    """Return entries with those that lead to some places as entries that lead on from these, as far as any do.

    Args:
        led: packets and their places, in the order in which they are asked.
        below: of each of these places, where which packets are led on to.

    Raises:
        UnsaidError: they are too many for a plan.
    """
    found: list[Led] = []
    for place, some in groupby(led, key=lambda each: each.target):
        outer = list(some)
        if len(outer) * len(below.get(place, ())) > JOINED_MAX:
            raise UnsaidError(f"{len(outer)} filters with {len(below[place])} below them")
        if place in below:
            found += [joined for inner in below[place] for each in outer if (joined := both(each, inner))]
        else:
            found += outer
    return found


def without_idle(entries: Sequence[Led]) -> list[Led]:
    """Return the entries without those whose packets all fit one ahead of them."""
    found: list[Led] = []
    for each in entries:
        if not any(covers(ahead, each) for ahead in found[:COMPARED_MAX]):
            found.append(each)
    return found


def tell_of_order(led: Sequence[Led], place: Callable[[Led], int], reading: Reading) -> None:
    """Tell of packets that fit two matches, where a plan asks the match that is behind the other one here first.

    Args:
        led: in the order in which they are asked.
        place: gives the place of the class of an entry, in the order of the plan.
        reading: is told.
    """
    for number, behind in enumerate(led[:COMPARED_MAX]):
        for before, ahead in enumerate(led[:number]):
            if place(ahead) <= place(behind):
                continue
            joined = both(ahead, behind)
            if joined and not any(covers(each, joined) for each in led[:before]):
                name = handle_text(ahead.target)
                reading.differ(
                    behind.one, f"A plan asks all matches of a class together: this one before those of {name}."
                )


def _meet(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any] | None:
    """Return the match of the packets that fit two matches, ``None`` where none do."""
    found = {**one, **other}
    for name in one.keys() & other.keys():
        if one[name] == other[name]:
            continue
        meet = _MEET.get(name)
        found[name] = meet(one[name], other[name]) if meet else None
        if found[name] is None:
            return None
    families = {_network(found[name]).version for name in ("src", "dst") if name in found}
    return found if len(families) <= 1 and is_of_protocol(found) else None


def _meet_networks(one: str, other: str) -> str | None:
    narrow, wide = sorted((_network(one), _network(other)), key=lambda each: -each.prefixlen)
    is_inside = narrow.version == wide.version and narrow.overlaps(wide)
    return str(narrow) if is_inside else None


def _meet_ports(one: list[str], other: list[str]) -> list[str] | None:
    """Return the ports of two ranges, each the one of its list."""
    ranges = [[int(number) for number in text.split("-")] for (text,) in (one, other)]
    first, last = max(each[0] for each in ranges), min(each[-1] for each in ranges)
    if first > last:
        return None
    return [ports_said(first, last)]


def _meet_marks(one: int | str, other: int | str) -> int | str | None:
    met = _meet_bits(mark_of(one), mark_of(other))
    return mark_said(*met) if met else None


def _meet_flags(one: list[str], other: list[str]) -> list[str] | None:
    met = _meet_bits(flags_of(one), flags_of(other))
    return flag_words(*met) if met else None


def _meet_bits(one: tuple[int, int] | None, other: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return the (value, mask) that fits where two do; ``None`` where none fits, or one of them never does."""
    if one is None or other is None or (one[0] ^ other[0]) & one[1] & other[1]:
        return None
    return one[0] | other[0], one[1] | other[1]


_MEET: dict[str, Callable[[Any, Any], Any]] = {
    "src": _meet_networks,
    "dst": _meet_networks,
    "sports": _meet_ports,
    "dports": _meet_ports,
    "fwmark": _meet_marks,
    "tcp_flags": _meet_flags,
    "max_length": min,
}


@lru_cache(maxsize=COMPARED_MAX)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text)
