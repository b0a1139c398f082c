# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which packets wait in which classes of an htb or an hfsc, by the filters at it and at its classes. Pure.

A filter may lead to a class that others are below. The kernel then asks the filters at that class; what these do not
lead on, or what is led to no class, waits where packets do that no filter matches. Sources: net/sched/sch_htb.c and
net/sched/sch_hfsc.c.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_bridge.collection.kernel_state import handle_text

from .filters import filters_said, lead_on
from .led import Led, through
from .matches import ANY, UnsaidError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mcp_bridge.collection.kernel_state import TcObject

    from .filters import Filters
    from .tree import Tree


def filters_of_classes(tree: Tree, root: TcObject, own: Sequence[TcObject], default: int) -> Filters:
    """Return which packets wait in which class; ``rest`` is the qdisc itself where they pass by all classes.

    Args:
        tree: where they are.
        root: the qdisc.
        own: its classes.
        default: the class of what no filter matches; the qdisc itself where none is named.
    """
    filters = {place: tree.filters_at(place) for place in (root.handle, *(one.handle for one in own))}
    _without_doubtful(tree, filters)
    leaves = {one.handle for one in own} - {one.parent for one in own}
    usual = default if default in leaves else root.handle
    found = filters_said(filters[root.handle], tree.reading, default)
    inner: dict[int, list[Led]] = {}
    for one in own:
        if one.handle in leaves:
            _tell_of_idle(tree, filters[one.handle], "packets wait in this class")
        elif filters[one.handle]:
            said = filters_said(filters[one.handle], tree.reading, usual)
            inner[one.handle] = [*said.led, Led(one, ANY, {}, usual if said.rest is None else said.rest)]
    if root.kind == "hfsc":
        _only_downwards(inner, _levels(own), usual)
    reached = {each.target for each in (*found.led, *(each for some in inner.values() for each in some))}
    for handle in inner.keys() - reached - {found.rest}:
        _tell_of_idle(tree, filters[handle], "no filter leads to this class")
    try:
        lead_on(found, {handle: _on_from(handle, inner) for handle in inner})
    except UnsaidError as error:
        tree.reading.leave(root, f"No plan leads packets by {error}.")
        found.led = [each for each in found.led if each.target not in inner]

    def waits(target: int) -> int:
        passes_by = target == root.handle and root.kind == "htb"
        return target if target in leaves or passes_by else usual

    places = [waits(each.target) for each in found.led]
    _tell_of_no_class(tree, root, found.led, places)
    found.led = [
        replace(each, target=place) for each, place in zip(found.led, places, strict=True) if place != root.handle
    ]
    named = default if found.rest is None else found.rest
    found.rest, found.not_ip = waits(named), waits(default if found.not_ip is None else found.not_ip)
    if found.rest == root.handle != named:
        words = "what no filter matches passes by all classes, in a plan as here."
        tree.reading.differ(root, f"Packets wait in no class {handle_text(named)}: {words}")
    return found


def _tell_of_no_class(tree: Tree, root: TcObject, led: Sequence[Led], places: Sequence[int]) -> None:
    """Tell of packets that are led to no class, by where they wait instead."""
    for each, place in zip(led, places, strict=True):
        name = handle_text(each.target)
        if place == root.handle:
            tree.reading.leave(each.one, f"Packets wait in no class {name}; no plan has some pass by all classes.")
        elif place != each.target:
            words = f"Packets wait in no class {name}, but where those do that no filter matches: in a plan as here."
            tree.reading.differ(each.one, words)


def _only_downwards(inner: dict[int, list[Led]], levels: Mapping[int, int], usual: int) -> None:
    """Have what filters at a class lead to one that is as high, or higher, wait where the rest does, as hfsc has it."""
    for handle, led in inner.items():
        is_below = [levels.get(each.target, 0) < levels[handle] for each in led]
        inner[handle] = [
            each if below else replace(each, target=usual) for each, below in zip(led, is_below, strict=True)
        ]


def _levels(own: Sequence[TcObject]) -> dict[int, int]:
    """Return how many levels of classes are below each."""
    above = {one.handle: one.parent for one in own}
    levels = dict.fromkeys(above, 0)
    for parent in above.values():
        level, place = 1, parent
        while place in above:
            levels[place] = max(levels[place], level)
            level, place = level + 1, above[place]
    return levels


def _without_doubtful(tree: Tree, filters: dict[int, list[TcObject]]) -> None:
    """Leave out filters of which the kernel does not tell where they are, and say so.

    Those of the kind u32 share their tables in all of a qdisc: of each place where some of a pref are, it shows all of
    that pref (u32_walk in net/sched/cls_u32.c).
    """
    shown = Counter(each.handle for some in filters.values() for each in some if each.kind == "u32" and each.handle)
    doubtful = {handle for handle, times in shown.items() if times > 1}
    for place, some in filters.items():
        for each in some:
            if each.kind == "u32" and each.handle in doubtful and not each.is_first_table:
                tree.reading.leave(each, "The kernel shows it at several places, where u32 filters have one pref.")
        filters[place] = [each for each in some if each.kind != "u32" or each.handle not in doubtful]


def _on_from(handle: int, inner: Mapping[int, list[Led]], ahead: Sequence[int] = ()) -> list[Led]:
    """Return where packets are led on to from a class, and from the classes that they come to next."""
    passed = (*ahead, handle)
    after = {each.target for each in inner[handle]} & inner.keys() - set(passed)
    return through(inner[handle], {each: _on_from(each, inner, passed) for each in after})


def _tell_of_idle(tree: Tree, filters: Sequence[TcObject], why: str) -> None:
    """Tell of filters that no packet gets to."""
    for one in filters:
        if not one.is_first_table:
            tree.reading.differ(one, f"It is never asked: {why}.")
