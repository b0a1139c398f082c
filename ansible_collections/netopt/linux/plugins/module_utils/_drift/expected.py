# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What should hold on a host by all changes that are in force, and what differs from it. Pure."""

from __future__ import annotations

import re
from dataclasses import asdict, field
from typing import TYPE_CHECKING, Any, Dict, List, Tuple

from .._checkpoint.led_to import laid_over, wider
from .._common.change import PLACES, SUBSYSTEMS, Change
from .._common.patterns import pattern
from .._common.quick_dataclass import dataclass
from .._link.origin import KINDS
from .._plan.nic_words import NIC, STEERING, TXQUEUELEN
from .._plans.compose import intents, touched
from .._plans.large import plain
from .._plans.record import InForce
from .._subsystems.table import TABLE
from .._tc.objects import ifb_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


GONE = "no such interface"
_OWNED = pattern(r"^table inet netopt \{ # progname (?P<name>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Drift:
    """One setting that is not as it should be.

    Attributes:
        subsystem: one of ``SUBSYSTEMS``, or ``persist`` for a file that is read at boot.
        key: the setting in the tool's own terms.
        wanted: the value that the change set, ``None`` where it took the setting away.
        found: the value there now, ``None`` where there is none.
        checkpoint_id: the change that set it.
        owner: who has the setting now, where that can be known.
    """

    subsystem: str
    key: str
    wanted: str | None
    found: str | None
    checkpoint_id: str
    owner: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        """Return the drift as JSON can carry it."""
        return asdict(self)


@dataclass
class Target:
    """What should hold.

    Attributes:
        scopes: ``{subsystem: scope}``: what to look at.
        states: ``{subsystem: state}``: what should be there.
        parts: ``[(checkpoint, {subsystem: state})]``, oldest first: which change set what.
    """

    scopes: dict[str, Any] = field(default_factory=dict)
    states: dict[str, Any] = field(default_factory=dict)
    parts: List[Tuple[str, Dict[str, Any]]] = field(default_factory=list)


def lay_over(target: Target, identity: str, scopes: Mapping[str, Any], states: Mapping[str, Any]) -> None:
    """Add what a newer change set to what should hold: of each setting the newest counts."""
    target.parts.append((identity, dict(states)))
    for name, state in states.items():
        target.scopes[name] = wider(target.scopes.get(name, {}), scopes[name])
        target.states[name] = laid_over(name, target.states.get(name), state)
    _same_queue_lengths(target.states)


def _same_queue_lengths(states: dict[str, Any]) -> None:
    """Have the states of tc say the queue lengths that those of the links do: a later plan may have set them."""
    links = states.get("link", {}).get("links", {})
    lengths = {iface: link[NIC][TXQUEUELEN] for iface, link in links.items() if TXQUEUELEN in link.get(NIC, {})}
    trees = states.get("tc", {}).get("interfaces", {})
    for iface in lengths.keys() & trees.keys():
        if trees[iface]:
            tree = {**trees[iface], "link": {**trees[iface]["link"], "txqlen": lengths[iface]}}
            states["tc"] = {**states["tc"], "interfaces": {**states["tc"]["interfaces"], iface: tree}}


def keep_claimed(target: Target, record: InForce) -> None:
    """Take out of what should hold what no plan in force says anything of any more: it was given back.

    Args:
        target: what the changes in force have led to.
        record: the plans in force.
    """
    asked = intents(record, touched(InForce(), record, record.sections), skippable={}, modules={})
    claims = {name: TABLE[name].origin.claims(intent) for name, intent in asked.items()}
    states = target.states
    if "sysctl" in states:
        mine = claims.get("sysctl", set())
        values = {key: value for key, value in states["sysctl"]["values"].items() if key in mine}
        modules = {name: state for name, state in states["sysctl"].get("modules", {}).items() if state == "used"}
        states["sysctl"] = {**states["sysctl"], "values": values, "modules": modules, "lro": {}}
    for name, inner in PLACES.items():
        if name not in states:
            continue
        mine = claims.get(name, set())
        ifaces = {claim.partition(" ")[0] for claim in mine}
        ifaces |= {ifb_name(iface) for iface in ifaces}
        kept = {iface: it for iface, it in states[name][inner].items() if iface in ifaces}
        if name == "link":
            kept = {iface: _claimed(iface, link, mine, record) for iface, link in kept.items()}
        elif name == "route":
            kept = {iface: _claimed_metrics(iface, routes, mine) for iface, routes in kept.items()}
        states[name] = {**states[name], inner: kept}
        target.scopes[name] = {
            **target.scopes[name],
            "ifaces": [i for i in target.scopes[name]["ifaces"] if i in ifaces],
        }
    if "nft" in states and "nft" not in asked:
        del states["nft"]


def _claimed(iface: str, link: Mapping[str, Any], claims: set[str], record: InForce) -> dict[str, Any]:
    """Return what of an interface's wanted state plans in force say something of."""
    mine = {claim.partition(" ")[2] for claim in claims if claim.startswith(f"{iface} ")}
    origins = record.origins.get("link", {})
    members = {member for name in mine for member in plain(origins.get(f"{iface} {name}", {})).get("requested", {})}
    found = {kind: value for kind, value in link.items() if kind != "mtu" or "mtu" in mine}
    for kind, names in (("active", mine), ("requested", members), (NIC, mine), (STEERING, mine)):
        if kind in link:
            found[kind] = {name: value for name, value in link[kind].items() if name in names}
    return found


def _claimed_metrics(iface: str, routes: Mapping[str, Any], claims: set[str]) -> dict[str, Any]:
    """Return what of the wanted routes of an interface plans in force say something of."""
    found = {}
    for name, entry in routes.items():
        network = name.partition(" ")[0]
        kept = {word: text for word, text in entry["metrics"].items() if f"{iface} {network} {word}" in claims}
        if kept:
            found[name] = {"metrics": kept}
    return found


def without(target: Target, missing: Iterable[str]) -> list[Change]:
    """Take interfaces that are gone out of what is looked at, and return that they are as differences."""
    found = []
    for iface in missing:
        for name, inner in PLACES.items():
            if iface in target.scopes.get(name, {}).get("ifaces", ()):
                target.scopes[name]["ifaces"].remove(iface)
                kept = {one: value for one, value in target.states[name][inner].items() if one != iface}
                target.states[name] = {**target.states[name], inner: kept}
                found.append(Change(name, iface, GONE, None))
    return found


def differences(name: str, current: Any, wanted: Any) -> list[Change]:
    """Return how a subsystem differs from what it should be, keys that are not there any more included."""
    pure = TABLE[name].pure
    wanted = TABLE[name].as_numbered(current, wanted)
    steps = pure.operations(current, wanted)
    found: list[Change] = list(pure.diff(current, wanted)) if steps else []
    if name == "sysctl":
        told = {change.key for change in found}
        found += [
            Change(name, key, None, value)
            for key, value in wanted.get("values", {}).items()
            if key not in told and value is not None and current["values"].get(key) is None
        ]
    return found or [Change(name, step.key, None, step.command) for step in steps]


def set_by(change: Change, target: Target) -> str:
    """Return the newest change that set a setting."""
    named = [identity for identity, states in target.parts if change.subsystem in states]
    covering = [name for name, states in target.parts if name in named and _covers(change, states[change.subsystem])]
    return str((covering or named)[-1])


def _covers(change: Change, state: Mapping[str, Any]) -> bool:
    """Return whether a state says anything of a setting."""
    first, _blank, rest = change.key.partition(" ")
    if change.subsystem == "sysctl":
        return change.key in state.get("values", {}) or (first == "module" and rest in state.get("modules", {}))
    if change.subsystem == "link":
        link = state.get("links", {}).get(first, {})
        return not rest or rest in link or any(rest in link.get(kind, {}) for kind in KINDS)
    if change.subsystem == "route":
        name, _blank, word = rest.rpartition(" ")
        return word in state.get("routes", {}).get(first, {}).get(name, {}).get("metrics", {})
    return change.subsystem not in ("tc", "adapt") or first in state.get("interfaces", {})


def nft_owner(state: Mapping[str, Any]) -> str | None:
    """Return the program that keeps the table for itself (nft's ``flags owner``), ``None`` where none does."""
    found = _OWNED.search(state.get("text", ""))
    return f"{found.group('name')}, which owns the table" if found else None


def route_owner(change: Change, state: Mapping[str, Any]) -> str | None:
    """Return who has made the route that a setting is of, ``None`` where nobody is known to write it again."""
    iface, _blank, rest = change.key.partition(" ")
    told = state["routes"].get(iface, {}).get(rest.rpartition(" ")[0], {}).get("text", {})
    return f"{told['owner']} (proto {told['protocol']})" if told.get("owner") else None


def in_order(found: Iterable[Drift]) -> list[Drift]:
    """Return drift in the order in which a plan is applied."""
    return sorted(found, key=lambda one: SUBSYSTEMS.index(one.subsystem))
