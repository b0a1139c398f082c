# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of the bridge: one hierarchy, so that a client maps it in one place.

``PolicyError`` belongs to the hierarchy too and stands with the policy, in ``mcp_bridge.policy``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .models import Issue

SHOWN_ISSUES = 3


class NetoptBridgeError(Exception):
    """A failure that a person can act on.

    Args:
        message: what went wrong, in one line.
        hint: what to do about it, in one line; empty when there is nothing to advise.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Return the message with its hint, on one line."""
        return f"{self.message}. {self.hint}" if self.hint else self.message


class PlanError(NetoptBridgeError):
    """A plan that is refused.

    Args:
        issues: everything that is wrong with it, as in ``ValidationResult.issues``.
        message: the failure in one line; made from the first errors when not given.
        hint: what to do about it; that of the first error when not given.
    """

    def __init__(self, issues: Sequence[Issue], *, message: str = "", hint: str = "") -> None:
        errors = [issue for issue in issues if issue.severity == "error"]
        shown = [f"{issue.path}: {issue.message}" if issue.path else issue.message for issue in errors[:SHOWN_ISSUES]]
        if len(errors) > SHOWN_ISSUES:
            shown.append(f"and {len(errors) - SHOWN_ISSUES} more")
        advice = hint or next((issue.hint for issue in errors if issue.hint), "")
        super().__init__(message or "The plan is refused: " + "; ".join(shown), hint=advice)
        self.issues = list(issues)


class DigestError(NetoptBridgeError):
    """A rendered plan whose text is not what its plan renders to."""


class RunError(NetoptBridgeError):
    """A run that could not be started, found or followed."""


class InventoryError(NetoptBridgeError):
    """An inventory or a host pattern that cannot be used."""


class LabError(NetoptBridgeError):
    """The lab could not do what was asked."""
