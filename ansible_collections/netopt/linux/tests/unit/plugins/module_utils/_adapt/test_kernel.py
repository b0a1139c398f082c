# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How adjusters are read, refused and started; that they move rates is tried with real units and packets elsewhere."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._adapt import kernel, subsystem
from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools

if TYPE_CHECKING:
    from pathlib import Path

CHANGES = {
    "qdisc": {"type": "cake", "params": {}},
    "shaper": {"egress_mbit": 20, "adapt": {"reflectors": ["192.0.2.1"], "egress_min_mbit": 5}},
}
NONE: dict[str, Any] = {"interfaces": {"eth0": None}}


class Recorded(Tools):
    """Writes commands down instead of running them: there is no systemd that this test may ask."""

    def __init__(self) -> None:
        super().__init__()
        self.ran: list[list[str]] = []

    def run(self, argv: Any, **_options: Any) -> Any:
        """Write a command down."""
        self.ran.append(list(argv))


def test_none_runs() -> None:
    """An interface without an adjuster says so."""
    assert kernel.observe({"ifaces": ["eth0"]}, Tools()) == NONE


def test_a_host_without_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before anything is touched; taking an adjuster away that is not there needs no systemd."""
    wanted = subsystem.intent(CHANGES, ("eth0",))
    monkeypatch.setattr(kernel, "systemd_is_ours", lambda: False)
    with pytest.raises(NetoptError, match=r"shaper\.adapt of eth0 needs systemd as process 1"):
        kernel.resolve(wanted, NONE, Tools())
    assert kernel.resolve(subsystem.Intent(("eth0",), {}), NONE, Tools()) == NONE
    monkeypatch.setattr(kernel, "systemd_is_ours", lambda: True)
    assert kernel.resolve(wanted, NONE, Tools()) == {"interfaces": wanted.settings}


def test_started_and_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit is stopped before it starts anew, with its program and its settings in files of root's alone."""
    folder = tmp_path / "adapt"
    monkeypatch.setattr(kernel, "DIRECTORY", str(folder))
    monkeypatch.setattr(kernel, "PROGRAM", str(folder / "adjuster.pyz"))
    wanted = {"interfaces": subsystem.intent(CHANGES, ("eth0",)).settings}
    tools = Recorded()
    for operation in (*subsystem.operations(NONE, wanted), *subsystem.operations(wanted, NONE)):
        kernel.perform(operation, tools)
    stop = ["systemctl", "stop", "netopt-adapt-eth0.service"]
    assert [tools.ran[0], tools.ran[2:]] == [stop, [stop]]
    assert tools.ran[1][0] == "systemd-run"
    settings = folder / "netopt-adapt-eth0.settings"
    assert str(settings) == tools.ran[1][-1]
    assert json.loads(settings.read_text(encoding="utf-8")) == wanted["interfaces"]["eth0"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert (folder / "adjuster.pyz").read_bytes()[:2] == b"PK"
