# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An agent's whole way with the protocol's own Python client; the person behind it says no once, then yes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, cast

import mcp_types as types
from mcp.client import Client
from mcp.client.context import ClientRequestContext


@dataclass
class Person:
    """Whoever is behind the client: what was asked, and the answers."""

    questions: list[str] = field(default_factory=list)

    async def answer(self, _context: ClientRequestContext, params: types.ElicitRequestParams) -> types.ElicitResult:
        """Say no the first time and yes from then on."""
        self.questions.append(params.message)
        if len(self.questions) == 1:
            return types.ElicitResult(action="decline")
        return types.ElicitResult(action="accept", content={"confirm": True})


class RefusedError(Exception):
    """The server refused a call."""


class Agent:
    """Calls tools and reads resources."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.told: list[str] = []

    async def _progress(self, _done: float, _total: float | None, message: str | None) -> None:
        self.told.append(message or "")

    async def call(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """Return what a tool answers, as structured content."""
        result = await self._client.call_tool(
            name, arguments, read_timeout_seconds=180, progress_callback=self._progress
        )
        if result.is_error:
            raise RefusedError(str(result.content))
        return cast("dict[str, Any]", result.structured_content)

    async def read(self, uri: str) -> Any:
        """Return a resource, decoded."""
        contents = (await self._client.read_resource(uri)).contents[0]
        assert isinstance(contents, types.TextResourceContents)
        return json.loads(contents.text)


def statuses(report: dict[str, Any]) -> list[str]:
    """Return the status of each host."""
    return [host["status"] for host in report["hosts"].values()]


async def walk(url: str, mode: str) -> dict[str, Any]:
    """Go the whole way and return what was seen.

    Args:
        url: where the server is.
        mode: ``legacy`` for the protocol with sessions, or a revision without.
    """
    person = Person()
    seen: dict[str, Any] = {"questions": person.questions}
    async with Client(url, mode=cast("Any", mode), elicitation_callback=person.answer) as client:
        agent = Agent(client)
        seen["profile"] = (await agent.read("policy://profiles/server"))["name"]
        drafts = await agent.call("plan_from_profile_tool", profile="server", iface="eth0")
        seen["plans"] = len(drafts["plans"])
        verdict = await agent.call("validate_change_plan_tool", parameter_plan=drafts["plans"][0]["plan"])
        seen["ok"] = verdict["ok"]
        rendered = await agent.call("render_change_plan_tool", plan=verdict["normalized_plan"])
        seen["predicted"] = statuses(await agent.call("apply_rendered_plan_tool", rendered_plan=rendered))
        change = {"rendered_plan": rendered, "dry_run": False, "confirm_timeout_s": 120, "checkpoint_label": mode}
        try:
            await agent.call("apply_rendered_plan_tool", **change)
        except RefusedError as refusal:
            seen["declined"] = str(refusal)
        applied = await agent.call("apply_rendered_plan_tool", **change)
        seen["applied"] = statuses(applied)
        checkpoint = applied["checkpoint_id"]
        seen["kept"] = statuses(await agent.call("confirm_change_tool", checkpoint_id=checkpoint))
        undone = await agent.call("rollback_to_checkpoint_tool", checkpoint_id=checkpoint, dry_run=False)
        seen["undone"] = statuses(undone)
        seen["told"] = len(agent.told)
    return seen
