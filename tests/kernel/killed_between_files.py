# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kills a process while it writes what is for the next boot."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._persist import atomic_files


def killed_after(changes: int | None) -> None:
    """Have this process killed once so many files were placed or removed; ``None`` is never."""
    if changes is None:
        return
    left = changes

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            nonlocal left
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            return function(*arguments)

        return call

    for name in ("place", "unlink"):
        setattr(atomic_files.Tree, name, counted(getattr(atomic_files.Tree, name)))
