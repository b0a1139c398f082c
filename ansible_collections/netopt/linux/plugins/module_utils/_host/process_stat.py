# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads ``/proc/PID/stat``, see proc(5)."""

from __future__ import annotations

from typing import NamedTuple

from .._common.files import text_of


class ProcessStat(NamedTuple):
    """What is asked of a process.

    Attributes:
        ended: it is a zombie, or gone but for its number.
        parent: the number of its parent.
        started: when it started, in clock ticks since boot.
    """

    ended: bool
    parent: int
    started: int


def process_stat(pid: int) -> ProcessStat | None:
    """Return what the kernel says of a process, ``None`` where there is none."""
    try:
        text = text_of(f"/proc/{pid}/stat")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name in brackets may hold blanks and brackets
    return ProcessStat(ended=fields[0] in "ZX", parent=int(fields[1]), started=int(fields[19]))
