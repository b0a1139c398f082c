# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an agent pays for being connected, in bytes: no change makes it dearer unseen."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

from mcp_bridge.collection.queries import QUERIES
from mcp_bridge.mcp_server.server import build
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings, Toolset

BYTES: dict[Toolset, int] = {"core": 24_000, "discovery": 50_000, "audit": 6_000, "all": 70_000}
MAIN_JOB = {
    f"{name}_tool"
    for name in (
        "validate_change_plan render_change_plan plan_from_profile apply_rendered_plan confirm_change"
        " rollback_to_checkpoint list_checkpoints verify_drift measure_network run_status cancel_run list_hosts"
        " host_query snapshot_checkpoint find_tools call_tool"
    ).split()
}


def listed(folder: Path, *toolsets: Toolset, **options: Any) -> list[dict[str, Any]]:
    """Return the tools that a client of a server with these toolsets is told of, as they are sent."""
    settings = Settings(state_dir=folder / "state", toolsets=toolsets or ("core",), **options)

    async def run() -> list[dict[str, Any]]:
        async with Client(build(Service(settings, caller="test"))) as client:
            found = await client.list_tools()
        return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in found]

    return asyncio.run(run())


def size(tools: list[dict[str, Any]]) -> int:
    """Return how many bytes a list of tools has on its way."""
    return len(json.dumps({"tools": tools}, separators=(",", ":"), ensure_ascii=False).encode())


@pytest.mark.parametrize(("toolset", "most"), BYTES.items())
def test_bytes_of_the_list(tmp_path: Path, toolset: Toolset, most: int) -> None:
    """The list of each toolset stays below its bound, and no schema of an answer is in it."""
    tools = listed(tmp_path, toolset)
    assert size(tools) <= most
    assert not [tool["name"] for tool in tools if "outputSchema" in tool or "_meta" in tool]


def test_the_page_says_what_the_list_costs(tmp_path: Path) -> None:
    """The guide names how many tools are listed by default, and within 1 KB how large the list is."""
    page = (Path(__file__).parents[2] / "docs" / "mcp.md").read_text(encoding="utf-8")
    tools = listed(tmp_path)
    said = re.search(r"(\d+) tools in (\d+) KB", page)
    assert said is not None
    assert int(said[1]) == len(tools)
    assert int(said[2]) * 1000 == pytest.approx(size(tools), abs=1000)


def test_what_toolsets_have(tmp_path: Path) -> None:
    """The core has what the main job takes, all has everything, and two toolsets together have what both have."""
    core = {tool["name"] for tool in listed(tmp_path)}
    assert core >= MAIN_JOB
    questions = {f"{name}_tool" for name in QUERIES}
    assert not core & questions
    discovery = {tool["name"] for tool in listed(tmp_path, "discovery")}
    assert discovery >= questions | {"host_query_tool", "find_tools_tool"}
    both = {tool["name"] for tool in listed(tmp_path, "core", "audit")}
    assert both >= core | {"get_audit_log_tool", "search_audit_log_tool"}
    assert {tool["name"] for tool in listed(tmp_path, "all")} >= both | questions | {"delete_checkpoint_tool"}


def test_schemas_of_answers_when_asked_for(tmp_path: Path) -> None:
    """With output_schemas every tool has one."""
    assert all("outputSchema" in tool for tool in listed(tmp_path, "all", output_schemas=True))
