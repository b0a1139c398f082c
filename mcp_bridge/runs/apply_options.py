# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a plan is applied: for real or not, when it is confirmed, whether it persists, in which waves it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_bridge.errors import NetoptBridgeError
from mcp_bridge.models import Rollout

if TYPE_CHECKING:
    from mcp_bridge.policy.models import ValidationLimits


@dataclass(frozen=True)
class ApplyOptions:
    """How a plan is applied.

    Attributes:
        dry_run: say what would change, change nothing.
        label: a person's name for the checkpoint.
        confirm_timeout_s: seconds after which hosts restore by themselves unless the caller confirms the
            change; ``None`` to confirm it as soon as a new connection to the host comes about.
        persist: bring the change back after a restart of a host, once it is confirmed.
        rollout: the waves in which it goes; ``None`` for all hosts at once.
    """

    dry_run: bool = False
    label: str | None = None
    confirm_timeout_s: int | None = None
    persist: bool = False
    rollout: Rollout | None = None

    def check(self, limits: ValidationLimits) -> None:
        """Refuse options that the policy does not allow, or that would leave a rollout's first hosts to themselves.

        Raises:
            NetoptBridgeError: the time to confirm is out of bounds, or a person is to confirm each wave.
        """
        if self.confirm_timeout_s is not None:
            check_confirm_timeout(self.confirm_timeout_s, limits)
        if self.rollout and self.rollout.confirm == "wave" and self.confirm_timeout_s is not None:
            raise NetoptBridgeError(
                "A change that a person confirms within a time is confirmed at the end of a rollout, not by wave",
                hint="Leave the time to confirm out, or confirm at the end.",
            )

    def extra_vars(self, limits: ValidationLimits) -> dict[str, Any]:
        """Return the variables that tell the playbooks of it, waves left out."""
        asked = self.confirm_timeout_s
        return {
            "netopt_checkpoint_label": self.label or "",
            "netopt_confirm": "auto" if asked is None else "manual",
            "netopt_confirm_timeout_s": limits.confirm_timeout_default_s if asked is None else asked,
        }

    def told(self) -> dict[str, Any]:
        """Return what the audit log says of it."""
        return {"label": self.label, "confirm_timeout_s": self.confirm_timeout_s, "dry_run": self.dry_run}

    def notes(self, checkpoint_id: str | None) -> tuple[str, ...]:
        """Return the note on a change that a person is to confirm."""
        if not self.confirm_timeout_s or self.dry_run:
            return ()
        since = " after the end of the rollout" if self.rollout else ""
        return (to_confirm(checkpoint_id, self.confirm_timeout_s, since),)


def to_confirm(checkpoint_id: str | None, seconds: int, since: str = "") -> str:
    """Return the note on a change that restores itself ``seconds`` from now, or from the time that ``since`` says."""
    confirm = f"netopt confirm {checkpoint_id}"
    return f"Hosts that took it restore by themselves in {seconds} s{since} unless `{confirm}` comes first"


def check_confirm_timeout(seconds: int, limits: ValidationLimits) -> None:
    """Refuse a time to confirm that the policy does not allow.

    Raises:
        NetoptBridgeError: it is too long, or too short.
    """
    if not limits.confirm_timeout_min_s <= seconds <= limits.confirm_timeout_max_s:
        raise NetoptBridgeError(
            f"The time to confirm is {seconds} s",
            hint=f"Allowed: {limits.confirm_timeout_min_s} to {limits.confirm_timeout_max_s} s.",
        )
