# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets the shell of a new connection confirm a change by itself: on a fleet, a Python for each host takes longer.

A decision is a file that link(2) makes, see ``_checkpoint/store.py``. Once a change waits to be confirmed, a file that
says so lies ready, named after this boot, the second by which it counts and the process that watches. ``ln`` gives it
the decision's name too, unless something has been decided or nobody watches any more. The process that watches is
woken and writes it down. Whatever fails on the way, restore.pyz is asked instead, and knows why.
"""

from __future__ import annotations

import math
import os
import shlex
from typing import TYPE_CHECKING, Any

from .._checkpoint.durable_files import forget, write
from .._checkpoint.store import CONFIRM, boot_id
from .._transport.frame import frame

if TYPE_CHECKING:
    from .._checkpoint.model import Header
    from .._checkpoint.store import Store

_READY = "confirmed.{boot}.{by}.{pid}"
_SCRIPT = """\
{{ cd {folder} && read -r boot </proc/sys/kernel/random/boot_id && set -- confirmed."$boot".*.* && ready=${{1%.*}} \
&& read -r now _rest </proc/uptime && [ "${{now%.*}}" -lt "${{ready##*.}}" ] && kill -0 "${{1##*.}}" \
&& ln "$1" decision && kill -CONT "${{1##*.}}" && sync . && printf '\\n%s%s\\n' {begin} {end}; }} 2>/dev/null \
|| exec {otherwise}"""


def make_ready(store: Store, header: Header) -> None:
    """Let a change that waits to be confirmed be confirmed by a shell; where the disk is full, restore.pyz does it."""
    path = _path(store, header)
    partial = store.path(header.id, f".ready.{os.getpid()}")  # a name that no shell takes for it
    try:
        write(partial, CONFIRM.encode())
        os.rename(partial, path)
    except OSError:
        forget(partial)


def clear(store: Store, header: Header) -> None:
    """Take away what lay ready."""
    forget(_path(store, header))


def _path(store: Store, header: Header) -> str:
    by = math.floor(header.confirm_by or 0.0)  # uptime(1) counts sleep as well, and so is over no later
    return store.path(header.id, _READY.format(boot=boot_id(), by=by, pid=header.guard.get("pid")))


def script(folder: str, identity: str, nonce: str, *, otherwise: str) -> str:
    """Return what a shell runs to confirm a change and to say in a frame that it has.

    Args:
        folder: the checkpoint's, on the host.
        identity: its id.
        nonce: of the question.
        otherwise: the command that confirms it where the shell cannot, and says in a frame what came of it.
    """
    said = frame(nonce, answer(identity, None)).strip()  # some shells take no line break between quotes
    half = said.index(nonce)  # in two pieces: whoever prints the commands that it is sent has not said so yet
    begin, end = shlex.quote(said[:half]), shlex.quote(said[half:])
    return _SCRIPT.format(folder=shlex.quote(folder), begin=begin, end=end, otherwise=otherwise)


def answer(identity: str, error: dict[str, Any] | None) -> dict[str, Any]:
    """Return what a host says of a confirmation."""
    return {"id": identity, "error": error}
