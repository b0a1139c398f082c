# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests by others share: servers with hosts that answer and without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mcp_bridge.lab.state import Lab
from tests.conformance.processes import Server, serving
from tests.labs import brought_up
from tests.listening import free_port


@pytest.fixture(scope="session")
def hostless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server whose only host cannot be reached."""
    port = free_port()
    folder = tmp_path_factory.mktemp("hostless")
    inventory = folder / "inventory.ini"
    inventory.write_text("h1 ansible_host=127.0.0.1 ansible_port=1\n", encoding="utf-8")
    words = ["mcp_bridge", "serve", "--http", f"127.0.0.1:{port}", "-i", str(inventory)]
    words += ["--toolsets", "all", "--output-schemas"]  # the schemas of answers are looked at as well
    with serving(words, port=port, folder=folder) as running:
        yield running


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Two hosts for the whole session."""
    yield from brought_up("conformance", hosts=2)


@pytest.fixture(scope="session")
def fleet(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server for the lab's hosts; a person is asked before each change, as is the default."""
    port = free_port()
    words = ["mcp_bridge", "serve", "--http", f"127.0.0.1:{port}", "-i", str(lab.inventory)]
    with serving(words, port=port, folder=tmp_path_factory.mktemp("fleet")) as running:
        yield running
