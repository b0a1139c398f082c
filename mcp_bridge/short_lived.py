# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Python collects garbage in a process that soon ends, and whose end somebody waits for."""

from __future__ import annotations

import atexit
import gc

SELDOM = 50_000  # objects made since the last look; Python's own 700 is for programs that stay


def look_seldom_for_circles() -> None:
    """Have Python look less often for objects that hold one another, and not at its end: a third of a short command."""
    gc.set_threshold(SELDOM)
    atexit.register(gc.freeze)  # then nothing is left to look at
