# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says what a change makes of the record of the plans in force. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._common.change import Change
from .conflicts import plan_text

if TYPE_CHECKING:
    from .record import InForce, Section


def record_diff(before: InForce, after: InForce) -> list[Change]:
    """Return a change for each plan that is put in force, taken away, or has other sections than before."""
    found = []
    for name in sorted({*before.names(), *after.names()}):
        old, new = before.of(name), after.of(name)
        told = [record.plans.get(name, {}).get("checkpoint") for record in (before, after)]
        if old != new or told[0] != told[1]:
            found.append(Change("plan", plan_text(name), _counted(old), _counted(new)))
    return found


def _counted(sections: list[Section]) -> str | None:
    if not sections:
        return None
    return "1 setting" if len(sections) == 1 else f"{len(sections)} settings"
