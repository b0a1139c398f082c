# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads qdiscs, classes, filters and chains from the kernel."""

from __future__ import annotations

import struct
import sys
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from .._adjuster.notice import notice_of
from .._common.errors import NetoptError
from .._netlink import messages as rt
from .._netlink.route_socket import RouteSocket
from .emptied_places import with_emptied
from .moved import as_planned
from .netlink_options import canonical
from .objects import (
    BULK,
    HOOK_NAMES,
    HOOKS,
    INGRESS_HOOK,
    PLACED_FORMS,
    ROOT,
    State,
    TcObject,
    handle_text,
    ifb_name,
    major,
    packed,
    placed,
    placed_copy,
    rows,
    told_by_shape,
)
from .show_parse import pieces, with_text
from .u32_unlisted import unlisted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._host.commands import Tools

# Qdiscs whose classes are set by hand, and those among them whose classes may hold filters.
CLASSFUL = frozenset({"htb", "hfsc", "drr", "qfq", "cbq"})
CLASS_FILTERS = frozenset({"htb", "hfsc", "cbq"})
NO_FILTERS = frozenset({"mq", "mqprio", "noqueue", "pfifo_fast", "pfifo", "bfifo", "tbf", "netem", "fq"})
_HTB = b"\x08\0\1\0htb\0" if sys.byteorder == "little" else b"?"  # how most classes begin
KNOWN = frozenset(range(1, 17))  # TCA_KIND to TCA_EXT_WARN_MSG (linux/rtnetlink.h)
PLACE = struct.Struct("=II")  # handle and parent within struct tcmsg
SHOWN_OBJECTS = 1024  # filters whose text is asked for
SHOWN_FILTERS = 64  # places with filters whose text is asked for; beyond, objects are told without it


def links(route: RouteSocket) -> dict[str, dict[str, Any]]:
    """Return every interface of this namespace: ``{name: {index, kind, up, mtu, txqlen, ...}}``."""
    found = {}
    for body in route.dump(rt.RTM_GETLINK, rt.IFINFOMSG.pack(0, 0, 0, 0, 0) + rt.u32(rt.IFLA_EXT_MASK, 0)):
        _family, _type, index, flags, _change = rt.IFINFOMSG.unpack_from(body)
        told = dict(rt.attributes(body[rt.IFINFOMSG.size :]))
        info = dict(rt.attributes(told.get(rt.IFLA_LINKINFO, b"")))
        found[rt.as_text(told[rt.IFLA_IFNAME])] = {
            "index": index,
            "kind": rt.as_text(info.get(rt.IFLA_INFO_KIND, b"")),
            "up": bool(flags & rt.IFF_UP),
            "mtu": rt.as_u32(told[rt.IFLA_MTU]),
            "txqlen": rt.as_u32(told[rt.IFLA_TXQLEN]),
            "tx_queues": rt.as_u32(told.get(rt.IFLA_NUM_TX_QUEUES, b"\1\0\0\0")),
            "rx_queues": rt.as_u32(told.get(rt.IFLA_NUM_RX_QUEUES, b"\1\0\0\0")),
            "address": told.get(rt.IFLA_ADDRESS, b"").hex(),
        }
    return found


def _parse(form: str, body: bytes, names: dict[int, str]) -> TcObject:
    """Return the object that a dumped message describes."""
    _family, _ifindex, handle, parent, info = rt.TCMSG.unpack_from(body)
    told = dict(rt.attributes(body[rt.TCMSG.size :]))
    kind = rt.as_text(told.get(rt.TCA_KIND, b""))  # a chain without a template has none
    options = told.get(rt.TCA_OPTIONS)
    devices: tuple[str, ...] = ()
    if options is not None:
        options, devices = canonical(form, kind, options, names)
    return TcObject(
        form,
        kind,
        handle,
        parent,
        info if form == "filter" else 0,
        rt.as_u32(told[rt.TCA_CHAIN]) if form in PLACED_FORMS and rt.TCA_CHAIN in told else None,
        options,
        told.get(rt.TCA_STAB),
        devices,
        shared=rt.TCA_INGRESS_BLOCK in told or rt.TCA_EGRESS_BLOCK in told,
        estimated=form == "qdisc" and _is_estimated(told.get(rt.TCA_STATS2, b"")),
        unknown=b"".join(rt.attribute(number, told[number]) for number in told if _is_unknown(number, told[number])),
    )


def _is_estimated(stats: bytes) -> bool:
    """Return whether the statistics of an object hold the rates of an estimator."""
    return any(number == rt.TCA_STATS_RATE_EST for number, _payload in rt.attributes(stats))


def _is_unknown(number: int, payload: bytes) -> bool:
    """Return whether an attribute of a dump says something that is neither kept nor known to be of no weight."""
    return number not in KNOWN or (number == rt.TCA_HW_OFFLOAD and any(payload))


