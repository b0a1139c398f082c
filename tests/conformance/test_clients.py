# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The protocol's own clients, in Python and TypeScript and in both eras, go an agent's whole way on lab hosts."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from mcp_bridge.lab.kernel_view import connect, kernel_view
from mcp_bridge.lab.state import Lab
from tests.conformance import journey
from tests.conformance.processes import Server, node

pytestmark = pytest.mark.lab


def _views(lab: Lab) -> dict[str, dict[str, str]]:
    return {host.name: kernel_view(host) for host in connect(lab.inventory)}


def _check(seen: dict[str, Any], lab: Lab) -> None:
    """Every step did what it was to do, and a person was asked before each that changes something."""
    hosts = len(lab.hosts)
    assert seen["profile"] == "server"
    assert (seen["plans"], seen["ok"]) == (1, True)
    assert seen["predicted"] == ["would_change"] * hosts
    assert "did not confirm" in seen["declined"]
    assert seen["applied"] == ["applied"] * hosts
    assert set(seen["kept"]) == {"applied"}
    assert seen["undone"] == ["rolled_back"] * hosts
    assert len(seen["questions"]) == 4
    assert all(host.name in seen["questions"][1] for host in lab.hosts)
    assert seen["told"] > 0


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
def test_python(lab: Lab, fleet: Server, mode: str) -> None:
    """The Python SDK's client."""
    before = _views(lab)
    _check(asyncio.run(journey.walk(fleet.url, mode)), lab)
    assert _views(lab) == before


@pytest.mark.parametrize("which", ["sdk", "client", "client-legacy"])
def test_typescript(lab: Lab, fleet: Server, which: str) -> None:
    """The TypeScript SDK of version 1, and the client of version 2 in both eras."""
    before = _views(lab)
    done = node("node", "journey.mjs", fleet.url, which)
    assert done.returncode == 0, done.stderr
    _check(json.loads(done.stdout), lab)
    assert _views(lab) == before
