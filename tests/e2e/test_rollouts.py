# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that go in waves over four hosts, with hosts and controllers that fail halfway.

Whatever happens, the report names every host, and what it says of a host is what the host's kernel says.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

from mcp_bridge.lab import lifecycle
from mcp_bridge.lab.state import Lab
from mcp_bridge.mcp_server.server import build
from mcp_bridge.runs import events as run_events
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings
from tests.e2e.fleet import ROOT, TIMEOUT_S, Answer, Fleet, finish
from tests.labs import brought_up
from tests.waiting import until

pytestmark = pytest.mark.lab

KEY = "net.ipv4.tcp_fin_timeout"
OLD, NEW = "60", "27"
PLAN: dict[str, Any] = {"sysctl": {KEY: int(NEW)}, "shaper": {"egress_mbit": 700}}
NOBODY = {"ansible_port": 1}
FAILED = ["failed", "unreachable"]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Four namespace hosts for this file; a test leaves them as it found them."""
    yield from brought_up("rollouts", hosts=4)


@pytest.fixture
def fleet(lab: Lab, tmp_path: Path) -> Iterator[Fleet]:
    """The lab's hosts, rolled back afterwards."""
    fleet = Fleet(lab, tmp_path)
    yield fleet
    if fleet.values(KEY) != [OLD] * 4:
        for run in sorted((tmp_path / "state" / "runs").glob("*/asked.json"), reverse=True):
            fleet.netopt("rollback", run.parent.name)
        assert fleet.values(KEY) == [OLD] * 4


def statuses(fleet: Fleet, report: dict[str, Any]) -> list[str]:
    """Return the hosts' statuses in their order; every host has one."""
    return [report["hosts"][host.name]["status"] for host in fleet.lab.hosts]


def waves(report: dict[str, Any]) -> list[tuple[int, str]]:
    """Return for each wave how many hosts it has and what became of it."""
    return [(len(wave["hosts"]), wave["status"]) for wave in report["rollout"]["waves"]]


def kept(fleet: Fleet, identity: str) -> dict[str, str]:
    """Return what the hosts say of a change."""
    known = fleet.netopt("checkpoints", "--json").report["checkpoints"]
    found: dict[str, str] = next(one["hosts"] for one in known if one["checkpoint_id"] == identity)
    return found


def agrees(fleet: Fleet, answer: Answer) -> None:
    """See that hosts which hold the change by the report do so by their kernel, and no others."""
    held = [status in {"applied", "unchanged"} for status in statuses(fleet, answer.report)]
    assert fleet.values(KEY) == [NEW if one else OLD for one in held], answer.text


@contextmanager
def refusing(fleet: Fleet, number: int) -> Iterator[None]:
    """Take tc away from a host, so that it refuses the plan."""
    path = lifecycle.execute(fleet.lab, str(number), ["sh", "-c", "ls /usr/sbin/tc /sbin/tc | head -1"]).stdout.strip()
    move = ["sh", "-c", f"mv {path} {path}.away"]
    assert lifecycle.execute(fleet.lab, str(number), move).returncode == 0
    try:
        yield
    finally:
        lifecycle.execute(fleet.lab, str(number), ["sh", "-c", f"mv {path}.away {path}"])


@pytest.mark.long
def test_unreachable_host_over_the_limit_stops_it_and_the_others_stay(fleet: Fleet) -> None:
    """The canary keeps the change, the host is reported, later waves are not begun."""
    answer = fleet.apply(PLAN, "--canary", "1", "--waves", "1,100%", inventory=fleet.inventory(h2=NOBODY))
    report = answer.report
    assert (answer.status, statuses(fleet, report)) == (1, ["applied", "unreachable", "skipped", "skipped"])
    assert waves(report) == [(1, "done"), (1, "failed"), (2, "not_begun")]
    assert report["rollout"]["stopped"] is True
    assert "1 of 4 hosts failed, and 0 may, in wave 2 of 3" in report["errors"][0]
    assert "hosts that have not had their turn: 2" in report["errors"][0]
    assert report["applied"] is False
    assert report["checkpoint_id"] == report["run_id"]
    agrees(fleet, answer)


@pytest.mark.long
def test_excluded_host_is_reported(fleet: Fleet) -> None:
    """Whom the pattern leaves out by name is in the report, and in no wave."""
    answer = fleet.apply(PLAN, "--waves", "2", "--check", "-l", f"all:!{fleet.name(2)}")
    found = statuses(fleet, answer.report)
    assert (answer.status, found) == (0, ["would_change", "skipped", "would_change", "would_change"])
    assert answer.report["hosts"][fleet.name(2)]["warnings"] == ["Excluded by the host pattern"]
    assert waves(answer.report) == [(2, "done"), (1, "done")]


