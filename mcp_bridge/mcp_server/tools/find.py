# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two tools by which a client finds and calls those that the list leaves out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastmcp import Context, FastMCP
from fastmcp.tools import Tool
from pydantic import Field

from mcp_bridge.mcp_server.tools.call import CHANGES_HOSTS, READS, AppContext, refused
from mcp_bridge.mcp_server.tools.toolsets import CALL, FIND, UNFILTERED, toolset_of
from mcp_bridge.models.base import Strict

FOUND_MAX = 5  # tools that come with their schemas
_WORD = re.compile(r"[a-z0-9]+")


class FoundTool(Strict):
    """A tool that fits."""

    name: str
    """What it is called."""
    toolset: str
    """core, discovery or audit."""
    description: str
    """What it does."""
    input_schema: dict[str, Any]
    """Its arguments."""
    output_schema: dict[str, Any] | None = None
    """Its answer, where that was asked for."""


class FoundTools(Strict):
    """Tools that fit a query."""

    tools: list[FoundTool]
    """Those that fit best, with their arguments."""
    more: dict[str, str]
    """The others by name: what they do, in a line."""


async def find_tools_tool(
    ctx: Context,
    query: Annotated[
        str, Field(description="Words of a name or a description, e.g. 'audit log'. Empty: all names.", max_length=200)
    ] = "",
    *,
    output_schemas: Annotated[bool, Field(description="Also tell the schemas of answers.")] = False,
) -> FoundTools:
    """Find tools that are not listed: further questions to hosts, the audit log. Call them with call_tool_tool."""
    token = UNFILTERED.set(True)
    try:
        tools = [tool for tool in await ctx.fastmcp.list_tools() if tool.name not in {FIND, CALL}]
    finally:
        UNFILTERED.reset(token)
    ranked = _ranked(tools, query)
    best = ranked[:FOUND_MAX] if query.strip() else []
    found = [
        FoundTool(
            name=tool.name,
            toolset=toolset_of(tool.name),
            description=tool.description or "",
            input_schema=tool.parameters,
            output_schema=tool.output_schema if output_schemas else None,
        )
        for tool in best
    ]
    return FoundTools(tools=found, more={tool.name: tool.title or "" for tool in ranked[len(best) :]})


def call_tool_tool(
    name: Annotated[str, Field(description="Name of the tool, as find_tools_tool gives it.", max_length=200)],
    arguments: Annotated[
        dict[str, Any] | None,
        Field(description="Its arguments.", json_schema_extra={"additionalProperties": True}),
    ] = None,
) -> dict[str, Any]:
    """Call a tool that is not listed. Rights, questions to the person and the answer are those of a direct call."""
    raise refused(f"{name!r} cannot be called so: give name as text and arguments as an object ({arguments!r:.80})")


def register(server: FastMCP[Any], app: AppContext) -> None:  # noqa: ARG001 - as the other modules' functions
    """Add the tools."""
    server.tool(find_tools_tool, title="Find tools", annotations=READS)
    server.tool(call_tool_tool, title="Call a tool that is not listed", annotations=CHANGES_HOSTS)


def _ranked(tools: Sequence[Tool], query: str) -> list[Tool]:
    """Return the tools that a word of the query fits, those ahead that more words fit, in their names first."""
    words = set(_WORD.findall(query.lower()))
    if not words:
        return list(tools)
    scored = [(_score(tool, words), tool) for tool in tools]
    scored.sort(key=lambda entry: -entry[0])
    return [tool for score, tool in scored if score]


def _score(tool: Tool, words: set[str]) -> int:
    name = f"{tool.name} {tool.title}".lower()
    text = (tool.description or "").lower()
    return sum(3 * (word in name) + (word in text) for word in words)
