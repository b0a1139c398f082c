# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds restore.pyz: the program in a checkpoint's folder that restores it with nothing but Python."""

from __future__ import annotations

import io
import os
import sys
import zipfile
from pathlib import Path

from . import _restore_main
from ._errors import NetoptError

PACKAGE = "netopt_restore"
_ENTRY = _restore_main.__name__.rpartition(".")[2]  # importing it is also what makes Ansible send it along
_MAIN = f"from {PACKAGE}.{_ENTRY} import main\n\nraise SystemExit(main())\n"
_DATE = (1980, 1, 1, 0, 0, 0)  # the same sources give the same bytes


def restore_archive() -> bytes:
    """Return restore.pyz: this package's own sources, and a way in.

    Raises:
        NetoptError: the sources cannot be read.
    """
    buffer = io.BytesIO()
    buffer.write(f"#!{sys.executable or '/usr/bin/python3'}\n".encode())
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:  # deflating costs more than it saves
        archive.writestr(zipfile.ZipInfo("__main__.py", _DATE), _MAIN)
        archive.writestr(zipfile.ZipInfo(f"{PACKAGE}/__init__.py", _DATE), "")
        for name, source in sorted(_sources().items()):
            archive.writestr(zipfile.ZipInfo(f"{PACKAGE}/{name}", _DATE), source)
    return buffer.getvalue()


def _sources() -> dict[str, bytes]:
    """Return the sources beside this file, by name.

    A module that Ansible sent runs from a zip, which holds what the module imports; a development tree and
    a running restore.pyz are a folder and a zip.
    """
    archive = getattr(getattr(__spec__, "loader", None), "archive", None)
    try:
        if archive is None:
            return {path.name: path.read_bytes() for path in Path(__file__).parent.glob("_*.py")}
        folder = os.path.relpath(os.path.dirname(__file__), archive) + "/"
        with zipfile.ZipFile(archive) as bundle:
            return {
                name[len(folder) :]: bundle.read(name)
                for name in bundle.namelist()
                if name.startswith(folder + "_") and name.endswith(".py") and not name.endswith("__init__.py")
            }
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise NetoptError(
            f"netopt's own sources cannot be read: {error}",
            stage="checkpoint",
            hint="Nothing was changed. A change is made only once it can be undone.",
        ) from None