@pytest.mark.long
def test_unreachable_host_within_the_limit_is_reported(fleet: Fleet) -> None:
    """All others get the change; the run has failed all the same."""
    words = ("--waves", "1,100%", "--max-failures", "25%", "--on-failure", "roll-back", "--pause", "1")
    answer = fleet.apply(PLAN, *words, inventory=fleet.inventory(h3=NOBODY))
    report = answer.report
    assert (answer.status, statuses(fleet, report)) == (1, ["applied", "applied", "unreachable", "applied"])
    assert waves(report) == [(1, "done"), (3, "done")]
    assert report["rollout"]["stopped"] is False
    first, second = report["rollout"]["waves"]
    assert second["started"] >= first["finished"] >= first["started"]
    assert second["gate"] == {"ok": True, "message": "2 of 3 hosts are well"}
    agrees(fleet, answer)


@pytest.mark.parametrize("confirm_at", [pytest.param("wave", marks=pytest.mark.long), "end"])
def test_refusal_over_the_limit_rolls_back_all_waves(fleet: Fleet, confirm_at: str) -> None:
    """Every host that took the change is as before, and the report says so of each; then it goes on where it stopped.

    Hosts had kept it already or still waited. Once the cause is gone all get it under the same checkpoint.
    """
    before = fleet.views() if confirm_at == "end" else {}
    words = ("--waves", "2,100%", "--on-failure", "roll-back", "--confirm-at", confirm_at)
    with refusing(fleet, 3):
        answer = fleet.apply(PLAN, *words)
    report = answer.report
    assert (answer.status, statuses(fleet, report)) == (1, ["rolled_back", "rolled_back", "failed", "rolled_back"])
    assert waves(report) == [(2, "done"), (2, "failed")]
    for number in (1, 2, 4):
        error = report["hosts"][fleet.name(number)]["error"]
        assert (error["stage"], "1 of 4 hosts failed" in error["message"]) == ("rollout", True)
    assert "tc" in report["hosts"][fleet.name(3)]["error"]["message"]
    assert fleet.values(KEY) == [OLD] * 4
    assert not before or fleet.differences(before) == []
    resumed = fleet.netopt("apply", "--resume", report["run_id"], "--json")
    assert (resumed.status, resumed.statuses, fleet.values(KEY)) == (0, {"applied"}, [NEW] * 4), resumed.text
    assert set(kept(fleet, report["run_id"]).values()) == {"confirmed"}


@pytest.mark.long
def test_confirmation_at_the_end(fleet: Fleet) -> None:
    """Once the last wave has passed all hosts keep it."""
    answer = fleet.apply(PLAN, "--waves", "1,100%", "--confirm-at", "end")
    assert (answer.status, answer.statuses, fleet.values(KEY)) == (0, {"applied"}, [NEW] * 4)
    assert answer.report["rollout"]["confirm"] == "end"
    found = kept(fleet, answer.report["run_id"])
    assert (set(found.values()), len(found)) == ({"confirmed"}, 4)


@pytest.mark.long
def test_person_confirms_once_it_is_over(fleet: Fleet) -> None:
    """All hosts then have the time that was asked for, from the end on, whenever their wave was."""
    answer = fleet.apply(PLAN, "--waves", "1,100%", "--confirm-timeout", "60")  # while it runs it is 120 s
    assert (answer.status, answer.statuses) == (0, {"applied"})
    assert answer.report["rollout"]["confirm"] == "end"
    lines = fleet.netopt("confirm", answer.report["run_id"], "--extend", "3600", "--check", "--json").report["hosts"]
    left = [int(re.findall(r"([0-9]+) s from now", host["diff"][0]["before"])[0]) for host in lines.values()]
    assert 0 < min(left) <= max(left) <= 60, lines
    assert fleet.netopt("confirm", answer.report["run_id"], "--json").statuses == {"applied"}
    refused = fleet.apply(PLAN, "--waves", "1", "--confirm-timeout", "3600", "--confirm-at", "wave")
    assert refused.status == 1
    assert "confirmed at the end of a rollout" in refused.text


@contextmanager
def out_of_reach(fleet: Fleet, number: int) -> Iterator[None]:
    """Have a host turn every ssh connection away, those that are there as well."""
    rules = (
        "table inet away { chain input { type filter hook input priority -300; tcp dport 22 reject with tcp reset; }; }"
    )
    assert lifecycle.execute(fleet.lab, str(number), ["nft", rules]).returncode == 0
    try:
        yield
    finally:
        lifecycle.execute(fleet.lab, str(number), ["nft", "delete table inet away"])


