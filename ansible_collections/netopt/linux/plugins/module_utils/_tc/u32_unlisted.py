# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads tables of u32 that no dump lists, though packets still get there.

A table belongs to the preference that it was made with, and is listed with that (net/sched/cls_u32.c, ``u32_walk()``).
Where somebody deletes that preference alone, the table stays for as long as its qdisc has any u32 filter: what links to
it still leads packets there. The kernel answers for it by its number.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from .._netlink import messages as rt
from .._netlink.route_socket import KernelRefusedError
from .objects import TcObject, major
from .u32_steps import UNLISTED, is_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .._netlink.route_socket import RouteSocket

LINK, DIVISOR = 3, 4  # TCA_U32_LINK, TCA_U32_DIVISOR
NODES = 0x1000  # in a bucket
BUCKETS_MAX = 16  # beyond, asking for each node that there may be takes too long


def unlisted(
    route: RouteSocket, index: int, filters: Sequence[TcObject], parse: Callable[[bytes], TcObject]
) -> list[TcObject]:
    """Return the tables that filters link to and no dump has listed, with all in them, as of the preference 0.

    Args:
        route: a socket in the interface's namespace.
        index: the interface's number.
        filters: all that were listed on the interface.
        parse: reads the body of an answer.
    """
    u32 = [one for one in filters if one.kind == "u32"]
    known = {(major(one.parent), one.handle >> 20) for one in u32 if is_table(one)}
    found: list[TcObject] = []
    waiting = list(u32)
    for one in waiting:  # grows on the way: an unlisted table may link to another
        table = _linked(one)
        if table is None or (major(one.parent), table) in known:
            continue
        known.add((major(one.parent), table))
        by = one if one.info != UNLISTED else next(each for each in u32 if major(each.parent) == major(one.parent))
        mine = [TcObject(**{**vars(each), "info": UNLISTED}) for each in _members(route, index, by, table, parse)]
        found += mine
        waiting += mine
    return sorted(found, key=lambda one: (one.parent, one.handle))


def _linked(one: TcObject) -> int | None:
    """Return the number of the table that a filter links to."""
    payload = dict(rt.attributes(one.options or b"")).get(LINK)
    return rt.as_u32(payload) >> 20 if payload else None


def _members(
    route: RouteSocket, index: int, by: TcObject, table: int, parse: Callable[[bytes], TcObject]
) -> Iterator[TcObject]:
    """Yield a table and what is in it; nothing of one with too many buckets.

    Args:
        route: a socket in the interface's namespace.
        index: the interface's number.
        by: a filter that is listed at the same qdisc: the kernel is asked in its name.
        table: the table's number.
        parse: reads the body of an answer.
    """
    itself = _get(route, index, by, table << 20)
    if itself is None:
        return
    one = _at(parse(itself), by)
    divisor = struct.unpack("=I", dict(rt.attributes(one.options or b""))[DIVISOR])[0]
    if divisor > BUCKETS_MAX:
        return
    yield one
    for bucket in range(divisor):
        for node in range(1, NODES):
            body = _get(route, index, by, table << 20 | bucket << 12 | node)
            if body is not None:
                yield _at(parse(body), by)


def _at(one: TcObject, by: TcObject) -> TcObject:
    return TcObject(**{**vars(one), "parent": by.parent, "ingress": by.ingress})


def _get(route: RouteSocket, index: int, by: TcObject, handle: int) -> bytes | None:
    """Return what the kernel says of a table or a node, ``None`` where there is none of this number."""
    body = rt.TCMSG.pack(0, index, handle, by.parent, by.info) + rt.text(rt.TCA_KIND, by.kind)
    body += rt.u32(rt.TCA_CHAIN, by.chain) if by.chain is not None else b""
    try:
        return route.ask(rt.RTM_GETTFILTER, body)
    except KernelRefusedError:
        return None
