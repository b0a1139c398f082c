# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that were rolled back before they came to this host: they do not come any more.

Somebody may roll back a rollout that still goes on. A host that has not had its turn has no checkpoint of it; it keeps
the name instead, and refuses the change. So the rollout stops, and no fleet is half old and half new.
"""

from __future__ import annotations

import contextlib
import os

from .model import check_id

KEPT = 64  # names; a change that is still under way is among the newest
FOLDER = "undone-ahead"


def _path(state_dir: str, identity: str) -> str:
    return os.path.join(state_dir, FOLDER, check_id(identity))


def refuse(state_dir: str, identity: str) -> None:
    """Have this host refuse a change.

    Raises:
        OSError: the disk refuses.
    """
    path = _path(state_dir, identity)
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with open(path, "w", encoding="ascii") as stream:
        os.fsync(stream.fileno())
    names = sorted((entry for entry in os.scandir(folder)), key=lambda entry: entry.stat().st_mtime)
    for entry in names[:-KEPT]:
        os.unlink(entry.path)


def refusal(identity: str) -> str:
    """Return what a host says that refuses a change."""
    return f"The change {identity} was rolled back before it came to this host"


def is_refused(state_dir: str, identity: str) -> bool:
    """Say whether this host refuses a change."""
    return os.path.exists(_path(state_dir, identity))


def forget(state_dir: str, identity: str) -> None:
    """Have this host take a change again."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_path(state_dir, identity))
