# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Provides restore.pyz: the program in a checkpoint's folder that restores it with nothing but Python."""

from __future__ import annotations

import os
import sys
from typing import Any

from .._common.errors import NetoptError
from .._common.files import bytes_of
from .bundle import MAIN, bundle


def restore_archive() -> bytes:
    """Return restore.pyz: this package's own sources, and a way in.

    Raises:
        NetoptError: the sources cannot be read.
    """
    loader = getattr(__spec__, "loader", None)
    try:
        data = _sent_sources(loader) or bundle(_sources(loader), deflate=False)
    except (OSError, KeyError, ValueError) as error:
        raise NetoptError(
            f"netopt's own sources cannot be read: {error}",
            stage="checkpoint",
            hint="Nothing was changed. A change is made only once it can be undone.",
        ) from None
    return f"#!{sys.executable or '/usr/bin/python3'}\n".encode() + data


def _sent_sources(loader: Any) -> bytes | None:
    """Return what this package runs from where that is a bundle already, without what stands before it."""
    archive = getattr(loader, "archive", None)
    if archive is None:
        return None
    try:
        if loader.get_data(os.path.join(archive, "__main__.py")) != MAIN.encode():
            return None
    except OSError:
        return None
    data = bytes_of(archive)
    return data[data.index(b"PK\x03\x04") :]


def _sources(loader: Any) -> dict[str, bytes]:
    """Return the sources beside this file, by name: from a folder, or from the zip file that ansible-core sent."""
    archive = getattr(loader, "archive", None)
    if archive is None:
        top = _top()
        paths = [os.path.join(folder, name) for folder, _folders, names in os.walk(top) for name in names]
        return {os.path.relpath(path, top): bytes_of(path) for path in paths if path.endswith(".py")}
    import zipfile  # noqa: PLC0415 - what the transport brought needs no unpacking

    folder = os.path.relpath(_top(), archive) + "/"
    try:
        with zipfile.ZipFile(archive) as files:
            return {
                name[len(folder) :]: files.read(name)
                for name in files.namelist()
                if name.startswith(folder + "_") and name.endswith(".py") and name != folder + "__init__.py"
            }
    except zipfile.BadZipFile as error:
        raise OSError(str(error)) from None


def _top() -> str:
    return os.path.dirname(os.path.dirname(__file__))
