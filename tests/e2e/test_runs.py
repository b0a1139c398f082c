# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on up to ten hosts that are cancelled, get in each other's way, or have a process that waited for them."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import pytest

from mcp_bridge.backends import ansible_environment, process_tree
from mcp_bridge.errors import NetoptBridgeError
from mcp_bridge.runs.apply_options import ApplyOptions
from mcp_bridge.runs.playbook_run import HostsBusyError
from mcp_bridge.runs.spare_worker import WAIT
from mcp_bridge.runs.task import Scope
from mcp_bridge.service import Service
from tests.e2e.controller import (
    FEW,
    NEW,
    OLD,
    PLAN,
    TIMEOUT_S,
    Controller,
    agree,
    begun,
    command_line,
    held_back,
    serving,
    statuses,
    wait_for,
)

pytestmark = [pytest.mark.lab, pytest.mark.slow]


@pytest.mark.long
def test_process_that_waits(controller: Controller) -> None:
    """It carries the next run out with the environment and the lock that it is told; a killed one is replaced."""
    controller.spare.prepare()
    waiting = controller.spare.pid
    run_id, future = begun(controller)
    report = future.result(timeout=TIMEOUT_S)
    assert (report.applied, controller.pid_of(run_id)) == (True, waiting)
    after = wait_for(lambda: controller.spare.pid)
    assert after not in {None, waiting}
    os.kill(after or 0, signal.SIGKILL)
    again, future = begun(controller)
    report = future.result(timeout=TIMEOUT_S)
    assert {host.status for host in report.hosts.values()} == {"unchanged"}
    assert controller.pid_of(again) != after
    controller.nothing_left(run_id)
    controller.nothing_left(again)
    controller.undo(run_id)


def test_process_that_waits_ends_with_its_server(controller: Controller) -> None:
    """No process is left of a server that was killed."""

    def waiting() -> list[int]:
        everything = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return [pid for pid in everything if parent_of(pid) == process.pid and WAIT.encode() in command_line(pid)]

    with serving(controller) as (process, _url):
        (pid,) = wait_for(waiting)
        process.kill()
        process.wait()
        wait_for(lambda: WAIT.encode() not in command_line(pid))


def parent_of(pid: int) -> int:
    """Return the parent of a process, 0 once it has ended."""
    try:
        return int((Path("/proc") / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except OSError:
        return 0


def test_cancelled_by_another_server(controller: Controller) -> None:
    """Hosts that had confirmed keep the change, the others are rolled back at once, and the report tells them apart."""
    run_id, future = begun(controller)
    wait_for(lambda: "applied" in statuses(controller, run_id))
    assert controller.service.history.cancel(run_id).state == "running"
    report = future.result(timeout=TIMEOUT_S)
    state, result = controller.ends(run_id)
    assert (state, result["applied"]) == ("cancelled", False)
    assert result == json.loads(report.model_dump_json())
    assert len(result["hosts"]) == FEW
    found = {host["status"] for host in result["hosts"].values()}
    assert "applied" in found
    assert found <= {"applied", "rolled_back", "unchanged", "skipped"}
    agree(controller, result["hosts"])
    assert process_tree.members(ansible_environment.marker(run_id)) == set()
    with pytest.raises(NetoptBridgeError, match="has ended: cancelled"):
        controller.service.history.cancel(run_id)
    controller.nothing_left(run_id)
    controller.undo(run_id)


def test_two_runs_on_one_host(controller: Controller) -> None:
    """The second is refused whole and told which run is in its way; where they do not meet both go on."""
    names = sorted(host.name for host in controller.lab.hosts)
    half = ",".join(names[:5])
    run_id, first = begun(controller, scope=Scope(limit=half))
    with held_back(controller, run_id, hosts=5):
        _other, second = begun(controller, scope=Scope(limit=",".join(names[4:])))
        refusal = second.exception(timeout=TIMEOUT_S)
    assert refusal is not None
    assert f"No host was touched: run {run_id} is at work on {names[4]}" in str(refusal)
    third_id, third = begun(controller, scope=Scope(limit=names[9]))
    assert first.result(timeout=TIMEOUT_S).errors == []
    assert third.result(timeout=TIMEOUT_S).errors == []
    values = controller.values()
    assert [values[name] for name in names] == [NEW] * 5 + [OLD] * 4 + [NEW]
    service = Service(controller.settings, caller="tester")
    service.finish(service.begin("rollback", checkpoint_id=third_id, scope=Scope(limit=names[9])))
    controller.undo(run_id)


@pytest.mark.long
def test_busy_hosts_of_this_process(controller: Controller) -> None:
    """A run in this process gets the error as such, with the host and the run."""
    name = controller.lab.hosts[0].name
    run_id, first = begun(controller, scope=Scope(limit=name))
    service = Service(controller.settings, caller="tester")
    with held_back(controller, run_id, hosts=1), pytest.raises(HostsBusyError) as caught:
        service.finish(service.begin_apply(service.check(PLAN, Scope()), ApplyOptions(), Scope(limit=name)))
    assert caught.value.busy == {name: run_id}
    assert first.result(timeout=TIMEOUT_S).errors == []
    controller.undo(run_id)


@pytest.mark.long
def test_many_runs_leak_nothing(controller: Controller) -> None:
    """After eight runs one after another this process has as many files and threads as before."""
    scope = Scope(limit=controller.lab.hosts[0].name)

    def once(*, detached: bool) -> None:
        service = Service(controller.settings, caller="tester", detached=detached)
        report = service.finish(service.begin_apply(service.check(PLAN, Scope()), ApplyOptions(dry_run=True), scope))
        assert report.errors == []

    def held() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    once(detached=True)
    once(detached=False)
    before = held()
    for number in range(8):
        once(detached=number % 2 == 0)
    assert held() == before
