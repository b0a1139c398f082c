# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on up to ten hosts whose server or own process is killed, or does not heed.

Whatever happens, a run's outcome is found by its id, it is what the hosts' kernels say, and nothing stays behind.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.backends import ansible_environment, process_tree
from mcp_bridge.errors import NetoptBridgeError
from mcp_bridge.runs import events as run_events
from tests.calls import call
from tests.e2e.controller import (
    FEW,
    HOSTS,
    PLAN,
    SECRET,
    TIMEOUT_S,
    Controller,
    agree,
    begun,
    command_line,
    connected,
    processes_of,
    serving,
    statuses,
    wait_for,
    workers_of,
)

pytestmark = [pytest.mark.lab, pytest.mark.slow]


async def begin_and_leave(controller: Controller, url: str, *, kill: Callable[[], None]) -> str:
    """Apply the plan over MCP, kill the server once some hosts are at it, and return the run's id."""
    client = await connected(url)
    rendered = await call(client, "render_change_plan_tool", plan=PLAN)
    work = asyncio.ensure_future(call(client, "apply_rendered_plan_tool", rendered_plan=rendered, dry_run=False))
    run_id = await asyncio.to_thread(wait_for, lambda: at_work(controller))
    kill()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    return str(run_id)


def at_work(controller: Controller) -> str | None:
    """Return the id of the apply on which a host has begun, if there is one."""
    for record in controller.service.fleet().runs.latest():
        if record.action == "apply" and run_events.progress(controller.run_folder(record.run_id)):
            return record.run_id
    return None


def test_server_killed_in_an_apply_to_ten_hosts(controller: Controller) -> None:
    """The run goes on without its server, and the next server has its outcome; nothing of it stays."""
    with serving(controller) as (process, url):
        run_id = asyncio.run(begin_and_leave(controller, url, kill=process.kill))
        process.wait()
    assert controller.service.fleet().runs.get(run_id).state == "running"
    seen = [
        (Path("/proc") / str(pid) / "environ").read_bytes()
        for pid in process_tree.members(ansible_environment.marker(run_id))
        if b"ansible-playbook" in (Path("/proc") / str(pid) / "cmdline").read_bytes()
    ]
    assert seen
    assert not [text for text in seen if SECRET.encode() in text]

    async def look(url: str) -> Any:
        client = await connected(url)
        while True:
            found = await call(client, "run_status_tool", run_id=run_id)
            if found["run"]["state"] not in {"running", "lost"}:
                return found
            await asyncio.sleep(0.5)

    with serving(controller) as (_process, url):
        found = asyncio.run(asyncio.wait_for(look(url), TIMEOUT_S))
    assert (found["run"]["state"], found["result"]["errors"]) == ("successful", [])
    assert {host["status"] for host in found["result"]["hosts"].values()} == {"applied"}
    assert len(found["result"]["hosts"]) == HOSTS
    agree(controller, found["result"]["hosts"])
    entries = [entry for entry in controller.service.history.audit.entries() if entry.run_id == run_id]
    assert [entry.outcome for entry in entries if entry.action == "apply"][-1] == "done"
    controller.nothing_left(run_id)
    controller.undo(run_id)


STAGES: dict[str, Callable[[Controller, str], bool]] = {
    "before Ansible": lambda controller, run_id: bool(workers_of(controller, run_id)),
    "hosts known": lambda controller, run_id: (controller.run_folder(run_id) / "hosts.json").exists(),
    "first host begun": lambda controller, run_id: bool(statuses(controller, run_id)),
    "first host done": lambda controller, run_id: "applied" in statuses(controller, run_id),
    "half of them done": lambda controller, run_id: statuses(controller, run_id).count("applied") >= FEW // 2,
}


@pytest.mark.long
@pytest.mark.parametrize(("stage", "waited"), [*((stage, False) for stage in STAGES), ("first host begun", True)])
def test_process_of_a_run_killed(controller: Controller, stage: str, *, waited: bool) -> None:
    """Its remains are ended, the hosts are asked, and what they say is what their kernels say."""
    if waited:
        controller.spare.prepare()
    run_id, future = begun(controller)
    wait_for(lambda: STAGES[stage](controller, run_id))
    for pid in wait_for(lambda: workers_of(controller, run_id)):
        os.kill(pid, signal.SIGKILL)
    error = future.exception(timeout=TIMEOUT_S)
    assert error is None or isinstance(error, NetoptBridgeError), error
    state, result = controller.ends(run_id)
    if stage == "before Ansible":
        assert (state, result["hosts"]) == ("failed", {})
    assert state == ("failed" if result["errors"] else "successful")
    assert result["applied"] is (state == "successful")
    if "done" in stage:
        assert "applied" in {host["status"] for host in result["hosts"].values()}
    agree(controller, result["hosts"])
    controller.nothing_left(run_id)
    controller.undo(run_id)


@pytest.mark.long
def test_ansible_killed(controller: Controller) -> None:
    """The run itself asks the hosts that had not reported, and rolls back those on which it was begun."""
    run_id, future = begun(controller)
    wait_for(lambda: "applied" in statuses(controller, run_id))
    for pid in processes_of(run_id):
        if b"ansible-playbook" in command_line(pid):
            os.kill(pid, signal.SIGKILL)
    report = future.result(timeout=TIMEOUT_S)
    assert (controller.service.fleet().runs.get(run_id).state, report.applied) == ("failed", False)
    agree(controller, report.model_dump(mode="json")["hosts"])
    controller.nothing_left(run_id)
    controller.undo(run_id)


@pytest.mark.long
@pytest.mark.parametrize("waited", [False, True])
def test_process_that_does_not_heed(controller: Controller, monkeypatch: pytest.MonkeyPatch, *, waited: bool) -> None:
    """A second request ends a run whose process is stopped, and the hosts say what became of it."""
    if waited:
        controller.spare.prepare()
    monkeypatch.setattr("mcp_bridge.runs.history.STUBBORN_S", 0.0)
    run_id, future = begun(controller)
    wait_for(lambda: statuses(controller, run_id))
    for pid in workers_of(controller, run_id):
        os.kill(pid, signal.SIGSTOP)
    assert controller.service.history.cancel(run_id).state == "running"
    controller.service.history.cancel(run_id)
    assert future.exception(timeout=TIMEOUT_S) is None
    _state, result = controller.ends(run_id)
    agree(controller, result["hosts"])
    controller.nothing_left(run_id)
    controller.undo(run_id)
