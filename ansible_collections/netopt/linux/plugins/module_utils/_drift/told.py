# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drift in one line, for a task that fails because of it; pure."""

from __future__ import annotations

from typing import Any

NAMED = 3  # settings; all are in the result


def told(drift: list[dict[str, Any]]) -> str:
    """Return which settings differ, what was wanted and what was found."""
    said = [
        f"{one['key']}: wanted {_shown(one['wanted'])}, found {_shown(one['found'])} (set by {one['checkpoint_id']})"
        for one in drift[:NAMED]
    ]
    more = f"; and {len(drift) - NAMED} more" if len(drift) > NAMED else ""
    number = "1 setting differs" if len(drift) == 1 else f"{len(drift)} settings differ"
    return f"{number}: {'; '.join(said)}{more}"


def _shown(value: str | None) -> str:
    return "(none)" if value is None else " ".join(value.split())
