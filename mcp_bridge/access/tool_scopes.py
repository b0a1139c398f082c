# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each tool needs: which scope, and whether it changes something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp.types import ToolAnnotations

from .models import Scope

NAMES: dict[str, tuple[Scope, ...]] = {
    "validate_change_plan_tool": ("plan",),
    "render_change_plan_tool": ("plan",),
    "plan_from_profile_tool": ("plan",),
    "apply_rendered_plan_tool": ("apply",),
    "remove_plan_tool": ("apply",),
    "confirm_change_tool": ("apply",),
    "snapshot_checkpoint_tool": ("apply",),
    "cancel_run_tool": ("apply", "rollback"),
    "rollback_to_checkpoint_tool": ("rollback",),
    "delete_checkpoint_tool": ("delete",),
    "measure_network_tool": ("probe",),
    "ping_host_tool": ("probe",),
    "traceroute_tool": ("probe",),
    "tracepath_tool": ("probe",),
    "get_audit_log_tool": ("audit",),
    "search_audit_log_tool": ("audit",),
}
DRY_RUNS: dict[str, tuple[Scope, ...]] = {
    "apply_rendered_plan_tool": ("plan", "apply"),
    "remove_plan_tool": ("plan", "apply"),
    "rollback_to_checkpoint_tool": ("plan", "rollback"),
    "delete_checkpoint_tool": ("plan", "delete"),
}
"""Tools that change nothing unless they are told to, and the scopes that then suffice."""

CHANGES_NO_HOST = frozenset({"cancel_run_tool"})


@dataclass(frozen=True)
class Need:
    """What a call needs.

    Attributes:
        scopes: one of them.
        changes: whether something is changed.
        changes_hosts: whether hosts are.
    """

    scopes: tuple[Scope, ...]
    changes: bool
    changes_hosts: bool


def need_of(name: str, annotations: ToolAnnotations | None, arguments: Mapping[str, Any]) -> Need:
    """Return what a call needs. A tool that nothing is known of is taken for one that changes hosts."""
    reads = annotations is not None and annotations.read_only_hint is True
    if reads:
        return Need(NAMES.get(name, ("read",)), changes=False, changes_hosts=False)
    if name in DRY_RUNS and arguments.get("dry_run", True) is True:
        return Need(DRY_RUNS[name], changes=False, changes_hosts=False)
    return Need(NAMES.get(name, ("apply",)), changes=True, changes_hosts=name not in CHANGES_NO_HOST)


def visible_to(name: str, annotations: ToolAnnotations | None) -> frozenset[Scope]:
    """Return the scopes with which a tool can be used at all."""
    return frozenset((*need_of(name, annotations, {}).scopes, *need_of(name, annotations, {"dry_run": False}).scopes))
