# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kernel parameters were before any plan set them, and how they get that again. Pure.

An origin is what is kept for one claim, which is a key: ``{"values": {key: text or None}, "module", "modules", "lro"}``
with the keys that writing this one resets, the module that brings it, and how modules and LRO were.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .side_effects import CONGESTION_CONTROL, is_forwarding, is_reset_by
from .subsystem import LOADED, Intent, congestion_module

if TYPE_CHECKING:
    from collections.abc import Mapping


def claims(wanted: Intent) -> set[str]:
    """Return the keys that an intent is about."""
    return {*wanted.values, *wanted.floors}


def remember(wanted: Intent, current: Mapping[str, Any]) -> dict[str, Any]:
    """Return the origin of each claim of an intent, by the state before it was carried out."""
    values = current["values"]
    return {
        key: {
            "values": {other: value for other, value in values.items() if other == key or is_reset_by(other, key)},
            "module": _module(key, wanted),
            "modules": current.get("modules", {}),
            "lro": current.get("lro", {}) if is_forwarding(key) else {},
        }
        for key in claims(wanted)
    }


def give_back(wanted: Intent, gone: Mapping[str, Any], left: Mapping[str, Any]) -> Intent:
    """Return an intent together with what no plan asks for any more.

    Args:
        wanted: what is still asked for.
        gone: origins of the claims that nobody has any more.
        left: origins of those that somebody has.
    """
    if not gone:
        return wanted
    needed = {origin["module"] for origin in left.values()}
    values: dict[str, Any] = {}
    modules: dict[str, str] = {}
    lro: dict[str, bool] = {}
    for key, origin in gone.items():
        values.update((other, value) for other, value in origin["values"].items() if other == key)
    for key, origin in gone.items():
        held = {other for other in origin["values"] if any(is_reset_by(other, name) for name in left if name != key)}
        for other, value in origin["values"].items():
            if other not in left and other not in held:
                values.setdefault(other, value)
        module = origin["module"]
        if module and module not in needed and origin["modules"].get(module, "used") not in LOADED:
            modules[module] = origin["modules"][module]
        lro.update(origin["lro"])
    return replace(wanted, former={"values": values, "modules": modules, "lro": lro})


def beside(known: Mapping[str, Any], gone: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return all origins, so that each says how its keys were before any plan, in whatever order plans come and go.

    Args:
        known: origins of claims that somebody had and has.
        gone: origins of those that nobody has any more. A key that one of them has reset was claimed later: by then it
            read as that plan left it.
        new: origins of all that is asked for, by the state before the change. What others hold is theirs to give back.
    """
    found = {}
    for key, origin in new.items():
        if key in known:
            continue
        values = {name: value for name, value in origin["values"].items() if name == key or name not in known}
        found[key] = {**origin, "values": values}
    earlier = {name: value for origin in gone.values() for name, value in origin["values"].items()}
    for key, origin in known.items():
        values = {**origin["values"], **({key: earlier[key]} if key in earlier else {})}
        found[key] = origin if values == origin["values"] else {**origin, "values": values}
    return found


def _module(key: str, wanted: Intent) -> str | None:
    """Return the module that a key needs as it is asked for."""
    if key == CONGESTION_CONTROL and key in wanted.values:
        return congestion_module(wanted.values[key])
    return wanted.modules.get(key)
