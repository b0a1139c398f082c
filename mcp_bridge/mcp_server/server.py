# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The MCP server: put together from tools, resources and prompts."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import partial
from typing import Any

from fastmcp import FastMCP
from fastmcp.server.http import StarletteWithLifespan
from starlette.middleware import Middleware as ASGIMiddleware

from mcp_bridge.access.context import Terms
from mcp_bridge.access.http import BodyLimit, OwnUser
from mcp_bridge.access.middleware import AccessMiddleware
from mcp_bridge.access.refusal_log import Refusals
from mcp_bridge.access.tokens import AccessTokenVerifier
from mcp_bridge.errors import NetoptBridgeError
from mcp_bridge.mcp_server import prompts, resources
from mcp_bridge.mcp_server.tools import (
    apply,
    checkpoints,
    find,
    measure,
    plans,
    plans_in_force,
    queries,
    runs_and_audit,
)
from mcp_bridge.mcp_server.tools.call import AppContext
from mcp_bridge.mcp_server.tools.toolsets import CallThrough, Listing
from mcp_bridge.operations import endpoints, logs, serving, tool_cache
from mcp_bridge.operations.call_log import CallLog
from mcp_bridge.operations.metrics import Metrics
from mcp_bridge.operations.shutdown import Drain
from mcp_bridge.service import Service
from mcp_bridge.version import version

MCP_PATH = "/mcp"
INSTRUCTIONS = """\
NetOpt changes the network settings of Linux hosts and breaks nothing.
Way of a change: look at the hosts with host_query_tool; write a plan, as validate_change_plan_tool has it, or draft one
with plan_from_profile_tool; validate_change_plan_tool; render_change_plan_tool; apply_rendered_plan_tool with the
digest and dry_run=true, show the person what would change; then with dry_run=false, which asks the person to confirm.
Every change has a checkpoint_id; rollback_to_checkpoint_tool with it undoes the change on every host, with
dry_run=false once the person has seen what that changes. Settings and profiles: policy://config_cards/list,
policy://profiles/list. find_tools_tool finds what is not listed, call_tool_tool calls it.
"""


def build(service: Service, *, drain: Drain | None = None, app: AppContext | None = None) -> FastMCP[Any]:
    """Return the server.

    Args:
        service: what it serves; with ``settings.read_only`` the tools that change hosts are left out.
        drain: tells it that it is to stop; made when not given.
        app: what its tools work with; made when not given.
    """
    app = app or AppContext(service)
    access = app.access
    verifier = None
    if access.authenticated:
        verifier = AccessTokenVerifier(
            access.rules, on_refusal=partial(Refusals(access.audit).note_unauthenticated, "token")
        )
    server: FastMCP[Any] = FastMCP(
        "netopt",
        version=version(),
        instructions=INSTRUCTIONS,
        auth=verifier,
        mask_error_details=True,
        dereference_schemas=False,
    )
    _operate(server, service, drain or Drain(service.settings, app.cancels))
    server.add_middleware(AccessMiddleware(access, service.fleet().runs, read_only=service.settings.read_only))
    resources.register(server, service)
    prompts.register(server)
    find.register(server, app)
    plans.register(server, app)
    queries.register(server, app)
    measure.register(server, app)
    runs_and_audit.register_reading(server, app)
    checkpoints.register_reading(server, app)
    plans_in_force.register_reading(server, app)
    if not service.settings.read_only:
        runs_and_audit.register(server, app)
        apply.register(server, app)
        checkpoints.register(server, app)
        plans_in_force.register(server, app)
    return server


def _operate(server: FastMCP[Any], service: Service, drain: Drain) -> None:
    """Add what keeps a server running."""
    settings = service.settings
    metrics = Metrics(settings)
    server.add_middleware(CallThrough())
    server.add_middleware(CallLog(metrics, drain))
    server.add_middleware(Listing(settings.toolsets, output_schemas=settings.output_schemas))
    server.add_middleware(tool_cache.WriteOutOnce())
    tool_cache.expect_mirrored_parameters(server, {})
    endpoints.register(server, settings, metrics=metrics, drain=drain)


def serve_stdio(service: Service, *, terms: Terms | None = None) -> None:
    """Serve one client on standard input and output; whatever else is said goes to standard error.

    Raises:
        PolicyError: the access file is wrong.
    """
    logs.begin(service.settings)
    app = AppContext(service, terms or Terms())
    drain = Drain(service.settings, app.cancels)
    serving.stdio(build(service, drain=drain, app=app), drain)


def serve_http(
    service: Service, *, host: str, port: int, terms: Terms | None = None, known_as: Sequence[str] = ()
) -> None:
    """Serve clients over streamable HTTP at ``/mcp``.

    Without authentication the clients are processes of this user on this machine. A web page in a browser is no
    client: requests whose Host or Origin is not this server's are refused (Model Context Protocol, Transports:
    Security Warning).

    Args:
        service: what it serves.
        host: the address to listen on.
        port: the port.
        terms: on which terms.
        known_as: further names by which clients reach the server.

    Raises:
        NetoptBridgeError: the address is not a loopback one, and whoever reached it could change every host.
        PolicyError: the access file is wrong.
    """
    app = AppContext(service, terms or Terms())
    if not _is_loopback(host) and not app.access.authenticated:
        raise NetoptBridgeError(
            f"{host} is not a loopback address, and the server has no authentication",
            hint="Give --access a file with authentication (docs/access.md), or serve 127.0.0.1 or [::1].",
        )
    logs.begin(service.settings)
    drain = Drain(service.settings, app.cancels)
    server = build(service, drain=drain, app=app)
    serving.http(http_app(server, host=host, known_as=known_as, app=app), drain, host=host, port=port)


def http_app(
    server: FastMCP[Any], *, host: str, known_as: Sequence[str] = (), app: AppContext | None = None
) -> StarletteWithLifespan:
    """Return a server as a web application that answers to its own address alone.

    Args:
        server: what ``build`` returned.
        host: the address that it will listen on.
        known_as: further names by which clients reach it.
        app: with it, and without authentication, only processes of this user are let in.
    """
    guards = [ASGIMiddleware(BodyLimit)]
    if app is not None and not app.access.authenticated:
        on_refusal = partial(Refusals(app.access.audit).note_unauthenticated, "user")
        guards.insert(0, ASGIMiddleware(OwnUser, path=MCP_PATH, on_refusal=on_refusal))
    return server.http_app(
        path=MCP_PATH, middleware=guards, host_origin_protection=True, allowed_hosts=[host, *known_as]
    )


def _is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
