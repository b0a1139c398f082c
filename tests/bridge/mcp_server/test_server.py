# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The MCP server as clients see it: in memory, over a real stdio process, and against real hosts."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError
from mcp import ClientSession, StdioServerParameters, stdio_client

from mcp_bridge import COLLECTIONS_ROOT
from mcp_bridge.audit.log import AuditLog
from mcp_bridge.lab.state import Lab
from mcp_bridge.mcp_server import server
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings
from tests.calls import call
from tests.consent import says_yes

Value = TypeVar("Value")
PLAN = {"iface": "eth0", "changes": {"sysctl": {"net.ipv4.tcp_fin_timeout": 23}}, "rationale": "said by nobody else"}
CONTRACT_TOOLS = [
    "validate_change_plan",
    "render_change_plan",
    "plan_from_profile",
    "apply_rendered_plan",
    "confirm_change",
    "snapshot_checkpoint",
    "rollback_to_checkpoint",
    "list_checkpoints",
    "delete_checkpoint",
    "verify_drift",
    "measure_network",
    "host_query",
    "run_status",
    "cancel_run",
    "list_hosts",
    "get_audit_log",
    "search_audit_log",
    "ip_info",
    "eth_info",
    "hostname_ips",
    "hostnamectl",
    "nmcli_status",
    "iwconfig",
    "iwlist_scan",
    "arp_table",
    "ip_neigh",
    "ip_route",
    "ip_rule",
    "resolvectl_status",
    "cat_resolv_conf",
    "dig",
    "host",
    "nslookup",
    "ping_host",
    "traceroute",
    "tracepath",
    "ss_summary",
    "tc_qdisc_show",
    "tc_class_show",
    "tc_filter_show",
    "nft_list_ruleset",
    "iptables_list",
    "sysctl_get",
    "kernel_capabilities",
    "conntrack_stats",
    "nic_features",
    "nic_rings",
    "nic_stats",
    "link_stats",
    "softnet_stats",
    "nstat",
    "bandwidth_sample",
    "host_facts",
    "netopt_state",
]
CHANGING = {
    f"{name}_tool"
    for name in (
        "apply_rendered_plan",
        "remove_plan",
        "confirm_change",
        "snapshot_checkpoint",
        "rollback_to_checkpoint",
        "delete_checkpoint",
        "cancel_run",
        "call_tool",
    )
}


def with_client(settings: Settings, use: Callable[[Client[Any]], Awaitable[Value]], **options: Any) -> Value:
    """Run ``use`` with a client that is connected in memory."""

    async def connected() -> Value:
        answering = {"elicitation_handler": says_yes, **options}
        async with Client(server.build(Service(settings, caller="tester")), **answering) as client:
            return await use(client)

    return asyncio.run(connected())


def test_tools_are_those_of_the_contract(settings: Settings) -> None:
    """Every promised tool is there, described, with an output schema, and says what it does to hosts."""
    whole = replace(settings, toolsets=("all",), output_schemas=True)
    tools = {tool.name: tool for tool in with_client(whole, lambda client: client.list_tools())}
    assert {f"{name}_tool" for name in CONTRACT_TOOLS} - set(tools) == set()
    for name, tool in tools.items():
        assert tool.description, name
        assert tool.output_schema, name
        assert tool.annotations is not None, name
        assert tool.annotations.read_only_hint is (name not in CHANGING), name
        for argument, schema in tool.input_schema["properties"].items():
            assert schema.get("description"), f"{name}.{argument}"


def test_read_only_server_has_no_changing_tool(settings: Settings) -> None:
    """With the switch on, what changes hosts cannot be called, whatever a client knows of it."""
    limited = replace(settings, read_only=True)
    names = {tool.name for tool in with_client(limited, lambda client: client.list_tools())}
    assert names & CHANGING == set()
    with pytest.raises(ToolError, match="Unknown tool"):
        with_client(limited, lambda client: call(client, "rollback_to_checkpoint_tool", checkpoint_id="x"))
    with pytest.raises(ToolError, match="Unknown tool"):
        with_client(limited, lambda client: call(client, "remove_plan_tool", name="web"))
    assert "list_plans_tool" in names


