# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An agent's whole way over MCP: clients by others talk to `netopt serve` over stdio, and kernels change."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from fastmcp.exceptions import ToolError
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.calls import call
from tests.consent import says_yes
from tests.e2e.fleet import ROOT, Fleet

pytestmark = pytest.mark.lab

PLAN: dict[str, Any] = {
    "iface": "eth0",
    "changes": {
        "sysctl": {"net.ipv4.tcp_fin_timeout": 27},
        "shaper": {"egress_mbit": 700},
        "connection_limits": [{"protocol": "tcp", "port": 443, "limit": 100}],
    },
    "rationale": ["Protect the web tier"],
}
SERVE = ["-m", "mcp_bridge", "serve"]


def environment(fleet: Fleet) -> dict[str, str]:
    """Return the server's environment."""
    return {**os.environ, "NETOPT_STATE_DIR": str(fleet.folder / "state"), "PYTHONPATH": str(ROOT)}


def talk(
    fleet: Fleet, script: Callable[[Client[Any]], Awaitable[None]], *options: str, handler: Any = says_yes
) -> None:
    """Let a FastMCP client talk to a server of its own; ``handler`` answers its questions."""

    async def run() -> None:
        words = [*SERVE, "-i", str(fleet.lab.inventory), *options]
        transport = StdioTransport(sys.executable, words, env=environment(fleet), cwd=str(ROOT), keep_alive=False)
        async with Client(transport, elicitation_handler=handler) as client:
            await script(client)

    asyncio.run(run())


async def read(client: Client[Any], uri: str) -> Any:
    """Return a resource, decoded."""
    return json.loads((await client.read_resource(uri))[0].text)  # type: ignore[union-attr]


def test_the_whole_way(fleet: Fleet) -> None:
    """Policy, validation, text, dry run, change, proof, rollback, and an audit log that tells of all of it."""
    before = fleet.views()
    names = {host.name for host in fleet.hosts}

    async def script(client: Client[Any]) -> None:
        cards = await read(client, "policy://config_cards/list")
        assert cards["count"] == len(cards["cards"]) >= 29
        assert cards["description"]
        assert (await read(client, "policy://config_cards/sysctl.tcp_fin_timeout"))["sources"]
        assert (await read(client, "policy://profiles/server"))["name"] == "server"
        assert {host["name"] for host in await read(client, "inventory://hosts")} == names

        verdict = await call(client, "validate_change_plan_tool", parameter_plan=PLAN)
        assert verdict["ok"]
        rendered = await call(client, "render_change_plan_tool", plan=verdict["normalized_plan"])
        assert "sysctl -w net.ipv4.tcp_fin_timeout=27" in rendered["sysctl_cmds"]

        predicted = await call(client, "apply_rendered_plan_tool", rendered_plan=rendered, dry_run=True)
        assert {host["status"] for host in predicted["hosts"].values()} == {"would_change"}
        assert fleet.differences(before) == []

        told: list[str] = []

        async def progress(_done: float, _total: float | None, message: str | None) -> None:
            told.append(message or "")

        result = await client.call_tool(
            "apply_rendered_plan_tool",
            {"rendered_plan": rendered, "dry_run": False, "checkpoint_label": "web"},
            progress_handler=progress,
        )
        report = result.structured_content
        assert report is not None
        assert {host["status"] for host in report["hosts"].values()} == {"applied"}
        for name in names:
            assert f"{name}: applied" in told
        again = await call(client, "apply_rendered_plan_tool", rendered_plan=rendered, dry_run=False)
        assert {host["status"] for host in again["hosts"].values()} == {"unchanged"}

        listed = await call(client, "list_checkpoints_tool")
        labels = {entry["checkpoint_id"]: entry["label"] for entry in listed["checkpoints"]}
        assert labels[report["checkpoint_id"]] == "web"
        status = await call(client, "run_status_tool", run_id=report["run_id"])
        assert status["result"]["applied"] is True
        await discover(client, names)

        undone = await call(client, "rollback_to_checkpoint_tool", checkpoint_id=report["checkpoint_id"], dry_run=False)
        assert {host["status"] for host in undone["hosts"].values()} == {"rolled_back"}
        log = await call(client, "search_audit_log_tool", query=report["run_id"])
        assert log["intact"]
        assert [(entry["action"], entry["outcome"]) for entry in log["entries"]][:2] == [
            ("apply", "started"),
            ("apply", "done"),
        ]
        assert "Protect the web tier" in json.dumps(log["entries"][0])

    talk(fleet, script)
    assert fleet.differences(before) == []


