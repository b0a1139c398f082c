# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The MCP server: put together from tools, resources and prompts."""

from __future__ import annotations

import ipaddress
from typing import Any

from fastmcp import FastMCP
from fastmcp.server.http import StarletteWithLifespan

from mcp_bridge import prompts, resources
from mcp_bridge.bridge import Bridge
from mcp_bridge.errors import NetoptBridgeError
from mcp_bridge.operations import endpoints, logs, serving
from mcp_bridge.operations.metrics import Metrics
from mcp_bridge.operations.shutdown import Drain
from mcp_bridge.operations.watch import Watch
from mcp_bridge.tools import books, changes, hosts, plans
from mcp_bridge.tools.context import Office

INSTRUCTIONS = """\
NetOpt changes the network settings of Linux hosts and breaks nothing.
Way of a change: read policy://profiles/list and policy://config_cards/list; look at the hosts with the discovery tools;
write a ParameterPlan (schema://ParameterPlan) or draft one with plan_from_profile_tool; validate_change_plan_tool;
render_change_plan_tool; apply_rendered_plan_tool with dry_run=true, show the person what would change; then with
dry_run=false. Every change has a checkpoint_id; rollback_to_checkpoint_tool with it undoes the change on every host.
"""


def build(bridge: Bridge, *, drain: Drain | None = None, office: Office | None = None) -> FastMCP[Any]:
    """Return the server.

    Args:
        bridge: what it serves; with ``settings.read_only`` the tools that change hosts are left out.
        drain: tells it that it is to stop; made when not given.
        office: what its tools work with; made when not given.
    """
    server: FastMCP[Any] = FastMCP("netopt", instructions=INSTRUCTIONS)
    office = office or Office(bridge)
    _operate(server, bridge, drain or Drain(bridge.settings, office.cancels))
    resources.register(server, bridge)
    prompts.register(server)
    plans.register(server, office)
    hosts.register(server, office)
    books.register_reading(server, office)
    changes.register_reading(server, office)
    if not bridge.settings.read_only:
        books.register(server, office)
        changes.register(server, office)
    return server


def _operate(server: FastMCP[Any], bridge: Bridge, drain: Drain) -> None:
    """Add what keeps a server running."""
    metrics = Metrics(bridge.settings)
    server.add_middleware(Watch(metrics, drain))
    endpoints.register(server, bridge.settings, metrics=metrics, drain=drain)


def serve_stdio(bridge: Bridge) -> None:
    """Serve one client on standard input and output; whatever else is said goes to standard error."""
    logs.begin(bridge.settings)
    office = Office(bridge)
    drain = Drain(bridge.settings, office.cancels)
    serving.stdio(build(bridge, drain=drain, office=office), drain)


def serve_http(bridge: Bridge, *, host: str, port: int) -> None:
    """Serve clients of this machine over streamable HTTP at ``/mcp``.

    A web page in a browser on this machine is no client: requests whose Host or Origin is not this server's are
    refused (Model Context Protocol, Transports: Security Warning).

    Raises:
        NetoptBridgeError: the address is not a loopback one; whoever reached it could change every host.
    """
    if not _is_loopback(host):
        raise NetoptBridgeError(
            f"{host} is not a loopback address, and the server has no authentication",
            hint="Serve 127.0.0.1 or [::1], and let a proxy that authenticates its clients pass them on.",
        )
    logs.begin(bridge.settings)
    office = Office(bridge)
    drain = Drain(bridge.settings, office.cancels)
    serving.http(http_app(build(bridge, drain=drain, office=office), host=host), drain, host=host, port=port)


def http_app(server: FastMCP[Any], *, host: str) -> StarletteWithLifespan:
    """Return a server as a web application that answers to its own address alone.

    Args:
        server: what ``build`` returned.
        host: the address that it will listen on.
    """
    return server.http_app(host_origin_protection=True, allowed_hosts=[host])


def _is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
