# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: PLC0415 - what a command needs is loaded by that command: `netopt --help` is quick

"""Asks the person at the terminal before hosts are changed, in the words of the question over MCP.

A script has no terminal, and is not asked; neither is who says ``--yes``, or looks with ``--check``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mcp_bridge.errors import NetoptBridgeError

if TYPE_CHECKING:
    from mcp_bridge.models import RenderedPlan
    from mcp_bridge.planning.checked_plan import CheckedPlan
    from mcp_bridge.planning.host_plans import HostPlans
    from mcp_bridge.planning.plan_set import PlanSet
    from mcp_bridge.runs.apply_options import ApplyOptions
    from mcp_bridge.service import Service

YES = frozenset({"y", "yes"})


def add(parser: argparse.ArgumentParser) -> None:
    """Add ``--yes``."""
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask; without a terminal nobody is asked")


def agree(args: argparse.Namespace, service: Service, lines: Callable[[], Sequence[str]]) -> None:
    """Return once the person at the terminal has agreed, or where nobody is to be asked.

    Args:
        args: the command line, with ``yes``.
        service: writes the question and the answer down.
        lines: gives what will change, a thing a line; called where somebody is asked.

    Raises:
        NetoptBridgeError: the answer is not yes.
    """
    if args.yes or getattr(args, "check", False) or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    from mcp_bridge.consent.consent_text import plain

    question = "\n".join(map(plain, lines()))
    sys.stderr.write(f"{question}\nDo it? [y/N] ")
    sys.stderr.flush()
    agreed = sys.stdin.readline().strip().lower() in YES
    outcome = "confirmed" if agreed else "declined"
    service.history.audit.append(
        caller=service.caller, action="consent", outcome=outcome, decision=outcome, detail={"question": question}
    )
    if not agreed:
        raise NetoptBridgeError("Nothing was changed: the answer was not y", hint="In a script, use --yes.")


def about_plans(
    plan: CheckedPlan | PlanSet | HostPlans, options: ApplyOptions, service: Service, *, limit: str | None
) -> list[str]:
    """Return what applying plans changes on hosts of the inventory."""
    from mcp_bridge.consent.consent_text import Share, about_apply, about_each
    from mcp_bridge.planning.host_plans import HostPlans

    confirm_s = service.policy.validation_limits.confirm_timeout_default_s
    if not isinstance(plan, HostPlans):
        return about_apply(_rendered(plan), hosts(service, limit), options, confirm_s=confirm_s)
    groups = _groups(service)
    shares = [Share(_rendered(share.plan), _told(share.hosts, groups)) for share in plan.shares]
    everybody = [host for share in plan.shares for host in share.hosts]
    return about_each(shares, _told(everybody, groups), options, confirm_s=confirm_s)


def hosts(service: Service, limit: str | None) -> str:
    """Return the hosts of the inventory that a pattern matches, in words; AWX has its own inventory."""
    from mcp_bridge.backends import inventory

    if service.settings.backend == "awx":
        return f"the hosts that {limit or 'all'} means in AWX's inventory"
    found = inventory.read(service.settings.inventory, limit=limit)
    return _told([host.name for host in found], _groups(service))


def about_checkpoint(action: str, checkpoint_id: str, service: Service, limit: str | None) -> list[str]:
    """Return what rolling back to a checkpoint, or forgetting it, does."""
    from mcp_bridge.consent import consent_text

    return consent_text.about_checkpoint(action, checkpoint_id, hosts(service, limit), service.fleet().runs)


def _groups(service: Service) -> Callable[[], dict[str, set[str]]]:
    """Return what gives the hosts of each group; asked where names are many."""
    from mcp_bridge.backends import inventory

    def read() -> dict[str, set[str]]:
        groups: dict[str, set[str]] = {}
        for host in inventory.read(service.settings.inventory):
            for group in host.groups:
                groups.setdefault(group, set()).add(host.name)
        return groups

    return read


def _told(names: Sequence[str], groups: Callable[[], dict[str, set[str]]]) -> str:
    from mcp_bridge.consent import host_words

    return host_words.told(names, groups)


def _rendered(plan: CheckedPlan | PlanSet) -> list[RenderedPlan]:
    from mcp_bridge.planning.plan_set import PlanSet

    return [one.rendered for one in (plan.plans if isinstance(plan, PlanSet) else (plan,))]
