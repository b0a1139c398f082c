# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The prompts as a client gets them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastmcp import Client, FastMCP

from mcp_bridge.mcp_server import prompts

WORDS = {
    "hosts": "web",
    "host": "h1",
    "profile": "server",
    "ports": "80,443",
    "target": "192.0.2.1",
    "egress_mbit": "40",
}


def _server() -> FastMCP[Any]:
    server: FastMCP[Any] = FastMCP("prompts")
    prompts.register(server)
    return server


@pytest.mark.parametrize(
    "name", ["optimize_group", "protect_server", "room_for_calls", "find_slowness", "roll_back_safely"]
)
def test_prompt(name: str) -> None:
    """A prompt holds what it was given, and each of its arguments is described."""

    async def get() -> tuple[str, dict[str, str | None]]:
        async with Client(_server()) as client:
            listed = next(prompt for prompt in await client.list_prompts() if prompt.name == name)
            told = {argument.name: argument.description for argument in listed.arguments or []}
            text = (await client.get_prompt(name, {key: WORDS[key] for key in told})).messages[0].content
            return getattr(text, "text", ""), told

    text, told = asyncio.run(get())
    assert told
    assert all(told.values())
    for argument in told:
        assert WORDS[argument] in text
