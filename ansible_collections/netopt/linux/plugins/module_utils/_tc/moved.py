# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a shaper that an adjuster has moved as it is at the plan's own rate: what is moved is not drift. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._adjuster.options import CAKE_RATE, kbit_of
from .._netlink import messages as rt
from .netlink_options import canonical, each

if TYPE_CHECKING:
    from collections.abc import Mapping

HANDLES = {"htb": ("class", 0x10001), "cake": ("qdisc", 0x10000)}  # what is moved: class 1:1, or the root 1:


def as_planned(device: str, tree: dict[str, Any], notice: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the objects of a device with the rate of its shaper as the plan has it, where an adjuster has moved it.

    Args:
        device: its name.
        tree: ``{"objects", "bulk"}`` as a State has them.
        notice: what the running adjuster says, ``None`` where none runs.
    """
    if notice is None:
        return tree
    for name, direction in notice["settings"]["directions"].items():
        if direction["device"] == device:
            base = bytes.fromhex(notice["base"][name])
            return {**tree, "objects": [_planned(one, direction, base) for one in tree["objects"]]}
    return tree


def _planned(one: dict[str, Any], direction: Mapping[str, Any], base: bytes) -> dict[str, Any]:
    """Return an object; one that is moved, within the limits, as it is when it is not."""
    kind = direction["kind"]
    if one["kind"] != kind or (one["form"], one["handle"]) != HANDLES[kind]:
        return one
    options = bytes.fromhex(one.get("options", ""))
    kbit = kbit_of(kind, options)
    if kbit == direction["base_kbit"] or not direction["min_kbit"] <= kbit <= direction["max_kbit"]:
        return one
    if kind == "htb":
        return {**one, "options": canonical("class", kind, base, {})[0].hex()}
    rate = dict(rt.attributes(base))[CAKE_RATE]
    return {**one, "options": each(options, lambda number, told: rate if number == CAKE_RATE else told).hex()}
