# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What settings of interfaces were before any plan set them, and how they get that again. Pure.

A claim is ``"eth0 mtu"``, ``"eth0 generic-receive-offload"``, ``"eth0 rings.rx"`` or ``"eth0 rps_cpus"``; its origin is
what a State has of it: ``{"mtu", "ipv6"}``, ``{"requested"}`` of the feature's members, ``{"active"}`` where none of
them can be requested, ``{"nic"}`` or ``{"steering"}``; and with channels ``{"lost_queues"}``, which is the steering of
all queues, some of which may go with them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .._common.intents import together
from .._plan.feature_names import long_name
from .._plan.nic_words import NIC, NIC_NAMES, PER_QUEUE, STEERING
from .steering import LOST_QUEUES
from .subsystem import Intent

if TYPE_CHECKING:
    from collections.abc import Mapping

MTU = "mtu"
KINDS = ("requested", "active", NIC, STEERING, LOST_QUEUES)


def claims(wanted: Intent) -> set[str]:
    """Return the settings that an intent is about."""
    return {f"{iface} {name}" for iface in wanted.ifaces for name in _names(wanted.of(iface))}


def _names(one: Intent) -> list[str]:
    return [*([MTU] if one.mtu is not None else []), *map(long_name, one.offloads), *one.nic, *one.steering]


def remember(wanted: Intent, current: Mapping[str, Any]) -> dict[str, Any]:
    """Return the origin of each claim of an intent, by the state before it was carried out."""
    return {
        f"{iface} {name}": _origin(current["links"][iface], name)
        for iface in wanted.ifaces
        for name in _names(wanted.of(iface))
    }


def _origin(link: Mapping[str, Any], name: str) -> dict[str, Any]:
    if name == MTU:
        return {MTU: link[MTU], **({"ipv6": link["ipv6"]} if "ipv6" in link else {})}
    if name in NIC_NAMES:
        own = {NIC: {name: link[NIC][name]}}
        return {**own, LOST_QUEUES: link[STEERING]} if name.startswith("channels.") else own
    if name in PER_QUEUE:
        return {STEERING: {name: link[STEERING][name]}}
    members = link["groups"].get(name, [name])
    requested = {member: link["requested"][member] for member in members if member in link["requested"]}
    return {"requested": requested} if requested else {"active": {name: link["active"][name]}}


def give_back(wanted: Intent, gone: Mapping[str, Any], left: Mapping[str, Any]) -> Any:
    """Return an intent together with what no plan asks for any more.

    Args:
        wanted: what is still asked for.
        gone: origins of the claims that nobody has any more.
        left: origins of those that somebody has; not used, a setting has no part in another.
    """
    del left
    former: dict[str, dict[str, Any]] = defaultdict(dict)
    for claim, origin in gone.items():
        mine = former[claim.partition(" ")[0]]
        for kind, value in origin.items():
            mine[kind] = {**mine.get(kind, {}), **value} if kind in KINDS else value
    asked = {iface: replace(wanted.of(iface), ifaces=(iface,)) for iface in wanted.ifaces}
    for iface, back in former.items():
        asked[iface] = replace(asked.get(iface, Intent(ifaces=(iface,))), former=back)
    return together(list(asked.values())) if former else wanted
