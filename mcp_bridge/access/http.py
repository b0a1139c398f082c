# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused before it is even read: requests that are too large, and those of other users of this machine."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from anyio import to_thread
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_bridge.access import peer_uid

BODY_MAX = 8 * 1024 * 1024
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


class BodyLimit:
    """Refuses a request whose body is larger than any plan needs, whatever its headers say.

    Args:
        app: what answers the others.
        largest: bytes.
    """

    def __init__(self, app: ASGIApp, largest: int = BODY_MAX) -> None:
        self._app = app
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if any(name == b"content-length" and self._is_excess(value) for name, value in scope["headers"]):
            await self._refuse(scope, receive, send)
            return
        held = await self._held(receive, scope["method"])
        if held is None:
            await self._refuse(scope, receive, send)
            return

        async def replay() -> Message:
            return held.pop(0) if held else await receive()

        await self._app(scope, replay, send)

    async def _held(self, receive: Receive, method: str) -> list[Message] | None:
        """Return the messages of a request's body, ``None`` when it is too large."""
        messages: list[Message] = []
        size = 0
        while method == "POST":
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            if size > self._largest:
                return None
            if message["type"] != "http.request" or not message.get("more_body", False):
                break
        return messages

    def _is_excess(self, value: bytes) -> bool:
        return not value.isdigit() or len(value) > 18 or int(value) > self._largest

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        text = f"The request is larger than {self._largest} bytes\n"
        await PlainTextResponse(text, status_code=413, headers={"connection": "close"})(scope, receive, send)


class OwnUser:
    """Lets in processes of the user who started the server, and root's; for a server that asks for no token.

    Every user of a machine reaches its loopback address. The kernel tells whose socket is at the other end.

    Args:
        app: what answers those requests.
        path: the path that is guarded.
        on_refusal: called with a few words for each request that is refused.
    """

    def __init__(self, app: ASGIApp, path: str, on_refusal: Callable[[str], None]) -> None:
        self._app = app
        self._path = path
        self._on_refusal = on_refusal
        self._allowed = {0, os.getuid()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["path"].rstrip("/").startswith(self._path):
            client, server = scope.get("client"), scope.get("server")
            owner = await to_thread.run_sync(owner_of, client, server) if client and server else None
            if owner not in self._allowed:
                self._on_refusal(f"a process of user {owner}" if owner is not None else "a process nobody knows")
                text = "This server is for the user who started it; other users need a token (docs/access.md)\n"
                await PlainTextResponse(text, status_code=403)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def owner_of(client: tuple[str, int], server: tuple[str, int]) -> int | None:
    """Return the user id of the process at the client's end of a connection within this machine.

    Args:
        client: its address and port.
        server: the server's.

    Returns:
        ``None`` when the connection does not come from this machine, or from another network namespace of it.
    """
    wanted = (_plain(client), _plain(server))
    with suppress(OSError, ValueError):  # a kernel that was built without it, or a sandbox that forbids it
        return peer_uid.owner(*wanted)
    return next((uid for near, far, uid in _sockets(client[1], server[1]) if (near, far) == wanted), None)


def _sockets(near: int, far: int) -> Iterator[tuple[tuple[str, int], tuple[str, int], int]]:
    """Yield TCP sockets of this network namespace: local end, remote end, user id (proc(5)).

    Args:
        near: the local port of those that are wanted; a busy server has thousands of others, which cost too much.
        far: their remote port.
    """
    ports = (f":{near:04X} ", f":{far:04X} ")
    for table in TABLES:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            if not all(port in line for port in ports):
                continue
            fields = line.split()
            yield _end(fields[1]), _end(fields[2]), int(fields[7])


def _end(text: str) -> tuple[str, int]:
    """Return address and port of ``0100007F:1F90``: words of four bytes in the machine's order."""
    address, _, port = text.partition(":")
    words = [int(address[start : start + 8], 16).to_bytes(4, sys.byteorder) for start in range(0, len(address), 8)]
    return _plain((str(ipaddress.ip_address(b"".join(words))), int(port, 16)))


def _plain(end: tuple[str, int]) -> tuple[str, int]:
    """Return an end of a connection in one spelling; an IPv4 address in IPv6 form is the IPv4 address."""
    try:
        address = ipaddress.ip_address(end[0])
    except ValueError:
        return end
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address), end[1]
