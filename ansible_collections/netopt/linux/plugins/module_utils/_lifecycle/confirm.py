# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps a change for good. Imports little: whoever confirms a change on many hosts waits for it on each."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from .._checkpoint.model import APPLIED, CONFIRMED, RESTART, RESTARTED, SNAPSHOT
from .._checkpoint.store import CONFIRM, boot_id
from .._common.errors import NetoptError
from .confirm_by_shell import clear
from .disarm_guard import disarm

if TYPE_CHECKING:
    from .._checkpoint.model import Header
    from .._checkpoint.store import Store
    from .._host.commands import Tools


def confirm(store: Store, identity: str, tools: Tools, *, check: bool = False) -> bool:
    """Keep a change for good. Return whether that is news.

    Raises:
        NetoptError: there is nothing to confirm any more.
    """
    header = store.header(identity)
    if header.status in (CONFIRMED, SNAPSHOT) and not header.persist:
        if not check and is_to_settle(header):
            settle(store, header, tools)
        return False
    if header.boot_id != boot_id():
        raise NetoptError(
            f"{identity} cannot be confirmed: {RESTARTED}",
            stage="confirm",
            key=RESTART,
            wanted=CONFIRMED,
            after=header.status,
            hint="Apply the plan again.",
        )
    if header.status == APPLIED and header.confirm_by is not None and time.monotonic() >= header.confirm_by:
        raise NetoptError(
            f"{identity} cannot be confirmed: its time is up",
            stage="confirm",
            key=identity,
            wanted=CONFIRMED,
            after=header.status,
            hint="The host is, or is about to be, as it was. Apply the plan again; confirm it in time.",
        )
    staged = None
    if header.persist and not check and header.status in (APPLIED, CONFIRMED):
        from .persist_on_confirm import stage  # noqa: PLC0415 - few changes are persisted

        staged = stage(store, header)
    undecided = header.status == APPLIED and not check
    if header.status not in (APPLIED, CONFIRMED) or (undecided and not store.decide(identity, CONFIRM)):
        if staged:
            staged.discard()
        raise NetoptError(
            f"{identity} cannot be confirmed: it is {header.status.replace('_', ' ')}",
            stage="confirm",
            key=identity,
            wanted=CONFIRMED,
            after=header.status,
            hint="Apply the plan again; confirm it before its time is up.",
        )
    if not check:
        if staged:
            header, _steps = staged.commit(store, header, tools)
            _end_watch(header, tools)
        else:
            settle(store, header, tools)
    return True


def is_to_settle(header: Header) -> bool:
    """Return whether a change has been confirmed and nobody has written that down yet."""
    return header.status == CONFIRMED and header.confirm_by is not None and not header.persist


def settle(store: Store, header: Header, tools: Tools) -> None:
    """Write down that a change is confirmed, and end what watches over it where nothing is left to watch.

    Raises:
        NetoptError: the disk refuses.
    """
    store.update(replace(header.with_status(CONFIRMED), confirm_by=None))
    clear(store, header)
    _end_watch(header, tools)


def _end_watch(header: Header, tools: Tools) -> None:
    if header.ends_at is None:
        disarm(header, tools)
