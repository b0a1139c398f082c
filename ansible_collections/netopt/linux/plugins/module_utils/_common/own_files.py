# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What netopt keeps on a host is believed because it belongs to root, not because of where it lies.

Root restores from it, and runs what is in it. Whoever else owns a folder or a file there, or is allowed to write to the
file, could have root do anything. Links are not followed.
"""

from __future__ import annotations

import os
import stat

from .errors import NetoptError
from .files import OTHERS_WRITE

HINT = (
    "Find out who put it there, and move it away. Where it is the state of a netopt server on this machine, have that "
    "kept elsewhere (NETOPT_STATE_DIR)."
)


def refuse_foreign(*folders: str) -> None:
    """Refuse folders that are not root's, or this process's own; one that is not there is fine.

    Raises:
        NetoptError: one is somebody else's, or no folder.
    """
    for folder in folders:
        try:
            about = os.lstat(folder)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if not stat.S_ISDIR(about.st_mode):
            raise _foreign(folder, "is no folder")
        _refuse_owner(folder, about)


def own_text(path: str) -> str:
    """Return what a file of netopt's own holds, bytes that are no UTF-8 replaced.

    Raises:
        NetoptError: it is somebody else's, can be written by others, or is no file.
        OSError: it cannot be read.
    """
    return own_bytes(path).decode("utf-8", "replace")


def own_bytes(path: str) -> bytes:
    """Return what a file of netopt's own holds; see ``own_text``."""
    if os.path.islink(path):
        raise _foreign(path, "is a link")
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe is not waited for
    with os.fdopen(descriptor, "rb") as stream:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise _foreign(path, "is no file")
        _refuse_owner(path, about)
        if about.st_mode & OTHERS_WRITE:
            raise _foreign(path, "can be written by others than its owner")
        return stream.read()


def _refuse_owner(path: str, about: os.stat_result) -> None:
    if about.st_uid not in {0, os.geteuid()}:
        raise _foreign(path, f"belongs to the user {about.st_uid}")


def _foreign(path: str, problem: str) -> NetoptError:
    return NetoptError(
        f"{path} {problem}, and root acts on what is there", stage="checkpoint", key=path, wanted="root's", hint=HINT
    )
