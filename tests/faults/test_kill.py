# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process that makes a change is ended at any moment: the host is as it was before."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.faults.conftest import Faults
from tests.faults.engine import Strike, apply, applying, calls
from tests.faults.hosts import Host, host, some_of
from tests.faults.states import CHANGES, STATES

OPERATIONS: dict[str, int] = {}


def operations(state: str) -> int:
    """Return how many operations the change takes from a state."""
    if state not in OPERATIONS:
        with host(STATES[state]) as made:
            report = apply(made, CHANGES).value
            assert report["status"] == "applied", report["error"]
            assert made.dump()
            OPERATIONS[state] = len(report["operations"])
    return OPERATIONS[state]


def check_undone(made: Host, before: str, identity: str) -> None:
    """See that a change has been undone wholly, and that the host's own list says so."""
    made.wait_for(identity, "rolled_back", None)
    made.wait_until_idle()
    made.check(before)


ALL_STATES = [pytest.param(state, marks=() if state == "a shaper of its own" else pytest.mark.long) for state in STATES]


@pytest.mark.parametrize("state", ALL_STATES)
def test_kill_9_at_every_operation_is_undone_by_the_guard(state: str, faults: Faults) -> None:
    """A change that loses its maker at any operation is undone at once, without waiting for its time."""
    with host(STATES[state]) as made:
        before = made.dump()
        for at in some_of(range(operations(state)), 12):
            with faults.injected(f"SIGKILL at operation {at}"):
                outcome = apply(made, CHANGES, strike=Strike(signal.SIGKILL, operation=at), checkpoint_id=f"o{at}")
                assert outcome.signal == signal.SIGKILL
                check_undone(made, before, f"o{at}")


POLITE = [
    pytest.param(number, id=number.name, marks=() if number == signal.SIGTERM else pytest.mark.long)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
]


@pytest.mark.parametrize("number", POLITE)
def test_polite_signal_at_every_operation_is_undone_by_the_maker(number: signal.Signals, faults: Faults) -> None:
    """A signal that may be caught is: the change is undone by its maker, who reports it."""
    state = "a shaper of its own"
    with host(STATES[state]) as made:
        before = made.dump()
        for at in some_of(range(operations(state)), 6):
            with faults.injected(f"{number.name} at operation {at}"):
                report = apply(made, CHANGES, strike=Strike(number, operation=at), checkpoint_id=f"o{at}").value
                assert report["status"] == "rolled_back", report["error"]
                assert number.name in report["error"]["message"]
                assert not report["changed"]
                check_undone(made, before, f"o{at}")


NOTHING = {"sysctl": {"net.ipv4.tcp_fin_timeout": "42"}}  # what the state holds already
MOMENTS = {
    "with the lock taken": Strike(signal.SIGKILL, call="_transaction/transaction._recover"),
    "while it rehearses": Strike(signal.SIGKILL, call="_transaction/rehearse.resolve"),
    "before the checkpoint": Strike(signal.SIGKILL, call="_checkpoint/store.create"),
    "while it writes the state": Strike(signal.SIGKILL, call="_checkpoint/durable_files.write", count=1),
    "while it writes the plans": Strike(signal.SIGKILL, call="_checkpoint/durable_files.write", count=3),
    "while it writes the header": Strike(signal.SIGKILL, call="_checkpoint/durable_files.write", count=4),
    "before it brings the program": Strike(signal.SIGKILL, call="_checkpoint/store._bring_program"),
    "between checkpoint and guard": Strike(signal.SIGKILL, call="_transaction/apply._arm"),
    "as it starts the guard": Strike(signal.SIGKILL, call="_lifecycle/arm_guard._spawn_detached"),
    "with the guard not written down": Strike(signal.SIGKILL, call="_checkpoint/store.update", count=1),
    "as it reads back": Strike(signal.SIGKILL, call="_transaction/apply._verify"),
    "with everything read back": Strike(signal.SIGKILL, call="_transaction/apply._mark_made"),
    "as it writes down the end": Strike(signal.SIGKILL, call="_checkpoint/store.update", count=2),
    "while it writes down the end": Strike(signal.SIGKILL, call="_checkpoint/durable_files.write", count=6),
}
LATE = {
    "as it ends the guard": Strike(signal.SIGKILL, call="_lifecycle/disarm_guard.disarm"),
    "with the guard ended": Strike(signal.SIGKILL, call="_checkpoint/store.keep_report"),
    "as it clears up": Strike(signal.SIGKILL, call="_checkpoint/store.retain"),
}


