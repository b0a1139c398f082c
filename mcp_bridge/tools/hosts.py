# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tools that look at hosts: one for each read-only question, made from the table of questions."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

from fastmcp import Context, FastMCP
from pydantic import Field

from ansible_collections.netopt.linux.plugins.module_utils._query import QUERIES, Parameter, Query
from mcp_bridge import discovery, inventory
from mcp_bridge.discovery import Answers
from mcp_bridge.fleet import Scope
from mcp_bridge.inventory import InventoryHost
from mcp_bridge.models.base import Strict
from mcp_bridge.tools.context import READS, READS_HOSTS, Hosts, Office, actionable, follow

TYPES: dict[str, Any] = {
    "iface": Annotated[str, Field(max_length=15)],
    "target": Annotated[str, Field(max_length=253)],
    "record": Annotated[str, Field(max_length=10)],
    "keys": Annotated[list[str], Field(min_length=1, max_length=64)],
    "count": Annotated[int, Field(ge=1, le=20)],
    "seconds": Annotated[int, Field(ge=1, le=20)],
}


class HostList(Strict):
    """The hosts of the inventory that a pattern matches."""

    hosts: list[InventoryHost]
    """Sorted by name."""


def register(server: FastMCP[Any], office: Office) -> None:
    """Add the tools."""

    @server.tool(title="List hosts", annotations=READS)
    def list_hosts_tool(hosts: Hosts = "all") -> HostList:
        """List the hosts of the inventory that a pattern matches, with their groups and addresses."""
        with actionable():
            return HostList(hosts=inventory.read(office.bridge.settings.inventory, limit=hosts))

    @server.tool(title="Facts of hosts", annotations=READS_HOSTS)
    async def host_facts_tool(ctx: Context, hosts: Hosts = "all") -> Answers:
        """Read what profiles adapt to: memory, processors, kernel, virtualisation, interfaces, Python and tools."""
        fleet = office.on_behalf_of(ctx).fleet()
        return await follow(ctx, lambda progress: discovery.facts(fleet, Scope(limit=hosts, progress=progress)))

    for name, query in QUERIES.items():
        _register_query(server, office, name, query)


def _register_query(server: FastMCP[Any], office: Office, name: str, query: Query) -> None:
    async def tool(ctx: Context, hosts: str, **arguments: Any) -> Answers:
        fleet = office.on_behalf_of(ctx).fleet()
        return await follow(
            ctx, lambda progress: discovery.ask(fleet, name, arguments, Scope(limit=hosts, progress=progress))
        )

    parameters = [
        inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=Context),
        *(_parameter(key, parameter) for key, parameter in (query.parameters or {}).items()),
        inspect.Parameter("hosts", inspect.Parameter.KEYWORD_ONLY, annotation=Hosts, default="all"),
    ]
    tool.__name__ = f"{name}_tool"
    tool.__doc__ = (
        f"{query.summary}, on each host. Read-only. A host that lacks the command answers `not available` with the "
        "package to install."
    )
    tool.__signature__ = inspect.Signature(parameters, return_annotation=Answers)  # type: ignore[attr-defined]
    tool.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters} | {"return": Answers}
    server.tool(tool, name=f"{name}_tool", title=query.summary, annotations=READS_HOSTS)


def _parameter(name: str, parameter: Parameter) -> inspect.Parameter:
    described = Field(description=parameter.description)
    if parameter.required:
        return inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[TYPES[parameter.kind], described]
        )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        annotation=Annotated[TYPES[parameter.kind] | None, described],
        default=None,
    )
