# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Holds the lock of a host's changes until its input ends."""

from __future__ import annotations

import fcntl
import sys
from pathlib import Path

folder = Path("/run/netopt")
folder.mkdir(exist_ok=True)
with (folder / "lock").open("a+") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
