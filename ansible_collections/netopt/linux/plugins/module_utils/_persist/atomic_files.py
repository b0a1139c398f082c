# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads and writes single files below a root folder, so that each is there whole and as it was, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING, Any

from .._checkpoint.durable_files import sync_folder
from .._common.errors import NetoptError

if TYPE_CHECKING:
    from collections.abc import Iterable

SUFFIX = ".netopt-new"  # of what is written and not in its place yet; no reader of these folders takes it for its own
_GONE = (errno.ENOENT, errno.ENOTDIR)


class Tree:
    """The files of a host.

    Args:
        root: the folder that paths are below; another one than ``/`` for a host that does not run, e.g. an image.
    """

    def __init__(self, root: str = "/") -> None:
        self.root = root

    def real(self, path: str) -> str:
        """Return where a path is."""
        return os.path.join(self.root, path.lstrip("/"))

    def read(self, path: str) -> dict[str, Any] | None:
        """Return a file with its mode and owner, see ``boot_files.py``; ``None`` where there is none.

        Raises:
            NetoptError: it cannot be read, or is neither a file nor a link.
        """
        real = self.real(path)
        try:
            about = os.lstat(real)
            if stat.S_ISLNK(about.st_mode):
                return {"kind": "link", "target": os.readlink(real)}
            if not stat.S_ISREG(about.st_mode):
                raise NetoptError(
                    f"{path} is neither a file nor a link",
                    stage="checkpoint",
                    key=path,
                    hint="netopt needs this name for what it persists: move it out of the way.",
                )
            with open(real, "rb") as stream:
                data = stream.read().decode("latin-1")
        except OSError as error:
            if error.errno in _GONE:
                return None
            raise _refused(path, error) from None
        mode = stat.S_IMODE(about.st_mode)
        return {"kind": "file", "mode": mode, "uid": about.st_uid, "gid": about.st_gid, "data": data}

    def missing_folders(self, path: str) -> list[str]:
        """Return the folders above a path that are not there, the outermost first."""
        folder = os.path.dirname(path)
        if os.path.lexists(self.real(folder)):
            return []
        return [*self.missing_folders(folder), folder]

    def make_folders(self, folders: Iterable[str]) -> None:
        """Make folders, the outermost first; it is fine when they are there.

        Raises:
            NetoptError: the disk refuses.
        """
        for folder in folders:
            try:
                os.mkdir(self.real(folder))
                os.chmod(self.real(folder), 0o755)  # noqa: S103 - whatever the umask, like every folder there
                self._sync(os.path.dirname(folder))
            except FileExistsError:
                continue
            except OSError as error:
                raise _refused(folder, error) from None

    def stage(self, path: str, wanted: dict[str, Any]) -> None:
        """Write a file beside its place, in a folder that is there, and have it on the disk.

        Raises:
            NetoptError: the disk refuses.
        """
        real = self._partial(path)
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(real)
            if wanted["kind"] == "link":
                os.symlink(wanted["target"], real)
                return
            descriptor = os.open(real, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(wanted["data"].encode("latin-1"))
                os.fchown(stream.fileno(), wanted["uid"], wanted["gid"])
                os.fchmod(stream.fileno(), wanted["mode"])
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise _refused(path, error) from None

    def place(self, path: str) -> None:
        """Put what was staged into its place, atomically.

        Raises:
            NetoptError: the disk refuses.
        """
        try:
            os.rename(self._partial(path), self.real(path))
            self._sync(os.path.dirname(path))
        except OSError as error:
            raise _refused(path, error) from None

    def unlink(self, path: str) -> None:
        """Remove a file; it is fine when it is gone already.

        Raises:
            NetoptError: the disk refuses.
        """
        try:
            os.unlink(self.real(path))
            self._sync(os.path.dirname(path))
        except OSError as error:
            if error.errno not in _GONE:
                raise _refused(path, error) from None

    def remove_folders(self, folders: list[str]) -> None:
        """Remove folders that have become empty, the deepest first."""
        for folder in sorted(folders, key=len, reverse=True):
            with contextlib.suppress(OSError):
                os.rmdir(self.real(folder))

    def sweep(self, folders: list[str]) -> None:
        """Remove what was staged in some folders and never came into its place."""
        for folder in folders:
            with contextlib.suppress(OSError):
                for name in os.listdir(self.real(folder)):
                    if name.endswith(SUFFIX):
                        os.unlink(os.path.join(self.real(folder), name))

    def _partial(self, path: str) -> str:
        folder, name = os.path.split(self.real(path))
        return os.path.join(folder, f".{name}{SUFFIX}")

    def _sync(self, folder: str) -> None:
        """Have the names in a folder on the disk."""
        sync_folder(self.real(folder))


def _refused(path: str, error: OSError) -> NetoptError:
    return NetoptError(
        f"{path} cannot be written: {error.strerror}",
        stage="checkpoint",
        key=path,
        hint="Make room and see that /etc can be written, or leave persist out.",
    )
