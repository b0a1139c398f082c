# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What settings of interfaces were before any plan set them, and how they get that again. Pure.

A claim is ``"eth0 mtu"``, ``"eth0 generic-receive-offload"``, ``"eth0 rings.rx"`` or ``"eth0 rps_cpus"``; its origin is
what a State has of it: ``{"mtu", "ipv6"}``, ``{"requested"}`` of the feature's members, ``{"active"}`` where none of
them can be requested, ``{"nic"}`` or ``{"steering"}``; with an MTU ``{"along"}``, which is the MTU and IPv6 of those
that follow the interface; and with channels ``{"lost_queues"}``, which is the steering of all queues, some of which may
go with them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .._common.intents import together
from .._plan.feature_names import long_name
from .._plan.nic_words import NIC, NIC_NAMES, PER_QUEUE, STEERING
from .followers import following
from .ipv6_mtus import IPV6_MTUS
from .mtu import MTU
from .steering import LOST_QUEUES
from .subsystem import Intent

if TYPE_CHECKING:
    from collections.abc import Mapping

ALONG = "along"
OF_MTU = (MTU, "ipv6", IPV6_MTUS)
KINDS = ("requested", "active", NIC, STEERING, LOST_QUEUES)


def claims(wanted: Intent) -> set[str]:
    """Return the settings that an intent is about."""
    return {f"{iface} {name}" for iface in wanted.ifaces for name in _names(wanted.of(iface))}


def _names(one: Intent) -> list[str]:
    return [*([MTU] if one.mtu is not None else []), *map(long_name, one.offloads), *one.nic, *one.steering]


def remember(wanted: Intent, current: Mapping[str, Any]) -> dict[str, Any]:
    """Return the origin of each claim of an intent, by the state before it was carried out."""
    return {
        f"{iface} {name}": _origin(iface, name, current["links"])
        for iface in wanted.ifaces
        for name in _names(wanted.of(iface))
    }


def _origin(iface: str, name: str, links: Mapping[str, Any]) -> dict[str, Any]:
    link = links[iface]
    if name == MTU:
        along = {other: _mtu(links[other]) for other in following(iface, links)}
        return {**_mtu(link), **({ALONG: along} if along else {})}
    if name in NIC_NAMES:
        own = {NIC: {name: link[NIC][name]}}
        return {**own, LOST_QUEUES: link[STEERING]} if name.startswith("channels.") else own
    if name in PER_QUEUE:
        return {STEERING: {name: link[STEERING][name]}}
    members = link["groups"].get(name, [name])
    requested = {member: link["requested"][member] for member in members if member in link["requested"]}
    return {"requested": requested} if requested else {"active": {name: link["active"][name]}}


def _mtu(link: Mapping[str, Any]) -> dict[str, Any]:
    return {kind: link[kind] for kind in OF_MTU if kind in link}


def give_back(wanted: Intent, gone: Mapping[str, Any], left: Mapping[str, Any]) -> Any:
    """Return an intent together with what no plan asks for any more.

    Args:
        wanted: what is still asked for.
        gone: origins of the claims that nobody has any more.
        left: origins of those that somebody has.
    """
    former: dict[str, dict[str, Any]] = defaultdict(dict)
    along: dict[str, dict[str, Any]] = {}
    for claim, origin in gone.items():
        mine = former[claim.partition(" ")[0]]
        for kind, value in origin.items():
            if kind == ALONG:
                along.update(value)
            else:
                mine[kind] = {**mine.get(kind, {}), **value} if kind in KINDS else value
    held = frozenset(iface for iface, _blank, name in (claim.partition(" ") for claim in left) if name == MTU)
    if not former and not held:
        return wanted
    asked = {iface: replace(wanted.of(iface), ifaces=(iface,)) for iface in wanted.ifaces}
    for iface, back in former.items():
        asked[iface] = replace(asked.get(iface, Intent(ifaces=(iface,))), former=back)
    if not asked:
        return wanted
    first = next(iter(asked))  # any of them: both are about other interfaces
    asked[first] = replace(asked[first], along=along, held=held)
    return together(list(asked.values()))


def beside(known: Mapping[str, Any], gone: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return all origins, so that each says how its interfaces were before any plan, in whatever order plans come.

    Args:
        known: origins of claims that somebody had and has. They lack what did not matter by then: IPv6, above 1280, and
            what has come to follow an interface since.
        gone: origins of those that nobody has any more.
        new: origins of all that is asked for, by the state before the change. What a plan had moved by then, that
            plan's origin knows.
    """
    earlier: dict[str, Any] = {}
    for claim, origin in {**gone, **known}.items():
        iface, _blank, name = claim.partition(" ")
        if name == MTU:
            for other, it in (*origin.get(ALONG, {}).items(), (iface, _mtu(origin))):
                earlier[other] = {**earlier.get(other, {}), **it}
    found = dict(known)
    for claim, origin in new.items():
        iface, _blank, name = claim.partition(" ")
        if name != MTU:
            found.setdefault(claim, origin)
            continue
        along = {other: {**it, **earlier.get(other, {})} for other, it in origin.get(ALONG, {}).items()}
        along = {**along, **known.get(claim, {}).get(ALONG, {})}
        found[claim] = {**_mtu(origin), **earlier.get(iface, {}), **({ALONG: along} if along else {})}
    return found
