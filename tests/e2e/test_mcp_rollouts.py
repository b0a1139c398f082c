# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rollouts in waves over MCP: stopped by a host that fails, interrupted by a kill, gone on with, and rolled back.

What the report says of a host is what ``sysctl`` and ``tc`` say on it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastmcp import Client

from mcp_bridge.lab import lifecycle
from mcp_bridge.lab.state import Lab
from mcp_bridge.mcp_server.server import build
from mcp_bridge.runs import events as run_events
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings
from tests.calls import call, outcome, waves
from tests.consent import says_yes
from tests.e2e.fleet import ROOT, TIMEOUT_S, Fleet
from tests.labs import brought_up, refusing
from tests.listening import await_server, free_port
from tests.waiting import until_async

pytestmark = pytest.mark.lab

TOOL = "apply_rendered_plan_tool"
KEY = "net.ipv4.tcp_fin_timeout"
OLD, NEW = ("60", False), ("27", True)
PLAN: dict[str, Any] = {"iface": "eth0", "changes": {"sysctl": {KEY: 27}, "shaper": {"egress_mbit": 700}}}
HELD = frozenset({"applied", "unchanged"})


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Four namespace hosts for this file; a test leaves them as it found them."""
    yield from brought_up("mcp-waves", hosts=4)


def settings(fleet: Fleet) -> Settings:
    """Return the settings of the test's netopt."""
    return Settings(state_dir=fleet.folder / "state", inventory=str(fleet.lab.inventory))


def found(fleet: Fleet) -> list[tuple[str, bool]]:
    """Return what each host says: the key's value, and whether traffic is shaped to the plan's rate."""
    seen = []
    for host in fleet.lab.hosts:
        looking = f"sysctl -n {KEY}; $(command -v tc || command -v tc.away) class show dev eth0"
        text = lifecycle.execute(fleet.lab, host.name, ["sh", "-c", looking]).stdout
        seen.append((text.split()[0], "rate 700Mbit" in text))
    return seen


def statuses(fleet: Fleet, report: dict[str, Any]) -> list[str]:
    """Return the hosts' statuses in their order, once they have been seen to be true."""
    listed = [report["hosts"][host.name]["status"] for host in fleet.lab.hosts]
    assert len(report["hosts"]) == len(listed)
    assert found(fleet) == [NEW if status in HELD else OLD for status in listed], report
    return listed


def test_stopped_in_its_second_wave_and_gone_on_with(fleet: Fleet) -> None:
    """One host of the second wave fails: the third is not begun; once the cause is gone the rest gets the change."""
    first, second, third, fourth = (fleet.name(number) for number in (1, 2, 3, 4))
    asked: list[str] = []
    told: list[str] = []

    async def yes(message: str, *_more: object) -> dict[str, bool]:
        asked.append(message)
        return {"confirm": True}

    async def progress(_done: float, _total: float | None, message: str | None) -> None:
        told.append(message or "")

    async def script() -> None:
        async with Client(build(Service(settings(fleet), caller="test")), elicitation_handler=yes) as client:
            rendered = await call(client, "render_change_plan_tool", plan=PLAN)
            rollout = {"canary": 1, "waves": [2, 1]}
            asking = {"rendered_plan": rendered, "rollout": rollout, "dry_run": False}
            with refusing(fleet.lab, 3):
                result = await client.call_tool(TOOL, asking, progress_handler=progress)
                report: dict[str, Any] = result.structured_content or {}
                assert statuses(fleet, report) == ["applied", "applied", "failed", "skipped"]
            assert waves(report) == [(1, "done"), (2, "failed"), (1, "not_begun")]
            assert (report["applied"], report["rollout"]["stopped"]) == (False, True)
            assert "1 of 4 hosts failed, and 0 may, in wave 2 of 3" in report["errors"][0]
            assert "tc" in report["hosts"][third]["error"]["message"]
            assert {f"{first}: applied", f"{second}: applied", f"{third}: failed"} <= set(told)
            assert not [line for line in told if line.startswith(f"{fourth}:")]
            assert told.index(f"{first}: applied") < told.index(f"{second}: applied")

            resumed = await call(client, TOOL, resume=report["run_id"], dry_run=False)
            assert statuses(fleet, resumed) == ["unchanged", "unchanged", "applied", "applied"]
            assert waves(resumed) == [(1, "done"), (2, "done"), (1, "done")]
            assert resumed["checkpoint_id"] == report["run_id"] != resumed["run_id"]
            undone = await call(client, "rollback_to_checkpoint_tool", checkpoint_id=resumed["run_id"], dry_run=False)
            assert statuses(fleet, undone) == ["rolled_back"] * 4

    asyncio.run(script())
    assert len(asked) == 3
    assert all(fleet.name(number) in message for message in asked for number in (1, 2, 3, 4))
    assert "In waves: 1, then 2, then 1" in asked[0]
    assert "goes on with the rollout" in asked[1]


