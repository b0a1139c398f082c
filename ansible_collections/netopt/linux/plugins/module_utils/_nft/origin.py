# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What table ``inet netopt`` was before any plan set it, and how it gets that again. Pure.

The one claim is ``"table"``: the table holds the rules of all plans, so it is as before once no plan has any. Its
origin is a State.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.intents import Intents
from . import list_parse
from .intent import Intent
from .subsystem import ABSENT

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLE = "table"


def claims(wanted: Intent) -> set[str]:
    """Return what an intent is about."""
    return {TABLE} if any(one.rules for one in wanted.parts) else set()


def remember(wanted: Intent, current: Mapping[str, Any]) -> dict[str, Any]:
    """Return the origin of each claim of an intent, by the state before it was carried out."""
    return {claim: _without_classes(current) for claim in claims(wanted)}


def _without_classes(current: Mapping[str, Any]) -> dict[str, Any]:
    """Return a State without what finds classes: that comes and goes with its tree."""
    heads = list_parse.class_blocks(current["listing"])
    if not heads:
        return dict(current)
    left = {name: list_parse.without(current[name], heads) for name in ("listing", "text")}
    return {"present": True, **left} if list_parse.parts(left["listing"]) else dict(ABSENT)


def give_back(wanted: Intent, gone: Mapping[str, Any], left: Mapping[str, Any]) -> Any:
    """Return an intent together with what no plan asks for any more.

    Args:
        wanted: what is still asked for; classes alone, where the table's claim is gone.
        gone: origins of the claims that nobody has any more.
        left: origins of those that somebody has; not used.
    """
    del left
    return Intents((*wanted.parts, Intent(former=gone[TABLE]))) if gone else wanted
