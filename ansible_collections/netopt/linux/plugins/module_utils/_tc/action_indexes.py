# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The numbers of actions, which a filter that is made again asks for.

The kernel binds a filter to the action that has the number, whatever that action does. Actions outlive their filter for
a moment (net/sched/cls_api.c, tcf_queue_work), so the one that is found may be that of a filter removed just before.
"""

from __future__ import annotations

import dataclasses
import struct
import time
from typing import TYPE_CHECKING

from .._netlink import messages as rt
from .._netlink.route_socket import KernelRefusedError
from .netlink_options import ACT_INDEX, ACT_KIND, ACT_OPTIONS, canonical_action, numbered, unnumbered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._netlink.route_socket import RouteSocket
    from .objects import TcObject

PATIENCE_S = 2.0
INTERVAL_S = 0.002
TCAMSG = struct.Struct("=Bxxx")  # struct tcamsg
ACT_TAB = 1  # TCA_ACT_TAB


def has_numbers(one: TcObject) -> bool:
    """Return whether an object is a filter that asks for numbers of actions."""
    return one.form == "filter" and bool(one.options) and bool(numbered(one.kind, one.options or b""))


def with_free_numbers(route: RouteSocket, one: TcObject, names: Mapping[int, str]) -> TcObject:
    """Return a filter without those numbers that belong to other actions and do not become free in a moment.

    Args:
        route: the socket of the namespace.
        one: the filter.
        names: interface number to name.
    """
    options = one.options or b""
    left = list(one.devices)
    others = set()
    for kind, number, wanted in numbered(one.kind, options):
        targets = [left.pop(0)] if kind == "mirred" and left else []
        if not _becomes_free(route, (kind, number), (wanted, targets), names):
            others.add((kind, number))
    return dataclasses.replace(one, options=unnumbered(one.kind, options, others)) if others else one


def _becomes_free(
    route: RouteSocket, place: tuple[str, int], wanted: tuple[bytes, list[str]], names: Mapping[int, str]
) -> bool:
    """Return whether no action, or just the wanted one, has a number; waits for one that is about to go."""
    ends = time.monotonic() + PATIENCE_S
    while True:
        there = action(route, place)
        targets: list[str] = []
        if (
            there is None
            or (canonical_action(place[0], there, lambda i: names.get(i, "*"), targets), targets) == wanted
        ):
            return True
        if time.monotonic() > ends:
            return False
        time.sleep(INTERVAL_S)


def action(route: RouteSocket, place: tuple[str, int]) -> bytes | None:
    """Return the options of the action of a kind that has a number."""
    kind, number = place
    asked = rt.attribute(1, rt.text(ACT_KIND, kind) + rt.u32(ACT_INDEX, number))
    try:
        body = route.ask(rt.RTM_GETACTION, TCAMSG.pack(0) + rt.attribute(ACT_TAB, asked))
    except KernelRefusedError:
        return None
    told = dict(rt.attributes(body[TCAMSG.size :])).get(ACT_TAB, b"")
    for _order, action in rt.attributes(told):
        found = dict(rt.attributes(action)).get(ACT_OPTIONS)
        if found is not None:
            return found
    return None
