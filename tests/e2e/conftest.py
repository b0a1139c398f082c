# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labs for tests: brought up once per session, or once per test where hosts are treated badly."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.e2e.controller import CONFIRM_S, OLD, SECRET, Controller
from tests.e2e.controller import HOSTS as TEN
from tests.e2e.fleet import ROOT, Fleet, ready
from tests.labs import brought_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mcp_bridge.lab.state import Lab

HOSTS = 3


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Three namespace hosts for the whole session; a test leaves them as it found them."""
    yield from brought_up("all", hosts=HOSTS)


@pytest.fixture
def fleet(lab: Lab, tmp_path: Path) -> Fleet:
    """The session's hosts, and a netopt of the test's own."""
    return ready(lab, tmp_path)


@pytest.fixture
def fresh_lab() -> Iterator[Lab]:
    """Two namespace hosts for one test, to be treated as it likes."""
    yield from brought_up("one", hosts=2)


@pytest.fixture(scope="session")
def machines(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A virtual machine with the distribution's own kernel for the session; two where they are compared."""
    compared = any(item.path.stem == "test_vm" for item in request.session.items)
    yield from brought_up("vm", hosts=2 if compared else 1, kernel="vm")


@pytest.fixture(scope="module")
def ten_hosts() -> Iterator[Lab]:
    """Ten namespace hosts for one file; a test leaves them as it found them."""
    yield from brought_up("runs", hosts=TEN)


@pytest.fixture
def controller(ten_hosts: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Controller]:
    """A netopt of the test's own, with hosts that wait for their confirmation only shortly."""
    for name in ("tmp", "home"):
        (tmp_path / name).mkdir()
    shutil.copytree(ROOT / "policy", tmp_path / "policy")
    limits = tmp_path / "policy" / "validation_limits.yaml"
    text = limits.read_text(encoding="utf-8")
    assert "confirm_timeout_default_s: 120\n" in text
    limits.write_text(
        text.replace("confirm_timeout_default_s: 120\n", f"confirm_timeout_default_s: {CONFIRM_S}\n"), encoding="utf-8"
    )
    for name in [name for name in os.environ if name.startswith("NETOPT_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(tmp_path.parent / "cp"),  # a socket's path has 107 bytes at most
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=3s",
        "NETOPT_AWX_TOKEN": SECRET,
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }.items():
        monkeypatch.setenv(name, value)
    made = Controller(ten_hosts, tmp_path, dict(os.environ))
    assert set(made.values().values()) == {OLD}
    yield made
    made.spare.dismiss()