@pytest.mark.long
def test_host_out_of_reach_when_it_is_to_roll_back(fleet: Fleet) -> None:
    """It is the one that is not rolled back, and the exit status says that there is one; by the id it is, later."""
    words = ("--waves", "1,2,100%", "--on-failure", "roll-back", "--pause", "5")
    with refusing(fleet, 2):
        process = fleet.start(*applying(fleet), *words)
        run_id = begun(fleet, wave=1, status="done")
        with out_of_reach(fleet, 1):
            answer = finish(process)
    report = answer.report
    assert (answer.status, statuses(fleet, report)) == (3, ["rollback_failed", "failed", "rolled_back", "skipped"])
    assert f"netopt rollback {run_id}" in report["hosts"][fleet.name(1)]["error"]["hint"]
    assert fleet.values(KEY) == [NEW, OLD, OLD, OLD]
    later = fleet.netopt("rollback", run_id, "--json")
    assert (later.status, fleet.values(KEY)) == (0, [OLD] * 4)


@pytest.mark.long
def test_ended_on_purpose_while_hosts_wait(fleet: Fleet) -> None:
    """Hosts that wait for the end of the rollout are rolled back at once, the others had no turn."""
    process = fleet.start(*applying(fleet), "--waves", "1,100%", "--confirm-at", "end", "--pause", "60")
    run_id = begun(fleet, wave=1, status="done")
    assert kept(fleet, run_id) == {fleet.name(1): "applied"}
    process.terminate()
    answer = finish(process)
    assert (answer.status, statuses(fleet, answer.report)) == (1, ["rolled_back", *["skipped"] * 3])
    assert waves(answer.report) == [(1, "done"), (3, "not_begun")]
    assert "the run ended before the rollout did; hosts that have not had their turn: 3" in answer.report["errors"][0]
    agrees(fleet, answer)


@contextmanager
def service() -> Iterator[int]:
    """Serve on a port of the controller's, which stands for a host's."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def test_gate_leads_a_host_back_whose_service_is_gone(fleet: Fleet) -> None:
    """Within the limit the rollout goes on; the host does not keep the change, and the report says why."""
    here = {"netopt_gate_address": "127.0.0.1"}
    inventory = fleet.inventory(h1=here, h2={"netopt_gate_address": "127.0.0.2"}, h3=here, h4=here)
    with service() as port:
        words = ("--waves", "3,100%", "--gate-tcp", str(port), "--gate-wait", "0", "--max-failures", "1")
        answer = fleet.apply(PLAN, *words, inventory=inventory)
    report = answer.report
    assert (answer.status, statuses(fleet, report)) == (1, ["applied", "rolled_back", "applied", "applied"])
    error = report["hosts"][fleet.name(2)]["error"]
    assert (error["stage"], f"no connection to 127.0.0.2 port {port}" in error["message"]) == ("gate", True)
    assert "127.0.0.2" in report["rollout"]["waves"][0]["gate"]["message"]
    agrees(fleet, answer)


def applying(fleet: Fleet) -> tuple[str, ...]:
    """Return the command that applies the plan."""
    return ("apply", fleet.plan(PLAN), "--json")


def begun(fleet: Fleet, *, wave: int, status: str) -> str:
    """Wait until a wave of the only rollout has come to a status, and return the run's id."""

    def run_id() -> str | None:
        for asked in (fleet.folder / "state" / "runs").glob("*/asked.json"):
            known = run_events.rollout(asked.parent)
            if known is not None and known["waves"][wave - 1]["status"] == status:
                return asked.parent.name
        return None

    return str(until(run_id, TIMEOUT_S, f"wave {wave} is {status}", every_s=0.02))


def killed_in_wave_2(fleet: Fleet) -> str:
    """Begin a rollout, kill its controller in the second of three waves, and return the run's id."""
    process = fleet.start(*applying(fleet), "--waves", "1,1,100%")
    run_id = begun(fleet, wave=2, status="stopped")
    process.kill()
    process.communicate(timeout=TIMEOUT_S)
    return run_id


def test_controller_killed_and_the_rollout_resumed(fleet: Fleet) -> None:
    """It goes on by its id with the same hosts and waves, and is rolled back by that id or its own."""
    run_id = killed_in_wave_2(fleet)
    answer = fleet.netopt("apply", "--resume", run_id, "--json")
    report = answer.report
    assert answer.status == 0, answer.text
    assert set(statuses(fleet, report)) <= {"applied", "unchanged"}
    assert statuses(fleet, report)[0] == "unchanged"
    assert waves(report) == [(1, "done"), (1, "done"), (2, "done")]
    assert report["checkpoint_id"] == run_id != report["run_id"]
    assert fleet.values(KEY) == [NEW] * 4
    again = fleet.netopt("apply", "--resume", report["run_id"], "--json")
    assert (again.status, "nothing of it is left to do" in again.text) == (1, True)
    undone = fleet.netopt("rollback", report["run_id"], "--json")
    assert (undone.status, undone.statuses, fleet.values(KEY)) == (0, {"rolled_back"}, [OLD] * 4)


