# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an interface's tree was before any plan set it, and how it gets that again. Pure.

Claims are ``"eth0 root"`` and ``"eth0 ingress"``. The origin of the former is ``{"default", "objects", "bulk"}`` as in
a State; that of the latter is ``{"hook": {...}, "device": interface or None}``, with our ``ifb-`` device.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .._common.intents import together
from .intent import Intent
from .objects import ifb_name, objects, packed
from .root_and_ingress import part

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT, INGRESS = "root", "ingress"


def claims(wanted: Intent) -> set[str]:
    """Return the parts of trees that an intent is about."""
    return {f"{iface} {name}" for iface in wanted.ifaces for name in _names(wanted.of(iface))}


def _names(one: Intent) -> list[str]:
    return [*([ROOT] if one.shapes_egress else []), *([INGRESS] if one.shapes_ingress else [])]


def remember(wanted: Intent, current: Mapping[str, Any]) -> dict[str, Any]:
    """Return the origin of each claim of an intent, by the state before it was carried out."""
    return {
        f"{iface} {name}": _origin(current, iface, name) for iface in wanted.ifaces for name in _names(wanted.of(iface))
    }


def _origin(current: Mapping[str, Any], iface: str, name: str) -> dict[str, Any]:
    interface = current["interfaces"][iface]
    mine = packed(part(objects(interface), hooks=name == INGRESS))
    if name == ROOT:
        return {"default": interface["default"], **mine}
    return {"hook": mine, "device": current["interfaces"].get(ifb_name(iface))}


def give_back(wanted: Intent, gone: Mapping[str, Any], left: Mapping[str, Any]) -> Any:
    """Return an intent together with what no plan asks for any more.

    Args:
        wanted: what is still asked for.
        gone: origins of the claims that nobody has any more.
        left: origins of those that somebody has; not used, root and ingress have no part in each other.
    """
    del left
    former: dict[str, dict[str, Any]] = defaultdict(dict)
    for claim, origin in gone.items():
        iface, _blank, name = claim.partition(" ")
        former[iface]["former_root" if name == ROOT else "former_hook"] = origin
    asked = {iface: replace(wanted.of(iface), ifaces=(iface,)) for iface in wanted.ifaces}
    for iface, back in former.items():
        asked[iface] = replace(asked.get(iface, Intent(ifaces=(iface,))), **back)
    return together(list(asked.values())) if former else wanted