async def discover(client: Client[Any], names: set[str]) -> None:
    """Ask the hosts some questions; each answers for itself and in structure."""
    values = await call(client, "sysctl_get_tool", keys=["net.ipv4.tcp_fin_timeout"])
    assert {name: host["data"]["net.ipv4.tcp_fin_timeout"] for name, host in values["hosts"].items()} == dict.fromkeys(
        names, "27"
    )
    classes = await call(client, "tc_class_show_tool", iface="eth0")
    assert all("htb" in json.dumps(host["data"]) for host in classes["hosts"].values())
    facts = await call(client, "host_facts_tool", hosts=min(names))
    assert facts["hosts"][min(names)]["data"]["default_interface"] == "eth0"
    missing = await call(client, "nmcli_status_tool")
    for host in missing["hosts"].values():
        assert host["available"] or host["message"].startswith("not available: install ")


async def tampered(client: Client[Any], change: Callable[[dict[str, Any]], None]) -> str:
    """Return what is said of a rendered plan that was altered."""
    rendered = copy.deepcopy(await call(client, "render_change_plan_tool", plan=PLAN))
    change(rendered)
    with pytest.raises(ToolError) as refusal:
        await call(client, "apply_rendered_plan_tool", rendered_plan=rendered, dry_run=False)
    return str(refusal.value)


@pytest.mark.long
def test_what_is_refused(fleet: Fleet) -> None:
    """Altered text, an altered plan, a plan against the policy, unknown names: each refused, with advice."""
    before = fleet.views()

    async def script(client: Client[Any]) -> None:
        said = await tampered(client, lambda rendered: rendered["sysctl_cmds"].append("reboot"))
        assert "altered after rendering: sysctl_cmds" in said
        said = await tampered(
            client, lambda rendered: rendered["plan"]["changes"]["sysctl"].update({"net.ipv4.tcp_fin_timeout": "28"})
        )
        assert "digest" in said
        assert "Render the plan again" in said
        said = await tampered(client, lambda rendered: rendered.update(digest="0" * 64))
        assert "does not render to what was approved" in said
        for tool, arguments, words in (
            (
                "render_change_plan_tool",
                {"plan": {"iface": "eth0", "changes": {"sysctl": {"net.core.rmem_max": "999999999999"}}}},
                "changes.sysctl.net.core.rmem_max: Value exceeds maximum allowed: 2147483647",
            ),
            ("render_change_plan_tool", {"plan": {"iface": "eth0", "changes": {"mut": 1500}}}, "mtu"),
            ("plan_from_profile_tool", {"profile": "servr", "hosts": "all"}, "server"),
            ("run_status_tool", {"run_id": "20200101T000000Z-000000"}, "20200101T000000Z-000000"),
            ("list_checkpoints_tool", {"hosts": "nobody"}, "nobody"),
        ):
            with pytest.raises(ToolError) as refusal:
                await call(client, tool, **arguments)
            assert words in str(refusal.value)
            assert "Traceback" not in str(refusal.value)
        log = await call(client, "get_audit_log_tool")
        refusals = [entry["subject"] for entry in log["entries"] if entry["decision"] == "refused"]
        assert refusals == [
            *["apply_rendered_plan_tool"] * 3,
            *["render_change_plan_tool"] * 2,
            *["plan_from_profile_tool", "run_status_tool", "list_checkpoints_tool"],
        ]

    talk(fleet, script)
    assert fleet.differences(before) == []


def test_read_only(fleet: Fleet) -> None:
    """With --read-only no tool that changes hosts is offered."""

    async def script(client: Client[Any]) -> None:
        names = {tool.name for tool in await client.list_tools()}
        assert "validate_change_plan_tool" in names
        assert not names & {"apply_rendered_plan_tool", "rollback_to_checkpoint_tool", "delete_checkpoint_tool"}

    talk(fleet, script, "--read-only")


@pytest.mark.long
def test_the_protocols_own_client(fleet: Fleet) -> None:
    """The reference SDK's client sees and calls the same."""

    async def run() -> None:
        words = [*SERVE, "-i", str(fleet.lab.inventory)]
        server = StdioServerParameters(command=sys.executable, args=words, env=environment(fleet), cwd=str(ROOT))
        async with stdio_client(server) as (reader, writer), ClientSession(reader, writer) as session:
            await session.initialize()
            tools = {tool.name for tool in (await session.list_tools()).tools}
            assert "apply_rendered_plan_tool" in tools
            verdict = await session.call_tool("validate_change_plan_tool", {"parameter_plan": PLAN})
            assert not verdict.is_error
            assert verdict.structured_content is not None
            assert verdict.structured_content["ok"] is True
            refused = await session.call_tool("render_change_plan_tool", {"plan": {"iface": "eth0", "changes": {}}})
            assert refused.is_error
            assert "The plan changes nothing" in str(refused.content)

    asyncio.run(run())
