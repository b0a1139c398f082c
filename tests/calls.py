# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of the server's tools through FastMCP's client."""

from __future__ import annotations

from typing import Any

from fastmcp import Client


async def call(client: Client[Any], tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool and return its structured result."""
    found: dict[str, Any] | None = (await client.call_tool(tool, arguments)).structured_content
    assert found is not None
    return found
