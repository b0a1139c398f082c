# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""This package as one zip file that Python runs and imports from: what the transport sends, and restore.pyz.

Run as a program it is restore.pyz, so that a checkpoint can keep what the transport brought as it is.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGE = "netopt_target"
MAIN = f"""import sys

from {PACKAGE}._transport.bundle_import import install

install(sys.path[0], {PACKAGE!r})
from {PACKAGE}._lifecycle.restore_cli import main

raise SystemExit(main())
"""
PYTHON_FLAGS = ("-I", "-S")  # no site-packages, nothing from the environment: it starts fast and always alike
_DATE = (1980, 1, 1, 0, 0, 0)  # of every file


def bundle(files: Mapping[str, bytes], *, deflate: bool) -> bytes:
    """Return the zip file.

    Args:
        files: what lies in the package, by its path there: each module as ``.py``, and as ``.pyc`` too where there is
            one.
        deflate: whether to make it small; that takes longer than writing it does.
    """
    entries = {"__main__.py": MAIN.encode(), f"{PACKAGE}/__init__.py": b""}
    entries.update((f"{PACKAGE}/{name}", files[name]) for name in sorted(files))
    return zipped(entries, deflate=deflate)


def zipped(entries: Mapping[str, bytes], *, deflate: bool) -> bytes:
    """Return a zip file of files by their path there; the same files give the same bytes."""
    import zipfile  # noqa: PLC0415 - on a host the file has been sent already

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in entries.items():
            kind = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
            archive.writestr(zipfile.ZipInfo(name, _DATE), data, compress_type=kind, compresslevel=1)
    return buffer.getvalue()