def all_qdiscs(route: RouteSocket, names: dict[int, str]) -> dict[str, list[TcObject]]:
    """Return the qdiscs of every interface; the kernel always dumps them all."""
    found: dict[str, list[TcObject]] = {}
    for body in route.dump(rt.RTM_GETQDISC, rt.TCMSG.pack(0, 0, 0, 0, 0)):
        name = names.get(rt.TCMSG.unpack_from(body)[1])
        if name is not None:
            found.setdefault(name, []).append(_parse("qdisc", body, names))
    return found


def _filter_places(qdiscs: list[TcObject], classes: list[TcObject]) -> list[int]:
    """Return the parents at which filters may be."""
    kinds = {one.handle: one.kind for one in qdiscs if not one.at_hook}
    places = [handle for handle, kind in kinds.items() if handle and kind not in NO_FILTERS]
    places += [one.handle for one in placed(classes) if kinds.get(major(one.handle)) in CLASS_FILTERS]
    for one in qdiscs:
        if one.at_hook:
            places += list(HOOK_NAMES) if one.kind == "clsact" else [INGRESS_HOOK]
    return places


def classes_of(
    route: RouteSocket, index: int, names: dict[int, str], holders: Sequence[int] = (0,)
) -> tuple[list[TcObject], list[int]]:
    """Return (the distinct classes of one interface, and shape, handle and parent of each, one behind the other).

    Most classes of a large tree differ in nothing but their place: what the kernel says about the others is looked at
    once for all that it says it of in the same bytes. Classes of kinds that nobody makes classes of are left out.

    Args:
        route: a socket in the interface's namespace.
        index: the interface's number.
        names: the names of all interfaces, by number.
        holders: the qdiscs whose classes are asked for, one after the other; 0 asks for those of all at once.
    """
    numbers: dict[Any, int] = {}
    shapes: list[TcObject] = []
    flat: list[int] = []
    place = PLACE.unpack_from
    asked = (route.dump(rt.RTM_GETTCLASS, rt.TCMSG.pack(0, index, 0, holder, 0)) for holder in holders)
    for body in chain.from_iterable(asked):
        handle, parent = place(body, 8)
        plain = body.startswith(_HTB, 20)
        told = body[20 : 28 + body[28] + (body[29] << 8)] if plain else _kind_and_options(body)
        number = numbers.get(told)
        if number is None:
            one = _parse("class", body, names)
            shape = (one.kind, one.options, one.stab)
            if shape not in numbers:
                numbers[shape] = len(shapes) if one.kind in CLASSFUL else -1
                if one.kind in CLASSFUL:
                    shapes.append(placed_copy(one, 0, 0))
            number = numbers[told] = numbers[shape]
        if number >= 0:
            flat += (number, handle, parent)
    return shapes, flat


def _holders(qdiscs: list[TcObject]) -> list[int]:
    """Return which qdiscs are asked for their classes, one by one; 0 stands for all at once.

    A netem without a queue of its own ends the kernel's listing of all (netem_dump_class() fails), and with it the
    classes of the qdiscs that come later. The root's come first.
    """
    holders = [one for one in qdiscs if one.kind in CLASSFUL]
    return [0] if all(one.parent == ROOT for one in holders) else [one.handle for one in holders]


def _kind_and_options(body: bytes) -> bytes:
    """Return the part of a dumped class that says what it is; all of it, where the kernel tells it in another order."""
    options = rt.TCMSG.size + ((body[rt.TCMSG.size] + 3) & ~3)
    if len(body) < options + rt.ATTRIBUTE.size:
        return body
    length, number = rt.ATTRIBUTE.unpack_from(body, options)
    return body[rt.TCMSG.size : options + length] if number & rt.TYPE_MASK == rt.TCA_OPTIONS else body


