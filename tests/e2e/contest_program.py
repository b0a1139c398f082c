# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes a value into a file without a pause, until its input ends: ``contest_program.py PATH VALUE``."""

from __future__ import annotations

import sys
import threading
from pathlib import Path


def write() -> None:
    """Write and write."""
    path, value = Path(sys.argv[1]), sys.argv[2]
    while True:
        path.write_text(value, encoding="ascii")


threading.Thread(target=write, daemon=True).start()
print("writing", flush=True)
sys.stdin.read()
