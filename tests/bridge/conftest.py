# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the bridge's tests share: a state folder of their own, and a lab with real sshds where root can make one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ansible.utils.collection_loader  # noqa: F401 - first: it wants the hooks of imports as they are at the start
import pytest

from mcp_bridge.lab.state import Lab
from mcp_bridge.settings import Settings
from tests.labs import brought_up

PYTHON = "/usr/bin/python3"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose files are the test's own."""
    return Settings(state_dir=tmp_path / "state", run_timeout_s=120)


@pytest.fixture
def here(tmp_path: Path) -> str:
    """An inventory of one host, this machine without SSH; for playbooks that change nothing."""
    path = tmp_path / "here.yml"
    path.write_text(
        f"all: {{hosts: {{here: {{ansible_connection: local, ansible_python_interpreter: {PYTHON}}}}}}}\n",
        encoding="utf-8",
    )
    return str(path)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Two hosts with an sshd each, in network namespaces."""
    yield from brought_up("bridge", hosts=2)
