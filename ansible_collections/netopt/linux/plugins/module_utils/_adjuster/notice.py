# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a running adjuster says what it moves, and who reads it there.

Part of the adjuster, which stands alone on a host, see ``_adapt/archive.py``; netopt itself reads.
"""

from __future__ import annotations

import fcntl
import json
import os
from typing import Any, Dict, List, Optional

DIRECTORY = "/run/netopt/adapt"


def notice_path(iface: str) -> str:
    """Return where the adjuster of an interface says what it moves; each network namespace has its own."""
    return os.path.join(DIRECTORY, f"{os.stat('/proc/self/ns/net').st_ino}-{iface}.json")


def notice_of(iface: str) -> Optional[Dict[str, Any]]:
    """Return ``{"settings", "base"}`` of the adjuster of an interface, ``None`` where none runs.

    ``base`` has the options of each shaper at the plan's own rate, in hexadecimal, by direction.
    """
    return _read(notice_path(iface))


def notices() -> List[Dict[str, Any]]:
    """Return what the adjusters of this network namespace say, in the order of their interfaces."""
    mine = os.path.basename(notice_path(""))[: -len(".json")]
    try:
        names = sorted(name for name in os.listdir(DIRECTORY) if name.startswith(mine) and name.endswith(".json"))
    except FileNotFoundError:
        return []
    return [told for name in names for told in [_read(os.path.join(DIRECTORY, name))] if told is not None]


def _read(path: str) -> Optional[Dict[str, Any]]:
    """Return what a file says that its writer holds the lock of, as it does for as long as it lives."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    with open(descriptor, encoding="utf-8") as stream:
        if os.fstat(descriptor).st_uid not in {0, os.geteuid()}:
            return None
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            told: Dict[str, Any] = json.load(stream)
            return told
    return None
