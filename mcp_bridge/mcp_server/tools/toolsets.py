# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tools a client is told of, and how shortly: what is not listed can be found and called all the same.

A client pays for every byte of the list before it has done anything. So the list has the tools of the server's
toolsets, without output schemas unless they were asked for, and what a plan looks like once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from typing import Any

from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import Tool
from fastmcp.tools.base import ToolResult
from mcp.types import CallToolRequestParams, ListToolsRequest

from mcp_bridge.collection.queries import QUERIES
from mcp_bridge.mcp_server.tools.plan_schema import plan_schema, rollout_schema
from mcp_bridge.mcp_server.tools.query_schema import compact, questions_schema

FIND = "find_tools_tool"
CALL = "call_tool_tool"
ALWAYS = frozenset({FIND, CALL})
DISCOVERY = frozenset({f"{name}_tool" for name in QUERIES})
AUDIT = frozenset({"get_audit_log_tool", "search_audit_log_tool", "delete_checkpoint_tool"})
ALSO = {
    "discovery": frozenset({"list_hosts_tool", "host_query_tool", "measure_network_tool"}),
    "audit": frozenset({"run_status_tool", "list_checkpoints_tool", "list_hosts_tool"}),
}
"""Tools of ``core`` that another toolset is of little use without."""

SPELLED_OUT: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "validate_change_plan_tool": ("parameter_plan", plan_schema),
    "apply_rendered_plan_tool": ("rollout", rollout_schema),
    "host_query_tool": ("queries", questions_schema),
}
"""By tool: the argument whose shape is made short, once the list is asked for; making it takes a third of a second."""
TEXT_BOUNDS = ("pattern", "minLength", "maxLength")  # refusals name them
BOUND_MAX = 100_000  # of numbers
UNFILTERED: ContextVar[bool] = ContextVar("netopt_list_unfiltered", default=False)
"""Whether a listing is for the tool that finds others."""


def toolset_of(name: str) -> str:
    """Return the toolset that a tool belongs to."""
    return "discovery" if name in DISCOVERY else "audit" if name in AUDIT else "core"


def is_listed(name: str, toolsets: Iterable[str]) -> bool:
    """Return whether a tool is in the list of a server with these toolsets."""
    chosen = set(toolsets)
    if name in ALWAYS or chosen & {"all", toolset_of(name)}:
        return True
    return any(name in ALSO.get(toolset, ()) for toolset in chosen)


class Listing(Middleware):
    """Makes the list of tools what a client needs of it.

    Args:
        toolsets: those that are listed.
        output_schemas: whether the list has the schemas of answers.
    """

    def __init__(self, toolsets: Sequence[str], *, output_schemas: bool) -> None:
        self._toolsets = toolsets
        self._output_schemas = output_schemas
        self._short: dict[str, tuple[Tool, Tool]] = {}

    async def on_list_tools(
        self, context: MiddlewareContext[ListToolsRequest], call_next: CallNext[ListToolsRequest, Sequence[Tool]]
    ) -> Sequence[Tool]:
        """Return the tools of the toolsets, each as short as it can be."""
        tools = await call_next(context)
        if UNFILTERED.get():
            return [self._shortened(tool) for tool in tools]
        listed = [self._shortened(tool) for tool in tools if is_listed(tool.name, self._toolsets)]
        if self._output_schemas:
            return listed
        return [tool.model_copy(update={"output_schema": None}) for tool in listed]

    def _shortened(self, tool: Tool) -> Tool:
        known = self._short.get(tool.key)
        if known is None or known[0] is not tool:
            parameters = compact(tool.parameters, nulls=False)
            if tool.name in SPELLED_OUT:
                argument, schema = SPELLED_OUT[tool.name]
                description = parameters["properties"][argument]["description"]
                parameters["properties"][argument] = {**schema(), "description": description}
            parameters.pop("additionalProperties", None)  # that there are no others is told of those that are sent
            known = self._short[tool.key] = (tool, ListedTool.of(tool, _without_bounds(parameters)))
        return known[1]


def _without_bounds(schema: Any) -> Any:
    """Return a schema without the bounds of text and numbers that nobody comes near by mistake."""
    if isinstance(schema, list):
        return [_without_bounds(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "properties" in schema:
        fields = {name: _without_bounds(field) for name, field in schema["properties"].items()}
        return {**schema, "properties": fields}
    far = schema.get("maximum", 0) > BOUND_MAX
    left_out = {*TEXT_BOUNDS, *({"minimum", "maximum"} if far else ())}
    return {key: _without_bounds(value) for key, value in schema.items() if key not in left_out}


class ListedTool(Tool):
    """A tool as it is listed; it is looked up by its name to be called."""

    @classmethod
    def of(cls, tool: Tool, parameters: dict[str, Any]) -> ListedTool:
        """Return a tool with its arguments told shortly."""
        names = ("name", "title", "description", "annotations", "output_schema")
        return cls(parameters=parameters, **{name: getattr(tool, name) for name in names})

    def get_meta(self) -> dict[str, Any] | None:  # type: ignore[override]  # the protocol has it optional
        """Return nothing: FastMCP's own remarks are of no use to a client."""
        return None


class CallThrough(Middleware):
    """Turns a call of ``call_tool_tool`` into one of the tool that it names, before anything looks at it.

    So what follows (the gate, the audit log, the metrics) sees the real tool and its arguments, as if it had been
    called directly. A call that names no other tool goes on as it is, and that tool says what is wrong.
    """

    async def on_call_tool(
        self, context: MiddlewareContext[CallToolRequestParams], call_next: CallNext[CallToolRequestParams, ToolResult]
    ) -> ToolResult:
        """Pass the call on under its real name."""
        message = context.message
        given = message.arguments or {}
        name, arguments = given.get("name"), given.get("arguments", {})
        if (
            message.name != CALL
            or given.keys() - {"name", "arguments"}
            or not isinstance(name, str)
            or not isinstance(arguments, dict)
        ):
            return await call_next(context)
        real = message.model_copy(update={"name": name, "arguments": arguments})
        return await call_next(context.copy(message=real))
