# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies where netopt keeps its own is believed by its owner, and no link is followed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._common.own_files import own_text, refuse_foreign

SOMEBODY = 931
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@ROOT
def test_owner(tmp_path: Path) -> None:
    """A file and a folder of somebody else's are refused with who they are."""
    path = tmp_path / "plans.json"
    path.write_text("{}", encoding="utf-8")
    assert own_text(str(path)) == "{}"
    refuse_foreign(str(tmp_path), str(tmp_path / "gone"))
    os.chown(path, SOMEBODY, 0)
    with pytest.raises(NetoptError, match=r"plans.json belongs to the user 931, and root acts on what is there"):
        own_text(str(path))
    os.chown(tmp_path, SOMEBODY, 0)
    with pytest.raises(NetoptError, match="belongs to the user 931"):
        refuse_foreign(str(tmp_path))


def test_writers(tmp_path: Path) -> None:
    """A file that its group or others may write is refused."""
    path = tmp_path / "plans.json"
    path.write_text("{}", encoding="utf-8")
    for mode in (0o660, 0o602):
        path.chmod(mode)
        with pytest.raises(NetoptError, match="can be written by others"):
            own_text(str(path))


def test_links_and_others(tmp_path: Path) -> None:
    """A link, a pipe and a folder in place of a file are refused at once, and so is a link to a folder."""
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to("target")
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name, told in (("link", "is a link"), ("pipe", "is no file")):
        with pytest.raises(NetoptError, match=told):
            own_text(str(tmp_path / name))
    with pytest.raises(NetoptError, match="is no folder"):
        refuse_foreign(str(tmp_path / "link"))
    with pytest.raises(FileNotFoundError):
        own_text(str(tmp_path / "gone"))
