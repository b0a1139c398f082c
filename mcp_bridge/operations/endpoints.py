# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a supervisor and a monitoring system ask a server over HTTP: /healthz, /readyz and /metrics."""

from __future__ import annotations

import logging
from typing import Any

from anyio import to_thread
from fastmcp import FastMCP
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mcp_bridge.operations import health
from mcp_bridge.operations.metrics import CONTENT_TYPE, Metrics
from mcp_bridge.operations.shutdown import Drain
from mcp_bridge.settings import Settings

LOG = logging.getLogger(__name__)


def register(server: FastMCP[Any], settings: Settings, *, metrics: Metrics, drain: Drain) -> None:
    """Add the endpoints; they ask for no token and tell nothing of hosts, callers or files."""

    @server.custom_route("/healthz", methods=["GET"])
    async def healthz(_request: Request) -> Response:
        """Answer as long as the process can."""
        return JSONResponse({"status": "ok"})

    @server.custom_route("/readyz", methods=["GET"])
    async def readyz(_request: Request) -> Response:
        """Tell whether a change could be carried out now; 503 when not. The log says why."""
        found = await to_thread.run_sync(health.readiness, settings)
        for name, problem in found.items():
            if problem:
                LOG.warning("Not ready: %s: %s", name, problem)
        checks = {name: "failed" if problem else "ok" for name, problem in found.items()}
        checks["accepting"] = "failed" if drain.begun else "ok"
        ready = "failed" not in checks.values()
        return JSONResponse(
            {"status": "ok" if ready else "failed", "checks": checks}, status_code=200 if ready else 503
        )

    if settings.metrics:

        @server.custom_route("/metrics", methods=["GET"])
        async def exposition(_request: Request) -> Response:
            """Give the metrics in Prometheus's text format."""
            metrics.stopping.set(int(drain.begun))
            return Response(await to_thread.run_sync(metrics.text), media_type=CONTENT_TYPE)
