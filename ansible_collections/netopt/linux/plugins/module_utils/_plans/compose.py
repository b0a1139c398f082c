# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Composes the plans in force into what a host shall hold. Pure.

Only what a change touches is composed: the kernel parameters, offloads and interfaces' trees that it names or takes
away, and table ``inet netopt`` as a whole where it has anything to do with it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Set, Tuple

from .._common.intents import together
from .._common.quick_dataclass import dataclass
from .._plan.adapting import adapting
from .._plan.nic_words import NIC, STEERING, TXQUEUELEN, nested
from .._plan.routes import DST, ROUTES
from .._subsystems.table import TABLE
from .._sysctl.side_effects import disturbed
from .record import HTB, OFFLOADS, SIDE_BY_SIDE, SYSCTL, TRACKING, TRACKING_RULES, UNNAMED, InForce, Section

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

MTU = "mtu"
LINK = (MTU, OFFLOADS, NIC, STEERING)
TREE = ("qdisc", "ingress", "shaper", "netem", HTB)
RULES = (*SIDE_BY_SIDE, TRACKING)


@dataclass(frozen=True)
class Part:
    """What stands together for some interfaces.

    Attributes:
        plan: whose it is; ``UNNAMED`` also for what several plans make together, which is a tree.
        ifaces: the interfaces.
        changes: fields of a plan's ``changes``, none of them null.
    """

    plan: str
    ifaces: Tuple[str, ...]
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class Touched:
    """What a change is about.

    Attributes:
        keys: kernel parameters that it sets or lets go.
        links: ``(interface, offload, setting of queues or "mtu")``.
        trees: interfaces whose trees it makes anew.
        table: whether it makes the table anew.
        routes: ``(interface, network and word)``.
    """

    keys: Set[str]
    links: Set[Tuple[str, str]]
    trees: Set[str]
    table: bool
    routes: Set[Tuple[str, str]] = field(default_factory=set)


def touched(before: InForce, after: InForce, named: Iterable[Section]) -> Touched:
    """Return what a change is about: what its plans name, and what is in force on one side of it alone."""
    old, new = set(map(_identity, before.sections)), set(map(_identity, after.sections))
    changed = [one for one in before.sections if _identity(one) not in new]
    changed += [one for one in after.sections if _identity(one) not in old]
    about = [*named, *changed]
    tracking = [one for one in about if one.field == TRACKING]
    shaped = {iface for one in after.sections if one.field in TREE for iface in one.ifaces}
    # some qdiscs take their length from the interface's queue length when they are made
    lengths = {iface for one in about if (one.field, one.key) == (NIC, TXQUEUELEN) for iface in one.ifaces}
    keys = {one.key for one in about if one.field == SYSCTL} | {key for one in tracking for key in _keys_of(one)}
    every = {one.key for one in after.sections if one.field == SYSCTL}
    return Touched(
        keys=keys | disturbed(every, keys),  # what the kernel changes along with them is written once more
        links={(iface, one.key or MTU) for one in about if one.field in LINK for iface in one.ifaces},
        trees={iface for one in about if one.field in TREE for iface in one.ifaces} | lengths & shaped,
        table=any(one.field in RULES and _in_table(one) for one in about),
        routes={(iface, one.key) for one in about if one.field == ROUTES and one.key for iface in one.ifaces},
    )


def of_present(about: Touched, present: Container[str]) -> Touched:
    """Return what a change is about without interfaces that the host has not."""
    return replace(
        about,
        links={each for each in about.links if each[0] in present},
        trees={iface for iface in about.trees if iface in present},
        routes={each for each in about.routes if each[0] in present},
    )


def _identity(one: Section) -> tuple[Any, ...]:
    return one.plan, one.field, one.key, one.ifaces, id(one.value) if one.field == HTB else repr(one.value)


def _keys_of(one: Section) -> set[str]:
    """Return the kernel parameters that a section of connection tracking sets."""
    return set(TABLE["sysctl"].origin.claims(TABLE["sysctl"].pure.intent({TRACKING: one.said or {}})))


def _in_table(one: Section) -> bool:
    """Return whether a section has to do with rules; timeouts of connection tracking have not."""
    return one.field != TRACKING or not one.said or any(name in one.said for name in TRACKING_RULES)


def settings(record: InForce, about: Touched) -> dict[str, Any]:
    """Return the changes by which the kernel parameters that are touched are set."""
    found: dict[str, Any] = {}
    for one in record.sections:
        if one.field == SYSCTL and one.key in about.keys:
            found.setdefault(SYSCTL, {})[one.key] = one.said
        elif one.field == TRACKING and _keys_of(one) & about.keys:
            found.setdefault(TRACKING, {}).update(one.said)
    return found


