# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counts and logs every call of a tool, and refuses what reaches for hosts once the server is stopping."""

from __future__ import annotations

import logging
from typing import Any

from fastmcp.exceptions import NotFoundError, ToolError
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools.base import InputRequiredToolResult, ToolResult
from mcp.types import CallToolRequestParams

from mcp_bridge.operations.metrics import Metrics, Stopwatch
from mcp_bridge.operations.shutdown import Drain

LOG = logging.getLogger("netopt.calls")


class CallLog(Middleware):
    """The outermost middleware, so that what the others refuse is seen as well.

    Args:
        metrics: where calls are counted.
        drain: whether the server is stopping.
    """

    def __init__(self, metrics: Metrics, drain: Drain) -> None:
        self._metrics = metrics
        self._drain = drain

    async def on_request(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        """Count a request by its method."""
        self._metrics.requests.labels(method=context.method or "unknown").inc()
        return await call_next(context)

    async def on_call_tool(
        self, context: MiddlewareContext[CallToolRequestParams], call_next: CallNext[CallToolRequestParams, ToolResult]
    ) -> ToolResult:
        """Carry out a call, count it and log it; its arguments are the audit log's business."""
        name, reaches_out = await _known(context)
        watch = Stopwatch(self._metrics, name)
        outcome = "failed"
        try:
            self._admit(reaches_out=reaches_out)
            result = await call_next(context)
            outcome = "asked" if isinstance(result, InputRequiredToolResult) else "ok"
            if result.is_error:
                outcome = "refused"
        except (ToolError, NotFoundError):
            outcome = "refused"
            raise
        finally:
            watch.stop(outcome)
            level = logging.WARNING if outcome == "failed" else logging.INFO
            LOG.log(level, "tool call", extra={"tool": name, "outcome": outcome, "seconds": round(watch.seconds, 3)})
        return result

    def _admit(self, *, reaches_out: bool) -> None:
        if self._drain.begun and reaches_out:
            raise ToolError("The server is stopping. Ask again once it is back.", log_level=logging.DEBUG)


async def _known(context: MiddlewareContext[CallToolRequestParams]) -> tuple[str, bool]:
    """Return a tool's name, ``unknown`` for what a client made up, and whether it reaches hosts."""
    ctx = context.fastmcp_context
    try:
        tool = await ctx.fastmcp.get_tool(context.message.name) if ctx else None
    except NotFoundError:
        tool = None
    if tool is None:
        return "unknown", False
    return tool.name, tool.annotations is None or tool.annotations.open_world_hint is not False
