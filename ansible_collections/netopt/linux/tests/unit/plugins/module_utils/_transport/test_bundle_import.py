# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules come from a bundle's bytecode where that is this Python's, and from nowhere else."""

from __future__ import annotations

import importlib
import importlib.util
import marshal
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._transport import bundle_import, restore_archive
from ansible_collections.netopt.linux.plugins.module_utils._transport.bundle import IMPORTER_FILE, PACKAGE, bundle

NAME = "netopt_bundle_import_test"


SOURCES = {
    IMPORTER_FILE: Path(bundle_import.__file__).read_bytes(),
    "ours.py": b"answer = 42",
    "folder/__init__.py": b"answer = 43",
    "folder/ours.py": b"from .. import ours\nanswer = ours.answer + 2",
}


@pytest.fixture(params=["bytecode", "sources"])
def finder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[bundle_import.BundleFinder]:
    """What imports from a bundle with this Python's bytecode, and from one with another's."""
    code = {name: marshal.dumps(compile(source, name, "exec")) for name, source in SOURCES.items()}
    magic = importlib.util.MAGIC_NUMBER if request.param == "bytecode" else b"\0\0\r\n"
    path = tmp_path / "bundle.zip"
    path.write_bytes(bundle(SOURCES, code, magic=magic, deflate=True))
    yield bundle_import.BundleFinder(str(path), NAME)
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        sys.modules.pop(name, None)


def test_what_is_in_the_bundle_is_imported_from_it(
    finder: bundle_import.BundleFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The finder knows its own package's modules, and leaves all others to whoever comes next."""
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    assert [importlib.import_module(f"{NAME}{name}").answer for name in (".ours", ".folder", ".folder.ours")] == [
        42,
        43,
        44,
    ]
    assert [finder.find_spec(name) for name in (f"{NAME}.none", f"{NAME}x", "json.decoder")] == [None] * 3


def test_a_module_has_its_source(finder: bundle_import.BundleFinder) -> None:
    """By its file, whichever it was loaded from; a file that is not there is an error of files."""
    spec = finder.find_spec(f"{NAME}.folder.ours")
    assert spec is not None
    assert finder.get_data(str(spec.origin)) == SOURCES["folder/ours.py"]
    with pytest.raises(OSError, match=r"none\.py is not in the bundle"):
        finder.get_data(str(spec.origin).replace("ours", "none"))


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
