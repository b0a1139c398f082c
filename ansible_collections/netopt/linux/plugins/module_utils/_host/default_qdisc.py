# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Borrows net.core.default_qdisc for the moment in which the kernel makes a qdisc by itself, and gives it back.

It is the whole host's. So that a process which is killed in that moment does not leave it changed, a note of what it
was lies in ``/run`` meanwhile; whoever takes the host's lock next, be it the guard, finds it and puts the value back.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from .._common.files import for_owner, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "/proc/sys/net/core/default_qdisc"
RUN_DIR = "/run/netopt"
NOTE = "default_qdisc"  # in the folder of the lock: "<kind before> <kind borrowed>"


@contextlib.contextmanager
def borrowed(kind: str | None, *, directory: str = RUN_DIR) -> Iterator[None]:
    """Keep net.core.default_qdisc at ``kind`` for the length of the block, where it can be set.

    Args:
        kind: a kind of qdisc, ``None`` to leave the key alone.
        directory: where the lock lies.
    """
    before = _value() if kind is not None else None
    if kind is None or before in (None, kind):
        yield
        return
    note = os.path.join(directory, NOTE)
    with contextlib.suppress(OSError), open(note, "w", encoding="ascii", opener=for_owner) as stream:
        stream.write(f"{before} {kind}")
    try:
        try:
            _set(kind)
        except OSError:  # read-only, or a kind that is no longer there: reading back will tell
            yield
            return
        try:
            yield
        finally:
            give_back(str(before))
    finally:
        with contextlib.suppress(OSError):
            os.unlink(note)


def give_back(kind: str) -> None:
    """Set the key to what it was."""
    _set(kind)


def put_back(directory: str = RUN_DIR) -> None:
    """Give back what a process that was killed had borrowed, unless somebody else has set it since.

    Args:
        directory: where the lock lies, which the caller holds.
    """
    note = os.path.join(directory, NOTE)
    try:
        before, kind = text_of(note).split()
        if _value() == kind:
            give_back(before)
    except (OSError, ValueError):  # nothing was borrowed, or it had not been noted whole and so not been set
        pass
    with contextlib.suppress(OSError):
        os.unlink(note)


def _value() -> str | None:
    """Return the key's value, ``None`` in a namespace that has no such key."""
    try:
        return text_of(KEY).strip()
    except OSError:
        return None


def _set(kind: str) -> None:
    with open(KEY, "w", encoding="ascii") as stream:
        stream.write(kind)
