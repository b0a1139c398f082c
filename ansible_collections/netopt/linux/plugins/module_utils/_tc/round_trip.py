# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rehearses a change of traffic control and its rollback, with the operations that are used for real.

On devices of the same names the host's present state is made, then the change is performed, then the rollback. After
each the kernel is read. Whatever it refuses, and whatever then reads otherwise than it should, is a refusal of the
plan. Only the parts of a tree that the plan replaces are made: what it leaves alone needs no rollback.

The default qdiscs of stand-ins are those of veth, so no default tree is compared; the host gets its own back by the
removal of what stands in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._host.scratch_namespace import move_to_new_namespace
from .._netlink.route_socket import RouteSocket
from .objects import GONE, State, TcObject, ifb_name, objects, packed
from .observe import links, observe
from .operations import diff, operations
from .perform import perform
from .root_and_ingress import LEAVE_OUT, mixed_up, touches, why_lost
from .round_trip_sample import sampled
from .stand_in import set_mtu, stand_in

if TYPE_CHECKING:
    from .._host.commands import Tools
    from .intent import Intent

UNKNOWN_LINK = {"mtu": 1500, "txqlen": 1000, "tx_queues": 1, "index": None}  # of a device that only actions name

PRESENT = "The present state cannot be made again, so a rollback could not bring it back"
THERE = "The change cannot be made from the present state"
BACK = "The rollback does not lead to the present state"


def rehearse_round_trip(intent: Intent, current: State, wanted: State, tools: Tools) -> None:
    """Change ``current`` to ``wanted`` and roll that back in a new scratch namespace, if there is one to make.

    Raises:
        NetoptError: the kernel refuses a step, or what is reached is not what should be.
        ScratchUnavailableError: there can be no other namespace.
    """
    now, then = _concerned(intent, current, wanted)
    if not operations(now, then):
        return
    if _is_plain(now) and _is_plain(wanted, of=("bulk",)):  # of what is there many times, only a sample was made
        _from_where_it_was_made(intent, now, then, tools)
        return
    move_to_new_namespace()
    _make_devices(intent, now, then)
    _lead(now, PRESENT, now, tools)
    mtus = _mtus(intent)
    set_mtu(mtus)
    _lead(then, THERE, now, tools)
    set_mtu({iface: now["interfaces"][iface]["link"]["mtu"] for iface in mtus})
    _lead(now, BACK, now, tools)


def _mtus(intent: Intent) -> dict[str, int]:
    """Return the MTU that each interface gets along with its tree; only of those that get another one."""
    return {iface: intent.of(iface).mtu for iface in intent.ifaces if intent.of(iface).mtu}


def _is_plain(state: State, of: tuple[str, ...] = ("objects", "bulk")) -> bool:
    """Return whether no interface of a State has objects of its own, or none of those kept in some way."""
    return not any(each.get(kept) for each in state["interfaces"].values() if each for kept in of)


def _from_where_it_was_made(intent: Intent, now: State, then: State, tools: Tools) -> None:
    """Go back and there again on the stand-ins on which the plan was made, where the host has its default trees alone.

    It is the same way, begun at its other end, and takes no second namespace. There is no state to make first.
    """
    mtus = _mtus(intent)
    set_mtu({iface: now["interfaces"][iface]["link"]["mtu"] for iface in mtus})
    _lead(now, BACK, now, tools)
    set_mtu(mtus)
    _lead(then, THERE, now, tools)


def _concerned(intent: Intent, current: State, wanted: State) -> tuple[State, State]:
    """Return both States with what the plan replaces alone, and with samples of what is there many times."""
    now: dict[str, Any] = {}
    then: dict[str, Any] = {}
    for iface in intent.ifaces:
        replaced = {hooks: touches(intent, current, iface, hooks=hooks) for hooks in (False, True)}
        names = [ifb_name(iface), iface] if replaced[True] else [iface]
        for name in names:
            pair = current["interfaces"].get(name), wanted["interfaces"][name]
            found = sampled(*pair)
            for state, interface, mine in ((now, pair[0], found[0]), (then, pair[1], found[1])):
                kept = [one for one in mine if name != iface or replaced[one.at_hook]]
                state[name] = interface and {"link": interface["link"], "default": True, **packed(kept)}
    return {"interfaces": now}, {"interfaces": then}


def _make_devices(intent: Intent, *states: State) -> None:
    """Make what stands for the plan's interfaces and for the devices that actions on them point at."""
    found = [one for state in states for each in state["interfaces"].values() for one in objects(each)]
    with RouteSocket() as route:
        for iface in intent.ifaces:
            stand_in(route, iface, states[0]["interfaces"][iface]["link"])
        there = {*links(route), *states[0]["interfaces"], *states[1]["interfaces"], GONE}
        for name in sorted({device for one in found for device in one.devices} - there):
            stand_in(route, name, UNKNOWN_LINK)


def _lead(target: State, step: str, present: State, tools: Tools) -> None:
    """Lead the stand-ins to a State, and see that they are there.

    Args:
        target: the State.
        step: what the step is in words, for a refusal.
        present: the host's present state, which says why something in it is known to be lost.
        tools: what runs programs.
    """
    ifaces = [name for name, each in target["interfaces"].items() if each and not each["link"].get("helper")]
    scope = {"ifaces": ifaces, "brief": True}
    for operation in operations(observe(scope, tools), target):
        for each in operation.payload["steps"]:
            each.pop("default_qdisc", None)  # it is the whole host's, and no default tree is compared here
        try:
            perform(operation, tools)
        except NetoptError as error:
            key, words = error.key or operation.key, error.after or error.message
            raise _refusal(step, key, operation.command, words, present) from None
    found = observe(scope, tools)
    for change in diff(found, target):
        raise _refusal(step, change.key, change.after or "nothing", f"it reads {change.before or 'nothing'}", present)
    for operation in operations(found, target):
        raise _refusal(step, operation.key, operation.command, "this is left to do", present)


def _refusal(step: str, key: str, wanted: str, after: str, present: State) -> NetoptError:
    """Return the error that names an object, the step, and why it is lost where that is known."""
    reasons = _reasons(present)
    mine = [reason for name, reason in reasons.items() if name.partition(" ")[0] == key.partition(" ")[0]]
    reason = reasons.get(key) or (mine[0] if mine else None)
    return NetoptError(
        f"{step}: {key}: {after}" + (f" ({reason})" if reason else ""),
        stage="rehearse",
        key=key,
        wanted=wanted,
        after=after,
        hint="Nothing was changed. " + LEAVE_OUT,
    )


def _reasons(present: State) -> dict[str, str]:
    """Return why objects of the present state are known to be lost, by their keys."""
    found: dict[str, str] = {}
    for name, interface in present["interfaces"].items():
        mine: list[TcObject] = objects(interface)
        mixed = mixed_up(mine)
        reasons = {f"{name} {one.name}": why_lost(one, mixed) for one in mine}
        found.update({key: reason for key, reason in reasons.items() if reason})
    return found
