# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tool that measures the network from hosts."""

from __future__ import annotations

from typing import Annotated, Any

from fastmcp import Context, FastMCP
from fastmcp.tools import ToolResult
from pydantic import Field

from mcp_bridge.collection.measuring import MAX_TARGETS
from mcp_bridge.hosts import measure
from mcp_bridge.hosts.measure import Measurements
from mcp_bridge.mcp_server.tools.call import READS_HOSTS, AppContext, Hosts, add_tool, follow
from mcp_bridge.mcp_server.tools.query_schema import schema_of
from mcp_bridge.runs.task import Scope

MAX_DURATION_S = 60

Target = Annotated[str, Field(max_length=255)]


async def measure_network_tool(  # noqa: PLR0913 - the tool's arguments, by name
    app: AppContext,
    ctx: Context,
    *,
    ping: Annotated[
        list[Target] | None,
        Field(description="Hosts to send ICMP echo requests to.", max_length=MAX_TARGETS),
    ] = None,
    tcp: Annotated[
        list[Target] | None,
        Field(description="Services to connect to, as host:port, [address]:port for IPv6.", max_length=MAX_TARGETS),
    ] = None,
    iperf: Annotated[
        str | None,
        Field(
            description="Host of the inventory, or with an iperf3 server, to measure throughput to. Loads the link "
            "fully; ask first.",
            max_length=255,
        ),
    ] = None,
    duration_s: Annotated[
        int, Field(description="Seconds to measure delays, and again throughput.", ge=1, le=MAX_DURATION_S)
    ] = 5,
    hosts: Hosts = "all",
) -> ToolResult:
    """Measure from each host: delay percentiles, jitter and loss by ICMP and TCP connect, throughput by iperf3.

    Five probes in a second to each target; 20 s are enough for a 95th percentile. Give at least one target. Also tells
    what retransmissions and drops the host counted meanwhile. Changes nothing.
    """
    fleet = app.on_behalf_of(ctx).fleet()

    def work(progress: Any) -> Measurements:
        scope = Scope(limit=hosts, progress=progress)
        return measure.measure(fleet, scope, ping=ping or [], tcp=tcp or [], iperf=iperf, duration_s=duration_s)

    return ToolResult(structured_content=(await follow(ctx, work)).dump())


def register(server: FastMCP[Any], app: AppContext) -> None:
    """Add the tool."""
    add_tool(
        server,
        app,
        measure_network_tool,
        title="Measure the network",
        annotations=READS_HOSTS,
        output_schema=schema_of(Measurements),
    )
