# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rollout is gone on with over MCP: what is refused, what the person is asked, and what is then done.

No host of these tests can be reached, so that every rollout stops after its first wave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastmcp import Client
from fastmcp.exceptions import ToolError

from mcp_bridge.access.context import Terms
from mcp_bridge.mcp_server import server
from mcp_bridge.mcp_server.tools.call import AppContext
from mcp_bridge.runs.apply_options import ApplyOptions
from mcp_bridge.runs.task import Scope
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings
from tests.calls import call
from tests.consent import says_yes

TOOL = "apply_rendered_plan_tool"
KEY = "net.ipv4.tcp_fin_timeout"
NAMES = ["r1", "r2", "r3"]
NOBODY = {"ansible_host": "127.0.0.1", "ansible_port": 1}
ROLLOUT = {"canary": 1, "waves": ["100%"], "max_failures": 1}
RULE: dict[str, Any] = {"name": "local", "scopes": ["read", "plan", "apply"], "hosts": ["all"], "cards": ["*"]}


def plan(value: int) -> dict[str, Any]:
    """Return a plan."""
    return {"iface": "eth0", "changes": {"sysctl": {KEY: value}}}


@dataclass(frozen=True)
class House:
    """An installation with a rollout that was stopped, and an apply that was none."""

    folder: Path
    rollout: str = ""
    other: str = ""

    @property
    def settings(self) -> Settings:
        """The settings."""
        place = str(self.folder / "inventory.yml")
        return Settings(state_dir=self.folder / "state", inventory=place, run_timeout_s=120)

    def write_inventory(self, names: list[str], name: str = "inventory.yml") -> Path:
        """Write down which hosts there are."""
        path = self.folder / name
        path.write_text(yaml.safe_dump({"all": {"hosts": dict.fromkeys(names, NOBODY)}}), encoding="utf-8")
        return path

    def terms(self, changes: dict[str, Any] | None) -> Terms:
        """Return terms with an access file that has a rule for the caller."""
        if changes is None:
            return Terms()
        path = self.folder / "access.yml"
        path.write_text(yaml.safe_dump({"version": 1, "callers": [{**RULE, **changes}]}), encoding="utf-8")
        path.chmod(0o600)
        return Terms(access_file=path)

    def client(
        self, *, settings: Settings | None = None, rule: dict[str, Any] | None = None, handler: Any = says_yes
    ) -> Client[Any]:
        """Return a client of a server of its own."""
        service = Service(settings or self.settings, caller="tester")
        built = server.build(service, app=AppContext(service, self.terms(rule)))
        return Client(built, elicitation_handler=handler)

    def runs(self) -> list[str]:
        """Return the ids of the runs that were begun."""
        return [record.run_id for record in Service(self.settings, caller="tester").fleet().runs.latest()]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """One installation for this file."""
    house = House(tmp_path_factory.mktemp("resume"))
    house.write_inventory(NAMES)

    async def stopped() -> str:
        async with house.client() as client:
            rendered = await call(client, "render_change_plan_tool", plan=plan(27))
            report = await call(client, TOOL, rendered_plan=rendered, rollout=ROLLOUT, dry_run=False)
            assert report["rollout"]["stopped"] is True
            assert [host["status"] for host in report["hosts"].values()] == ["unreachable", "skipped", "skipped"]
            return str(report["run_id"])

    rollout = asyncio.run(stopped())
    service = Service(house.settings, caller="cli somebody")
    other = service.finish(
        service.begin_apply(service.check(plan(27), Scope()), ApplyOptions(), Scope(limit="r1"))
    ).run_id
    return House(house.folder, rollout, str(other))


def declining(asked: list[str]) -> Callable[..., Awaitable[dict[str, bool]]]:
    """Return a person who says no, and keeps what they were asked in ``asked``."""

    async def no(message: str, *_more: object) -> dict[str, bool]:
        asked.append(message)
        return {"confirm": False}

    return no


@pytest.mark.long
def test_more_hosts_than_a_pattern_may_name(house: House) -> None:
    """A pattern that reaches a thousand hosts is worked out to all of their names; one that names them is too long."""
    names = [f"server{number:04d}" for number in range(1000)]
    asked: list[str] = []

    async def run() -> tuple[str, str]:
        async with house.client(handler=declining(asked)) as client:
            rendered = await call(client, "render_change_plan_tool", plan=plan(27))
            declined = await refusal(client, rendered_plan=rendered, rollout=ROLLOUT)
            return declined, await refusal(client, rendered_plan=rendered, hosts=",".join(names))

    house.write_inventory(names)
    try:
        declined, too_long = asyncio.run(run())
    finally:
        house.write_inventory(NAMES)
    assert "did not say yes" in declined
    assert "1000 hosts (server0000 to server0999)?" in asked[0]
    assert "hosts is longer than 4096 characters" in too_long
    assert len(asked) == 1


async def refusal(client: Client[Any], **arguments: Any) -> str:
    """Return what a call is refused with."""
    with pytest.raises(ToolError) as caught:
        await client.call_tool(TOOL, {"dry_run": False, **arguments})
    return str(caught.value)