def _tree(
    route: RouteSocket, name: str, index: int, qdiscs: list[TcObject], names: dict[int, str], tools: Tools | None
) -> dict[str, Any]:
    """Return all objects of one interface as a State has them.

    Where there are ``tools``, they have the text that tc has for them, unless there are too many.
    """
    said: list[TcObject] = []
    bulk: dict[str, Any] = {}
    holders: list[TcObject] = []
    if any(one.kind in CLASSFUL for one in qdiscs):
        shapes, flat = classes_of(route, index, names, _holders(qdiscs))
        places = list(rows(flat))
        if len(places) > BULK:
            bulk["class"] = told_by_shape(shapes, flat)
            # no packet comes by a filter at a class without children (net/sched/sch_htb.c, htb_classify(); hfsc too)
            parents = {parent for _number, _handle, parent in places}
            holders = [placed_copy(shapes[number], handle, up) for number, handle, up in places if handle in parents]
        else:
            said = holders = [placed_copy(shapes[number], handle, parent) for number, handle, parent in places]
    filters: list[list[TcObject]] = []
    chains: list[TcObject] = []
    for place in _filter_places(qdiscs, holders):
        mine = _filters_at(route, index, place, names)
        filters += [mine] if mine else []
        told = route.dump(rt.RTM_GETCHAIN, rt.TCMSG.pack(0, index, 0, place, 0))
        chains += _standing_chains([_parse("chain", body, names) for body in told], mine, place)
    listed = [one for place in filters for one in place]
    aside = unlisted(route, index, listed, lambda body: _parse("filter", body, names)) if listed else []
    qdiscs = with_emptied(route, name, index, qdiscs)
    if tools and len(qdiscs) <= BULK:
        qdiscs = with_text(qdiscs, _show(tools, "qdisc", name))
    if tools and said:
        texts = {_second_words(text): text for text in _show(tools, "class", name)}
        said = [_with_class_text(one, texts) for one in said]
    if tools and len(filters) <= SHOWN_FILTERS and sum(map(len, filters)) <= SHOWN_OBJECTS:
        filters = [with_text(place, _show(tools, "filter", name, *_where(place[0]))) for place in filters]
    found = packed([*qdiscs, *said, *_without_heads([one for place in filters for one in place]), *aside, *chains])
    return {**found, "bulk": {**found.get("bulk", {}), **bulk}} if bulk else found


def _filters_at(route: RouteSocket, index: int, place: int, names: dict[int, str]) -> list[TcObject]:
    """Return the filters at one place; those made by the hook's handle say that handle, which a qdisc may have too."""
    bodies = route.dump(rt.RTM_GETTFILTER, rt.TCMSG.pack(0, index, 0, place, 0))
    found = [_parse("filter", body, names) for body in bodies]
    if place != INGRESS_HOOK:
        return found
    return [replace(one, ingress=True) if one.parent == HOOKS else one for one in found]


def _standing_chains(chains: list[TcObject], filters: list[TcObject], place: int) -> list[TcObject]:
    """Return the chains of a place that have a template or no filters; filters make the others by themselves."""
    filled = {one.chain or 0 for one in filters}
    return [replace(one, parent=place) for one in chains if one.kind or one.chain not in filled]


def _where(one: TcObject) -> list[str]:
    """Return the words by which tc shows the filters at the place of one of them."""
    hook = HOOK_NAMES.get(one.parent)
    return [hook] if hook else ["parent", handle_text(one.parent)]


def _second_words(text: str) -> str:
    """Return ``htb 1:10`` of ``class htb 1:10 parent ...``."""
    return " ".join(text.split()[1:3])


def _with_class_text(one: TcObject, texts: dict[str, str]) -> TcObject:
    """Return a class with the text that tc has for it."""
    text = texts.get(f"{one.kind} {handle_text(one.handle)}")
    return with_text([one], [text])[0] if text else one


def _without_heads(filters: list[TcObject]) -> list[TcObject]:
    """Return the filters without the message that the kernel dumps ahead of each group."""
    groups = {(one.parent, one.chain, one.info) for one in filters if one.handle}
    return [one for one in filters if one.handle or (one.parent, one.chain, one.info) not in groups]


def _show(tools: Tools, form: str, name: str, *where: str) -> list[str]:
    """Return what tc says of an interface's objects, one piece each."""
    return pieces(tools.run(["tc", "-d", form, "show", "dev", name, *where], stage="observe").stdout)


def observe(scope: dict[str, Any], tools: Tools) -> State:
    """Return the State of the interfaces in ``scope`` and of our ``ifb-`` devices for them.

    With ``brief`` in the scope, it lacks what is only said for people.

    Raises:
        NetoptError: an interface does not exist, or tc is missing.
    """
    if not scope.get("ifaces"):
        return {"interfaces": {}}
    told = None if scope.get("brief") else tools
    with RouteSocket() as route:
        there = links(route)
        names = {link["index"]: name for name, link in there.items()}
        for iface in scope["ifaces"]:
            if iface not in there:
                raise NetoptError(
                    f"interface {iface} does not exist",
                    stage="observe",
                    key=iface,
                    hint="This host has: " + ", ".join(sorted(there)) + ".",
                )
        qdiscs = all_qdiscs(route, names)
        found: dict[str, Any] = {}
        for iface in scope["ifaces"]:
            notice = notice_of(iface)
            for name in (ifb_name(iface), iface):
                if name not in there:
                    found[name] = None
                    continue
                link = {**there[name], "helper": True} if name != iface else dict(there[name])
                each = _tree(route, name, link["index"], qdiscs.get(name, []), names, told)
                found[name] = {"link": link, "default": False, **as_planned(name, each, notice)}
    return {"interfaces": found}
