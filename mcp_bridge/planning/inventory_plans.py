# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plans that an inventory's variables give each host."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mcp_bridge import documents
from mcp_bridge.backends import inventory
from mcp_bridge.errors import InventoryError, NetoptBridgeError, PlanError
from mcp_bridge.models import Issue
from mcp_bridge.planning.host_plans import Given, HostPlans, check_each, named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mcp_bridge.policy import Policy
    from mcp_bridge.settings import Settings

ONE, SEVERAL = "netopt_plan", "netopt_plans"


def refuse_awx(settings: Settings) -> None:
    """Refuse to give each host its own plan where an AWX runs playbooks: it has the inventory, and gives the plans.

    Raises:
        NetoptBridgeError: it is an AWX.
    """
    if settings.backend == "awx":
        raise NetoptBridgeError(
            "The variables of AWX's inventory are not read from here",
            hint="Launch AWX's job template for netopt.linux.apply without a plan: each host gets its netopt_plan.",
        )


def read(source: str | None, *, limit: str | None, policy: Policy) -> HostPlans:
    """Return the plans of an inventory's hosts, each different one checked once.

    Args:
        source: the inventory, ``None`` for the configured one.
        limit: host pattern, ``None`` for all hosts.
        policy: what the plans are judged by.

    Raises:
        InventoryError: the inventory cannot be read, no host matches, or none has a plan.
        PlanError: a plan is refused, or a host's variables say none; carries the issues of all hosts.
    """
    values, numbers, errors = inventory.plans(source, limit=limit)
    hosts: list[list[str]] = [[] for _value in values]
    for host in sorted(numbers):
        hosts[numbers[host]].append(host)
    issues = [Issue(path=f"{host}: {ONE}", message=message) for host, message in sorted(errors.items())]
    given: list[Given] = []
    without: list[str] = []
    for value, names in zip(values, hosts, strict=True):
        try:
            plans = _plans(value)
        except _NoPlanError as error:
            issues.append(Issue(path=f"{named(names)}: {error.variable}", message=error.message, hint=error.hint))
            continue
        if plans:
            given.append(Given(plans, tuple(names)))
        else:
            without += names
    if not given and not issues:
        raise InventoryError(
            f"No host of {source or 'the inventory of ansible.cfg'} has the variable {ONE} or {SEVERAL}",
            hint="Give hosts or groups one, as in: netopt_plan: {iface: eth0, changes: {...}}",
        )
    try:
        found = check_each(given, policy, without=without)
    except PlanError as error:
        raise PlanError([*issues, *error.issues]) from None
    if issues:
        raise PlanError(issues)
    return found


class _NoPlanError(Exception):
    """A variable that says no plan."""

    def __init__(self, variable: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.variable = variable
        self.message = message
        self.hint = hint


def _plans(variables: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return the plans that a host's variables say, none where they say none."""
    several = _listed(variables.get(SEVERAL))
    if several and variables.get(ONE) is not None:
        raise _NoPlanError(SEVERAL, f"{ONE} and {SEVERAL} are both set", "Keep one of the two.")
    name = SEVERAL if several else ONE
    found = []
    for value in several or [variables.get(ONE)]:
        if isinstance(value, str):  # a template that makes JSON or YAML, or text as in a survey
            value = _parsed(value, name)  # noqa: PLW2901 - the same, read
        if value is not None and not isinstance(value, dict):
            raise _NoPlanError(name, "This is no object", "A plan looks like iface: eth0, changes: {...}")
        found += [] if value is None else [value]
    return tuple(found)


def _listed(value: Any) -> Sequence[Any]:
    if isinstance(value, str):
        value = _parsed(value, SEVERAL)
    if value is not None and not isinstance(value, list):
        raise _NoPlanError(SEVERAL, "This is no list", f"Write a list of plans, or one plan as {ONE}.")
    return value or ()


def _parsed(text: str, name: str) -> Any:
    try:
        return documents.parse(text, name=name)
    except documents.DocumentError as error:
        raise _NoPlanError(name, error.message, error.hint) from None
    except json.JSONDecodeError as error:
        raise _NoPlanError(name, f"Not JSON: {error}", "Mend it; YAML is accepted as well.") from None
