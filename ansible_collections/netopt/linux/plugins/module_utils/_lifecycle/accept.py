# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes a host as it is after a rollback that failed, once a person has said so: the next change is possible then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .._checkpoint.model import ACCEPTED, RESTORE_FAILED, ROLLED_BACK
from .._common.errors import NetoptError

if TYPE_CHECKING:
    from .._checkpoint.store import Store


def accept(store: Store, identity: str, *, check: bool = False) -> bool:
    """Let what a change has left behind stay. Return whether that is news.

    The checkpoint stays, and a rollback of it can be tried again.

    Raises:
        NetoptError: no rollback of the change has failed.
    """
    header = store.header(identity)
    if header.status in (ACCEPTED, ROLLED_BACK):  # the latter on hosts of the same run where nothing is left of it
        return False
    if header.status != RESTORE_FAILED:
        raise NetoptError(
            f"{identity} cannot be accepted: it is {header.status.replace('_', ' ')}",
            stage="checkpoint",
            key=identity,
            wanted=RESTORE_FAILED,
            after=header.status,
            hint="Only what is left of a change whose rollback failed can be accepted. "
            "A change is kept with confirm, and undone with rollback.",
        )
    if not check:
        note = f"accepted as it is: {header.note}" if header.note else "accepted as it is"
        store.update(replace(header.with_status(ACCEPTED), note=note))
    return True