RESOURCES = (
    "policy://config_cards/list",
    "policy://config_cards/sysctl.tcp_fin_timeout",
    "policy://profiles/list",
    "policy://profiles/server",
    "policy://rules",
    "policy://limits",
    "schema://ParameterPlan",
    "schema://ChangeReport",
    "inventory://hosts",
    "runs://list",
)


def test_resources_are_json(settings: Settings, here: str) -> None:
    """Every resource can be read and is JSON with something in it."""

    async def use(client: Client[Any]) -> dict[str, Any]:
        return {uri: json.loads((await client.read_resource(uri))[0].text) for uri in RESOURCES}  # type: ignore[union-attr]

    found = with_client(replace(settings, inventory=here), use)
    assert [uri for uri, content in found.items() if not content] == ["runs://list"]


def test_unknown_things_are_named(settings: Settings) -> None:
    """A resource that is not there says so."""

    async def use(client: Client[Any]) -> None:
        for uri in ("policy://config_cards/nope", "policy://profiles/nope", "schema://Nope", "runs://x"):
            with pytest.raises(Exception, match=r"[Tt]here is no"):
                await client.read_resource(uri)

    with_client(settings, use)


@pytest.mark.parametrize("form", [dict, json.dumps])
def test_validate_and_render(settings: Settings, form: Callable[[Any], Any]) -> None:
    """Plans come as objects or as JSON text; issues come all at once; a digest binds the text."""

    async def use(client: Client[Any]) -> None:
        bad = {"iface": "eth0", "changes": {"sysctl": {"net.core.rmem_max": "999999999999", "net.nope": "1"}}}
        verdict = await call(client, "validate_change_plan_tool", parameter_plan=form(bad))
        found = {issue["path"]: issue["message"] for issue in verdict["issues"]}
        assert found["changes.sysctl.net.core.rmem_max"] == "Value exceeds maximum allowed: 2147483647"
        assert "changes.sysctl.net.nope" in found
        rendered = await call(client, "render_change_plan_tool", plan=form(PLAN))
        assert rendered["sysctl_cmds"] == ["sysctl -w net.ipv4.tcp_fin_timeout=23"]

    with_client(settings, use)


REFUSED: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("validate_change_plan_tool", {"parameter_plan": "not json"}, "is text that is not JSON"),
    (
        "validate_change_plan_tool",
        {"parameter_plan": '{"iface": "a", "iface": "b"}'},
        "iface: The key is given twice",
    ),
    (
        "render_change_plan_tool",
        {"plan": '{"changes": {"mtu": ' + "9" * 5000 + "}}"},
        "The number is longer than 64",
    ),
    ("validate_change_plan_tool", {"parameter_plan": "[1]"}, "list where an object is wanted"),
    ("render_change_plan_tool", {"plan": {"iface": "eth0", "changes": {"mtu": 1}}}, r"changes\.mtu"),
    ("apply_rendered_plan_tool", {"rendered_plan": {"plan": PLAN}}, "not a rendered plan"),
    ("plan_from_profile_tool", {"profile": "nope"}, "There is no such profile"),
    ("ip_info_tool", {"hosts": "@/etc/passwd"}, "Not a host pattern"),
    ("ip_info_tool", {"hosts": "nowhere"}, "Known hosts: here"),
    ("ip_info_tool", {"iface": "-f x"}, "Give an interface name"),
    ("ping_host_tool", {"target": "-f"}, "Give a host name"),
    ("sysctl_get_tool", {"keys": ["../../etc/passwd"]}, "Give dotted keys"),
    ("run_status_tool", {"run_id": "../../etc"}, "There is no run"),
)


