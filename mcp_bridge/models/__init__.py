# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shapes of what goes in and what comes out. They know the kernel's bounds, not an organisation's policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .changes import Changes
from .measurement import Objectives, Targets, ValidateSpec
from .plan import ParameterPlan
from .rendered import RenderedPlan
from .report import ChangeReport, DiffEntry, HostError, HostReport, Measurements, OperationResult, Skip
from .rollout import Rollout, RolloutReport, Wave
from .validation import Issue, ValidationResult

if TYPE_CHECKING:
    from pydantic import BaseModel

SCHEMAS: dict[str, type[BaseModel]] = {
    model.__name__: model
    for model in (
        ParameterPlan,
        Changes,
        ValidateSpec,
        ValidationResult,
        RenderedPlan,
        ChangeReport,
        HostReport,
        Rollout,
    )
}
"""The models whose JSON schema is published as ``schema://{model}``, by name."""

__all__ = [
    "SCHEMAS",
    "ChangeReport",
    "Changes",
    "DiffEntry",
    "HostError",
    "HostReport",
    "Issue",
    "Measurements",
    "Objectives",
    "OperationResult",
    "ParameterPlan",
    "RenderedPlan",
    "Rollout",
    "RolloutReport",
    "Skip",
    "Targets",
    "ValidateSpec",
    "ValidationResult",
    "Wave",
]
