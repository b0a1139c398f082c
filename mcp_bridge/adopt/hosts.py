# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes plans of what hosts hold beyond the defaults of their kernels, as far as these can be known.

The host compares with a new network namespace of its own. What that cannot tell is compared with the default that the
card of the key names; where it names none, the key is left alone. Who has set a value is told as far as the host's
files tell it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.keys import same
from mcp_bridge.errors import RunError
from mcp_bridge.policy.sysctl_keys import refused
from mcp_bridge.runs.task import Task

from .found import Found, LeftOut, Place, Setting
from .plans import Adopted, plans_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_bridge.policy import Policy
    from mcp_bridge.runs.playbook_run import Fleet
    from mcp_bridge.runs.task import Scope

SUBSET = "beyond_defaults"
SET = "; set "
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
    finished = fleet.run(Task("info", {"netopt_gather": [SUBSET], "netopt_iface": []}), scope)
    info, problems = finished.events.results("info"), finished.events.results("problems")
    found = OfHosts()
    for host, report in sorted(finished.hosts.items()):
        values = (info.get(host) or {}).get(SUBSET)
        if values is None:
            error = report.error.message if report.error else "; ".join(problems.get(host) or ()) or report.status
            found.unanswered[host] = error
            continue
        adopted, left_out = from_values(_checked(values), policy, iface=iface, name=name)
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


def _checked(values: Any) -> Values:
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


def from_values(
    values: Mapping[str, tuple[str, str | None, str | None]], policy: Policy, *, iface: Any, name: str | None
) -> tuple[list[Adopted], list[LeftOut]]:
    """Return the plan of what one host holds, and what it holds that no plan says.

    Args:
        values: by key its value, and its default and who has set it, where these are known.
        policy: has the cards, and judges the plan.
        iface: the plan's interfaces.
        name: the plan's name.
    """
    found = Found()
    for key, (value, default, who) in sorted(values.items()):
        usual = default if default is not None else _of_card(key, policy)
        if usual is None or same(key, value, usual):
            continue
        text = f"{key} = {value}"
        place = Place(f"by default {usual}" + (f"{SET}{who}" if who else ""))
        reason = refused(key)
        if reason:
            found.leave_out(place, text, f"{reason[0].upper()}{reason[1:]}.")
        else:
            found.set(Setting(("sysctl", key), value, place, text))
    return plans_of(found, policy, iface=iface, name=name), found.left_out


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
