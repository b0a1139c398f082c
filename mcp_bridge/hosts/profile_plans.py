# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drafts plans from a profile for the hosts at hand: one plan for all hosts that come to the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mcp_bridge.backends import inventory
from mcp_bridge.collection import interfaces
from mcp_bridge.collection.errors import NetoptError
from mcp_bridge.collection.interfaces import Wanted
from mcp_bridge.collection.keys import IFACE
from mcp_bridge.collection.uplink import VARIABLE
from mcp_bridge.errors import InventoryError, PlanError
from mcp_bridge.hosts import query as host_query
from mcp_bridge.models import ParameterPlan
from mcp_bridge.models.base import AnyJson, Strict
from mcp_bridge.planning import planner
from mcp_bridge.policy import Policy
from mcp_bridge.runs.task import Scope
from mcp_bridge.service import Service
from mcp_bridge.validator import profile_changes


class Adjustment(Strict):
    """A value of the profile that a rule changed."""

    key: str
    """The kernel parameter, or the field of ``changes``."""
    before: AnyJson = None
    """The profile's value; absent where it has none."""
    after: AnyJson = None
    """The value in the plan; absent where it has none."""


class Adaptation(Strict):
    """What one rule made of the profile's values."""

    rule: str
    """The rule's id, as in policy://rules."""
    message: str
    """Why it changes values."""
    changes: list[Adjustment]
    """The values that it changed."""
    hosts: list[str] | None = None
    """The hosts of the group that it holds for; absent when it holds for all of them."""


class LeftOut(Strict):
    """A setting that hosts cannot have."""

    key: str
    """The kernel parameter, or the field of ``changes``."""
    reason: str
    """Why not."""
    rule: str | None = None
    """The rule that left it out; absent where the host's kernel lacks it."""
    hosts: list[str] | None = None
    """The hosts of the group that lack it; absent when all of them do."""


class Draft(Strict):
    """A plan and the hosts that it was drafted for."""

    plan: ParameterPlan
    """The plan; validate and render it, then apply it to its hosts."""
    hosts: list[str]
    """The hosts, sorted."""
    pattern: str
    """The same hosts as a pattern for the ``hosts`` of other tools."""
    adapted: list[Adaptation] = []
    """Which rule changed what."""
    unsupported: list[LeftOut] = []
    """Values of the profile that the hosts cannot have; they are not in the plan."""
    will_fail: list[LeftOut] = []
    """Values in ``overrides`` that the hosts cannot have; they are in the plan, and applying it will fail."""


class Drafts(Strict):
    """The plans that a profile comes to."""

    profile: str
    """The profile."""
    plans: list[Draft]
    """Hosts with equal plans are together; the largest group comes first."""
    unplanned: dict[str, str] = {}
    """By host: why there is no plan for it."""


Entry = TypeVar("Entry", Adaptation, LeftOut)


@dataclass
class _Group:
    """Hosts whose plans have the same changes."""

    plan: ParameterPlan
    hosts: list[str] = field(default_factory=list)
    adapted: dict[str, tuple[Adaptation, list[str]]] = field(default_factory=dict)
    unsupported: dict[str, tuple[LeftOut, list[str]]] = field(default_factory=dict)
    will_fail: dict[str, tuple[LeftOut, list[str]]] = field(default_factory=dict)

    def add(self, host: str, fitted: planner.Fitted) -> None:
        """Take in a host."""
        self.hosts.append(host)
        for step in fitted.steps:
            if step["changes"]:
                said = {name: step[name] for name in ("rule", "message", "changes")}
                _note(self.adapted, Adaptation.model_validate(said), host)
            for key in step["left_out"]:
                _note(self.unsupported, LeftOut(key=key, reason=step["message"], rule=step["rule"]), host)
        for entry in fitted.left_out:
            _note(self.unsupported, LeftOut(key=entry.key, reason=entry.reason), host)
        for entry in fitted.kept:
            _note(self.will_fail, LeftOut(key=entry.key, reason=entry.reason), host)

    def draft(self) -> Draft:
        """Return what is said of the group."""
        return Draft(
            plan=self.plan,
            hosts=self.hosts,
            pattern=",".join(self.hosts),
            adapted=[self._of(entry, hosts) for entry, hosts in self.adapted.values()],
            unsupported=[self._of(entry, hosts) for entry, hosts in self.unsupported.values()],
            will_fail=[self._of(entry, hosts) for entry, hosts in self.will_fail.values()],
        )

    def _of(self, entry: Entry, hosts: list[str]) -> Entry:
        return entry if hosts == self.hosts else entry.model_copy(update={"hosts": hosts})


def _note(notes: dict[str, Any], entry: Adaptation | LeftOut, host: str) -> None:
    notes.setdefault(entry.model_dump_json(), (entry, []))[1].append(host)


