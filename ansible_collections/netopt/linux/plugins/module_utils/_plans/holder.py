# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which change says what plans are in force: all that a plan which holds already needs to know of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._checkpoint.model import in_force
from .._checkpoint.store import boot_id

if TYPE_CHECKING:
    from .._checkpoint.store import Store


def holder(store: Store) -> str:
    """Return the id of the newest change in force; with another id, other plans are in force.

    Where its checkpoint was removed, it is what the removed ones have left behind that says so.

    Raises:
        NetoptError: the latter is damaged.
    """
    newest = next(reversed(in_force(store.headers(), boot_id())), None)
    removed = store.left.plans()
    if removed and (newest is None or removed["sequence"] > newest.sequence):
        return f"removed {removed['sequence']}"
    return newest.id if newest else ""
