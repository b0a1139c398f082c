# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tools that are not listed: a client finds and calls them, and has the rights of a direct call."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError

from mcp_bridge.access.context import Terms
from mcp_bridge.audit.log import AuditLog
from mcp_bridge.mcp_server import server
from mcp_bridge.mcp_server.kept_plans import KeptPlans
from mcp_bridge.mcp_server.tools.call import AppContext
from mcp_bridge.mcp_server.tools.plan_schema import CHANGE_EXAMPLES, PLAN_EXAMPLES, plan_schema
from mcp_bridge.models import ParameterPlan, Rollout
from mcp_bridge.models.changes import Changes
from mcp_bridge.planning.checked_plan import check
from mcp_bridge.policy import load_policy
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings
from mcp_bridge.validator import validate
from tests.calls import call

PLAN = {"iface": "eth0", "changes": {"sysctl": {"net.ipv4.tcp_fin_timeout": 23}}}
CHECKPOINT = {"checkpoint_id": "20200101T000000Z-000000"}
READER = "version: 1\ncallers:\n  - {name: local, scopes: [read, plan], hosts: [here], consent: never}\n"


def with_client(settings: Settings, use: Any, terms: Terms | None = None) -> Any:
    """Run ``use`` with a client that is connected in memory."""

    async def connected() -> Any:
        service = Service(settings, caller="tester")
        async with Client(server.build(service, app=AppContext(service, terms or Terms()))) as client:
            return await use(client)

    return asyncio.run(connected())


def through(client: Client[Any], name: str, **arguments: Any) -> Any:
    """Call a tool by the one that calls others."""
    return call(client, "call_tool_tool", name=name, arguments=arguments)


def test_found_and_called(settings: Settings) -> None:
    """The tool that fits best comes first, with its arguments; its answer is that of a direct call."""

    async def use(client: Client[Any]) -> None:
        found = await call(client, "find_tools_tool", query="search the audit log")
        assert found["tools"][0]["name"] == "search_audit_log_tool"
        assert found["tools"][0]["toolset"] == "audit"
        assert "query" in found["tools"][0]["input_schema"]["properties"]
        assert found["tools"][0]["output_schema"] is None
        schemas = await call(client, "find_tools_tool", query="search the audit log", output_schemas=True)
        assert "entries" in schemas["tools"][0]["output_schema"]["properties"]
        everything = await call(client, "find_tools_tool")
        assert everything["tools"] == []
        assert "nstat_tool" in everything["more"]
        assert await through(client, "validate_change_plan_tool", parameter_plan=PLAN) == await call(
            client, "validate_change_plan_tool", parameter_plan=PLAN
        )

    with_client(settings, use)


def test_the_gate_sees_the_real_tool(settings: Settings, here: str, tmp_path: Path) -> None:
    """A caller without the scope is refused by either way, in the same words; the log has the real name."""
    access = tmp_path / "access.yml"
    access.write_text(READER, encoding="utf-8")
    access.chmod(0o600)
    said = []

    async def use(client: Client[Any]) -> None:
        names = {tool["name"] for tool in (await call(client, "find_tools_tool", query="checkpoint"))["tools"]}
        assert "rollback_to_checkpoint_tool" in names  # as a dry run
        assert "get_audit_log_tool" not in (await call(client, "find_tools_tool"))["more"]
        for way in (call, through):
            for tool, arguments in (
                ("rollback_to_checkpoint_tool", {**CHECKPOINT, "dry_run": False}),
                ("get_audit_log_tool", {}),
                ("list_hosts_tool", {"hosts": "@/etc/passwd"}),
                ("no_such_tool", {}),
            ):
                with pytest.raises(ToolError) as error:
                    await way(client, tool, **arguments)
                said.append(str(error.value))

    with_client(replace(settings, inventory=here), use, Terms(access_file=access))
    assert said[:4] == said[4:]
    assert "needs the scope rollback" in said[0]
    entries = [entry for entry in AuditLog(settings.audit_file).entries() if entry.decision == "refused"]
    assert [(entry.subject, entry.arguments) for entry in entries[:4]] == [
        (entry.subject, entry.arguments) for entry in entries[4:]
    ]
    assert entries[4].subject == "rollback_to_checkpoint_tool"


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "call_tool_tool", "arguments": {"name": "get_audit_log_tool"}},
        {"name": "call_tool_tool", "arguments": {"name": "call_tool_tool", "arguments": {}}},
        {"name": "nstat_tool", "arguments": "text"},
        {"name": ["nstat_tool"]},
        {},
        {"name": "nstat_tool", "arguments": {}, "more": 1},
    ],
)
def test_no_other_way_through(settings: Settings, arguments: dict[str, Any]) -> None:
    """A call within a call, or one of another shape, is refused and reaches no tool."""
    with pytest.raises(ToolError):
        with_client(settings, lambda client: call(client, "call_tool_tool", **arguments))
    assert "nstat_tool" not in [entry.subject for entry in AuditLog(settings.audit_file).entries()]


