# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is older than the oldest kernel and the oldest tools is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._host import commands, versions
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("tc utility, iproute2-5.9.0, libbpf 0.3.0", (5, 9, 0)),
        ("tc utility, iproute2-ss200127", (0,)),
        ("nftables v0.9.8 (E.D.S.)", (0, 9, 8)),
        ("nftables v1.1.3 (Commodore Bullmoose #4)", (1, 1, 3)),
        ("ethtool version 6.1", (6, 1)),
        ("4.19.0-27-amd64", (4, 19, 0)),
        ("6.12.43+deb13-amd64", (6, 12, 43)),
        ("no version here", None),
    ],
)
def test_versions_are_read(text: str, version: tuple[int, ...] | None) -> None:
    """The tools tell their versions in words of their own."""
    assert versions.version_in(text) == version


def test_old_tools_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says which is there and which is needed; what is new enough, or is not there, is not named."""
    for name, said in {"tc": "tc utility, iproute2-ss190107", "nft": "nftables v0.9.0 (Fearless Fosdick)"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{said}'\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(commands, "SEARCH_PATH", str(tmp_path))
    assert versions.too_old(Tools()) == [
        "This host has iproute2 ss190107; 5.9 or newer is needed.",
        "This host has nftables 0.9.0; 0.9.8 or newer is needed.",
    ]


def test_nothing_is_said_here() -> None:
    """This machine has what the project is tested with."""
    assert versions.too_old(Tools()) == []
