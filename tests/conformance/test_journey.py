# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transcript in docs/journey.md, replayed with the protocol's own client on lab hosts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import mcp_types as types
import pytest
import yaml
from mcp.client import Client
from mcp.client.context import ClientRequestContext

from mcp_bridge.lab.kernel_view import connect, kernel_view
from mcp_bridge.lab.state import Lab
from tests.conformance.journey import Agent
from tests.conformance.processes import ROOT, Server, serving
from tests.conformance.transcript import Memory, Replay, steps
from tests.listening import free_port

JOURNEY = ROOT / "docs" / "journey.md"


@pytest.fixture
def shop(lab: Lab, tmp_path: Path) -> Iterator[Server]:
    """Give a server whose hosts have the names that the transcript gives them."""
    known = yaml.safe_load(lab.inventory.read_text(encoding="utf-8"))
    hosts = known["all"]["hosts"]
    known["all"]["hosts"] = {f"web{number}": hosts[host.name] for number, host in enumerate(lab.hosts, start=1)}
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(yaml.safe_dump({"all": {**known["all"], "children": {}}}), encoding="utf-8")
    port = free_port()
    words = ["mcp_bridge", "serve", "--http", f"127.0.0.1:{port}", "-i", str(inventory)]
    with serving(words, port=port, folder=tmp_path) as running:
        yield running


async def _replay(url: str, mode: str) -> list[str]:
    questions: list[str] = []

    async def yes(_context: ClientRequestContext, params: types.ElicitRequestParams) -> types.ElicitResult:
        questions.append(params.message)
        return types.ElicitResult(action="accept", content={"confirm": True})

    async with Client(url, mode=cast("Any", mode), elicitation_callback=yes) as client:
        agent = Agent(client)

        async def call(tool: str, arguments: dict[str, Any]) -> Any:
            return await agent.call(tool, **arguments)

        return await Replay(call, agent.read, questions).play(JOURNEY.read_text(encoding="utf-8"))


@pytest.mark.lab
@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
def test_replay(lab: Lab, shop: Server, mode: str) -> None:
    """Everything the transcript shows is what the server says today, and the hosts end as they were."""
    before = {host.name: kernel_view(host) for host in connect(lab.inventory)}
    assert asyncio.run(_replay(shop.url, mode)) == []
    assert {host.name: kernel_view(host) for host in connect(lab.inventory)} == before


@pytest.mark.parametrize(
    ("shown", "said", "same"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": None}, {}, True),
        ({"a": 1}, {}, False),
        (["x", "..."], ["x", "y"], True),
        (["x"], ["x", "y"], False),
        ({"a": "<id>", "b": "<id>"}, {"a": 7, "b": 7}, True),
        ({"a": "<id>", "b": "<id>"}, {"a": 7, "b": 8}, False),
    ],
)
def test_comparison(shown: Any, said: Any, *, same: bool) -> None:
    """A part that is shown must be there; a name stands for one thing."""
    assert (Memory().differences(shown, said) == []) is same


def test_transcript_is_well_formed() -> None:
    """Every block of the transcript can be read, and each call has its answer."""
    found = steps(JOURNEY.read_text(encoding="utf-8"))
    for step in found:
        if step.kind != "asked":
            json.loads(step.body)
    kinds = [step.kind for step in found if step.kind != "asked"]
    assert len(kinds) % 2 == 0
    assert set(kinds[1::2]) == {"answer"}
    assert set(kinds[::2]) == {"call", "read"}
