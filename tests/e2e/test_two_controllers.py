# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rollout, and another controller that rolls back, confirms, applies or resumes meanwhile.

Each host ends in one state, and the report of whoever was last at it tells which.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.lab import lifecycle
from mcp_bridge.lab.state import Lab
from mcp_bridge.runs import events as run_events
from tests.e2e.fleet import TIMEOUT_S, Answer, Fleet, finish
from tests.labs import brought_up
from tests.waiting import until

pytestmark = pytest.mark.lab

KEY = "net.ipv4.tcp_fin_timeout"
OLD, NEW, OTHER = "60", "27", "33"
PLAN: dict[str, Any] = {"sysctl": {KEY: int(NEW)}}
PAUSE_S = "20"  # between two waves: in it the other controller does all that it does


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Three namespace hosts for this file; a test leaves them as it found them."""
    yield from brought_up("controllers", hosts=3)


@pytest.fixture
def one(lab: Lab, tmp_path: Path) -> Iterator[Fleet]:
    """The controller with the rollout; what it has done is rolled back afterwards."""
    folder = tmp_path / "one"
    folder.mkdir()
    fleet = Fleet(lab, folder)
    yield fleet
    if fleet.values(KEY) != [OLD] * 3:
        for run in sorted((folder / "state" / "runs").glob("*/asked.json"), reverse=True):
            fleet.netopt("rollback", run.parent.name)
        assert fleet.values(KEY) == [OLD] * 3


@pytest.fixture
def other(one: Fleet, tmp_path: Path) -> Fleet:
    """Another controller: the same hosts, and a state folder of its own."""
    folder = tmp_path / "other"
    folder.mkdir()
    return replace(one, folder=folder)


def begin(fleet: Fleet, *words: str) -> tuple[Any, str]:
    """Begin a rollout of two waves, and return it and its id once the first wave is done."""
    process = fleet.start("apply", fleet.plan(PLAN), "--json", "--waves", "1,100%", "--pause", PAUSE_S, *words)

    def run_id() -> str | None:
        for asked in (fleet.folder / "state" / "runs").glob("*/asked.json"):
            known = run_events.rollout(asked.parent)
            if known is not None and known["waves"][0]["status"] == "done":
                return asked.parent.name
        return None

    return process, str(until(run_id, TIMEOUT_S, "the first wave is done", every_s=0.02))


def statuses(fleet: Fleet, answer: Answer) -> list[str]:
    """Return the hosts' statuses in their order."""
    return [answer.report["hosts"][host.name]["status"] for host in fleet.lab.hosts]


@contextmanager
def without_sysctl(fleet: Fleet, number: int) -> Iterator[None]:
    """Have a host refuse the plan."""
    path = "/proc/sys/net/ipv4/tcp_fin_timeout"
    assert lifecycle.execute(fleet.lab, str(number), ["mount", "--bind", "-o", "ro", path, path]).returncode == 0
    lifecycle.execute(fleet.lab, str(number), ["mount", "-o", "remount,ro,bind", path])
    try:
        yield
    finally:
        lifecycle.execute(fleet.lab, str(number), ["umount", path])


@pytest.mark.parametrize("confirm_at", [pytest.param("wave", marks=pytest.mark.long), "end"])
def test_rolled_back_between_two_waves(one: Fleet, other: Fleet, confirm_at: str) -> None:
    """The rollout stops: hosts that have not had their turn refuse it; a resumption has all take it."""
    process, run_id = begin(one, "--confirm-at", confirm_at)
    undone = other.netopt("rollback", run_id, "--json")
    assert undone.status == 0, undone.text
    assert statuses(other, undone)[0] == "rolled_back"
    answer = finish(process)
    assert answer.status == 1, answer.text
    assert one.values(KEY) == [OLD] * 3
    assert answer.report["applied"] is False
    assert statuses(one, answer) == ["rolled_back", "failed", "failed"], answer.text
    assert "rolled back" in answer.report["hosts"][one.name(2)]["error"]["message"]
    resumed = one.netopt("apply", "--resume", run_id, "--json")
    assert (resumed.status, one.values(KEY)) == (0, [NEW] * 3), resumed.text


@pytest.mark.long
def test_confirmed_between_two_waves(one: Fleet, other: Fleet) -> None:
    """A host that another controller has confirmed keeps the change, and the rollout goes on to its end."""
    process, run_id = begin(one, "--confirm-at", "end")
    early = other.netopt("confirm", run_id, "--json")
    assert statuses(other, early)[0] == "applied", early.text
    answer = finish(process)
    assert (answer.status, answer.statuses, one.values(KEY)) == (0, {"applied"}, [NEW] * 3), answer.text


@pytest.mark.long
def test_confirmed_between_two_waves_of_which_the_second_fails(one: Fleet, other: Fleet) -> None:
    """What another controller has confirmed is rolled back with the rest."""
    with without_sysctl(one, 3):
        process, run_id = begin(one, "--confirm-at", "end", "--on-failure", "roll-back")
        other.netopt("confirm", run_id, "-l", one.name(1), "--json")
        answer = finish(process)
    assert answer.status == 1, answer.text
    assert statuses(one, answer)[:2] == ["rolled_back", "rolled_back"]
    assert one.values(KEY) == [OLD] * 3


@pytest.mark.long
def test_another_plan_between_two_waves(one: Fleet, other: Fleet) -> None:
    """The rollout meets the other's value on the hosts of its second wave and sets its own; each report is true."""
    process, run_id = begin(one)
    plan = other.plan({"sysctl": {KEY: int(OTHER)}})
    theirs = other.netopt("apply", plan, "--json", "-l", one.name(3))
    assert theirs.statuses == {"applied"}, theirs.text
    assert one.values(KEY) == [NEW, OLD, OTHER]
    answer = finish(process)
    assert (answer.status, one.values(KEY)) == (0, [NEW] * 3), answer.text
    back = one.netopt("rollback", run_id, "--json")
    assert (back.status, one.values(KEY)) == (0, [OLD, OLD, OTHER]), back.text
    assert other.netopt("rollback", theirs.report["checkpoint_id"], "--json", "-l", one.name(3)).status == 0


@pytest.mark.long
def test_resumed_twice_at_once(one: Fleet) -> None:
    """Two resumptions of one rollout: one carries it out, the other does no harm and says what it met."""
    process, run_id = begin(one)
    process.kill()
    process.communicate(timeout=TIMEOUT_S)
    both = [one.start("apply", "--resume", run_id, "--json") for _time in range(2)]
    answers = [finish(each) for each in both]
    assert one.values(KEY) == [NEW] * 3, [answer.text for answer in answers]
    assert 0 in {answer.status for answer in answers}, [answer.text + answer.said for answer in answers]
    late = [answer for answer in answers if answer.status]
    met = ("No host was touched: run", f"Run {run_id} goes on")
    assert all(any(words in answer.text for words in met) for answer in late), [answer.text for answer in late]
    again = one.netopt("apply", "--resume", run_id, "--json")
    assert again.status in {0, 1}, again.text
    back = one.netopt("rollback", run_id, "--json")
    assert (back.status, one.values(KEY)) == (0, [OLD] * 3), back.text
