# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps a call from costing a listing of all tools.

With the protocol of 2026-07-28 the SDK looks a tool's schema up before each call over HTTP, to compare headers that
mirror parameters, and does so by listing all tools; and FastMCP writes the references in every schema out at each
listing. With fifty tools that is a quarter of a second of work for a call that takes a millisecond.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastmcp import FastMCP
from fastmcp.server.middleware import CallNext, MiddlewareContext
from fastmcp.server.middleware.dereference import DereferenceRefsMiddleware
from fastmcp.tools import Tool
from mcp.types import ListToolsRequest


class WriteOutOnce(DereferenceRefsMiddleware):
    """Writes the references in a tool's schemas out, for clients that cannot follow them: once for each tool."""

    def __init__(self) -> None:
        self._done: dict[str, tuple[Tool, Tool]] = {}

    async def on_list_tools(
        self, context: MiddlewareContext[ListToolsRequest], call_next: CallNext[ListToolsRequest, Sequence[Tool]]
    ) -> Sequence[Tool]:
        """Return the tools with their schemas written out."""
        return [await self._written_out(tool, context) for tool in await call_next(context)]

    async def _written_out(self, tool: Tool, context: MiddlewareContext[ListToolsRequest]) -> Tool:
        known = self._done.get(tool.key)
        if known is not None and known[0] is tool:
            return known[1]

        async def alone(context: MiddlewareContext[ListToolsRequest]) -> Sequence[Tool]:  # noqa: ARG001 - as the caller names it
            return [tool]

        (done,) = await super().on_list_tools(context, alone)
        self._done[tool.key] = (tool, done)
        return done


def expect_mirrored_parameters(server: FastMCP[Any], schemas: Mapping[str, dict[str, Any]]) -> None:
    """Tell the SDK which tools have a parameter that a header mirrors (x-mcp-header), so that it need not look.

    Args:
        server: the server; none of netopt's own tools has one.
        schemas: input schema by tool.
    """
    server._mcp_server.get_tool_input_schema = schemas.get  # noqa: SLF001 - the SDK's public hook, which FastMCP hides