@contextmanager
def served(fleet: Fleet) -> Iterator[tuple[subprocess.Popen[bytes], Client[Any]]]:
    """Start a server over HTTP; give it and a client behind which somebody says yes."""
    port = free_port()
    words = ["-m", "mcp_bridge", "serve", "--http", f"127.0.0.1:{port}", "-i", str(fleet.lab.inventory)]
    environment = {**os.environ, "NETOPT_STATE_DIR": str(fleet.folder / "state"), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=environment)
    try:
        await_server(process, port, seconds=TIMEOUT_S)
        yield process, Client(f"http://127.0.0.1:{port}/mcp", elicitation_handler=says_yes)
    finally:
        process.kill()
        process.wait()


def between_waves(fleet: Fleet) -> str | None:
    """Return the id of the rollout once its first wave has passed."""
    for asked in (fleet.folder / "state" / "runs").glob("*/asked.json"):
        known = run_events.rollout(asked.parent)
        if known is not None and known["waves"][0]["status"] == "done":
            return asked.parent.name
    return None


async def leave_it(fleet: Fleet) -> str:
    """Begin a rollout, and kill its server and its own process between the first wave and the second."""
    with served(fleet) as (process, connection):
        async with connection as client:
            rendered = await call(client, "render_change_plan_tool", plan=PLAN)
            rollout = {"waves": [1, "100%"], "pause_s": 60}
            asking = call(client, TOOL, rendered_plan=rendered, rollout=rollout, dry_run=False)
            work = asyncio.ensure_future(asking)
            run_id = str(await until_async(lambda: between_waves(fleet), TIMEOUT_S, "a rollout between waves"))
            os.kill(Service(settings(fleet), caller="test").fleet().runs.get(run_id).pid, signal.SIGKILL)
            process.kill()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        return run_id


@pytest.mark.long
def test_killed_between_two_waves_and_gone_on_with(fleet: Fleet) -> None:
    """The next server knows how far it came, goes on with it by its id, and rolls it back by that id."""

    async def script() -> None:
        run_id = await leave_it(fleet)
        with served(fleet) as (_process, connection):
            async with connection as client:
                status = await outcome(client, run_id, within_s=TIMEOUT_S)
                assert status["run"]["state"] == "failed"
                assert statuses(fleet, status["result"]) == ["applied", *["skipped"] * 3]
                assert waves(status["result"]) == [(1, "done"), (3, "not_begun")]
                assert "the run ended before the rollout did" in status["result"]["errors"][0]

                resumed = await call(client, TOOL, resume=run_id, dry_run=False)
                assert statuses(fleet, resumed) == ["unchanged", *["applied"] * 3]
                assert waves(resumed) == [(1, "done"), (3, "done")]
                assert (resumed["applied"], resumed["checkpoint_id"]) == (True, run_id)

                undone = await call(client, "rollback_to_checkpoint_tool", checkpoint_id=run_id, dry_run=False)
                assert statuses(fleet, undone) == ["rolled_back"] * 4

    asyncio.run(script())