@pytest.mark.long
def test_controller_killed_and_the_rollout_rolled_back(fleet: Fleet) -> None:
    """Hosts that had kept it and those halfway are as before; those that were not begun have nothing to undo."""
    run_id = killed_in_wave_2(fleet)
    answer = fleet.netopt("rollback", run_id, "--json")
    assert answer.status == 0, answer.text
    found = statuses(fleet, answer.report)
    assert found[0] == "rolled_back"
    assert set(found) <= {"rolled_back", "skipped", "unchanged"}
    assert fleet.values(KEY) == [OLD] * 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--waves", "0"), "--waves: netopt_waves: '0' is no size of a wave"),
        (("--pause", "3"), "--pause goes with --waves or --canary"),
        (("--waves", "1", "--max-failures", "many"), "--max-failures: netopt_max_failures: 'many'"),
        (("--waves", "1", "--gate-tcp", "0"), "--gate-tcp"),
    ],
)
def test_words_that_make_no_rollout(lab: Lab, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """They are refused before a host is asked."""
    answer = Fleet(lab, tmp_path).apply(PLAN, *words)
    assert (answer.status, said in answer.text) == (2, True), answer.text + answer.said


def playbook(fleet: Fleet, inventory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the playbook as AWX does, by ansible-playbook."""
    program = Path(sys.executable).parent / "ansible-playbook"
    plan = f'{{"netopt_plan": {{"iface": "eth0", "changes": {{"sysctl": {{"{KEY}": {NEW}}}}}}}}}'
    return subprocess.run(
        [str(program), "netopt.linux.apply", "-i", str(inventory), "-e", plan, *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=TIMEOUT_S,
        env={**os.environ, "NETOPT_STATE_DIR": str(fleet.folder / "state")},
    )


@pytest.mark.long
def test_playbook_alone_with_answers_of_a_survey(fleet: Fleet) -> None:
    """Text is as good as a list; the recap and the exit status count what failed; one id names the change."""
    survey = ("-e", "netopt_waves=1,100%", "-e", "netopt_on_failure=roll_back", "-e", "netopt_max_failures=0")
    identity = f"by-hand-{os.getpid()}"
    done = playbook(fleet, fleet.inventory(h4=NOBODY), *survey, "-e", f"netopt_checkpoint_id={identity}")
    assert done.returncode not in {0, 1}, done.stdout
    recap = {line.split()[0]: line for line in done.stdout.partition("PLAY RECAP")[2].splitlines() if "ok=" in line}
    for number, count in ((1, "failed=1"), (2, "failed=1"), (3, "failed=1"), (4, "unreachable=1")):
        assert count in recap[fleet.name(number)], recap
    assert fleet.values(KEY) == [OLD] * 4
    resumed = playbook(fleet, fleet.lab.inventory, *survey, "-e", f"netopt_checkpoint_id={identity} netopt_resume=true")
    assert (resumed.returncode, fleet.values(KEY)) == (0, [NEW] * 4), resumed.stdout
    assert set(kept(fleet, identity).values()) == {"confirmed"}
    assert fleet.netopt("rollback", identity).status == 0


def test_over_mcp(fleet: Fleet) -> None:
    """The tool takes a rollout and answers with its waves."""
    settings = Settings(state_dir=fleet.folder / "state", inventory=str(fleet.lab.inventory))

    async def ask() -> dict[str, Any]:
        async with Client(build(Service(settings, caller="test"))) as client:
            plan = {"iface": "eth0", "changes": PLAN}
            rendered = (await client.call_tool("render_change_plan_tool", {"plan": plan})).structured_content
            rollout = {"canary": 1, "waves": ["50%"], "on_failure": "roll_back", "max_failures": "10%"}
            asked = {"rendered_plan": rendered, "rollout": rollout}
            answer = await client.call_tool("apply_rendered_plan_tool", asked)
            return dict(answer.structured_content or {})

    report = asyncio.run(ask())
    assert set(statuses(fleet, report)) == {"would_change"}
    assert waves(report) == [(1, "done"), (2, "done"), (1, "done")]
    assert fleet.values(KEY) == [OLD] * 4
