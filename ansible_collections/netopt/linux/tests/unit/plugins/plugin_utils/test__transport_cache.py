# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program is packed once for each version; what is remembered of it never stands in the way."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.netopt.linux.plugins.plugin_utils._transport_cache import ModuleCache, is_packed, packed

ONE, OTHER = "1" * 32, "2" * 32
ADDRESS = "root@host1"


class Packer:
    """Packs, and counts how often."""

    def __init__(self, program: bytes = b"packed") -> None:
        self.program = program
        self.times = 0

    def __call__(self) -> bytes:
        """Return the program."""
        self.times += 1
        return self.program


@pytest.fixture(name="home", autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of ansible-core's for the test."""
    monkeypatch.setenv("ANSIBLE_HOME", str(tmp_path / "home"))
    mask = os.umask(0o022)
    yield tmp_path / "home"
    os.umask(mask)


def test_it_is_packed_once() -> None:
    """Whoever needs it next reads it."""
    pack = Packer()
    assert not is_packed(ONE)
    assert [packed(ONE, pack) for _each in range(3)] == [b"packed"] * 3
    assert (pack.times, is_packed(ONE)) == (1, True)


def test_what_others_may_have_written_is_packed_anew(home: Path, tmp_path: Path) -> None:
    """The program is run by root: not one that anybody could write, nor what a link leads to."""
    packed(ONE, Packer())
    (file,) = home.rglob("program")
    wrong = Packer(b"wrong")
    file.chmod(0o622)
    assert packed(ONE, wrong) == b"wrong"
    file.chmod(0o600)
    file.rename(tmp_path / "program")
    file.symlink_to(tmp_path / "program")
    assert packed(ONE, Packer()) == b"packed"
    assert not file.is_symlink()
    file.unlink()
    os.mkfifo(file, 0o600)
    assert packed(ONE, Packer()) == b"packed"


def test_a_disk_that_is_full(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing half written stays."""

    def full(*_words: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    assert packed(ONE, Packer()) == b"packed"
    assert [path for path in home.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("kept", [b"", b"short", bytes(32) + b"packed"])
def test_what_is_not_whole_is_packed_anew(home: Path, kept: bytes) -> None:
    """A disk that was full has left less, or something else."""
    packed(ONE, Packer())
    (file,) = home.rglob("program")
    file.write_bytes(kept)
    pack = Packer()
    assert packed(ONE, pack) == b"packed"
    assert packed(ONE, pack) == b"packed"
    assert pack.times == 1


def test_only_one_version_is_remembered(home: Path) -> None:
    """The program of another version goes, and which targets have it; all is for its user alone."""
    os.umask(0)
    packed(ONE, Packer())
    ModuleCache(ONE, ADDRESS).add()
    assert ModuleCache(ONE, ADDRESS).has_program()
    packed(OTHER, Packer(b"other"))
    assert not ModuleCache(ONE, ADDRESS).has_program()
    (file,) = [path for path in home.rglob("*") if path.is_file()]
    modes = [path.stat().st_mode & 0o777 for path in (file, *file.parents[:3])]
    assert modes == [0o600, 0o700, 0o700, 0o700]


def test_a_home_that_cannot_be_written(home: Path) -> None:
    """It is packed each time."""
    home.write_text("no folder", encoding="utf-8")
    pack = Packer()
    assert [packed(ONE, pack), packed(ONE, pack)] == [b"packed"] * 2
    assert pack.times == 2
    ModuleCache(ONE, ADDRESS).add()
    assert not ModuleCache(ONE, ADDRESS).has_program()
