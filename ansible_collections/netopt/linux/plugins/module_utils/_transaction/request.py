# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of this host."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from .._common.quick_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

OF_PLANS = frozenset({"plan", "plans", "remove", "judged", "digest", "adaptations"})


@dataclass(frozen=True)
class PlanRequest:
    """One plan that is to be applied.

    Attributes:
        plan: normalised ParameterPlan.
        digest: what the plan and its rendered text must hash to; ``None`` to take the plan as it is.
        adaptations: the policy's rules that fit a profile's values to a host; none for values that a user wrote.
    """

    plan: dict[str, Any]
    digest: str | None = None
    adaptations: list[dict[str, Any]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The plan's name, empty for one without."""
        return str(self.plan.get("name") or "")


@dataclass(frozen=True)
class Request:
    """What is asked of this host.

    Attributes:
        plans: what is to be applied, together.
        remove: names of plans that are to be taken away.
        by: who asks, for those who ask later who it was.
        skippable: ``{sysctl key: reason}`` of keys that a kernel may lack.
        modules: ``{sysctl key: kernel module}`` of keys that a module brings.
        labels: the host's labels from the inventory.
        link: the uplink of the host from the inventory, for plans that say none; ``None`` where it says none either.
        allowlist: what may be executed; ``None`` for what netopt ships.
        checkpoint_id: ``None`` to make one up.
        checkpoint_label: what a person calls the change.
        confirm_timeout_s: seconds in which the change has to be confirmed; 0 to keep it at once.
        persist: bring the change back after a restart of the host, once it is confirmed.
        check: say what would be done, and do nothing.
    """

    plans: tuple[PlanRequest, ...] = ()
    remove: tuple[str, ...] = ()
    by: str | None = None
    skippable: dict[str, str] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    link: dict[str, Any] | None = None
    allowlist: dict[str, list[str]] | None = None
    checkpoint_id: str | None = None
    checkpoint_label: str | None = None
    confirm_timeout_s: float = 0.0
    persist: bool = False
    check: bool = False


def request_of(options: Mapping[str, Any]) -> Request:
    """Return the request that the options of netopt_apply say.

    Args:
        options: ``plan`` with ``digest`` and ``adaptations``, or ``plans`` with these in ``judged``, or ``remove``; and
            the fields of a request.
    """
    rest = {name: value for name, value in options.items() if name not in OF_PLANS}
    plans = options.get("plans") or []
    judged = options.get("judged") or [{} for _plan in plans]
    if options.get("plan") is not None:
        plans, judged = [options["plan"]], [options]
    asked = tuple(
        PlanRequest(plan, said.get("digest"), said.get("adaptations") or []) for plan, said in zip(plans, judged)
    )
    return Request(plans=asked, remove=tuple(options.get("remove") or ()), **rest)
