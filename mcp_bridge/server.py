# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The MCP server: put together from tools, resources and prompts."""

from __future__ import annotations

import logging
import sys
from typing import Any

from fastmcp import FastMCP

from mcp_bridge import prompts, resources
from mcp_bridge.bridge import Bridge
from mcp_bridge.tools import books, changes, hosts, plans
from mcp_bridge.tools.context import Office

INSTRUCTIONS = """\
NetOpt changes the network settings of Linux hosts and breaks nothing.
Way of a change: read policy://profiles/list and policy://config_cards/list; look at the hosts with the discovery tools;
write a ParameterPlan (schema://ParameterPlan) or draft one with plan_from_profile_tool; validate_change_plan_tool;
render_change_plan_tool; apply_rendered_plan_tool with dry_run=true, show the person what would change; then with
dry_run=false. Every change has a checkpoint_id; rollback_to_checkpoint_tool with it undoes the change on every host.
"""


def build(bridge: Bridge) -> FastMCP[Any]:
    """Return the server.

    Args:
        bridge: what it serves; with ``settings.read_only`` the tools that change hosts are left out.
    """
    server: FastMCP[Any] = FastMCP("netopt", instructions=INSTRUCTIONS)
    office = Office(bridge)
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


def serve_stdio(bridge: Bridge) -> None:
    """Serve one client on standard input and output; whatever else is said goes to standard error."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    build(bridge).run(transport="stdio", show_banner=False)


def serve_http(bridge: Bridge, *, host: str, port: int) -> None:
    """Serve clients over streamable HTTP at ``/mcp``."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    build(bridge).run(transport="http", host=host, port=port, show_banner=False)
