# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the validator answers: every issue at once, and the plan in canonical form."""

from __future__ import annotations

from typing import Literal

from .base import Strict
from .plan import ParameterPlan

Severity = Literal["error", "warning"]


class Issue(Strict):
    """One thing that is wrong (error) or doubtful (warning) about a plan."""

    path: str
    """Where in the plan, e.g. ``changes.htb_classes[0].classid``; empty for the plan as a whole."""
    message: str
    """What is wrong."""
    severity: Severity = "error"
    """Errors prevent a change, warnings do not."""
    hint: str | None = None
    """What to do about it."""


class ValidationResult(Strict):
    """The outcome of a validation."""

    ok: bool
    """Whether there is no error among the issues."""
    issues: list[Issue] = []
    """All that was found, errors first."""
    normalized_plan: ParameterPlan | None = None
    """The plan in canonical form; absent when it has errors."""
