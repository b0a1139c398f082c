# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether systemd runs this host."""

from __future__ import annotations

import os


def systemd_is_ours() -> bool:
    """Say whether systemd is PID 1 and sees the same network, files, processes and clock as this process."""
    if not os.path.isdir("/run/systemd/system"):
        return False
    spaces = ["net", "mnt", "pid", *(["time"] if os.path.exists("/proc/self/ns/time") else [])]  # since Linux 5.6
    try:
        return all(os.path.samefile(f"/proc/1/ns/{space}", f"/proc/self/ns/{space}") for space in spaces)
    except OSError:
        return False
