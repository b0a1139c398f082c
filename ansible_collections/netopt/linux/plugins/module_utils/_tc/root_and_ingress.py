# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two parts of an interface's tree, root and hooks, and which of them a plan may replace. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from .._common.errors import NetoptError
from .netlink_options import irreplaceable
from .objects import GONE, HOOKS, State, TcObject, ifb_name, major, objects

if TYPE_CHECKING:
    from .intent import Intent

LEAVE_OUT = "Remove it by hand if it may go, or leave this direction of the interface out of the plan."


def part(found: list[TcObject], *, hooks: bool) -> list[TcObject]:
    """Return the objects at the ingress and egress hooks, or all others."""
    return [one for one in found if one.at_hook is hooks]


def touches(intent: Intent, current: State, iface: str, *, hooks: bool) -> bool:
    """Return whether the intent replaces what is at the hooks of an interface, or all else."""
    one = intent.of(iface)
    if not hooks:
        return bool(one.sets_root)
    return one.shapes_ingress or is_ours(current, iface) or gives_back(intent, current, iface)


def is_ours(current: State, iface: str) -> bool:
    """Return whether the host has an ingress device of ours for an interface."""
    device = current["interfaces"].get(ifb_name(iface))
    return device is not None and device["link"]["kind"] == "ifb"


def gives_back(intent: Intent, current: State, iface: str) -> bool:
    """Return whether what was at an interface's hooks before any plan is to come back.

    It comes where a plan had the hooks, and has them still: our device is there, or somebody has removed it and left
    behind what only served it. What others have put there meanwhile, as after a restart, is theirs.
    """
    one = intent.of(iface)
    if one.former_hook is None or one.shapes_ingress:
        return False
    return is_ours(current, iface) or _serves_nobody(part(objects(current["interfaces"][iface]), hooks=True))


def _serves_nobody(hook: list[TcObject]) -> bool:
    """Return whether a hook is for what arrives alone, and has nothing but what leads to a device that is gone."""
    filters = [one for one in hook if one.form == "filter" and not one.is_first_table]
    return any(one.kind == "ingress" for one in hook) and all(GONE in one.devices for one in filters)


def refuse_unshown(intent: Intent, current: State) -> None:
    """Raise when the plan would replace what no scratch namespace can show whether it can be brought back.

    Raises:
        NetoptError: filters that other interfaces share, or a qdisc or a device in the way.
    """
    for iface in intent.ifaces:
        wanted = intent.of(iface)
        found = objects(current["interfaces"][iface])
        for one in _touched(intent, current, iface, found):
            if one.shared:
                raise _refusal(iface, one, "it shares its filters with other interfaces (a tc block)")
        hooked = any(one.form == "qdisc" and one.at_hook for one in found)
        if hooked or (wanted.shapes_ingress and not wanted.sets_root):
            _refuse_handle_of_hook(iface, found)
        device = current["interfaces"].get(ifb_name(iface))
        if wanted.shapes_ingress and device is not None and device["link"]["kind"] != "ifb":
            raise NetoptError(
                f"{ifb_name(iface)} exists, but is no ifb device",
                stage="rehearse",
                key=f"{ifb_name(iface)} link",
                wanted="ifb",
                before=device["link"]["kind"] or "a device without a kind",
                hint="Rename that device: the name is needed to shape the ingress of " + iface + ".",
            )


def _refuse_handle_of_hook(iface: str, found: list[TcObject]) -> None:
    """Raise when a qdisc has the handle that the ingress hook has, or will have; filters are found by handle."""
    for one in found:
        if one.form == "qdisc" and one.handle == HOOKS and not one.at_hook:
            raise NetoptError(
                f"{iface} {one.name} has the handle ffff:, which the kernel wants for the ingress hook",
                stage="rehearse",
                key=f"{iface} {one.name}",
                wanted="tc qdisc add dev " + iface + " ingress",
                before=one.text or one.kind,
                hint="Give that queue another handle, or shape egress in the same plan.",
            )


def refuse_irreplaceable(intent: Intent, current: State) -> None:
    """Raise when the plan would remove what is known to be lost then; for hosts where the rollback cannot be tried.

    Raises:
        NetoptError: something on the host could not be brought back.
    """
    refuse_unshown(intent, current)
    for iface in intent.ifaces:
        found = objects(current["interfaces"][iface])
        mixed = mixed_up(found)
        for one in _touched(intent, current, iface, found):
            reason = why_lost(one, mixed)
            if reason:
                raise _refusal(iface, one, reason)


def why_lost(one: TcObject, mixed: set[tuple[int, int]]) -> str | None:
    """Return why an object is known not to come back, ``None`` where nothing is known against it.

    Args:
        one: the object.
        mixed: what ``mixed_up`` returns for the objects of its interface.
    """
    if one.form == "filter" and one.kind == "u32" and (major(one.parent), one.handle >> 20) in mixed:
        return "the kernel does not tell which of two u32 filters with the same preference it belongs to"
    return irreplaceable(one.form, one.kind, one.options or b"")


def mixed_up(found: list[TcObject]) -> set[tuple[int, int]]:
    """Return the tables of u32, by qdisc and number, that the kernel's dump shows at more than one place."""
    places: dict[tuple[int, int], set[tuple[int, int]]] = defaultdict(set)
    for one in found:
        if one.form == "filter" and one.kind == "u32":
            places[major(one.parent), one.handle >> 20].add((one.parent, one.info))
    return {table for table, there in places.items() if len(there) > 1}


def _touched(intent: Intent, current: State, iface: str, found: list[TcObject]) -> list[TcObject]:
    """Return those of an interface's objects that are in a part that the intent replaces."""
    replaced = {hooks: touches(intent, current, iface, hooks=hooks) for hooks in (False, True)}
    return [one for one in found if replaced[one.at_hook]]


def _refusal(iface: str, one: TcObject, reason: str) -> NetoptError:
    return NetoptError(
        f"{iface} {one.name} could not be brought back by a rollback: {reason}",
        stage="rehearse",
        key=f"{iface} {one.name}",
        before=one.text or one.kind,
        hint=LEAVE_OUT,
    )
