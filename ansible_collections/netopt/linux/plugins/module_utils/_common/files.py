# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads files whole, and makes files and folders that others cannot write.

``pathlib`` does so too, and takes longer to import than all files of a plan take to read.
"""

from __future__ import annotations

import os
import stat

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def text_of(path: str) -> str:
    """Return what a file holds, bytes that are no UTF-8 replaced.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read()


def bytes_of(path: str) -> bytes:
    """Return what a file holds.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as stream:
        return stream.read()


def for_owner(path: str, flags: int) -> int:
    """Open a file that its owner alone reads and writes, whatever the umask: an ``opener`` for ``open``."""
    return os.open(path, flags, 0o600)


def make_folders(*folders: tuple[str, int]) -> None:
    """Make folders, the outermost first, with the mode of each, whatever the umask.

    Whoever but the owner could write to one that is there already cannot any more.

    Raises:
        OSError: one cannot be made.
    """
    os.makedirs(os.path.dirname(folders[0][0]), exist_ok=True)
    for folder, mode in folders:
        try:
            os.mkdir(folder, mode)
        except FileExistsError:
            found = stat.S_IMODE(os.stat(folder).st_mode)
            if found & OTHERS_WRITE:
                os.chmod(folder, found & ~OTHERS_WRITE)
