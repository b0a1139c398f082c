# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plans in force on the fleet: what each host holds by which plan."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError, WithJsonSchema

from mcp_bridge import untrusted_text
from mcp_bridge.models.base import Strict
from mcp_bridge.runs.playbook_run import Fleet
from mcp_bridge.runs.task import Finished, Scope, Task

Json = Annotated[
    Any,
    WithJsonSchema({"anyOf": [{"type": kind} for kind in ("string", "number", "boolean", "array", "object", "null")]}),
]


class SectionInForce(Strict):
    """What a plan sets of one thing."""

    path: str
    """Where it stands in ``changes``, e.g. ``sysctl.net.core.somaxconn``."""
    ifaces: list[str] = []
    """The interfaces as the host calls them; none for kernel parameters."""
    value: Json = None
    """What the plan says."""
    checkpoint_id: str = ""
    """The change that set it."""
    persist: bool = False
    """Whether it is there again after a restart."""


class PlanInForce(Strict):
    """A plan that is in force on a host."""

    name: str | None = None
    """Its name; none for what plans without a name have set."""
    digest: str | None = None
    """Digest of the plan and its text, as it was applied last."""
    checkpoint_id: str | None = None
    """The change that applied it last."""
    since: str | None = None
    """When that was, by the host's clock, UTC."""
    by: str | None = None
    """Who asked for it."""
    sections: list[SectionInForce]
    """What it sets."""


PLANS = TypeAdapter(list[PlanInForce])


class PlansInForce(Strict):
    """The plans in force on hosts."""

    hosts: dict[str, list[PlanInForce]]
    """By host, the plan without a name first."""
    unanswered: dict[str, str] = {}
    """By host: why it did not answer."""
    note: str = untrusted_text.NOTE
    """How to take the text in it."""


def read(fleet: Fleet, scope: Scope) -> PlansInForce:
    """Ask the hosts which plans are in force.

    Raises:
        InventoryError: no host matches.
        RunError: the playbook could not be run.
    """
    return gather(fleet.run(Task("plans"), scope))


def gather(finished: Finished) -> PlansInForce:
    """Return what the hosts answered."""
    found = finished.events.results("plans")
    hosts: dict[str, list[PlanInForce]] = {}
    unanswered: dict[str, str] = {}
    for name, report in sorted(finished.hosts.items()):
        if name in found:
            try:
                hosts[name] = PLANS.validate_python(found[name])
            except ValidationError:  # a host can send anything; the others' plans are listed all the same
                unanswered[name] = "The host's answer does not have the expected shape"
        elif report.status != "skipped":
            unanswered[name] = report.error.message if report.error else report.status
    return PlansInForce(hosts=hosts, unanswered=unanswered)