def test_kill_9_at_every_stage_before_the_end_leaves_the_host_as_it_was(faults: Faults) -> None:
    """Whatever stage the process dies in, the host is as before, and a change can be made afterwards."""
    with host(STATES["a shaper of its own"]) as made:
        before = made.dump()
        assert apply(made, NOTHING, checkpoint_id="held").value["status"] == "applied"  # its plan is in force from here
        for name, strike in MOMENTS.items():
            with faults.injected(name):
                identity = name.replace(" ", "-")
                outcome = apply(made, CHANGES, strike=strike, checkpoint_id=identity)
                assert outcome.signal == signal.SIGKILL
                made.wait_until_idle()
                made.check(before)
                assert made.status(identity) in {None, "rolled_back", "armed"}
                assert apply(made, NOTHING).value["status"] == "unchanged"
                assert made.status(identity) in {None, "rolled_back"}
        report = apply(made, CHANGES, checkpoint_id="good").value
        assert report["status"] == "applied", report["error"]
        assert {header.status for header in made.store.headers()} == {"rolled_back", "confirmed"}
        assert [header.id for header in made.store.headers() if header.status == "confirmed"] == ["held", "good"]
        assert not [path for path in Path(made.store.root).iterdir() if path.name.startswith(".")]


@pytest.mark.long
def test_kill_9_after_the_end_leaves_the_host_as_planned(faults: Faults) -> None:
    """Once the end is written down the change holds, though nobody is told; the list tells it."""
    with host(STATES["a shaper of its own"]) as made:
        before = made.dump()
        assert apply(made, CHANGES, checkpoint_id="whole").value["status"] == "applied"
        planned = made.dump()
        for name, strike in LATE.items():
            made.by_hand("whole", "--restore")
            made.check(before)
            with faults.injected(name):
                identity = name.replace(" ", "-")
                assert apply(made, CHANGES, strike=strike, checkpoint_id=identity).signal == signal.SIGKILL
                made.wait_until_idle()
                made.check(planned)
                assert made.status(identity) == "confirmed"
                assert apply(made, CHANGES).value["status"] == "unchanged"
                assert "confirmed" in made.by_hand(identity, "--list")
                made.by_hand(identity, "--restore")


@pytest.mark.long
def test_kill_9_at_any_call_leaves_one_state_or_the_other(faults: Faults) -> None:
    """At calls spread over the whole run, the host is as before or as planned, and its list says which."""
    with host(STATES["a shaper of its own"]) as made:
        before = made.dump()
        seen = calls(made, applying(CHANGES, checkpoint_id="whole"))
        planned = made.dump()
        made.by_hand("whole", "--restore")
        made.check(before)
        for position in some_of(range(0, len(seen), max(1, len(seen) // 24)), 12):
            name, count = seen[position], seen[: position + 1].count(seen[position])
            with faults.injected(f"{name} no. {count}"):
                identity = f"at-{position}"
                strike = Strike(signal.SIGKILL, call=name, count=count)
                outcome = apply(made, CHANGES, strike=strike, checkpoint_id=identity)
                if not outcome.signal:  # it was the rehearsal's process, in the scratch namespace
                    assert outcome.value["status"] == "failed"
                    assert "ended by SIGKILL" in outcome.value["error"]["message"]
                made.wait_until_idle()
                status = made.status(identity)
                made.check(planned if status == "confirmed" else before)
                if status == "confirmed":
                    made.by_hand(identity, "--restore")
