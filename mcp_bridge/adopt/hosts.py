# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes plans of what hosts hold beyond the defaults of their kernels, as far as these can be known.

A host compares its kernel parameters with a new network namespace of its own. What that cannot tell is compared with
the default that the card of the key names; where it names none, the key is left alone. What interfaces hold is in
``devices.py``. Who has set a value is told as far as the host's files tell it; what a plan in force sets is left out.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.feature_names import plan_name
from mcp_bridge.collection.keys import same
from mcp_bridge.errors import RunError
from mcp_bridge.policy.sysctl_keys import refused
from mcp_bridge.runs.task import Task

from . import devices
from .found import SET, Found, LeftOut, Place, Setting, place_of
from .plans import TREE, Adopted, plans_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mcp_bridge.policy import Policy
    from mcp_bridge.runs.playbook_run import Fleet
    from mcp_bridge.runs.task import Scope

BEYOND_DEFAULTS, DEVICES = "beyond_defaults", "devices"
AUTO, TC = "auto", "tc"
UNREADABLE = (AttributeError, IndexError, KeyError, TypeError, ValueError, struct.error)
Values = dict[str, tuple[str, str | None, str | None]]
"""By key its value, the kernel's default and who has set it; ``None`` for what the host cannot tell."""


@dataclass
class OfHosts:
    """What came of some hosts, those with equal plans together.

    Attributes:
        plans: ``[(hosts, adopted, left out)]``.
        unanswered: why a host gave no answer.
    """

    plans: list[tuple[list[str], list[Adopted], list[LeftOut]]] = field(default_factory=list)
    unanswered: dict[str, str] = field(default_factory=dict)


def from_hosts(fleet: Fleet, scope: Scope, policy: Policy, *, iface: Any, name: str | None) -> OfHosts:
    """Ask hosts what they hold, and return the plans that say it.

    Raises:
        InventoryError: no host matches.
        RunError: the playbook could not be run, or no host answered.
    """
    finished = fleet.run(Task("info", {"netopt_gather": [BEYOND_DEFAULTS, DEVICES], "netopt_iface": []}), scope)
    info, problems = finished.events.results("info"), finished.events.results("problems")
    found = OfHosts()
    for host, report in sorted(finished.hosts.items()):
        told = info.get(host) or {}
        if told.get(BEYOND_DEFAULTS) is None or told.get(DEVICES) is None:
            error = report.error.message if report.error else "; ".join(problems.get(host) or ()) or report.status
            found.unanswered[host] = error
            continue
        values = checked(told[BEYOND_DEFAULTS])
        try:
            adopted, left_out = from_host(values, told[DEVICES], policy, iface=iface, name=name)
        except UNREADABLE as error:  # a host can send anything
            found.unanswered[host] = f"What it says of its interfaces cannot be read: {type(error).__name__} {error}"
            continue
        alike = next((told for told in found.plans if _alike(told[1:], (adopted, left_out))), None)
        if alike is None:
            found.plans.append(([host], adopted, left_out))
        else:
            alike[0].append(host)
            _share(alike[1], adopted)
    if not found.plans:
        lines = "; ".join(f"{host}: {why}" for host, why in found.unanswered.items())
        raise RunError(f"No host answered: {lines}", hint="See that the hosts are reachable and that become is root.")
    return found


def checked(values: Any) -> Values:
    """Return a host's answer, without what is no key with a value and a default; a host can send anything."""
    pairs = values.items() if isinstance(values, dict) else ()
    return {
        key: (told[0], told[1], told[2] if len(told) > 2 else None)
        for key, told in pairs
        if isinstance(told, list)
        and len(told) in (2, 3)
        and isinstance(told[0], str)
        and all(each is None or isinstance(each, str) for each in told[1:])
    }


def _alike(one: tuple[list[Adopted], list[LeftOut]], other: tuple[list[Adopted], list[LeftOut]]) -> bool:
    """Return whether the plans of two hosts are equal, and what is left out of them; whoever has set it."""
    return [each.plan for each in one[0]] == [each.plan for each in other[0]] and [
        (line.text, line.reason) for line in one[1]
    ] == [(line.text, line.reason) for line in other[1]]


