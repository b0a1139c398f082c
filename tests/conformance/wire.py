# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client that is nothing but the wire: it sends JSON and returns every message that comes back, as it came."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any

STATELESS = "2026-07-28"
META = "io.modelcontextprotocol/"


@dataclass
class Wire:
    """One client over streamable HTTP.

    Attributes:
        port: where the server listens on this machine.
        revision: the protocol's revision that it speaks.
        session: the session that the server gave it; revisions from 2026-07-28 on have none.
    """

    port: int
    revision: str
    session: str | None = None
    _sent: int = field(default=0, init=False)
    _line: HTTPConnection | None = field(default=None, init=False)

    def begin(self) -> dict[str, Any]:
        """Make the server's acquaintance and return what it said of itself."""
        if self.revision == STATELESS:
            return self.ask("server/discover")[-1]
        client = {"name": "wire", "version": "1"}
        parameters = {"protocolVersion": self.revision, "capabilities": {}, "clientInfo": client}
        answer = self.ask("initialize", parameters)[-1]
        self._post({"jsonrpc": "2.0", "method": "notifications/initialized"}, {})
        return answer

    def ask(self, method: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Send one request and return all messages up to its answer."""
        self._sent += 1
        parameters = dict(parameters or {})
        headers = {}
        if self.revision == STATELESS:
            parameters["_meta"] = {
                **parameters.get("_meta", {}),
                f"{META}protocolVersion": self.revision,
                f"{META}clientCapabilities": {},
                f"{META}clientInfo": {"name": "wire", "version": "1"},
            }
            headers["Mcp-Method"] = method
            name = parameters.get("name") or parameters.get("uri")
            if name:
                headers["Mcp-Name"] = name
        return self._post({"jsonrpc": "2.0", "id": self._sent, "method": method, "params": parameters}, headers)

    def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.close()

    def _post(self, message: dict[str, Any], headers: dict[str, str]) -> list[dict[str, Any]]:
        every = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream", **headers}
        if message["method"] != "initialize":
            every["MCP-Protocol-Version"] = self.revision
        if self.session:
            every["Mcp-Session-Id"] = self.session
        self._line = self._line or HTTPConnection("127.0.0.1", self.port, timeout=120)
        self._line.request("POST", "/mcp", body=json.dumps(message), headers=every)
        response = self._line.getresponse()
        self.session = response.headers.get("Mcp-Session-Id") or self.session
        text = response.read().decode()
        if "text/event-stream" in (response.headers.get("Content-Type") or ""):
            return [json.loads(line[5:]) for line in text.splitlines() if line.startswith("data:") and line[5:].strip()]
        return [json.loads(text)] if text else []
