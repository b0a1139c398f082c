# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a checkpoint after the change: confirmed, rolled back, ended. All of it under the host's lock.

How a change is confirmed is in ``_lifecycle/confirm.py``, how it gets more time for that in ``_lifecycle/extend.py``.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from .._adapt.pause import pause_adjusters
from .._checkpoint.model import (
    ACCEPTED,
    APPLIED,
    ARMED,
    CONFIRMED,
    DAMAGED,
    RESTORE_FAILED,
    ROLLED_BACK,
    SNAPSHOT,
    due,
    to_revert,
)
from .._checkpoint.store import ARCHIVE, CONFIRM, RESTORE, boot_id
from .._common.errors import NetoptError
from .._common.quick_dataclass import dataclass
from .._host.kernel_modules import unload_unused
from .._subsystems.read_views import unlike
from .._subsystems.restore import KEEP, Restored, restore
from .._subsystems.restore import RESTORE as OVERWRITE
from .confirm import confirm
from .confirm_by_shell import clear
from .disarm_guard import disarm
from .same_interfaces import of_same_interfaces

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._checkpoint.model import Content, Header
    from .._checkpoint.store import Store
    from .._host.commands import Tools

RETRY_S = (1.0, 5.0)


@dataclass(frozen=True)
class Undone:
    """One checkpoint that was restored, and how that went."""

    id: str
    restored: Restored


def set_by(header: Header, content: Content) -> dict[str, Any] | None:
    """Return ``{subsystem: state}`` that a change has set and that should be there still.

    ``None`` while that cannot be said: halfway through a change, and for a snapshot by hand.
    """
    if header.status not in (APPLIED, CONFIRMED):
        return None
    ended = content.ending and header.ends_at is None
    return dict(content.after, **content.ending) if ended else content.after


def roll_back_one(  # noqa: PLR0913 - what it needs to know is what its callers differ in
    store: Store,
    header: Header,
    tools: Tools,
    *,
    on_conflict: str = OVERWRITE,
    check: bool = False,
    content: Content | None = None,
    note: str | None = None,
    by_then: dict[tuple[str, str], str | None] | None = None,
) -> Restored:
    """Restore what one checkpoint wrote down, and record how that went.

    ``content`` spares reading it; ``note`` says in the list of checkpoints why it was restored; ``by_then`` is what
    settings would read by then, in a check of several.

    Raises:
        NetoptError: the checkpoint cannot be read, or its confirmation came first.
    """
    if header.status in (ARMED, APPLIED) and header.boot_id != boot_id():
        if not check:
            store.update(replace(header.with_status(ROLLED_BACK), note="undone by a restart of the host"))
        return Restored()
    if not check and header.status == APPLIED and not _decided_to_restore(store, header):
        raise NetoptError(f"{header.id} has been confirmed meanwhile", stage="confirm", key=header.id)
    try:
        content = of_same_interfaces(header, content or store.content(header.id), tools)
    except NetoptError:
        if not check:
            with contextlib.suppress(NetoptError):
                store.update(header.with_status(RESTORE_FAILED))
        raise
    persisted = Restored()
    if header.persist or os.path.exists(store.persist_path):
        from .persist_on_confirm import withdraw  # noqa: PLC0415 - few changes are persisted

        # first, so that a restart in the midst of it comes up in the old state
        withdraw(store, header, tools, persisted, keep=on_conflict == KEEP, check=check)
    with contextlib.nullcontext() if check else pause_adjusters(tools, content.scopes):
        restored = restore(
            scopes=content.scopes,
            target=content.before,
            tools=tools,
            after=set_by(header, content),
            on_conflict=on_conflict,
            check=check,
            by_then=by_then,
        )
        restored.add(persisted)
        if not check and header.status != SNAPSHOT:
            unload_unused(content.modules)
            disarm(header, tools)
            status = _status(header, restored)
            undone = replace(header.with_status(status), ends_at=None, persist=False, note=note)
            _note(store, undone, restored)
            if status == ROLLED_BACK and header.boot_id == boot_id():  # a restart alone makes the tools print otherwise
                kept = {change.subsystem for change in restored.conflicts} if on_conflict == KEEP else set()
                restored.unlike += unlike(content.views, content.before, tools, without=kept)
                if restored.unlike:
                    _note(store, undone, restored)
    return restored


def _status(header: Header, restored: Restored) -> str:
    """Return what a checkpoint is after a rollback; what a person has accepted stays so where it fails again."""
    if not restored.errors:
        return ROLLED_BACK
    return ACCEPTED if header.status == ACCEPTED else RESTORE_FAILED


def _note(store: Store, header: Header, restored: Restored) -> None:
    """Write down how a rollback went, with its failures where there are any."""
    note = "; ".join(error.message for error in restored.failures) or header.note
    if header.status == ROLLED_BACK:
        store.left.undone(header.sequence)
    with contextlib.suppress(NetoptError):  # the host is restored, even if a full disk cannot be told
        store.update(replace(header, note=note))


def _decided_to_restore(store: Store, header: Header) -> bool:
    """Decide for restoring. A disk that takes no decision holds no confirmation, and takes none when time is up."""
    try:
        return store.decide(header.id, RESTORE)
    except NetoptError:
        clear(store, header)  # takes no room; from here on no shell can confirm it
        return store.decision(header.id) != CONFIRM


