# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moves the time by which a change has to be confirmed, under the host's lock."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from .._checkpoint.model import APPLIED, ARMED, CONFIRMED, RESTART, RESTARTED, RESTORE_FAILED, SNAPSHOT
from .._checkpoint.store import boot_id
from .._common.errors import NetoptError
from .._common.quick_dataclass import dataclass
from .arm_guard import rearm
from .disarm_guard import stop_timer, wake

if TYPE_CHECKING:
    from .._checkpoint.model import Header
    from .._checkpoint.store import Store
    from .._host.commands import Tools


@dataclass(frozen=True)
class Extended:
    """A change whose time to be confirmed was moved: its header before and after, and what went less than well."""

    before: Header
    after: Header
    warning: str | None = None


def extend(store: Store, identity: str, seconds: float, tools: Tools, *, check: bool = False) -> Extended:
    """Let a change that waits for its confirmation wait until ``seconds`` from now instead.

    Whoever calls this holds the lock, as does whoever restores: either the new time is written down before anything
    is undone, and then nothing is, or the change is undone already, and then this says so.

    Raises:
        NetoptError: the change does not wait any more.
    """
    header = store.header(identity)
    refusal = _not_waiting(header)
    if refusal:
        why, hint = refusal
        raise NetoptError(
            f"{identity} cannot be given more time: {why}",
            stage="confirm",
            key=RESTART if why == RESTARTED else identity,
            wanted=f"{seconds:g} s from now",
            after=header.status,
            hint=hint,
        )
    moved = replace(header, confirm_by=time.monotonic() + seconds)
    if check:
        return Extended(header, moved)
    armed = rearm(store, header, after_s=seconds, tools=tools)
    moved = replace(moved, guard=armed.guard)
    store.update(moved)
    wake(moved)
    if armed.guard.get("unit") != header.guard.get("unit"):
        stop_timer(header.guard.get("unit"), tools)
    return Extended(header, moved, armed.warning)


def _not_waiting(header: Header) -> tuple[str, str] | None:
    """Return why a change does not wait for a confirmation and what to do then, ``None`` where it does."""
    again = "Apply the plan again."
    if header.status in (CONFIRMED, SNAPSHOT):
        return "it does not wait for a confirmation", "Nothing undoes it by itself; netopt rollback does when asked."
    if header.boot_id != boot_id():
        return RESTARTED, again
    if header.status == APPLIED:
        late = header.confirm_by is not None and time.monotonic() >= header.confirm_by
        return ("its time is up", f"The host is, or is about to be, as it was. {again}") if late else None
    if header.status == ARMED:
        return "it is being undone", f"The host is about to be as it was. {again}"
    why = f": {header.note}" if header.note else ""
    failed = header.status == RESTORE_FAILED
    return f"it is {header.status.replace('_', ' ')}{why}", "Roll it back once more." if failed else again