def test_refusals_tell_what_to_do(settings: Settings, here: str) -> None:
    """A wrong call is an error of the tool, in words that the caller can act on."""

    async def use(client: Client[Any]) -> None:
        for tool, arguments, message in REFUSED:
            with pytest.raises(ToolError, match=message):
                await call(client, tool, **arguments)

    with_client(replace(settings, inventory=here), use)


def test_altered_rendering_is_refused(settings: Settings, here: str) -> None:
    """Text or plan that was altered after rendering never reaches a host, and the attempt is in the audit log."""
    located = replace(settings, inventory=here)

    other = {**PLAN, "changes": {"sysctl": {"net.ipv4.tcp_fin_timeout": "24"}}}

    async def use(client: Client[Any]) -> None:
        rendered = await call(client, "render_change_plan_tool", plan=PLAN)
        for change in ({"sysctl_cmds": ["reboot"]}, {"plan": other}, {"digest": "0" * 64}):
            with pytest.raises(ToolError, match=r"digest|altered"):
                await call(client, "apply_rendered_plan_tool", rendered_plan=rendered | change, dry_run=False)

    with_client(located, use)
    refusals = [entry.subject for entry in AuditLog(settings.audit_file).entries() if entry.decision == "refused"]
    assert refusals == ["apply_rendered_plan_tool"] * 3


def test_a_missing_command_is_an_answer(settings: Settings, here: str) -> None:
    """A host without the program says which package brings it."""

    async def use(client: Client[Any]) -> dict[str, Any]:
        return await call(client, "iwconfig_tool")

    answer = with_client(replace(settings, inventory=here), use)["hosts"]["here"]
    if answer["available"]:
        pytest.skip("this machine has iwconfig")
    assert answer["message"] == "not available: install wireless-tools"


@pytest.mark.long
def test_whole_way_on_real_hosts(settings: Settings, lab: Lab) -> None:
    """Render, dry run, apply, apply again, list, roll back: on two hosts over SSH, with progress for each."""
    steps: list[str] = []

    async def listen(_progress: float, _total: float | None, message: str | None) -> None:
        steps.append(message or "")

    async def value(client: Client[Any]) -> set[str]:
        answers = await call(client, "sysctl_get_tool", keys=["net.ipv4.tcp_fin_timeout"])
        return {answer["data"]["net.ipv4.tcp_fin_timeout"] for answer in answers["hosts"].values()}

    async def use(client: Client[Any]) -> None:
        before = await value(client)
        rendered = await call(client, "render_change_plan_tool", plan=PLAN)
        dry = await call(client, "apply_rendered_plan_tool", rendered_plan=rendered)
        assert statuses(dry) == {"would_change"}
        assert (dry["applied"], dry["checkpoint_id"]) == (False, None)
        assert await value(client) == before
        steps.clear()
        done = await call(
            client, "apply_rendered_plan_tool", rendered_plan=rendered, dry_run=False, checkpoint_label="here we go"
        )
        assert statuses(done) == {"applied"}
        assert {step.split(":")[0] for step in steps} >= set(done["hosts"])
        assert await value(client) == {"23"}
        again = await call(client, "apply_rendered_plan_tool", rendered_plan=json.dumps(rendered), dry_run=False)
        assert statuses(again) == {"unchanged"}
        status = await call(client, "run_status_tool", run_id=done["run_id"])
        assert (status["run"]["state"], status["result"]) == ("successful", done)
        listed = (await call(client, "list_checkpoints_tool"))["checkpoints"]
        assert [entry["label"] for entry in listed if entry["checkpoint_id"] == done["checkpoint_id"]] == ["here we go"]
        back = await call(client, "rollback_to_checkpoint_tool", checkpoint_id=done["checkpoint_id"], dry_run=False)
        assert (statuses(back), back["errors"]) == ({"rolled_back"}, [])
        assert await value(client) == before

    with_client(replace(settings, inventory=str(lab.inventory)), use, progress_handler=listen)
    log = AuditLog(settings.audit_file)
    assert log.verify() is None
    entries = log.search("said by nobody else")
    assert {entry.action for entry in entries} == {"apply"}
    assert all(entry.caller.startswith("mcp ") for entry in entries)


