# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests by others share: servers with hosts that answer and without."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_bridge.lab import lifecycle, state
from mcp_bridge.lab.state import Lab
from tests.conformance.processes import Server, serving
from tests.listening import free_port


@pytest.fixture(scope="session")
def hostless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server whose only host cannot be reached."""
    port = free_port()
    folder = tmp_path_factory.mktemp("hostless")
    inventory = folder / "inventory.ini"
    inventory.write_text("h1 ansible_host=127.0.0.1 ansible_port=1\n", encoding="utf-8")
    words = ["mcp_bridge", "serve", "--http", f"127.0.0.1:{port}", "-i", str(inventory)]
    with serving(words, port=port, folder=folder) as running:
        yield running


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Two hosts for the whole session."""
    for left in state.names():
        session = re.fullmatch(r"conformance-(\d+)", left)
        if session and not Path("/proc", session[1]).exists():
            lifecycle.down(left)  # its session was killed
    name = f"conformance-{os.getpid()}"
    try:
        yield lifecycle.up(name, hosts=2, kernel="namespace")
    finally:
        lifecycle.down(name)


@pytest.fixture(scope="session")
def fleet(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server for the lab's hosts; a person is asked before each change, as is the default."""
    port = free_port()
    words = ["mcp_bridge", "serve", "--http", f"127.0.0.1:{port}", "-i", str(lab.inventory)]
    with serving(words, port=port, folder=tmp_path_factory.mktemp("fleet")) as running:
        yield running