REFUSED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"resume": "rollout", "hosts": "r1"}, {}, "goes on with its own hosts"),
    ({"resume": "rollout", "checkpoint_label": "x"}, {}, "does not go with checkpoint_label"),
    ({"resume": "rollout", "confirm_timeout_s": 60}, {}, "does not go with confirm_timeout_s"),
    ({"resume": "rollout", "rollout": {"waves": [1]}}, {}, "does not go with rollout"),
    ({"resume": "rollout", "persist": True}, {}, "does not go with persist"),
    ({"resume": "20200101T000000Z-000000"}, {}, "There is no run '20200101T000000Z-000000'"),
    ({"resume": "../" * 9}, {}, "There is no run"),
    ({"resume": "other"}, {}, "is no rollout in waves"),
    ({}, {}, "There is no rendered_plan"),
    ({"resume": "rollout"}, {"hosts": ["r1", "r2"]}, "reaches 1 of 3 hosts that are closed to the caller"),
    ({"resume": "rollout"}, {"max_hosts": 2}, "may change 2 hosts at once; these are 3"),
    ({"resume": "rollout"}, {"cards": ["link.mtu"]}, "may not change: sysctl.tcp_fin_timeout"),
    ({"resume": "rollout"}, {"scopes": ["read", "plan"]}, "needs the scope apply"),
    ({"resume": "rollout"}, {"confirm_timeout": {"required": True}}, "need confirm_timeout_s"),
    ({"resume": "other"}, {"except": ["r2"]}, "There is no run"),
]


def test_what_is_refused(house: House) -> None:
    """What else was asked for than then, runs that cannot go on, and what the caller's rule does not allow."""
    named = {"rollout": house.rollout, "other": house.other}

    async def run() -> None:
        async with house.client(rule={}) as client:
            for sent, rule, words in REFUSED:
                house.terms(rule)
                arguments = {key: named.get(value, value) if key == "resume" else value for key, value in sent.items()}
                assert words in await refusal(client, **arguments), (sent, rule)

    runs = house.runs()
    asyncio.run(run())
    assert house.runs() == runs


@pytest.mark.long
def test_another_plan_and_another_inventory(house: House) -> None:
    """A plan that comes along has to be the rollout's; hosts of the same names elsewhere are not its hosts."""
    elsewhere = house.write_inventory(NAMES, "elsewhere.yml")

    async def run() -> tuple[str, str]:
        async with house.client() as client:
            rendered = await call(client, "render_change_plan_tool", plan=plan(28))
            plan_refused = await refusal(client, resume=house.rollout, rendered_plan=rendered)
        settings = Settings(state_dir=house.settings.state_dir, inventory=str(elsewhere))
        async with house.client(settings=settings) as client:
            return plan_refused, await refusal(client, resume=house.rollout)

    runs = house.runs()
    another_plan, another_place = asyncio.run(run())
    assert "not the plan of the rollout" in another_plan
    assert "another inventory than this server's" in another_place
    assert house.runs() == runs


def test_a_person_is_asked_about_the_rollout(house: House) -> None:
    """The question names the rollout, its waves, its digest and its own hosts alone; without a yes nothing begins."""
    asked: list[str] = []

    async def run() -> tuple[str, str]:
        async with house.client(handler=declining(asked)) as client:
            declined = await refusal(client, resume=house.rollout)
        async with house.client(handler=None) as client:
            return declined, await refusal(client, resume=house.rollout)

    runs = house.runs()
    house.write_inventory([*NAMES, "r4"])
    try:
        declined, nobody = asyncio.run(run())
    finally:
        house.write_inventory(NAMES)
    assert "did not say yes" in declined
    assert "the client cannot ask" in nobody
    (message,) = asked
    digest = Service(house.settings, caller="tester").fleet().runs.get(house.rollout).plan_digest
    for words in (house.rollout, "3 hosts (r1, r2, r3)", f"{KEY} = 27", "In waves: 1, then 100%", str(digest)[:12]):
        assert words in message
    assert house.runs() == runs


def test_it_goes_on_under_its_own_name(house: House) -> None:
    """A dry run changes nothing and can be had by default; the resumption has hosts, plan and checkpoint of then.

    Whatever is done with the change finds it by the resumption's run as well.
    """

    async def run() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]:
        house.write_inventory([*NAMES, "r4"])
        async with house.client() as client:
            rendered = await call(client, "render_change_plan_tool", plan=plan(27))
            dry = await call(client, TOOL, resume=house.rollout, rendered_plan=rendered)
            real = await call(client, TOOL, resume=house.rollout, dry_run=False)
            known = await call(client, "run_status_tool", run_id=real["run_id"])
            log = await call(client, "search_audit_log_tool", query=real["run_id"])
            return dry, real, known["run"], log

    try:
        dry, real, record, log = asyncio.run(run())
    finally:
        house.write_inventory(NAMES)
    assert (dry["dry_run"], real["dry_run"]) == (True, False)
    for report in (dry, real):
        assert [wave["hosts"] for wave in report["rollout"]["waves"]] == [["r1"], ["r2", "r3"]]
        assert list(report["hosts"]) == NAMES
    assert record["checkpoint_id"] == house.rollout != record["run_id"]
    assert (record["limit"], record["plan_digest"]) == ("r1,r2,r3", real["plan_digest"])
    begun = next(entry for entry in log["entries"] if entry["outcome"] == "started" and entry["action"] == "apply")
    assert begun["detail"]["resumes"] == house.rollout
    service, scope, name = Service(house.settings, caller="tester"), Scope(limit="r1"), str(real["run_id"])
    for started in (
        service.begin_extension(checkpoint_id=name, seconds=60, scope=scope, check=True),
        service.begin("confirm", checkpoint_id=name, scope=scope, check=True),
        service.begin("rollback", checkpoint_id=name, scope=scope, check=True),
    ):
        assert started.record.checkpoint_id == started.task.extravars["netopt_checkpoint_id"] == house.rollout
        started.fleet.runs.finish(started.record, state="cancelled", result={}, hosts={})
