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
from .objects import major

if TYPE_CHECKING:
    from .._netlink.route_socket import RouteSocket
    from .objects import TcObject

# Qdiscs that are made with a queue at each place and do not put one there again (the graft functions in net/sched).
EMPTIABLE = frozenset({"tbf", "sfb", "taprio"})
ONE_FOR_EACH_QUEUE = frozenset({"taprio"})  # beyond the queues that a device uses, theirs are not listed


def with_emptied(route: RouteSocket, index: int, qdiscs: list[TcObject]) -> list[TcObject]:
    """Return an interface's qdiscs with the places below them that were emptied."""
    if not any(one.kind in EMPTIABLE and one.handle for one in qdiscs):
        return qdiscs
    asked = rt.TCMSG.pack(0, index, 0, 0, 0)
    listed = [
        rt.TCMSG.unpack_from(body)
        for body in route.dump(rt.RTM_GETQDISC, asked + rt.attribute(rt.TCA_DUMP_INVISIBLE, b""))
    ]
    filled = {parent for _family, number, _handle, parent, _info in listed if number == index}
    places = [rt.TCMSG.unpack_from(body)[2] for body in route.dump(rt.RTM_GETTCLASS, asked)]
    return [_with_emptied(one, places, filled) if one.kind in EMPTIABLE and one.handle else one for one in qdiscs]


def _with_emptied(one: TcObject, places: list[int], filled: set[int]) -> TcObject:
    mine = [place for place in places if major(place) == one.handle]
    if one.kind in ONE_FOR_EACH_QUEUE:
        last = max((place for place in mine if place in filled), default=0)
        mine = [place for place in mine if place < last]
    return replace(one, emptied=tuple(place & 0xFFFF for place in mine if place not in filled))
