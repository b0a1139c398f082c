# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges a shaper whose rate follows the uplink's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.adapting import problems

from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator


def check_adapting(changes: dict[str, Any]) -> Iterator[Finding]:
    """Yield why a shaper cannot adapt as a plan says.

    Args:
        changes: ``Changes`` as JSON data.
    """
    for path, message, hint in problems(changes):
        yield Finding(("changes", *(int(key) if key.isdigit() else key for key in path)), message, hint)
