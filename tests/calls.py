# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of the server's tools through FastMCP's client."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from fastmcp import Client


async def call(client: Client[Any], tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool and return its structured result."""
    found: dict[str, Any] | None = (await client.call_tool(tool, arguments)).structured_content
    assert found is not None
    return found


async def outcome(client: Client[Any], run_id: str, *, within_s: float) -> dict[str, Any]:
    """Return what is known of a run once it is over."""
    ends = time.monotonic() + within_s
    while True:
        status = await call(client, "run_status_tool", run_id=run_id)
        if status["run"]["state"] not in {"running", "lost"}:
            return status
        assert time.monotonic() < ends, status
        await asyncio.sleep(0.5)


def waves(report: dict[str, Any]) -> list[tuple[int, str]]:
    """Return for each wave how many hosts it has and what became of it."""
    return [(len(wave["hosts"]), wave["status"]) for wave in report["rollout"]["waves"]]
