# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two parts of an interface's tree, root and hooks, and which of them a plan may replace. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from .._common.errors import NetoptError
from .intent import Intent
from .netlink_options import irreplaceable
from .objects import HOOKS, State, TcObject, ifb_name, major, objects


def part(found: list[TcObject], *, hooks: bool) -> list[TcObject]:
    """Return the objects at the ingress and egress hooks, or all others."""
    return [
        one
        for one in found
        if (one.form != "class" and major(one.handle if one.form == "qdisc" else one.parent) == HOOKS) is hooks
    ]


def _touches(intent: Intent, current: State, iface: str, one: TcObject) -> bool:
    """Return whether the intent replaces the part of the tree that an object of the host belongs to."""
    if major(one.handle if one.form == "qdisc" else one.parent) == HOOKS and one.form != "class":
        return intent.shapes_ingress or is_ours(current, iface)
    return intent.sets_root


def is_ours(current: State, iface: str) -> bool:
    """Return whether the host has an ingress device of ours for an interface."""
    device = current["interfaces"].get(ifb_name(iface))
    return device is not None and device["link"]["kind"] == "ifb"


def _what(one: TcObject) -> tuple[Any, ...]:
    """Return what decides whether an object can be brought back."""
    return one.form, one.kind, one.options or b"", one.shared


def _why_not(one: TcObject) -> str | None:
    """Return why an object could not be brought back, ``None`` when it can."""
    if one.shared:
        return "it shares its filters with other interfaces (a tc block)"
    return irreplaceable(one.form, one.kind, one.options or b"")


def refuse_irreplaceable(intent: Intent, current: State) -> None:
    """Raise when the plan would remove something that could not be brought back."""
    for iface in intent.ifaces:
        found = objects(current["interfaces"][iface])
        tables: dict[tuple[int, int], set[tuple[int, int]]] = defaultdict(set)
        for one in found:
            if one.form == "filter" and one.kind == "u32":
                tables[major(one.parent), one.handle >> 20].add((one.parent, one.info))
        judged: dict[tuple[Any, ...], str | None] = {}
        for one in found:
            if not _touches(intent, current, iface, one):
                continue
            reason = judged.get(_what(one), "")
            if reason == "":
                reason = judged[_what(one)] = _why_not(one)
            if one.form == "filter" and len(tables.get((major(one.parent), one.handle >> 20), ())) > 1:
                reason = "the kernel does not tell which of two u32 filters with the same preference it belongs to"
            if reason:
                raise NetoptError(
                    f"{iface} {one.name} could not be brought back by a rollback: {reason}",
                    stage="rehearse",
                    key=f"{iface} {one.name}",
                    before=one.text or one.kind,
                    hint="Remove it by hand if it may go, or leave this direction of the interface out of the plan.",
                )
        device = current["interfaces"].get(ifb_name(iface))
        if intent.shapes_ingress and device is not None and device["link"]["kind"] != "ifb":
            raise NetoptError(
                f"{ifb_name(iface)} exists, but is no ifb device",
                stage="rehearse",
                key=f"{ifb_name(iface)} link",
                wanted="ifb",
                before=device["link"]["kind"] or "a device without a kind",
                hint="Rename that device: the name is needed to shape the ingress of " + iface + ".",
            )
