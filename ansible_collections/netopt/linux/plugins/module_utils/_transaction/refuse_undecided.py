# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses to build upon a change that may be undone by itself: it waits to be confirmed, or an impairment ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .._checkpoint.model import APPLIED
from .._checkpoint.store import boot_id
from .._common.errors import NetoptError

if TYPE_CHECKING:
    from .._checkpoint.model import Header
    from .._checkpoint.store import Store
    from .rehearse import Rehearsal


def refuse_undecided(store: Store, rehearsal: Rehearsal) -> None:
    """Refuse a change while an earlier one of this boot is undecided.

    Args:
        store: where checkpoints lie.
        rehearsal: the change that is about to be made.

    Raises:
        NetoptError: stage ``checkpoint``; names the earlier change, and for how long it is undecided.
    """
    for header in store.headers():
        if header.boot_id != boot_id():
            continue
        if header.status == APPLIED and header.confirm_by is not None:
            raise NetoptError(
                f"The change {header.id} still waits to be confirmed, for another {_left(header.confirm_by)} s",
                stage="checkpoint",
                key=header.id,
                hint="Confirm it or roll it back first.",
            )
        if header.ends_at is not None:
            shared = _shared(store, header, rehearsal)
            if shared:
                raise NetoptError(
                    f"The impairment of {header.id} runs on {', '.join(shared)} for another {_left(header.ends_at)} s",
                    stage="checkpoint",
                    key=header.id,
                    hint="Wait for its end, or roll it back first.",
                )


def _left(until: float) -> str:
    return f"{max(0.0, until - time.monotonic()):.0f}"


def _shared(store: Store, header: Header, rehearsal: Rehearsal) -> list[str]:
    """Return the interfaces where the end of an impairment would undo what this change makes."""
    content = store.content(header.id)
    theirs = content.scopes.get("tc", {}).get("ifaces", ())
    mine = rehearsal.scopes["tc"].get("ifaces", ()) if "tc" in rehearsal.operations else ()
    shared = sorted({*theirs} & {*mine})
    if not shared and "nft" in content.ending and "nft" in rehearsal.operations:
        return sorted(theirs)  # its end sets the table as well
    return shared
