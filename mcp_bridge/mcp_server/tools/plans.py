# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tools that judge, render and draft plans; none of them changes a host."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastmcp import Context, FastMCP
from fastmcp.tools import ToolResult
from pydantic import Field, WithJsonSchema

from mcp_bridge.documents import DocumentError, parse_json
from mcp_bridge.hosts import profile_plans
from mcp_bridge.hosts.profile_plans import Drafts
from mcp_bridge.mcp_server.tools.call import (
    READS,
    READS_HOSTS,
    AppContext,
    Hosts,
    actionable,
    add_tool,
    follow,
    refused,
)
from mcp_bridge.mcp_server.tools.query_schema import schema_of
from mcp_bridge.models import RenderedPlan, ValidationResult
from mcp_bridge.runs.task import Scope

ObjectOrText = dict[str, Any] | str  # some clients send objects as text
PlanInput = Annotated[
    ObjectOrText, WithJsonSchema({"type": "object", "description": "A plan, as validate_change_plan_tool has it."})
]
PlanSpelledOut = Annotated[
    ObjectOrText, WithJsonSchema({"type": "object", "description": "A plan; schema://ParameterPlan has all of it."})
]


def as_object(value: dict[str, Any] | str, *, name: str) -> dict[str, Any]:
    """Return what a client sent as an object; some clients send objects as JSON text.

    Raises:
        ToolError: the text is not a JSON object, or is not read, since a key is given twice, for example.
    """
    if isinstance(value, dict):
        return value
    try:
        data = parse_json(value, name=name)
    except json.JSONDecodeError as error:
        raise refused(f"{name} is text that is not JSON: {error}. Send an object.") from None
    except DocumentError as error:
        raise refused(str(error)) from None
    if not isinstance(data, dict):
        raise refused(f"{name} is JSON, but {type(data).__name__} where an object is wanted.")
    return data


def validate_change_plan_tool(app: AppContext, parameter_plan: PlanSpelledOut) -> ValidationResult:
    """Check a plan against the policy and return all issues at once, with the plan in canonical form.

    Call this first. A plan with errors is refused by every other tool.
    """
    with actionable():
        return app.service.validate(as_object(parameter_plan, name="parameter_plan"))


def render_change_plan_tool(app: AppContext, plan: PlanInput) -> RenderedPlan:
    """Turn a plan into the exact commands it amounts to, with a digest that binds them.

    Hand the digest to apply_rendered_plan_tool, or all of the result as it is.
    """
    with actionable():
        rendered = app.service.render(as_object(plan, name="plan"))
    app.kept.keep(app.admission().caller.name, rendered)
    return rendered


async def plan_from_profile_tool(
    app: AppContext,
    ctx: Context,
    profile: Annotated[
        str, Field(description="Name of a profile; policy://profiles/list names them.", min_length=1, max_length=64)
    ],
    iface: Annotated[
        str | Mapping[str, Any] | list[str | Mapping[str, Any]],
        WithJsonSchema(
            {
                "anyOf": [{"type": "string"}, {"type": "object"}, {"type": "array", "items": {"type": "string"}}],
                "description": "As in a plan.",
            }
        ),
    ] = "auto",
    hosts: Hosts = "all",
    overrides: Annotated[
        dict[str, Any] | None,
        Field(description="Changes instead of the profile's, as in a plan."),
    ] = None,
) -> ToolResult:
    """Adapt a profile to the facts of each host and return the plans, hosts with equal plans together.

    Says which rule changed what, and what the hosts cannot have and why. Changes nothing. Validate, render and apply
    each plan to its own hosts: pass on its pattern.
    """
    service = app.on_behalf_of(ctx)

    def work(progress: Any) -> Drafts:
        scope = Scope(limit=hosts, progress=progress)
        return profile_plans.from_profile(service, profile, iface=iface, overrides=overrides or {}, scope=scope)

    return ToolResult(structured_content=(await follow(ctx, work)).dump())


def register(server: FastMCP[Any], app: AppContext) -> None:
    """Add the tools."""
    add_tool(
        server,
        app,
        validate_change_plan_tool,
        title="Validate a plan",
        annotations=READS,
        output_schema=schema_of(ValidationResult, nulls=True),
    )
    add_tool(
        server,
        app,
        render_change_plan_tool,
        title="Render a plan",
        annotations=READS,
        output_schema=schema_of(RenderedPlan, nulls=True),
    )
    add_tool(
        server,
        app,
        plan_from_profile_tool,
        title="Draft plans from a profile",
        annotations=READS_HOSTS,
        output_schema=schema_of(Drafts),
    )
