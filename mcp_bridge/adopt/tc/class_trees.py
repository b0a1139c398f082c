# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The classes of an htb or an hfsc as those of a plan, with their queues and the packets that are led to each. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.kernel_state import R2Q, ROOT, handle_text

from .band_classes import as_classes, check_levels, difference
from .bands import bands_of, spread
from .class_filters import filters_of_classes
from .classes import class_said, in_order, minor, name_of
from .curves import BENT, STRAIGHT, classes_said, default_said
from .filters import lead_on
from .impaired import netem_of_classes
from .matches import UnsaidError
from .params import params_of
from .reading import Reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mcp_bridge.collection.kernel_state import TcObject

    from .bands import Spread
    from .filters import Filters
    from .led import Led
    from .tree import Tree

FIRST_GIVEN = 0x8000 << 16  # from which on the kernel gives handles by itself


def htb(tree: Tree, root: TcObject) -> dict[str, Any]:
    """Return an htb as a plan has it."""
    said = params_of(root, txqueuelen=tree.txqueuelen)
    params = dict(said.params) if said else {}
    for words in said.unsaid if said else ():
        tree.reading.leave(root, f"No plan has {words} of htb.")
    default = params.pop("default", None)
    own = tree.classes_of(root)
    classes = [class_said(one, params.get("r2q", R2Q), tree.reading) for one in own]
    return _as_htb(tree, root, own, classes, params, root.handle | (minor(default) if default else 0))


def hfsc(tree: Tree, root: TcObject) -> dict[str, Any] | None:
    """Return an hfsc as the htb that does the same, ``None`` where none does."""
    own = tree.classes_of(root)
    classes = classes_said(own)
    default = default_said(root)
    inner = {each.get("parent") for each in classes or ()}
    if not classes or default is None or default not in {each["classid"] for each in classes} - inner:
        tree.refuse(root, BENT)
        return None
    tree.reading.differ(root, STRAIGHT)
    return _as_htb(tree, root, own, classes, {}, root.handle | minor(default))


def bands_below(tree: Tree, top: TcObject, said: Mapping[str, Any]) -> Spread | None:
    """Return which packets wait where in bands below a class; ``None``, and why, where no plan has them."""
    told = Reading(tree.reading.name)
    try:
        found = spread(top, tree.qdiscs, tree.filters_at, told, arriving=tree.arriving)
        check_levels(found, said)
    except UnsaidError as error:
        tree.refuse(top, f"No plan has {error}.")
        return None
    tree.reading.unsaid += told.unsaid
    return found


def with_classes(
    tree: Tree,
    root: TcObject,
    params: Mapping[str, Any],
    classes: Mapping[int, dict[str, Any]],
    filters: Filters,
    spreads: Mapping[int, Spread],
) -> dict[str, Any]:
    """Return a qdisc with classes as a plan has it.

    Args:
        tree: where it is.
        root: the qdisc.
        params: its parameters.
        classes: what a plan says of each, by where its queue is.
        filters: which packets wait in which; ``rest`` is the qdisc itself where they pass by all classes.
        spreads: of the classes that have bands, which packets wait where.
    """
    tree.look_at([root])
    found: dict[str, Any] = {"qdisc": {"type": "htb", **({"params": params} if params else {})}}
    places, below = _with_bands(tree, root, classes, spreads, params.get("r2q", R2Q))
    impaired = {said["classid"]: one for place, said in places.items() if (one := _take_queue(tree, place, said))}
    try:
        lead_on(filters, below)
    except UnsaidError as error:
        tree.reading.leave(root, f"No plan leads packets by {error}.")
        filters.led = [each for each in filters.led if each.target not in below]
        filters.rest = filters.not_ip = below[filters.rest][-1].target if filters.rest in below else filters.rest
    inner = {each.get("parent") for each in places.values()}
    for said in places.values():
        if said["classid"] in inner:
            said.pop("quantum", None)  # which is for packets that wait in the class
    if places:
        found["htb_classes"] = in_order(places.values(), filters.led, tree.reading)
    if filters.rest not in (None, root.handle):
        found["default_class"] = name_of(filters.rest)
    if filters.not_ip != filters.rest:
        here, there = (_where(root, each) for each in (filters.not_ip, filters.rest))
        tree.reading.differ(root, f"What is not IP {here}; in a plan it {there}, as all the rest.")
    if impaired:
        names = {said["classid"] for said in places.values()}
        found["netem"] = netem_of_classes(tree, impaired, names - inner)
    return found


def _as_htb(
    tree: Tree,
    root: TcObject,
    own: Sequence[TcObject],
    classes: Sequence[dict[str, Any]],
    params: Mapping[str, Any],
    default: int,
) -> dict[str, Any]:
    """Return a qdisc with classes of its own as a plan has it."""
    filters = filters_of_classes(tree, root, own, default)
    if root.parent == ROOT and not tree.arriving and 0x10000 < root.handle < FIRST_GIVEN:
        here = handle_text(root.handle)
        tree.reading.differ(
            root, f"Its classes are {here}N here, 1:N in a plan: what names one as a packet's priority differs."
        )
    places = {one.handle: said for one, said in zip(own, classes, strict=True)}
    spreads = {}
    for place, said in places.items():
        top = tree.qdiscs.get(place)
        if top is not None and bands_of(top) is not None and (found := bands_below(tree, top, said)):
            spreads[place] = found
    return with_classes(tree, root, params, places, filters, spreads)


def _with_bands(
    tree: Tree, root: TcObject, classes: Mapping[int, dict[str, Any]], spreads: Mapping[int, Spread], r2q: float
) -> tuple[dict[int, dict[str, Any]], dict[int, list[Led]]]:
    """Return classes and those of their bands by the places of their queues, and which packets each band has."""
    places: dict[int, dict[str, Any]] = {}
    below: dict[int, list[Led]] = {}
    for place, said in classes.items():
        found, top = spreads.get(place), tree.qdiscs.get(place)
        if found is None or top is None:
            places[place] = said
            continue
        tree.look_at((*found.held, *found.idle))
        for one in found.idle:
            tree.reading.differ(one, "No packet gets there: no filter and no priority leads to its band.")
        if len(found.queues) == 1:
            tree.reading.differ(top, "All packets wait in one of its bands: a plan has the queue of that one alone.")
            places[found.queues[0].place] = said
            continue
        tree.reading.differ(top, difference(found, said))
        bands, entries = as_classes(found, said, (*classes.values(), *places.values()), root.handle, r2q)
        places |= {place: said, **bands}
        below[root.handle | minor(said["classid"])] = entries
    return places, below


def _take_queue(tree: Tree, place: int, said: dict[str, Any]) -> TcObject | None:
    """Take in the queue of a class, unless it has bands; return the netem above it."""
    netem, below = None, tree.qdiscs.get(place)
    if below is not None and below.kind == "netem":
        netem, below = below, tree.qdiscs.get(below.handle | 1)
    leaf = tree.queue(below) if below is not None and bands_of(below) is None else None
    if leaf is not None:
        said["leaf"] = leaf
    return netem


def _where(root: TcObject, target: int | None) -> str:
    """Return in words where packets wait."""
    return "passes by all classes" if target in (None, root.handle) else f"waits in {name_of(target or 0)}"
