# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a server until it is told to stop, and then ends it in good order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from types import FrameType
from typing import Any

import anyio
import uvicorn
from fastmcp import FastMCP
from starlette.types import ASGIApp

from mcp_bridge.operations.shutdown import Drain

LOG = logging.getLogger(__name__)
CLOSE_S = 5  # seconds for answers on their way once nothing runs any more


def stdio(server: FastMCP[Any], drain: Drain) -> None:
    """Serve one client on standard input and output until it closes them or the process gets SIGTERM."""

    def stop() -> None:
        drain.run()
        logging.shutdown()
        os._exit(0)  # the thread that waits for standard input cannot be told to stop

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if drain.begun:
            drain.hurry()
        else:
            drain.begin()
            threading.Thread(target=stop, name="netopt-stop", daemon=True).start()

    signal.signal(signal.SIGTERM, on_signal)
    try:
        server.run(transport="stdio", show_banner=False, log_level=None)
    except* (BrokenPipeError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        LOG.info("The client has gone")  # it need not say farewell; its runs go on to their ends


def http(app: ASGIApp, drain: Drain, *, host: str, port: int) -> None:
    """Serve an application until the process gets SIGTERM or SIGINT; a second one hurries it.

    Runs are finished first while clients stay connected, so that they hear of the outcome.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,  # a request's line could hold what does not belong in a log
        server_header=False,
        timeout_graceful_shutdown=CLOSE_S,
    )
    asyncio.run(_Server(config, drain).serve())


def notify(state: str) -> None:
    """Tell systemd how the service is (sd_notify(3)); does nothing elsewhere."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError as error:
            LOG.warning("systemd could not be told %s: %s", state, error)


class _Server(uvicorn.Server):
    """Finishes runs before it closes its connections."""

    def __init__(self, config: uvicorn.Config, drain: Drain) -> None:
        super().__init__(config)
        self._drain = drain
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if not self.should_exit:
            notify("READY=1")
            LOG.info("Listening", extra={"host": self.config.host, "port": self.config.port})

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; uvicorn calls this for SIGTERM and SIGINT."""
        if self._loop is None:
            super().handle_exit(sig, frame)
        elif self._drain.begun:
            self._drain.hurry()
        else:
            self._drain.begin()
            self._loop.call_soon_threadsafe(self._begin_to_stop)

    def _begin_to_stop(self) -> None:
        self._stopping = asyncio.create_task(self._stop())

    async def _stop(self) -> None:
        notify("STOPPING=1")
        LOG.warning("Stopping")
        await asyncio.to_thread(self._drain.run)
        self.should_exit = True
