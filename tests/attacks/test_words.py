# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words that would be more than words elsewhere, in every text that any tool takes: found from the schemas."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError
from mcp import MCPError

from tests.attacks.stage import NOWHERE, PLAN, Stage, said
from tests.calls import call

EVIL = [
    "$(touch {mark})",
    "`touch {mark}`",
    "x; touch {mark} #",
    "| touch {mark}",
    "x\ntouch {mark}",
    "' || touch {mark} || '",
    "{{{{ lookup('pipe', 'touch {mark}') }}}}",
    "{{% raw %}}touch {mark}",
    "@{mark}",
    "../../../../{mark}",
    "-oProxyCommand=touch {mark}",
    "\x1b]0;evil\x07\x1b[2J\x9b31m",
    "a\u202eb\u200bc\u2066",
    "\u0435th0",
    "\x00",
]
THOROUGH = set("ip_info_tool ping_host_tool apply_rendered_plan_tool snapshot_checkpoint_tool run_status_tool".split())
"""Tools with which every word is tried; the others read their arguments in the same way."""
BASE: dict[str, Any] = {"checkpoint_id": NOWHERE, "run_id": NOWHERE, "profile": "server", "target": "127.0.0.1"}


def strings(schema: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield the arguments of a tool that take text, and whether as a list."""
    for name, shape in schema.get("properties", {}).items():
        kinds = [shape, *shape.get("anyOf", [])]
        if any(kind.get("type") == "string" for kind in kinds):
            yield name, False
        elif any(kind.get("type") == "array" and kind.get("items", {}).get("type") == "string" for kind in kinds):
            yield name, True


def filled(schema: dict[str, Any]) -> dict[str, Any]:
    """Return arguments that a tool needs, harmless ones."""
    found: dict[str, Any] = {"hosts": "w1"} if "hosts" in schema.get("properties", {}) else {}
    for name in schema.get("required", []):
        shape = schema["properties"][name]
        is_list = any(kind.get("type") == "array" for kind in [shape, *shape.get("anyOf", [])])
        found[name] = BASE.get(name, ["net.ipv4.tcp_fin_timeout"] if is_list else "lo")
    return found


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where the texts of a plan are; keys of its sysctls are texts too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    elif isinstance(value, str):
        yield path


FULL: dict[str, Any] = {
    "iface": "eth0",
    "profile": "server",
    "changes": {
        "sysctl": {"net.ipv4.tcp_fin_timeout": "23"},
        "qdisc": {"type": "htb", "params": {"default": "1:10"}},
        "htb_classes": [
            {
                "classid": "1:10",
                "parent": "1:",
                "rate_mbit": 10,
                "leaf": {"type": "fq_codel"},
                "match": [{"dscp": "EF"}],
            }
        ],
        "default_class": "1:10",
        "dscp": [
            {
                "match": {"proto": "tcp", "dports": ["80"], "src": "192.0.2.0/24", "dst": "198.51.100.0/24"},
                "dscp": "AF11",
            }
        ],
        "connection_limits": [{"protocol": "tcp", "port": 443, "limit": 9, "action": "reject"}],
        "rate_limits": [{"rate": "1000/second", "protocol": "tcp", "port": 80}],
        "nat_rules": [{"type": "dnat", "iface": "eth0", "protocol": "tcp", "port": 80, "to_addr": "192.0.2.1"}],
    },
    "validate": {"targets": {"ping": ["192.0.2.9"], "tcp": ["192.0.2.9:80"], "iperf": "192.0.2.9"}},
}


def test_every_text_of_a_plan(stage: Stage) -> None:
    """Whatever stands in any text of a plan, the plan is refused, and a rendered text never holds it."""
    places = list(leaves(FULL))
    assert len(places) >= 20

    async def use(client: Client[Any]) -> list[str]:
        slips = []
        for place in places:
            for template in EVIL:
                evil = template.format(mark=stage.folder / "mark")
                plan = copy.deepcopy(FULL)
                inner = plan
                for key in place[:-1]:
                    inner = inner[key]
                inner[place[-1]] = evil
                verdict = await call(client, "validate_change_plan_tool", parameter_plan=plan)
                if verdict["ok"]:
                    slips.append(f"{place}: {evil!r}")
        return slips

    async def run() -> list[str]:
        async with stage.client() as client:
            return await use(client)

    assert asyncio.run(run()) == []
    assert not (stage.folder / "mark").exists()


def test_rationale_and_label_are_data(stage: Stage) -> None:
    """What is free text reaches no command; in the log it is escaped."""
    evil = [template.format(mark=stage.folder / "mark") for template in EVIL[:-1]]

    async def run() -> dict[str, Any]:
        async with stage.client() as client:
            plain = await call(client, "render_change_plan_tool", plan=PLAN)
            full = await call(
                client, "render_change_plan_tool", plan={**PLAN, "rationale": [text[:100] for text in evil[:3]]}
            )
            assert [full[key] for key in ("sysctl_cmds", "tc_script", "nft_script")] == [
                plain[key] for key in ("sysctl_cmds", "tc_script", "nft_script")
            ]
            return full

    asyncio.run(run())
    assert b"\x1b" not in stage.settings.audit_file.read_bytes()
    assert stage.settings.audit_file.read_bytes().isascii()


def test_every_text_of_every_tool(stage: Stage) -> None:
    """No text of any tool becomes a command, a path, a pattern or a template; each call is in the log."""
    mark = stage.folder / "mark"
    tried = 0

    async def run() -> None:
        nonlocal tried
        async with stage.client() as client:
            for tool in await client.list_tools():
                for name, is_list in strings(tool.input_schema):
                    for template in EVIL if tool.name in THOROUGH else (EVIL[0], EVIL[6], EVIL[10], EVIL[12]):
                        evil: Any = template.format(mark=mark)
                        arguments = {**filled(tool.input_schema), name: [evil] if is_list else evil}
                        if name not in {"hosts", "iface", "target", "keys", "record", "checkpoint_id", "run_id"}:
                            arguments["hosts"] = "@nowhere"  # free text: not on hosts a hundred times over
                        runs = name == "hosts" and template.startswith("..") and tool.name != "list_hosts_tool"
                        if tool.name == "search_audit_log_tool" or runs:  # any text may be looked for; a mere path
                            continue  # matches no host, which takes a run to find out
                        tried += 1
                        await tolerate(client, tool.name, arguments)

    asyncio.run(run())
    assert tried > 200
    assert not list(stage.folder.rglob("mark*"))
    assert not Path("/mark").exists()
    assert len(stage.log.find("", limit=10**6, scan=10**6)) > 0
    assert stage.log.check()[0] is None
    assert stage.settings.audit_file.read_bytes().isascii()


async def tolerate(client: Client[Any], tool: str, arguments: dict[str, Any]) -> None:
    """Make a call that has to end as a refusal in plain words."""
    with pytest.raises((ToolError, MCPError)) as refusal:
        await client.call_tool(tool, arguments)
    assert "Traceback" not in str(refusal.value)
    assert "\x1b" not in str(refusal.value)


LOOKALIKES = (
    "\u0435th0",
    "eth\u200b0",
    "eth0\u202e",
    "eth\uff10",
    "\u0131o",
    "eth0\n",
    "eth 0",
    "eth/0",
    "..",
    "eth0\u0000",
    "e" * 16,
)


def test_interface_names_that_look_like_others(stage: Stage) -> None:
    """A name that reads like another interface's, or like none, is refused with the place."""

    async def run() -> None:
        async with stage.client() as client:
            for name in LOOKALIKES:
                plan = {**PLAN, "iface": name}
                issues = (await call(client, "validate_change_plan_tool", parameter_plan=plan))["issues"]
                places = [issue["path"] for issue in issues if issue["severity"] == "error"]
                assert any(place.startswith("iface") for place in places), ascii(name)
                await said(client, "render_change_plan_tool", plan=plan)

    asyncio.run(run())


def nested(depth: int) -> Any:
    """Return lists in lists."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


NEEDED_BY_NONE: tuple[tuple[Any, str], ...] = (
    ("[" * 100_000, "nested deeper"),
    ('{"a":' * 100_000, "nested deeper"),
    ('{"iface": "' + "\\\\" * 1_500_000 + '"}', "is longer"),
    ({"iface": "eth0", "changes": nested(60)}, "Nested deeper"),
    ({"iface": "eth0", "rationale": ["x"] * 260_000}, "more than"),
    ({"iface": "x" * 70_000}, "longer than"),
    ({"iface": "eth0", "changes": {"mtu": 10**60}}, "bits"),
)


@pytest.mark.parametrize("tool", ["validate_change_plan_tool", "render_change_plan_tool", "apply_rendered_plan_tool"])
def test_plans_that_no_host_needs(stage: Stage, tool: str) -> None:
    """Too deep, too long, too many: refused before anything reads it, as JSON text as well as an object."""
    argument = {"validate_change_plan_tool": "parameter_plan", "apply_rendered_plan_tool": "rendered_plan"}

    async def run() -> list[str]:
        async with stage.client() as client:
            plans = [{argument.get(tool, "plan"): plan} for plan, _words in NEEDED_BY_NONE]
            return [await said(client, tool, **arguments) for arguments in plans]

    for text, (_plan, words) in zip(asyncio.run(run()), NEEDED_BY_NONE, strict=True):
        assert words in text
        assert len(text) < 1000
    assert [entry.detail["reason"] for entry in stage.refusals()] == ["bounds"] * len(NEEDED_BY_NONE)


TAMPERED: tuple[dict[str, Any], ...] = (
    {"digest": "0" * 64},
    {"sysctl_cmds": ["sysctl -w kernel.core_pattern=|/tmp/x"]},
    {"tc_script": "tc qdisc add dev eth0 root netem loss 100%\n"},
    {"nft_script": "flush ruleset\n"},
    {"plan": {"iface": "eth0", "changes": {"sysctl": {"net.ipv4.tcp_fin_timeout": 24}}}},
    {"ethtool_cmds": ["reboot"]},
    {"warnings": [], "extra": 1},
)


@pytest.mark.parametrize("dry_run", [True, False])
def test_tampered_plans(stage: Stage, dry_run: bool) -> None:  # noqa: FBT001  # a table's column
    """A rendered plan in which anything was changed is refused before a person is bothered with it."""

    async def run() -> list[str]:
        async with stage.client() as client:
            plan = await call(client, "render_change_plan_tool", plan=PLAN)
            asked = [{"rendered_plan": {**plan, **change}, "dry_run": dry_run} for change in TAMPERED]
            return [await said(client, "apply_rendered_plan_tool", **arguments) for arguments in asked]

    for text in asyncio.run(run()):
        assert any(word in text for word in ("digest", "altered", "not a rendered plan"))
    assert [entry.subject for entry in stage.refusals()] == ["apply_rendered_plan_tool"] * len(TAMPERED)
    assert stage.runs() == []
    assert "asked" not in {entry.decision for entry in stage.log.entries(limit=1000)}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_read_only(stage: Stage, mode: str) -> None:
    """A read-only server shows no tool that changes something, and refuses it by any name, with a line in the log."""
    names = ["apply_rendered_plan_tool", "rollback_to_checkpoint_tool", "delete_checkpoint_tool", "confirm_change_tool"]
    names += ["snapshot_checkpoint_tool", "cancel_run_tool"]

    async def run() -> set[str]:
        async with stage.client(read_only=True, mode=mode) as client:
            for name in names:
                assert "read-only" in await said(client, name, checkpoint_id=NOWHERE, dry_run=False)
            return {tool.name for tool in await client.list_tools()}

    assert not asyncio.run(run()) & set(names)
    assert [entry.subject for entry in stage.refusals()] == names
    assert stage.runs() == []


@pytest.mark.parametrize(
    "name",
    [
        "no_such_tool",
        "apply_rendered_plan_tool\u200b",
        "../apply",
        "\x1b[31m",
        "x" * 5000,
        "a1b2c3d4e5f6_apply_rendered_plan_tool",
    ],
)
def test_tools_that_there_are_not(stage: Stage, name: str) -> None:
    """A tool by another name is no tool; its name does no harm in the log."""

    async def run() -> str:
        async with stage.client() as client:
            return await said(client, name)

    assert "Unknown tool" in asyncio.run(run())
    (entry,) = stage.refusals()
    assert len(entry.subject or "") <= 200
    assert (
        json.loads(stage.settings.audit_file.read_text(encoding="ascii").splitlines()[-1])["subject"] == entry.subject
    )
