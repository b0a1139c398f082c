# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds places below a qdisc where the kernel drops every packet, since the queue there was taken away.

No dump shows what drops them (``noop``). A place that holds the kernel's own queue is in the dump of all qdiscs,
the invisible ones included; one that is not there was emptied.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .._netlink import messages as rt
from .._netlink.ethtool import EthtoolSocket, NoEthtoolFamilyError
from .._netlink.route_socket import KernelRefusedError
from .objects import major

if TYPE_CHECKING:
    from .._netlink.route_socket import RouteSocket
    from .objects import TcObject

# Qdiscs that are made with a queue at each place and do not put one there again (the graft functions in net/sched).
ONE_PLACE = frozenset({"tbf", "sfb"})  # at minor number 1; sfb does not list its class
ONE_FOR_EACH_QUEUE = frozenset({"mq", "mqprio", "taprio"})  # beyond the queues that a device uses, none is listed


def with_emptied(route: RouteSocket, name: str, index: int, qdiscs: list[TcObject]) -> list[TcObject]:
    """Return an interface's qdiscs with the places below them that were emptied.

    Args:
        route: a socket in the interface's namespace.
        name: the interface's name.
        index: its number.
        qdiscs: its qdiscs.
    """
    made = {one.kind for one in qdiscs if one.handle}
    if not made & (ONE_PLACE | ONE_FOR_EACH_QUEUE):
        return qdiscs
    asked = rt.TCMSG.pack(0, index, 0, 0, 0)
    invisible = rt.attribute(rt.TCA_DUMP_INVISIBLE, b"")
    listed = [rt.TCMSG.unpack_from(body) for body in route.dump(rt.RTM_GETQDISC, asked + invisible)]
    filled = {parent for _family, number, _handle, parent, _info in listed if number == index}
    classes = route.dump(rt.RTM_GETTCLASS, asked) if made & ONE_FOR_EACH_QUEUE else []
    places = [rt.TCMSG.unpack_from(body)[2] for body in classes]
    return [replace(one, emptied=_emptied(one, name, places, filled)) if one.handle else one for one in qdiscs]


def _emptied(one: TcObject, name: str, places: list[int], filled: set[int]) -> tuple[int, ...]:
    mine: list[int] = []
    if one.kind in ONE_PLACE:
        mine = [one.handle | 1]
    elif one.kind in ONE_FOR_EACH_QUEUE:
        theirs = [place for place in places if major(place) == one.handle]
        last = max((place for place in theirs if place in filled), default=0)
        if any(place > last for place in theirs):
            last = max(last, one.handle | _used_queues(name))
        mine = [place for place in theirs if place <= last]
    return tuple(place & 0xFFFF for place in mine if place not in filled)


def _used_queues(name: str) -> int:
    """Return how many TX queues a device uses, 0 where its driver does not tell."""
    try:
        with EthtoolSocket() as ethtool:
            told, _most = ethtool.read(name, "channels")
    except (NoEthtoolFamilyError, KernelRefusedError):
        return 0
    return int(told.get("tx", 0)) + int(told.get("combined", 0))
