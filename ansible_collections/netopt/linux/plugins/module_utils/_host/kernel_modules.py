# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kernel modules that the kernel loads by itself when a rule or a value needs them.

They bring sysctl keys along: after a rehearsal or a rollback a host would read differently although nothing was
left behind. What came that way and is used by nothing goes again; whoever needs it next has the kernel load it.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from .._common.files import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

FAMILIES = ("nf_", "nft_", "tcp_")  # modules that bring keys below net.netfilter and values of net.ipv4.tcp_*
PATIENCE_S = 5.0  # the kernel lets go of the modules of a table or a namespace a moment after that is gone
PAUSE_S = 0.02


def loaded() -> dict[str, int]:
    """Return how many users each loaded module has, as proc(5) tells; empty where the kernel has no modules."""
    try:
        lines = text_of("/proc/modules").splitlines()
    except OSError:
        return {}
    return {name: int(users) for name, _size, users, _rest in (line.split(maxsplit=3) for line in lines)}


def unload_unused(before: Iterable[str]) -> None:
    """Unload the modules of ``FAMILIES`` that are not among ``before`` and that nothing uses.

    A module that will not go stays; that harms nobody. Where ``before`` is empty nothing is known, and all stay.
    """
    kept = set(before)
    if not kept:
        return
    import ctypes  # noqa: PLC0415 - a plan that holds already unloads nothing

    libc = ctypes.CDLL(None, use_errno=True)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        new = {name: users for name, users in loaded().items() if name not in kept and name.startswith(FAMILIES)}
        if not new or time.monotonic() > deadline:
            return
        gone = [name for name, users in new.items() if not users and _delete(libc, name)]
        if not gone:
            time.sleep(PAUSE_S)


def _delete(libc: Any, name: str) -> bool:
    """Have the kernel remove one module without waiting for its users (delete_module(2)); tell whether it is gone."""
    return bool(libc.delete_module(name.encode(), os.O_NONBLOCK) == 0)
