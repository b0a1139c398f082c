# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program is packed once for each version; what is remembered of it never stands in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.netopt.linux.plugins.plugin_utils._transport_cache import ModuleCache, is_packed, packed

if TYPE_CHECKING:
    from pathlib import Path

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
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of ansible-core's for the test."""
    monkeypatch.setenv("ANSIBLE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_it_is_packed_once() -> None:
    """Whoever needs it next reads it."""
    pack = Packer()
    assert not is_packed(ONE)
    assert [packed(ONE, pack) for _each in range(3)] == [b"packed"] * 3
    assert (pack.times, is_packed(ONE)) == (1, True)


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
    """The program of another version goes, and which targets have it."""
    packed(ONE, Packer())
    ModuleCache(ONE, ADDRESS).add()
    assert ModuleCache(ONE, ADDRESS).has_program()
    packed(OTHER, Packer(b"other"))
    assert not ModuleCache(ONE, ADDRESS).has_program()
    (file,) = [path for path in home.rglob("*") if path.is_file()]
    assert [path.stat().st_mode & 0o777 for path in (file, file.parent)] == [0o600, 0o700]


def test_a_home_that_cannot_be_written(home: Path) -> None:
    """It is packed each time."""
    home.write_text("no folder", encoding="utf-8")
    pack = Packer()
    assert [packed(ONE, pack), packed(ONE, pack)] == [b"packed"] * 2
    assert pack.times == 2
    ModuleCache(ONE, ADDRESS).add()
    assert not ModuleCache(ONE, ADDRESS).has_program()
