# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans in force on hosts: listed and taken away, on the command line and over MCP, by those who may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError

from tests.calls import call
from tests.e2e.fleet import Answer, Fleet
from tests.e2e.test_mcp import talk

pytestmark = pytest.mark.lab

LIMIT = {"protocol": "tcp", "port": 443, "limit": 100}
WEB = {"sysctl": {"net.ipv4.tcp_fin_timeout": 27, "net.core.somaxconn": 4321}, "connection_limits": [LIMIT]}
CALM = {"sysctl": {"net.ipv4.tcp_fin_timeout": 27}}
ACCESS = """\
version: 1
callers:
  - {name: local, scopes: [read, plan, apply], hosts: [all], cards: ["sysctl.tcp_*"], consent: never}
"""
DENIED = r"may not take away: iptables\.connection_limiting, sysctl\.somaxconn"


@pytest.fixture
def held(fleet: Fleet) -> Iterator[Fleet]:
    """Hosts that hold two plans, which both want one kernel parameter; afterwards they are as they were."""
    before = fleet.views()
    assert apply(fleet, "web", WEB).statuses == {"applied"}
    assert apply(fleet, "calm", CALM).statuses == {"applied"}
    yield fleet
    fleet.netopt("remove", "web", "calm", "--json")
    assert fleet.differences(before) == []
    assert fleet.netopt("plans").text.strip() == "No plan is in force."


def apply(fleet: Fleet, name: str, changes: dict[str, Any]) -> Answer:
    """Apply a plan that has a name."""
    path = fleet.folder / f"{name}.json"
    path.write_text(json.dumps({"name": name, "iface": "eth0", "changes": changes}), encoding="utf-8")
    return fleet.netopt("apply", str(path), "--json")


def names(fleet: Fleet) -> list[list[str]]:
    """Return the names of the plans in force, host by host."""
    return [[plan["name"] for plan in each] for each in fleet.netopt("plans", "--json").report["hosts"].values()]


def test_plans_are_listed_and_taken_away(held: Fleet) -> None:
    """A plan that goes takes with it what it alone wants; what another plan wants too stays until that goes."""
    count = len(held.hosts)
    answer = held.netopt("plans")
    assert answer.status == 0, answer.said
    rows = [line.split() for line in answer.text.splitlines()]
    assert rows[0] == ["HOST", "PLAN", "DIGEST", "SINCE", "BY", "CHECKPOINT", "SETS"]
    assert [row[1] for row in rows[1:]] == ["calm", "web"] * count
    whole = held.netopt("plans", "web")
    assert whole.text.count("sysctl.net.core.somaxconn") == whole.text.count("4321") == count
    told = held.netopt("plans", "web", "--json").report
    assert [[plan["name"] for plan in each] for each in told["hosts"].values()] == [["web"]] * count
    (first, *_others) = told["hosts"].values()
    assert {section["path"]: section["value"] for section in first[0]["sections"]} == {
        "sysctl.net.ipv4.tcp_fin_timeout": "27",
        "sysctl.net.core.somaxconn": "4321",
        "connection_limits": [{**LIMIT, "mask": 32, "action": "reject"}],
    }
    assert first[0]["by"].startswith("cli ")

    views = held.views()
    assert held.netopt("remove", "web", "--check", "--json").statuses == {"would_change"}
    assert (held.differences(views), names(held)) == ([], [["calm", "web"]] * count)
    assert held.netopt("remove", "web", "--json").statuses == {"applied"}
    assert names(held) == [["calm"]] * count
    assert held.values("net.ipv4.tcp_fin_timeout") == ["27"] * count
    assert "4321" not in held.values("net.core.somaxconn")


@pytest.mark.long
def test_a_plan_that_is_not_there(held: Fleet) -> None:
    """What nobody applied is not listed, and taking it away is told and changes nothing."""
    answer = held.netopt("plans", "nobody")
    assert (answer.status, answer.text.strip()) == (1, "There is no such plan.")
    views = held.views()
    missing = held.netopt("remove", "nobody", "--json")
    assert (missing.status, missing.statuses) == (1, {"skipped"})
    assert "No host has such a plan" in missing.report["errors"][0]
    assert held.differences(views) == []
    wrong = held.netopt("remove", "No Name")
    assert wrong.status == 2
    assert "not the name of a plan: 'No Name'" in wrong.said


@pytest.mark.long
def test_an_agent_takes_a_plan_away(held: Fleet) -> None:
    """Over MCP: listed shortly or whole; removal is a dry run unless said otherwise, and then a person is asked."""
    count = len(held.hosts)
    asked: list[str] = []

    async def says_no(message: str, *_more: object) -> dict[str, bool]:
        asked.append(message)
        return {"confirm": False}

    async def script(client: Client[Any]) -> None:
        short = await call(client, "list_plans_tool")
        assert [[plan["name"] for plan in each] for each in short["hosts"].values()] == [["calm", "web"]] * count
        assert not any(plan.get("sections") for each in short["hosts"].values() for plan in each)
        whole = await call(client, "list_plans_tool", name="web")
        assert [[len(plan["sections"]) for plan in each] for each in whole["hosts"].values()] == [[3]] * count

        views = held.views()
        tried = await call(client, "remove_plan_tool", name="web")
        assert {host["status"] for host in tried["hosts"].values()} == {"would_change"}
        assert held.differences(views) == []
        done = await call(client, "remove_plan_tool", name="web", dry_run=False)
        assert {host["status"] for host in done["hosts"].values()} == {"applied"}
        assert names(held) == [["calm"]] * count

    async def refuse(client: Client[Any]) -> None:
        with pytest.raises(ToolError, match="did not say yes"):
            await call(client, "remove_plan_tool", name="web", dry_run=False)

    talk(held, refuse, handler=says_no)
    (question,) = asked
    first, second, *rest = question.splitlines()
    assert first.startswith(f"Take the plan web away from {count} hosts (")
    assert second == f"It is in force on {count} of {count} hosts."
    assert rest[0] == "  connection_limits"
    assert set(rest[1:3]) == {"  sysctl.net.ipv4.tcp_fin_timeout", "  sysctl.net.core.somaxconn"}
    assert names(held) == [["calm", "web"]] * count
    talk(held, script)


@pytest.mark.long
def test_rights_hold_for_what_a_plan_sets(held: Fleet) -> None:
    """A caller of some cards takes away and replaces plans of these alone, whoever applied them."""
    access = held.folder / "access.yml"
    access.write_text(ACCESS, encoding="utf-8")
    access.chmod(0o600)
    views = held.views()

    async def script(client: Client[Any]) -> None:
        for dry_run in (True, False):
            with pytest.raises(ToolError, match=DENIED):
                await call(client, "remove_plan_tool", name="web", dry_run=dry_run)
        plan = {"name": "web", "iface": "eth0", "changes": CALM}
        rendered = await call(client, "render_change_plan_tool", plan=plan)
        with pytest.raises(ToolError, match=DENIED):
            await call(client, "apply_rendered_plan_tool", rendered_plan=rendered, dry_run=False)
        assert held.differences(views) == []
        done = await call(client, "remove_plan_tool", name="calm", dry_run=False)
        assert {host["status"] for host in done["hosts"].values()} == {"applied"}

    talk(held, script, "--access", str(access))
    assert names(held) == [["web"]] * len(held.hosts)