def links(record: InForce, about: Touched) -> list[Part]:
    """Return what is set of interfaces, as far as it is touched."""
    found: Dict[str, Dict[str, Any]] = defaultdict(dict)
    for one in record.sections:
        for iface in one.ifaces:
            if one.field == MTU and (iface, MTU) in about.links:
                found[iface][MTU] = one.said
            elif one.field in LINK and (iface, one.key) in about.links:
                found[iface].setdefault(one.field, {})[one.key] = one.said
    for changes in found.values():
        changes.update({NIC: nested(changes[NIC])} if NIC in changes else {})
    return _grouped(found)


def routes(record: InForce, about: Touched) -> list[Part]:
    """Return what is set of routes, as far as it is touched."""
    found: Dict[str, Dict[str, Dict[str, Any]]] = defaultdict(dict)
    for one in record.sections:
        for iface in one.ifaces:
            if one.field == ROUTES and (iface, one.key) in about.routes:
                network, _blank, word = one.key.partition(" ")
                found[iface].setdefault(network, {DST: network})[word] = one.said
    return _grouped({iface: {ROUTES: list(each.values())} for iface, each in found.items()})


def trees(record: InForce, ifaces: Iterable[str]) -> list[Part]:
    """Return what makes the trees of some interfaces, out of the sections of all plans."""
    wanted = set(ifaces)
    found: Dict[str, Dict[str, Any]] = defaultdict(dict)
    mtus: Dict[str, Any] = {}
    for one in record.sections:
        for iface in one.ifaces:
            if iface not in wanted:
                continue
            if one.field == MTU:
                mtus[iface] = one.said
            elif one.field == HTB:
                found[iface].update(one.said)
            elif one.field in TREE:
                found[iface][one.field] = one.said
    for iface, mtu in mtus.items():
        if iface in found:
            found[iface][MTU] = mtu
    return _grouped(found)


def rules(record: InForce) -> list[Part]:
    """Return the rules of all plans, in the order of their names."""
    found: Dict[Tuple[str, Tuple[str, ...]], Dict[str, Any]] = {}
    for one in sorted(record.sections, key=lambda one: one.plan):
        if one.field in RULES:
            found.setdefault((one.plan, one.ifaces), {})[one.field] = one.said
    return [Part(plan, ifaces, changes) for (plan, ifaces), changes in found.items()]


def _grouped(by_iface: Mapping[str, Dict[str, Any]]) -> list[Part]:
    """Return what is the same for several interfaces as one part."""
    found: List[Tuple[List[str], Dict[str, Any]]] = []
    for iface, changes in by_iface.items():
        for ifaces, known in found:
            if known == changes:
                ifaces.append(iface)
                break
        else:
            found.append(([iface], changes))
    return [Part(UNNAMED, tuple(ifaces), changes) for ifaces, changes in found]


def intents(
    record: InForce, about: Touched, *, skippable: Mapping[str, str], modules: Mapping[str, str]
) -> dict[str, Any]:
    """Return what the plans in force ask of each subsystem, as far as a change touches it.

    Args:
        record: what is to be in force.
        about: what the change touches.
        skippable: ``{kernel parameter: reason}`` of those that a kernel may lack.
        modules: ``{kernel parameter: kernel module}`` of those that a module brings.
    """
    shaped = trees(record, about.trees)
    found = {
        "sysctl": TABLE["sysctl"].pure.intent(settings(record, about), (), skippable=skippable, modules=modules),
        "link": _together("link", links(record, about)),
        "route": _together("route", routes(record, about)),
        "tc": _together("tc", shaped),
    }
    found["sysctl"] = _only_keys(found["sysctl"], about.keys)
    classes = _together("nft", [part for part in shaped if HTB in part.changes])
    if about.table or classes:
        found["nft"] = _together("nft", [*rules(record), *shaped])
    moved = [part for part in shaped if adapting(part.changes)]
    if moved:
        found["adapt"] = _together("adapt", moved)
    return {name: intent for name, intent in found.items() if intent}


def _only_keys(intent: Any, keys: Set[str]) -> Any:
    """Return an intent without kernel parameters that connection tracking brings along and that are not touched."""
    return replace(
        intent,
        values={key: value for key, value in intent.values.items() if key in keys},
        floors={key: value for key, value in intent.floors.items() if key in keys},
    )


def _together(subsystem: str, parts: Iterable[Part]) -> Any:
    """Return what some parts ask of a subsystem."""
    pure = TABLE[subsystem].pure
    named = subsystem == "nft"
    every = [pure.intent(part.changes, part.ifaces, **({"plan": part.plan} if named else {})) for part in parts]
    return together([one for one in every if one or (named and one.shapes)] or every)