def from_profile(
    service: Service,
    profile: str,
    *,
    iface: Wanted | list[Wanted],
    overrides: Mapping[str, Any],
    scope: Scope,
    link: Mapping[str, Any] | None = None,
) -> Drafts:
    """Gather the hosts' facts and return the plans that ``profile`` comes to on them.

    Args:
        service: the policy and the hosts.
        profile: its name.
        iface: as in a plan.
        overrides: changes that replace the profile's.
        scope: which hosts.
        link: the uplink behind the interface, as in a plan; by default each host's, as the inventory tells of it.

    Raises:
        PlanError: there is no such profile, or the plan that results has errors.
        RunError: not one host answered.
    """
    policy = service.policy
    planner.fit(profile, iface, None, overrides, policy, link=link)  # refused before any host is asked
    answers = host_query.facts(service.fleet(), scope, keys=fact_keys(policy, profile, overrides))
    problem = host_query.all_failed(answers)
    if problem is not None:
        raise problem
    facts = {host: answer.data for host, answer in answers.hosts.items()}
    messages = {host: answer.message for host, answer in answers.hosts.items() if answer.message}
    links = dict.fromkeys(facts, link) if link else _links(service, scope)
    return group(facts, profile, iface=iface, overrides=overrides, policy=policy, messages=messages, links=links)


def _links(service: Service, scope: Scope) -> dict[str, Mapping[str, Any]]:
    """Return the uplinks that the inventory tells of, by host; a template is for the host alone to evaluate."""
    try:
        hosts = inventory.read(scope.inventory or service.settings.inventory, limit=scope.limit)
    except InventoryError:  # that of an AWX is not here
        return {}
    told = {host.name: host.variables.get(VARIABLE) for host in hosts}
    return {host: link for host, link in told.items() if isinstance(link, dict) and "{" not in str(link.values())}


def group(  # noqa: PLR0913 - what a draft is made of, by name
    facts: Mapping[str, Mapping[str, Any] | None],
    profile: str,
    *,
    iface: Wanted | list[Wanted],
    overrides: Mapping[str, Any],
    policy: Policy,
    messages: Mapping[str, str] | None = None,
    links: Mapping[str, Mapping[str, Any] | None] | None = None,
) -> Drafts:
    """Return the plans that a profile comes to on hosts with these facts.

    Args:
        facts: by host, ``None`` where there are none.
        profile: its name.
        iface: as in a plan.
        overrides: changes that replace the profile's.
        policy: brings the profile and the rules.
        messages: by host, why there are no facts.
        links: by host, the uplink behind the interface.

    Returns:
        The plans; a host whose plan has errors is among those without one.
    """
    groups: dict[str, _Group] = {}
    unplanned: dict[str, str] = {}
    for host, known in sorted(facts.items()):
        if known is None:
            unplanned[host] = (messages or {}).get(host) or "The host gave no facts"
            continue
        try:
            lacking = _missing_interface(known, iface)
            if lacking:
                unplanned[host] = lacking
                continue
            fitted = planner.fit(profile, iface, known, overrides, policy, link=(links or {}).get(host))
        except PlanError as error:  # what goes for all hosts has been refused before
            unplanned[host] = str(error)
            continue
        except (AttributeError, KeyError, TypeError, ValueError):  # a host can send anything for a fact
            unplanned[host] = "The host's facts do not have the expected shape"
            continue
        key = fitted.plan.model_copy(update={"rationale": []}).model_dump_json()
        groups.setdefault(key, _Group(fitted.plan)).add(host, fitted)
    plans = [found.draft() for found in groups.values()]
    plans.sort(key=lambda draft: (-len(draft.hosts), draft.hosts))
    return Drafts(profile=profile, plans=plans, unplanned=unplanned)


def _missing_interface(facts: Mapping[str, Any], iface: Wanted | list[Wanted]) -> str | None:
    """Return why a host has no such interface, ``None`` where it has."""
    try:
        interfaces.host_interfaces(interfaces.named({"iface": iface}), facts)
    except NetoptError as error:
        return f"{error.message}. {error.hint}"
    return None


def fact_keys(policy: Policy, profile: str, overrides: Mapping[str, Any] | None = None) -> list[str]:
    """Return the sysctl keys whose present values matter to the profile, its adaptations and the overrides."""
    keys = set(profile_changes(policy.profiles[profile], policy).get("sysctl", {}))
    for rule in policy.rules.adaptations_for(profile):
        for part in ("set", "cap", "raise", "keep_higher"):
            content = rule.get(part) or {}
            keys.update(content.get("sysctl") or {})
    own = (overrides or {}).get("sysctl")
    keys.update(map(str, own) if isinstance(own, dict) else ())
    return sorted(key for key in keys if IFACE not in key)
