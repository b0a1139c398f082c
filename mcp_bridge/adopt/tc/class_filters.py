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
from .matches import ANY

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
    reached = {each.target for each in (*found.led, *(each for some in inner.values() for each in some))}
    for handle in inner.keys() - reached - {found.rest}:
        _tell_of_idle(tree, filters[handle], "no filter leads to this class")
    lead_on(found, {handle: _on_from(handle, inner) for handle in inner})

    def waits(target: int) -> int:
        passes_by = target == root.handle and root.kind == "htb"
        return target if target in leaves or passes_by else usual

    led, found.led = found.led, []
    for each in led:
        there, name = waits(each.target), handle_text(each.target)
        if there == root.handle:
            tree.reading.leave(each.one, f"Packets wait in no class {name}; no plan has some pass by all classes.")
            continue
        if there != each.target:
            words = f"Packets wait in no class {name}, but where those do that no filter matches: in a plan as here."
            tree.reading.differ(each.one, words)
        found.led.append(replace(each, target=there))
    named = default if found.rest is None else found.rest
    found.rest, found.not_ip = waits(named), waits(default if found.not_ip is None else found.not_ip)
    if found.rest == root.handle != named:
        words = "what no filter matches passes by all classes, in a plan as here."
        tree.reading.differ(root, f"Packets wait in no class {handle_text(named)}: {words}")
    return found


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
                tree.reading.leave(
                    each, "The kernel shows it at several classes, since u32 filters there have one pref."
                )
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
