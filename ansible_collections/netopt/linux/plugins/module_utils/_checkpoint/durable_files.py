# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that are on the disk before the call returns, so that a power cut cannot take them."""

from __future__ import annotations

import contextlib
import os

from .._common.own_files import own_bytes


def write(path: str, data: bytes, *, mode: int = 0o600) -> None:
    """Write a new file and have it on the disk before returning.

    Raises:
        OSError: the disk refuses.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def replace(path: str, data: bytes) -> None:
    """Replace a file whole or not at all; what a failure leaves beside it is taken away.

    Raises:
        OSError: the disk refuses.
    """
    partial = f"{path}.{os.getpid()}"
    try:
        write(partial, data)
        os.rename(partial, path)
        sync_folder(os.path.dirname(path))
    except OSError:
        forget(partial)
        raise


def link(path: str, target: str) -> None:
    """Give a file another name; where the file system takes no second one, copy it.

    Raises:
        OSError: the disk refuses the copy.
    """
    try:
        os.link(path, target)
    except FileExistsError:
        return
    except OSError:
        write(target, own_bytes(path))


def forget(path: str) -> None:
    """Remove a file if it is there and can be removed."""
    with contextlib.suppress(OSError):
        os.unlink(path)


def remove_tree(path: str) -> None:
    """Remove a folder with all that it holds, as far as that can be done."""
    import shutil  # noqa: PLC0415 - takes longer to import than most checkpoints take to remove

    shutil.rmtree(path, ignore_errors=True)


def sync_folder(path: str) -> None:
    """Have the names in a folder on the disk before returning.

    Raises:
        OSError: the disk refuses.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