def roll_back(
    store: Store, identity: str, tools: Tools, *, on_conflict: str = OVERWRITE, check: bool = False
) -> list[Undone]:
    """Undo a checkpoint and whatever was changed after it, newest first.

    It stops at the first one that cannot be restored, as what lies under it is not what it built upon.

    Raises:
        NetoptError: there is no such checkpoint, or it cannot be read.
    """
    store.header(identity)
    undone = []
    read_then: dict[tuple[str, str], str | None] = {}
    for header in to_revert(store.headers(), identity):
        if header.status == ROLLED_BACK:
            break
        restored = roll_back_one(
            store, header, tools, on_conflict=on_conflict, check=check, by_then=dict(read_then) if check else None
        )
        read_then.update({(change.subsystem, change.key): change.after for change in restored.diff})
        undone.append(Undone(header.id, restored))
        if restored.failures:
            break
    return undone


def recover(store: Store, tools: Tools, *, concerns: Callable[[Header], bool] = lambda _header: True) -> list[str]:
    """Undo what earlier runs left half done, newest first, and return a line for a person about each.

    That is a change which has lost its maker, one whose time to be confirmed is over, and one whose rollback failed.

    Args:
        store: where the checkpoints lie.
        tools: to run programs with.
        concerns: whether what a change left behind is in the way of the one that is to come.

    Raises:
        NetoptError: one that is in the way cannot be undone; the older ones are as they were.
    """
    told = []
    for header in list(store.unfinished()):
        if header.status == ARMED and not header.guard:  # an operation comes only once the guard is written down
            note = "interrupted before anything was changed"
            store.update(replace(header.with_status(ROLLED_BACK), note=note))
            continue
        if header.status == RESTORE_FAILED and header.note == DAMAGED:
            told.append(f"Whether {header.id} was confirmed cannot be told: {DAMAGED}. `netopt rollback` undoes it.")
            continue
        late = header.status == APPLIED and (header.confirm_by or 0.0) <= time.monotonic()
        if header.status == APPLIED and not late:
            continue
        again = header.status == RESTORE_FAILED
        why = "was not confirmed in time" if late else "could not be rolled back" if again else "was interrupted"
        note = "rolled back at the second attempt" if again else f"the change {why}"
        try:
            restored = roll_back_one(store, header, tools, note=note)
            errors = restored.errors
            told += [error.message for error in restored.unlike]
        except NetoptError as error:
            errors = [error]
        if errors:
            remains = _remains(store, header, why, errors)
            if concerns(header):
                raise remains
            told.append(f"{remains.message}. This plan does not touch what it changed. {remains.hint}")
            continue
        told.append(f"The change {header.id} {why}; the state before it was restored first.")
    return told


def _remains(store: Store, header: Header, why: str, errors: list[NetoptError]) -> NetoptError:
    """Return the error for a change that stands in the way of the next one since it cannot be undone."""
    first = errors[0]
    return NetoptError(
        f"The change {header.id} {why}, and rolling it back fails: {'; '.join(error.message for error in errors)}",
        stage="restore",
        key=first.key,
        wanted=first.wanted,
        after=first.after,
        hint=" ".join(filter(None, [error.hint for error in errors]))
        + f" Remains of {header.id} are on this host, so nothing is built upon what it changed. Mend what stands in "
        f"the way and apply again, or run: netopt rollback {header.id}. To take the host as it is: netopt checkpoints "
        f"--accept {header.id}; on the host: python3 {store.path(header.id, ARCHIVE)} --accept.",
    )


def end_time_box(store: Store, header: Header, tools: Tools) -> Restored:
    """End the time-boxed part of a change, and leave the rest of it in force."""
    content = store.content(header.id)
    with pause_adjusters(tools, content.scopes):
        restored = restore(scopes=content.scopes, target=content.ending, tools=tools)
    note = "; ".join(error.message for error in restored.errors) or "the time-boxed part has ended"
    store.update(replace(header, ends_at=None, note=note))
    return restored


def _roll_back_at_last(store: Store, header: Header, tools: Tools, *, note: str) -> None:
    """Restore a checkpoint, again and again for a while: nobody else is there to see that it did not succeed."""
    restored = roll_back_one(store, header, tools, note=note)
    for pause_s in RETRY_S:
        if not restored.errors:
            return
        time.sleep(pause_s)
        restored = roll_back_one(store, header.with_status(ARMED), tools, note=note)


def reconcile(store: Store, identity: str, tools: Tools) -> float | None:
    """Do whatever is due about a checkpoint, and return when to look again, in monotonic seconds.

    Whoever calls this holds the lock, so that a change still marked as being made has lost its maker.

    Raises:
        NetoptError: the checkpoint cannot be read.
    """
    while store.exists(identity):
        header = store.header(identity)
        moment = due(header)
        if moment is None or header.boot_id != boot_id():
            return None
        if time.monotonic() < moment:
            return moment
        if header.status == RESTORE_FAILED:
            _roll_back_at_last(store, header, tools, note=DAMAGED)
            return None
        if header.status == ARMED or (header.status == APPLIED and moment == header.confirm_by):
            why = "the change was interrupted" if header.status == ARMED else "not confirmed in time"
            _roll_back_at_last(store, header, tools, note=why)
            return None
        if header.status == CONFIRMED and header.persist:  # whoever confirmed it was killed
            confirm(store, identity, tools)
            continue
        end_time_box(store, header, tools)
    return None
