# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leaves interfaces alone that are gone, or were made anew, since a change: nothing of it is on them any more."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .._checkpoint.store import boot_id
from .._common.change import PLACES, interfaces_of
from .._tc.objects import ifb_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._checkpoint.model import Content, Header
    from .._host.commands import Tools


def numbers_of(scopes: Mapping[str, Any]) -> dict[str, int]:
    """Return the kernel's numbers of the interfaces that scopes name; a number is given once for each boot."""
    named = interfaces_of(scopes)
    return {name: number for number, name in socket.if_nameindex() if name in named}


def of_same_interfaces(header: Header, content: Content, tools: Tools) -> Content:
    """Return what a checkpoint holds without the interfaces that are gone or were made anew; these are warned of.

    After a restart of the host all numbers are others, and names alone tell which interface is which.

    Args:
        header: the checkpoint's.
        content: the checkpoint's.
        tools: takes the warnings.
    """
    if header.boot_id != boot_id():
        return content
    now = numbers_of(content.scopes)
    lost = [name for name, number in content.numbers.items() if now.get(name) != number]
    if not lost:
        return content
    for name in lost:
        how = "was made anew" if name in now else "is gone"
        helper = ifb_name(name)
        rest = f" {helper} is there still: ip link del {helper}" if _is_ours(content, helper) else ""
        tools.warnings.append(f"{name} {how} since the change, so nothing was restored on it.{rest}")
    left_out = {*lost, *map(ifb_name, lost)}
    return replace(
        content,
        scopes={name: _without(name, scope, left_out) for name, scope in content.scopes.items()},
        before=_states(content.before, left_out),
        after=_states(content.after, left_out),
        ending=_states(content.ending, left_out),
    )


def _is_ours(content: Content, helper: str) -> bool:
    """Return whether a device was made by the change, and is there."""
    made = content.after.get("tc", {}).get("interfaces", {}).get(helper)
    return bool(made) and helper in {name for _number, name in socket.if_nameindex()}


def _without(name: str, scope: Mapping[str, Any], left_out: set[str]) -> dict[str, Any]:
    if name not in PLACES:
        return dict(scope)
    return {**scope, "ifaces": [iface for iface in scope["ifaces"] if iface not in left_out]}


def _states(states: Mapping[str, Any], left_out: set[str]) -> dict[str, Any]:
    found = dict(states)
    for name in PLACES.keys() & states.keys():
        inner = states[name][PLACES[name]]
        kept = {iface: state for iface, state in inner.items() if iface not in left_out}
        found[name] = {**states[name], PLACES[name]: kept}
    return found
