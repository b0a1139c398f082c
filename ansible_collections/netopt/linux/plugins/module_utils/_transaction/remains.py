# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a plan touches what a change has touched whose rollback failed. What it does not touch it may build upon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.change import interfaces_of
from .._common.errors import NetoptError
from .._subsystems.table import TABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._checkpoint.model import Header
    from .._checkpoint.store import Store

PATTERN = "*"


def touches(intents: Mapping[str, Any], store: Store, header: Header) -> bool:
    """Return whether what is asked and a change have anything in common; where that cannot be told they have.

    Args:
        intents: ``{subsystem: intent}``, with what is to be as it was before any plan.
        store: where the checkpoint of the change lies.
        header: the change's.
    """
    try:
        theirs = store.content(header.id).scopes
    except NetoptError:
        return True
    ours = {name: TABLE[name].pure.scope(intent) for name, intent in intents.items()}
    if "nft" in theirs and "nft" in ours:  # one table for all interfaces
        return True
    return bool(interfaces_of(ours) & interfaces_of(theirs)) or _share_keys(_keys(ours), _keys(theirs))


def _keys(scopes: Mapping[str, Any]) -> set[str]:
    return set(scopes.get("sysctl", {}).get("keys", ()))


def _share_keys(ours: set[str], theirs: set[str]) -> bool:
    return (
        bool(ours & theirs)
        or (bool(ours) and any(PATTERN in key for key in theirs))
        or (bool(theirs) and any(PATTERN in key for key in ours))
    )
