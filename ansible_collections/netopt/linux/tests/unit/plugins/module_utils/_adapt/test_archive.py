# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program as it is put on a host: one file that runs alone."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from ansible_collections.netopt.linux.plugins.module_utils._adapt.archive import PARTS, adjuster_archive
from ansible_collections.netopt.linux.plugins.module_utils._transport.bundle import BEGIN, PACKAGE
from ansible_collections.netopt.linux.plugins.module_utils._transport.restore_archive import restore_archive


def test_it_is_whole_and_always_the_same(tmp_path: Path) -> None:
    """It holds its sources and what begins, and the same sources give the same bytes."""
    path = tmp_path / "adjuster.pyz"
    path.write_bytes(adjuster_archive())
    with zipfile.ZipFile(path) as archive:
        names = {Path(name).stem for name in archive.namelist()}
    assert names == {"__main__", "__init__", *PARTS}
    assert adjuster_archive() == path.read_bytes()


def test_it_comes_from_restore_pyz_as_well(tmp_path: Path) -> None:
    """What restores a host can start its adjuster again: the same program, from the archive alone."""
    path = tmp_path / "restore.pyz"
    path.write_bytes(restore_archive())
    text = (
        f"import sys; sys.path.insert(0, {str(path)!r})\n{BEGIN}\n"
        f"from {PACKAGE}._adapt.archive import adjuster_archive\n"
        "sys.stdout.buffer.write(adjuster_archive())"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", text], capture_output=True, check=True, cwd=tmp_path)
    assert done.stdout == adjuster_archive()


def test_it_needs_nothing_else(tmp_path: Path) -> None:
    """A Python without site-packages and without this collection runs it as far as its settings."""
    path = tmp_path / "adjuster.pyz"
    path.write_bytes(adjuster_archive())
    command = [sys.executable, "-I", "-S", str(path), str(tmp_path / "none")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "No such file or directory" in done.stderr.splitlines()[-1]