def _share(adopted: list[Adopted], others: list[Adopted]) -> None:
    """Keep who has set a setting only where that is the same on another host as well."""
    for one, other in zip(adopted, others, strict=True):
        for path, place in one.places.items():
            if other.places.get(path) != place:
                one.places[path] = Place(place.file.partition(SET)[0] + f"{SET}in different places")


def from_host(
    values: Values, told: Mapping[str, Any], policy: Policy, *, iface: Any, name: str | None
) -> tuple[list[Adopted], list[LeftOut]]:
    """Return the plans of what one host holds, and what it holds that no plan says.

    Args:
        values: of kernel parameters.
        told: of interfaces and routes, as ``devices.take`` takes it; empty for none.
        policy: has the cards, and judges the plans.
        iface: the interfaces of the plan of the host as a whole; a name or a glob bounds which are looked at.
        name: the name of the plan; a number is added where there are several.
    """
    found = Found()
    _parameters(values, policy, found)
    if told:
        ours = _ours(told["plans"])
        shaped = {name: why for (path, name), why in ours.items() if path == TC}
        devices.take(told, found, only="*" if iface == AUTO else str(iface), shaped=shaped)
        _without(ours, found)
    _together(found)
    return plans_of(found, policy, iface=iface, name=name), found.left_out


def _ours(plans: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """Return what plans in force set, by path and interface, with the words that say so; a tree of tc as a whole."""
    ours = {}
    for plan in plans:
        told = f"The plan {plan['name']} sets it" if plan["name"] else "A plan without a name sets it"
        for section in plan["sections"]:
            field, _dot, key = section["path"].partition(".")
            path = TC if field in TREE else f"{field}.{plan_name(key)}" if field == "offloads" else section["path"]
            for name in section["ifaces"] or [""]:
                ours[path, name] = f"{told}, in force here since {plan['since']}."
    return ours


def _without(ours: Mapping[tuple[str, str], str], found: Found) -> None:
    """Leave out what plans in force set."""
    for ifaces, settings in found.settings.items():
        for path, one in list(settings.items()):
            names = [f"routes.{path[1]} {word}" for word in one.value] if path[0] == "routes" else [".".join(path)]
            why = next((why for name in names for each in (ifaces or ("",)) if (why := ours.get((name, each)))), None)
            if why:
                del settings[path]
                found.leave_out(one.place, one.text, why)


def _together(found: Found) -> None:
    """Have interfaces that hold the same be in one plan, and with them the host where there is one such plan."""
    alike: dict[str, list[str]] = {}
    for ifaces, settings in found.settings.items():
        if ifaces and settings:
            alike.setdefault(repr(sorted((path, repr(one.value)) for path, one in settings.items())), []).extend(ifaces)
    for names in alike.values():
        settings = found.settings[names[0],]
        for name in names:
            del found.settings[name,]
        found.settings[tuple(names)] = settings
    if len(alike) == 1:
        found.move(None, tuple(*alike.values()))


def _parameters(values: Values, policy: Policy, found: Found) -> None:
    """Take in kernel parameters that are not as by default."""
    for key, (value, default, who) in sorted(values.items()):
        usual = default if default is not None else _of_card(key, policy)
        if usual is None or same(key, value, usual):
            continue
        text = f"{key} = {value}"
        place = place_of(usual, who)
        reason = refused(key)
        if reason:
            found.leave_out(place, text, f"{reason[0].upper()}{reason[1:]}.")
        else:
            found.set(Setting(("sysctl", key), value, place, text))


def _of_card(key: str, policy: Policy) -> str | None:
    """Return the kernel's default as a card names it."""
    name, card = policy.covering(key), policy.card_of(key)
    if card is None or name is None:
        return None
    if name in card.keys:
        default = card.keys[name].default
        return None if default is None else str(default)
    parts = [parameter.default for parameter in card.parameters]
    return " ".join(map(str, parts)) if parts and None not in parts else None
