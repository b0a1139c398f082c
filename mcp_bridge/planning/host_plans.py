# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans that differ from host to host: each different one is checked once, and given to all of its hosts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_bridge.errors import PlanError
from mcp_bridge.models import Issue
from mcp_bridge.planning.checked_plan import CheckedPlan, check
from mcp_bridge.planning.plan_set import PlanSet, remade, together

if TYPE_CHECKING:
    from mcp_bridge.policy import Policy

SHOWN_HOSTS = 3


@dataclass(frozen=True)
class Given:
    """Plans as they were written, and who is to get them.

    Attributes:
        plans: what was written, one at least.
        hosts: the hosts, sorted.
    """

    plans: tuple[dict[str, Any], ...]
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class Share:
    """A checked plan, or several together, and who gets it.

    Attributes:
        plan: the plan, or the plans.
        hosts: the hosts, sorted.
    """

    plan: CheckedPlan | PlanSet
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class HostPlans:
    """Plans that a policy permits, made by ``check_each`` and ``check_kept`` alone; applied as one ``CheckedPlan`` is.

    Attributes:
        shares: the different plans, the one that most hosts get first; no host is in two of them.
        policy: what they were judged by.
        without: hosts for which there is no plan.
    """

    shares: tuple[Share, ...]
    policy: Policy
    without: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """One digest for all: of which host gets which plan."""
        text = json.dumps({host: share.plan.digest for share in self.shares for host in share.hosts}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def warnings(self) -> list[str]:
        """What a person should know before they are applied."""
        found = [f"{named(share.hosts)}: {warning}" for share in self.shares for warning in share.plan.warnings]
        if self.without:
            found.append(f"{named(self.without)}: the inventory gives no plan, so nothing is done there")
        return found

    @property
    def rationale(self) -> list[str]:
        """Why they are made."""
        return list(dict.fromkeys(line for share in self.shares for line in share.plan.rationale))

    def extra_vars(self) -> dict[str, Any]:
        """Return the variables of the playbook ``netopt.linux.apply``."""
        given: dict[str, Any] = {
            "plans": {share.plan.digest: share.plan.inputs() for share in self.shares},
            "hosts": {host: share.plan.digest for share in self.shares for host in share.hosts},
        }
        return {"netopt_given": given, **({"netopt_hosts": sorted(given["hosts"])} if self.without else {})}

    def headings(self) -> list[str]:
        """Return a line for each plan that says who gets it."""
        number = len(self.shares)
        return [
            f"Plan {at} of {number}, for {counted(share.hosts)}: {', '.join(share.hosts)}"
            for at, share in enumerate(self.shares, 1)
        ]

    def preview(self) -> tuple[str, ...]:
        """Return the commands of each plan, below who gets it."""
        lines: list[str] = []
        for heading, share in zip(self.headings(), self.shares, strict=True):
            lines += [f"# {heading} (digest {share.plan.digest})", *share.plan.preview()]
        return tuple(lines)

    def summary(self) -> dict[str, Any]:
        """Return who gets which plan, and who gets none, as JSON data."""
        plans = [
            {**_written(share.plan), "digest": share.plan.digest, "hosts": list(share.hosts)} for share in self.shares
        ]
        return {"plans": plans, "without": list(self.without), "warnings": self.warnings}

    def renewed(self, policy: Policy) -> HostPlans:
        """Return them as another policy judges them.

        Raises:
            PlanError, DigestError: as ``check_rendered`` does.
        """
        shares = tuple(Share(share.plan.renewed(policy), share.hosts) for share in self.shares)
        return HostPlans(shares, policy, self.without)

    def kept(self) -> dict[str, Any]:
        """Return what they are made anew from, as JSON data."""
        shares = [{**share.plan.kept(), "hosts": list(share.hosts)} for share in self.shares]
        return {"shares": shares, "without": list(self.without)}


def check_each(given: Sequence[Given], policy: Policy, *, without: Iterable[str] = ()) -> HostPlans:
    """Return plans, each judged and rendered once.

    Args:
        given: the plans as they were written.
        policy: what they are judged by.
        without: hosts for which there is none.

    Raises:
        PlanError: plans have errors; it carries the issues of all, each with the hosts that it is about.
    """
    found: dict[str, tuple[CheckedPlan | PlanSet, list[str]]] = {}
    issues: list[Issue] = []
    known: dict[str, CheckedPlan] = {}
    for one in given:
        try:
            checked = together([_checked(plan, policy, known) for plan in one.plans], policy)
        except PlanError as error:
            issues += [
                issue.model_copy(update={"path": f"{named(one.hosts)}: {issue.path or 'plan'}"})
                for issue in error.issues
                if issue.severity == "error"
            ]
            continue
        # two may be written differently and be the same
        found.setdefault(checked.digest, (checked, []))[1].extend(one.hosts)
    if issues:
        raise PlanError(issues)
    shares = [Share(checked, tuple(sorted(hosts))) for checked, hosts in found.values()]
    shares.sort(key=lambda share: (-len(share.hosts), share.hosts))
    return HostPlans(tuple(shares), policy, tuple(sorted(without)))


def _checked(plan: dict[str, Any], policy: Policy, known: dict[str, CheckedPlan]) -> CheckedPlan:
    """Return a plan, judged once, however many hosts have it beside others."""
    text = json.dumps(plan, sort_keys=True, default=str)
    if text not in known:
        known[text] = check(plan, policy)
    return known[text]


def _written(plan: CheckedPlan | PlanSet) -> dict[str, Any]:
    """Return the plans of a share as JSON data: ``{"plan"}``, or ``{"plans"}`` where there are several."""
    found = plan.inputs()
    return {name: found[name] for name in ("plan", "plans") if name in found}


def check_kept(kept: dict[str, Any], policy: Policy) -> HostPlans | CheckedPlan | PlanSet:
    """Return what ``kept`` was made from, judged anew.

    Raises:
        PlanError, DigestError: as ``check_rendered`` does.
    """
    if "shares" not in kept:
        return remade(_rendered(kept), policy)
    shares = tuple(Share(remade(_rendered(share), policy), tuple(share["hosts"])) for share in kept["shares"])
    return HostPlans(shares, policy, tuple(kept["without"]))


def _rendered(kept: dict[str, Any]) -> list[Any]:
    return kept["plans"] if "plans" in kept else [kept["rendered"]]


def named(hosts: Sequence[str]) -> str:
    """Return hosts in a few words."""
    more = f" and {len(hosts) - SHOWN_HOSTS} more" if len(hosts) > SHOWN_HOSTS else ""
    return ", ".join(hosts[:SHOWN_HOSTS]) + more


def counted(hosts: Sequence[str]) -> str:
    """Return how many hosts there are, in words."""
    return "1 host" if len(hosts) == 1 else f"{len(hosts)} hosts"