def test_read_only(settings: Settings) -> None:
    """A read-only server neither finds nor carries out what changes something."""

    async def use(client: Client[Any]) -> str:
        assert "apply_rendered_plan_tool" not in (await call(client, "find_tools_tool"))["more"]
        with pytest.raises(ToolError) as error:
            await through(client, "confirm_change_tool", **CHECKPOINT)
        return str(error.value)

    assert "read-only" in with_client(replace(settings, read_only=True), use)


@pytest.mark.long
def test_the_digest_is_enough(settings: Settings, here: str) -> None:
    """A plan is applied by the digest that its rendering gave; one that this server does not keep is refused."""

    async def use(client: Client[Any]) -> None:
        digest = (await call(client, "render_change_plan_tool", plan=PLAN))["digest"]
        for form in (digest, {"digest": digest}):
            report = await call(client, "apply_rendered_plan_tool", rendered_plan=form)
            assert (report["dry_run"], report["plan_digest"]) == (True, digest)
        with pytest.raises(ToolError, match="keeps no plan with the digest 0000"):
            await call(client, "apply_rendered_plan_tool", rendered_plan="0" * 64)

    with_client(replace(settings, inventory=here), use)


def test_kept_plans_are_bounded() -> None:
    """The oldest plans make room, by number and by size; another caller's digest is not known."""
    policy = load_policy()
    plans = [check({"iface": "eth0", "changes": {"mtu": 1400 + number}}, policy).rendered for number in range(4)]
    few = KeptPlans(plans_max=2)
    for plan in plans:
        few.keep("a", plan)
    assert few.get("a", plans[3].digest) == plans[3]
    for caller, plan in (("a", plans[0]), ("b", plans[3])):
        with pytest.raises(Exception, match="keeps no plan"):
            few.get(caller, plan.digest)
    small = KeptPlans(bytes_max=10)
    small.keep("a", plans[0])
    with pytest.raises(Exception, match="keeps no plan"):
        small.get("a", plans[0].digest)


def test_every_kind_of_change_has_an_example() -> None:
    """The list shows every field of a plan and an example of every kind of change, the commonest first."""
    schema = plan_schema()
    assert schema["properties"].keys() == {"validate", *ParameterPlan.model_fields} - {"validation"}
    shown = schema["properties"]["changes"]["properties"]
    assert shown.keys() == Changes.model_fields.keys()
    assert list(shown) == list(CHANGE_EXAMPLES)
    assert all(field["examples"] for field in shown.values())


@pytest.mark.parametrize("field", CHANGE_EXAMPLES)
def test_examples_are_accepted(field: str) -> None:
    """A plan made of an example of the list has no error."""
    changes = {field: CHANGE_EXAMPLES[field]}
    if field in {"htb_classes", "default_class"}:
        changes = {"qdisc": {"type": "htb"}} | {key: CHANGE_EXAMPLES[key] for key in ("htb_classes", "default_class")}
    verdict = validate({**PLAN_EXAMPLES, "changes": changes}, load_policy())
    assert [issue for issue in verdict.issues if issue.severity == "error"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"qdisc": {"type": "htb"}, "htb_classes": [{"classid": "1:1", "rate_mbit": 1, "burst": "9000"}]},
        {"rate_limits": [{"rate": "5/second", "protocol": "icmp", "icmp_type": "8"}]},
        {"dscp": [{"match": {"proto": "udp", "dports": "5060"}, "dscp": "46"}]},
    ],
)
def test_numbers_as_text(changes: dict[str, Any]) -> None:
    """Where the list says text for what may be a number as well, a number written as text is accepted."""
    verdict = validate({"iface": "eth0", "changes": changes}, load_policy())
    assert [issue for issue in verdict.issues if issue.severity == "error"] == []


def test_shares_as_text() -> None:
    """Sizes of waves are told as text, and numbers written so are accepted."""
    rollout = Rollout.model_validate({"waves": ["1", "10%"], "canary": "2", "max_failures": "3"})
    assert (rollout.waves, rollout.canary, rollout.max_failures) == ([1, "10%"], 2, 3)


def test_one_type_each(settings: Settings) -> None:
    """No schema of the list has a list of types, which clients of other dialects refuse or drop."""

    async def use(client: Client[Any]) -> None:
        tools = await client.list_tools()
        assert [path for tool in tools for path in _lists_of_types(tool.input_schema, tool.name)] == []

    with_client(replace(settings, toolsets=("all",)), use)


def _lists_of_types(schema: Any, path: str) -> list[str]:
    if isinstance(schema, list):
        return [found for part in schema for found in _lists_of_types(part, path)]
    if not isinstance(schema, dict):
        return []
    here = [path] if isinstance(schema.get("type"), list) else []
    return here + [found for key, part in schema.items() for found in _lists_of_types(part, f"{path}.{key}")]
