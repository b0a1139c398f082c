# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the attacks take place: an installation with three hosts, a server, and what it writes down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fastmcp import Client
from fastmcp.exceptions import ToolError
from mcp import MCPError
from mcp.types import CallToolResult, ElicitResult, InputRequiredResult

from mcp_bridge.access.context import Terms
from mcp_bridge.audit.log import AuditEntry, AuditLog
from mcp_bridge.mcp_server import server
from mcp_bridge.mcp_server.tools.call import AppContext
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings
from tests.consent import says_yes

PYTHON = "/usr/bin/python3"
LOCAL = f"ansible_connection: local, ansible_python_interpreter: {PYTHON}"
INVENTORY = f"""\
all:
  children:
    web: {{hosts: {{w1: {{{LOCAL}}}, w2: {{{LOCAL}}}}}}}
    db: {{hosts: {{d1: {{{LOCAL}}}}}}}
"""
PLAN: dict[str, Any] = {"iface": "eth0", "changes": {"sysctl": {"net.ipv4.tcp_fin_timeout": 23}}}
NOWHERE = "20200101T000000Z-000000"  # a checkpoint that no host has: whatever is done with it changes nothing


@dataclass(frozen=True)
class Stage:
    """An installation of the test's own."""

    folder: Path
    settings: Settings

    @classmethod
    def set(cls, folder: Path) -> Stage:
        """Return one in a folder."""
        inventory = folder / "inventory.yml"
        inventory.write_text(INVENTORY, encoding="utf-8")
        settings = Settings(state_dir=folder / "state", inventory=str(inventory), run_timeout_s=120, toolsets=("all",))
        return cls(folder, settings)

    @property
    def log(self) -> AuditLog:
        """The audit log."""
        return AuditLog(self.settings.audit_file)

    def access(self, text: str) -> Terms:
        """Return the terms of a server with this access file."""
        path = self.folder / "access.yml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return Terms(access_file=path)

    def refusals(self) -> list[AuditEntry]:
        """Return what the log says was refused or declined."""
        return [entry for entry in self.log.entries(limit=1000) if entry.decision in {"refused", "declined"}]

    def runs(self) -> list[str]:
        """Return the actions that were begun on hosts."""
        return [record.action for record in Service(self.settings, caller="tester").fleet().runs.latest()]

    @asynccontextmanager
    async def client(
        self, terms: Terms | None = None, *, read_only: bool = False, **options: Any
    ) -> AsyncIterator[Client[Any]]:
        """Connect a client in memory to a server of its own; whoever sits behind it says yes."""
        service = Service(replace(self.settings, read_only=read_only), caller="tester")
        app = AppContext(service, terms or Terms())
        async with Client(server.build(service, app=app), **{"elicitation_handler": says_yes, **options}) as client:
            yield client


async def said(client: Client[Any], tool: str, **arguments: Any) -> str:
    """Return the error that a call ends with; it has to end with one, in plain words."""
    try:
        result = await client.call_tool(tool, arguments)
    except (ToolError, MCPError) as error:
        text = str(error)
        assert "Traceback" not in text
        assert all(character.isprintable() or character == "\n" for character in text), repr(text)
        return text
    raise AssertionError(f"{tool} was not refused: {result}")


async def ask(client: Client[Any], tool: str, **arguments: Any) -> InputRequiredResult:
    """Make a call that ends with a question, and return the question."""
    found = await client.session.call_tool(tool, arguments, allow_input_required=True)
    assert isinstance(found, InputRequiredResult), found
    return found


async def answer(  # noqa: PLR0913 - what an answer is made of
    client: Client[Any],
    tool: str,
    question: InputRequiredResult,
    *,
    content: Any = {"confirm": True},  # noqa: B006  # never changed
    action: Any = "accept",
    keys: list[str] | None = None,
    state: str | None = None,
    **arguments: Any,
) -> CallToolResult:
    """Make the call again with an answer to the question, and return what comes of it."""
    given = ElicitResult(action=action, content=content)
    names = list(question.input_requests or {}) if keys is None else keys
    try:
        found = await client.session.call_tool(
            tool,
            arguments,
            input_responses=dict.fromkeys(names, given),
            request_state=question.request_state if state is None else state or None,
            allow_input_required=True,
        )
    except MCPError as error:
        return CallToolResult(content=[{"type": "text", "text": str(error)}], is_error=True)  # type: ignore[list-item]
    assert isinstance(found, CallToolResult), found
    return found


def text_of(result: CallToolResult) -> str:
    """Return what a result says."""
    return " ".join(getattr(part, "text", "") for part in result.content)
