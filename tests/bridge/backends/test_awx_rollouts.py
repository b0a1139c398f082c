# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rollout over MCP that an AWX carries out, and whose server is killed on the way."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

from mcp_bridge import COLLECTIONS_ROOT
from mcp_bridge.lab import lifecycle
from mcp_bridge.lab.state import Lab
from mcp_bridge.runs import events as run_events
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings
from tests.bridge.awx_server import TOKEN, Awx, serving
from tests.calls import call, outcome, waves
from tests.consent import says_yes
from tests.labs import refusing
from tests.listening import await_server, free_port
from tests.waiting import until_async

TOOL = "apply_rendered_plan_tool"
KEY, OLD, NEW = "net.ipv4.tcp_fin_timeout", "60", "33"
PLAN: dict[str, Any] = {"iface": "eth0", "changes": {"sysctl": {KEY: int(NEW)}, "shaper": {"egress_mbit": 700}}}
TEMPLATES = "apply=NetOpt apply, rollback=NetOpt rollback, checkpoints=NetOpt checkpoints"
WAIT_S = 180.0


@pytest.fixture
def awx(lab: Lab, tmp_path: Path) -> Iterator[Awx]:
    """An AWX whose inventory is the lab's."""
    with serving(Awx(str(lab.inventory), tmp_path)) as server:
        yield server
    assert server.wrong == []


@contextmanager
def served(settings: Settings, lab: Lab, awx: Awx) -> Iterator[tuple[subprocess.Popen[bytes], Client[Any]]]:
    """Start a server whose runs are the AWX's jobs; give it and a client behind which somebody says yes."""
    port = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": str(COLLECTIONS_ROOT),
        "NETOPT_STATE_DIR": str(settings.state_dir),
        "NETOPT_INVENTORY": str(lab.inventory),  # tells the server whom a caller's pattern means
        "NETOPT_BACKEND": "awx",
        "NETOPT_AWX_URL": awx.url,
        "NETOPT_AWX_TOKEN": TOKEN,
        "NETOPT_AWX_TEMPLATES": TEMPLATES,
    }
    words = [sys.executable, "-m", "mcp_bridge", "serve", "--http", f"127.0.0.1:{port}"]
    process = subprocess.Popen(words, env=environment, cwd=COLLECTIONS_ROOT)
    try:
        await_server(process, port, seconds=WAIT_S)
        yield process, Client(f"http://127.0.0.1:{port}/mcp", elicitation_handler=says_yes)
    finally:
        process.kill()
        process.wait()


def values(lab: Lab) -> list[str]:
    """Return what the hosts' kernels say of the key that the plan sets, in the hosts' order."""
    return [lifecycle.execute(lab, host.name, ["sysctl", "-n", KEY]).stdout.strip() for host in lab.hosts]


def statuses(lab: Lab, report: dict[str, Any]) -> list[str]:
    """Return the hosts' statuses in their order; every host has one."""
    return [report["hosts"][host.name]["status"] for host in lab.hosts]


def begun(settings: Settings) -> str | None:
    """Return the id of the rollout once its first wave has passed."""
    for asked in settings.runs_dir.glob("*/asked.json"):
        known = run_events.rollout(asked.parent)
        if known is not None and known["waves"][0]["status"] == "done":
            return asked.parent.name
    return None


@pytest.mark.long
def test_server_killed_while_awx_rolls_out(settings: Settings, lab: Lab, awx: Awx) -> None:
    """AWX goes on to the second wave, which fails, and leads the first back: the next server knows all of that.

    Once the cause is gone the rollout goes on by its id, in a job of its own, and is rolled back by that id.
    """
    rollout = {"waves": [1], "pause_s": 5, "on_failure": "roll_back"}

    async def leave_it() -> str:
        with served(settings, lab, awx) as (process, connection):
            async with connection as client:
                rendered = await call(client, "render_change_plan_tool", plan=PLAN)
                asking = call(client, TOOL, rendered_plan=rendered, rollout=rollout, dry_run=False)
                work = asyncio.ensure_future(asking)
                run_id = str(await until_async(lambda: begun(settings), WAIT_S, "a wave that has begun"))
                runs = Service(settings, caller="test").fleet().runs
                os.kill(runs.get(run_id).pid, signal.SIGKILL)
                process.kill()
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
                await until_async(lambda: runs.get(run_id).state == "lost", WAIT_S, "a lost run")
                assert awx.jobs[100].status == "running"
        return run_id

    async def script() -> None:
        with refusing(lab, 2):
            run_id = await leave_it()
            assert await asyncio.to_thread(awx.jobs[100].over.wait, WAIT_S)
        with served(settings, lab, awx) as (_process, connection):
            async with connection as client:
                status = await outcome(client, run_id, within_s=WAIT_S)
                report = status["result"]
                assert (status["run"]["state"], len(awx.jobs)) == ("failed", 1)
                assert (statuses(lab, report), values(lab)) == (["rolled_back", "failed"], [OLD, OLD])
                assert waves(report) == [(1, "done"), (1, "failed")]
                assert "1 of 2 hosts failed, and 0 may, in wave 2 of 2" in report["errors"][0]
                assert "tc" in report["hosts"][lab.hosts[1].name]["error"]["message"]

                resumed = await call(client, TOOL, resume=run_id, dry_run=False)
                assert (statuses(lab, resumed), values(lab)) == (["applied", "applied"], [NEW, NEW])
                assert waves(resumed) == [(1, "done"), (1, "done")]
                assert resumed["checkpoint_id"] == run_id
                assert [job.asked["extra_vars"].get("netopt_resume") for job in awx.jobs.values()] == [None, True]

                undone = await call(client, "rollback_to_checkpoint_tool", checkpoint_id=run_id, dry_run=False)
                assert (statuses(lab, undone), values(lab)) == (["rolled_back", "rolled_back"], [OLD, OLD])

    asyncio.run(script())
