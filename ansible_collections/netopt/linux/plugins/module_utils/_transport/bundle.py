# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""This package as one zip file that Python runs and imports from: what the transport sends, and restore.pyz.

Run as a program it is restore.pyz, so that a checkpoint can keep what the transport brought as it is. In it are the
program's first lines, what imports the rest (``bundle_import.py``), all sources in a zip file of their own, and where
it is known for which Python, their bytecode, which lies there as it is, so that each start just reads it.
"""

from __future__ import annotations

import io
import marshal
from typing import TYPE_CHECKING

from .bundle_import import BYTECODE, SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGE = "netopt_target"
IMPORTER = "netopt_import"  # in the bundle: bundle_import.py, which Python itself has to find
IMPORTER_FILE = "_transport/bundle_import.py"
BEGIN = f"""import sys

from {IMPORTER} import install

install(sys.path[0], {PACKAGE!r})
"""
MAIN = f"""{BEGIN}
from {PACKAGE}._lifecycle.restore_cli import main

raise SystemExit(main())
"""
PYTHON_FLAGS = ("-I", "-S")  # no site-packages, nothing from the environment: it starts fast and always alike
_DATE = (1980, 1, 1, 0, 0, 0)  # of every file
_UNCHECKED = b"\1\0\0\0" + bytes(8)  # PEP 552: the hash of the source stands for it and is not looked at


def bundle(
    sources: Mapping[str, bytes], bytecode: Mapping[str, bytes] | None = None, *, magic: bytes = b"", deflate: bool
) -> bytes:
    """Return the zip file.

    Args:
        sources: the package's files, by their path there.
        bytecode: what a Python makes of each of them, as ``marshal`` writes it.
        magic: that Python's magic number.
        deflate: whether to make the sources small; that takes longer than writing them does.
    """
    files = {"__init__.py": b"", **sources}
    entries = {"__main__.py": MAIN.encode(), f"{IMPORTER}.py": sources[IMPORTER_FILE]}
    if bytecode:
        entries[f"{IMPORTER}.pyc"] = magic + _UNCHECKED + bytecode[IMPORTER_FILE]
        code = {"__init__.py": marshal.dumps(compile(b"", PACKAGE, "exec")), **bytecode}
        entries[BYTECODE] = magic + marshal.dumps({name: code[name] for name in sorted(code)}, 2)
    entries[SOURCES] = zipped({name: files[name] for name in sorted(files)}, deflate=deflate)
    return zipped(entries, deflate=False)


def zipped(entries: Mapping[str, bytes], *, deflate: bool) -> bytes:
    """Return a zip file of files by their path there; the same files give the same bytes."""
    import zipfile  # noqa: PLC0415 - on a host the file has been sent already

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in entries.items():
            kind = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
            archive.writestr(zipfile.ZipInfo(name, _DATE), data, compress_type=kind, compresslevel=1)
    return buffer.getvalue()
