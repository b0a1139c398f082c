# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules come from a bundle's bytecode where that is this Python's, and from nowhere else."""

from __future__ import annotations

import importlib
import importlib.util
import marshal
import struct
import sys
import zipfile
from pathlib import Path

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._transport import bundle_import, restore_archive
from ansible_collections.netopt.linux.plugins.module_utils._transport.bundle import PACKAGE, bundle

NAME = "netopt_bundle_import_test"


def bytecode(source: str, magic: bytes = importlib.util.MAGIC_NUMBER) -> bytes:
    """Return what a .pyc file holds."""
    return magic + struct.pack("<I", 1) + bytes(8) + marshal.dumps(compile(source, "a test", "exec"))


@pytest.fixture
def archive(tmp_path: Path) -> str:
    """A bundle with a module of this Python and one of another."""
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as files:
        files.writestr(f"{NAME}/__init__.py", "")
        files.writestr(f"{NAME}/ours.pyc", bytecode("answer = 42"))
        files.writestr(f"{NAME}/theirs.pyc", bytecode("answer = 7", magic=b"\x00\x00\r\n"))
        files.writestr(f"{NAME}/folder/__init__.pyc", bytecode("answer = 43"))
        files.writestr(f"{NAME}/folder/ours.pyc", bytecode("from .. import ours\nanswer = ours.answer + 2"))
        files.writestr(f"{NAME}/folder/source.py", "answer = 45")
    return str(path)


def test_what_is_in_the_bundle_is_imported_from_it(archive: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The finder knows its own package's modules, and leaves all others to whoever comes next."""
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.syspath_prepend(archive)
    bundle_import.install(archive, NAME)
    assert importlib.import_module(f"{NAME}.ours").answer == 42
    finder = sys.meta_path[0]
    assert [finder.find_spec(name) for name in (NAME, f"{NAME}.theirs", f"{NAME}.none", "json.decoder")] == [None] * 4
    folder = [importlib.import_module(f"{NAME}.folder{name}").answer for name in ("", ".ours", ".source")]
    assert folder == [43, 44, 45]
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        sys.modules.pop(name, None)


def test_the_program_that_restores_is_made_from_whatever_brought_the_sources(tmp_path: Path) -> None:
    """From a folder, and from a bundle that is this program already, which is taken as it is."""
    folder = Path(restore_archive.__file__).parents[1]
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.py")}
    made = restore_archive._sources(None)
    assert made == files
    path = tmp_path / "restore.pyz"
    path.write_bytes(b"#!/usr/bin/python3\n" + bundle(files, deflate=False))
    finder = bundle_import.BundleFinder(str(path), PACKAGE)
    taken = restore_archive._sent_sources(finder)
    assert taken is not None
    assert path.read_bytes().endswith(taken)
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("something.py", "")
    assert restore_archive._sent_sources(bundle_import.BundleFinder(str(other), PACKAGE)) is None
    assert restore_archive._sent_sources(None) is None
