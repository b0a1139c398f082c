# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts a folder of this machine's disk into the mount namespace of a process: a lab host's own are kept in memory.

python disk_program.py FOLDER PID PATH
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

OPEN_TREE, MOVE_MOUNT = 428, 429  # linux/unistd.h, the same on every architecture but alpha
AT_FDCWD = -100
OPEN_TREE_CLONE = 1
MOVE_MOUNT_F_EMPTY_PATH = 4
CLONE_NEWNS = 0x20000


def main() -> None:
    """Take the folder along and mount it there; ends with what the kernel says when it refuses."""
    folder, pid, path = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    tree = libc.syscall(OPEN_TREE, AT_FDCWD, folder.encode(), OPEN_TREE_CLONE)
    with Path(f"/proc/{pid}/ns/mnt").open(encoding="ascii") as there:
        left = tree < 0 or libc.setns(there.fileno(), CLONE_NEWNS)
    if left or libc.syscall(MOVE_MOUNT, tree, b"", AT_FDCWD, path.encode(), MOVE_MOUNT_F_EMPTY_PATH):
        sys.exit(f"{folder} cannot be mounted at {path}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main()
