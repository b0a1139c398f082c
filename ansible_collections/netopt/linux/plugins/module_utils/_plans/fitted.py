# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan as it fits a host. Pure."""

from __future__ import annotations

from typing import Any, Mapping, Tuple

from .._common.quick_dataclass import dataclass


@dataclass(frozen=True)
class Fitted:
    """A plan as it fits this host.

    Attributes:
        plan: normalised ParameterPlan.
        digest: of the plan and its text, ``None`` where nobody has looked at them.
        changes: the plan's changes, adapted; nothing in them is null.
        ifaces: the interfaces that they are for.
    """

    plan: Mapping[str, Any]
    digest: str | None
    changes: dict[str, Any]
    ifaces: Tuple[str, ...]

    @property
    def name(self) -> str:
        """The plan's name, empty for one without."""
        return str(self.plan.get("name") or "")
