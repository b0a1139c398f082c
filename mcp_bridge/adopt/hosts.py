# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes plans of what hosts hold beyond the defaults of their kernels, as far as these can be known.

The host compares with a new network namespace of its own. What that cannot tell is compared with the default that the
card of the key names; where it names none, the key is left alone.
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
Values = dict[str, tuple[str, str | None]]
"""By key its value, and the kernel's default; ``None`` where the host cannot tell that."""


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
        told = (adopted, left_out)
        hosts = next((hosts for hosts, *other in found.plans if tuple(other) == told), None)
        if hosts is None:
            found.plans.append(([host], adopted, left_out))
        else:
            hosts.append(host)
    if not found.plans:
        lines = "; ".join(f"{host}: {why}" for host, why in found.unanswered.items())
        raise RunError(f"No host answered: {lines}", hint="See that the hosts are reachable and that become is root.")
    return found


def _checked(values: Any) -> Values:
    """Return a host's answer, without what is no key with a value and a default; a host can send anything."""
    pairs = values.items() if isinstance(values, dict) else ()
    return {
        key: (pair[0], pair[1])
        for key, pair in pairs
        if isinstance(pair, list)
        and len(pair) == 2
        and isinstance(pair[0], str)
        and (pair[1] is None or isinstance(pair[1], str))
    }


def from_values(
    values: Mapping[str, tuple[str, str | None]], policy: Policy, *, iface: Any, name: str | None
) -> tuple[list[Adopted], list[LeftOut]]:
    """Return the plan of what one host holds, and what it holds that no plan says.

    Args:
        values: by key its value and its default, where that is known.
        policy: has the cards, and judges the plan.
        iface: the plan's interfaces.
        name: the plan's name.
    """
    found = Found()
    for key, (value, default) in sorted(values.items()):
        usual = default if default is not None else _of_card(key, policy)
        if usual is None or same(key, value, usual):
            continue
        text = f"{key} = {value}"
        reason = refused(key)
        if reason:
            found.leave_out(Place(f"by default {usual}"), text, f"{reason[0].upper()}{reason[1:]}.")
        else:
            found.set(Setting(("sysctl", key), value, Place(f"by default {usual}"), text))
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
