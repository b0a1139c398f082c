# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that runs as root acts on no file that somebody else could have written, whenever it became so."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mcp_bridge.access.own_files import foreign
from mcp_bridge.policy.loader import policy_directory
from tests.attacks.stage import Stage, said
from tests.calls import call

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
SOMEBODY = 931


def given_away(path: Path) -> None:
    """Make a file somebody else's."""
    os.chown(path, SOMEBODY, -1)


def linked(path: Path) -> None:
    """Move a file into a folder of somebody else's, and leave a link."""
    theirs = path.with_name("theirs")
    theirs.mkdir()
    os.chown(theirs, SOMEBODY, -1)
    shutil.move(path, theirs / path.name)
    path.symlink_to(theirs / path.name)


def link_of_theirs(path: Path) -> None:
    """Put a link of somebody else's in the place of a file."""
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))
    os.chown(path, SOMEBODY, -1, follow_symlinks=False)


TRAPS: dict[str, tuple[Callable[[Path], None], str]] = {
    "owner": (given_away, "belongs to the user 931"),
    "writers": (lambda path: path.chmod(0o622), "can be written by others"),
    "folder": (lambda path: given_away(path.parent), "belongs to the user 931"),
    "folder of many": (lambda path: path.parent.chmod(0o777), "can be written by others"),
    "link": (linked, "belongs to the user 931"),
    "link of theirs": (link_of_theirs, "belongs to the user 931"),
}


@pytest.mark.parametrize(
    ("name", "trap"),
    [
        *(("inventory.yml", trap) for trap in TRAPS),
        *((name, "owner") for name in ("policy/limits.yaml", "group_vars/web.yml", "ansible.cfg")),
    ],
)
def test_files_that_others_could_have_written(
    stage: Stage, name: str, trap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call goes through, somebody else gets at a file, and the next call is refused with file and owner."""
    shutil.copytree(policy_directory(), stage.folder / "policy")
    (stage.folder / "group_vars").mkdir()
    (stage.folder / "group_vars" / "web.yml").write_text("a: 1\n", encoding="utf-8")
    (stage.folder / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
    monkeypatch.delenv("ANSIBLE_CONFIG", raising=False)
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.chdir(stage.folder)
    own = replace(stage, settings=replace(stage.settings, policy_dir=stage.folder / "policy"))

    async def run() -> str:
        async with own.client() as client:
            assert (await call(client, "list_hosts_tool"))["total"] == 3
            TRAPS[trap][0](stage.folder / name)
            return await said(client, "list_hosts_tool")

    text = asyncio.run(run())
    assert TRAPS[trap][1] in text
    assert str(stage.folder) in text
    assert [entry.detail["reason"] for entry in own.refusals()] == ["files"]


def test_links_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that is root's to a file that is root's is fine; one in a circle is not; sudo's caller is no stranger."""
    monkeypatch.delenv("SUDO_UID", raising=False)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    assert foreign(tmp_path / "link") is None
    (tmp_path / "circle").symlink_to("circle")
    assert "without end" in str(foreign(tmp_path / "circle"))
    given_away(tmp_path / "file")
    assert "belongs to the user 931" in str(foreign(tmp_path / "link"))
    monkeypatch.setenv("SUDO_UID", str(SOMEBODY))
    assert foreign(tmp_path / "link") is None