def test_plans_from_a_profile(settings: Settings, lab: Lab) -> None:
    """Hosts that are alike share one plan, which passes the policy."""

    async def use(client: Client[Any]) -> None:
        drafts = await call(client, "plan_from_profile_tool", profile="server", iface="eth0", overrides={"mtu": 1400})
        assert len(drafts["plans"]) == 1
        draft = drafts["plans"][0]
        assert len(draft["hosts"]) == 2
        assert draft["plan"]["changes"]["mtu"] == 1400
        verdict = await call(client, "validate_change_plan_tool", parameter_plan=draft["plan"])
        assert verdict["ok"], verdict["issues"]

    with_client(replace(settings, inventory=str(lab.inventory)), use)


def test_gone_client_leaves_no_half_run(settings: Settings, lab: Lab) -> None:
    """A change whose caller goes away is carried to its end and found again by its run id."""
    located = replace(settings, inventory=str(lab.inventory))

    async def use() -> None:
        async with Client(server.build(Service(located, caller="tester"))) as client:
            rendered = await call(client, "render_change_plan_tool", plan=PLAN)
            work = asyncio.create_task(call(client, "apply_rendered_plan_tool", rendered_plan=rendered))
            registry = Service(located, caller="tester").fleet().runs
            while not registry.latest():  # noqa: ASYNC110 - the registry is on disk
                await asyncio.sleep(0.05)
            work.cancel()
            run_id = registry.latest()[0].run_id
            async with asyncio.timeout(60):
                while registry.get(run_id).state == "running":  # noqa: ASYNC110 - the same
                    await asyncio.sleep(0.1)
            status = await call(client, "run_status_tool", run_id=run_id)
            assert (status["run"]["state"], statuses(status["result"])) == ("successful", {"would_change"})

    asyncio.run(use())


def test_stdio_process_with_the_sdks_client(settings: Settings, here: str) -> None:
    """`netopt serve` speaks nothing but MCP on standard output: the SDK's own client gets along with it."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(COLLECTIONS_ROOT),
        "NETOPT_STATE_DIR": str(settings.state_dir),
    }
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "mcp_bridge", "serve", "-i", here], env=environment
    )

    async def use() -> None:
        async with stdio_client(parameters) as (reader, writer), ClientSession(reader, writer) as session:
            started = await session.initialize()
            assert started.server_info.name == "netopt"
            tools = await session.list_tools()
            assert "apply_rendered_plan_tool" in {tool.name for tool in tools.tools}
            result = await session.call_tool("ss_summary_tool", {})
            assert result.structured_content is not None
            assert result.structured_content["hosts"]["here"]["available"] is True
            refused = await session.call_tool("ip_info_tool", {"hosts": "nowhere"})
            assert refused.is_error

    asyncio.run(use())


def statuses(report: dict[str, Any]) -> set[str]:
    """Return the statuses of a report's hosts."""
    return {host["status"] for host in report["hosts"].values()}


def test_questions_do_not_push_changes_out(settings: Settings) -> None:
    """What came of a change stays while answers to questions, newer ones too, make room."""
    registry = Service(replace(settings, keep_runs=3), caller="tester").fleet().runs
    changes = []
    for number in range(40):
        record = registry.begin(action="apply" if number < 3 else "query", caller="tester")
        registry.finish(record, state="successful", result={}, hosts={})
        changes += [record.run_id] if number < 3 else []
    assert {record.run_id for record in registry.latest()} >= set(changes)
    assert len(registry.latest()) < 40
