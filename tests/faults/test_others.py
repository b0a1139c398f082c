# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Others are at work on the host at the same moment: a second change, a confirmation, a daemon, the clock."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.faults.conftest import Faults
from tests.faults.engine import Strike, apply, applying, confirming, guarding, restoring, start
from tests.faults.hosts import AROUND_S, NAME, Host, host, some_of
from tests.faults.states import CHANGES, SMALL, STATES
from tests.waiting import past, until

STATE = "a shaper of its own"
CLONE_NEWTIME = 0x80  # linux/sched.h
FIN = Path("/proc/sys/net/ipv4/tcp_fin_timeout")


def fin_timeout(made: Host) -> str:
    """Return the value that the small change sets."""
    return made.shell(f"cat {FIN}").strip()


def test_confirmation_that_races_expiry_wins_or_loses_as_a_whole(faults: Faults) -> None:
    """At moments all around the expiry exactly one of the two happens, and whoever confirms is told which."""
    outcomes = {True: 0, False: 0}
    with host() as made:
        for attempt, moment_s in enumerate(some_of(AROUND_S, 12)):
            with faults.injected(f"{moment_s} s from the expiry"):
                identity = f"race-{attempt}"
                report = apply(made, SMALL, confirm_timeout_s=0.25 + abs(moment_s), checkpoint_id=identity).value
                assert report["status"] == "applied", report["error"]
                past(made.deadline(identity) + moment_s)
                kept = made.run(confirming(identity)).value
                outcomes[kept] += 1
                made.wait_until_idle()
                assert made.status(identity) == ("confirmed" if kept else "rolled_back")
                assert fin_timeout(made) == ("15" if kept else "60")
                assert made.run(restoring(identity)).value == []
                assert fin_timeout(made) == "60"
    assert outcomes[True], outcomes
    assert outcomes[False], outcomes


def test_two_changes_at_once_are_one_change_and_one_refusal(faults: Faults) -> None:
    """Of changes begun at the same moment one is made, and the others are told at once who is at it."""
    with host(STATES[STATE]) as made:
        for attempt in range(6):
            with faults.injected(f"attempt {attempt}"):
                running = [start(made, CHANGES, checkpoint_id=f"a{attempt}-{number}") for number in range(3)]
                reports = [one.outcome().value for one in running]
                done = [report for report in reports if report["status"] == "applied"]
                late = [report for report in reports if report["status"] == "unchanged"]
                told = [report for report in reports if report["status"] == "failed"]
                assert len(done) == 1, reports
                assert len(done) + len(late) + len(told) == 3
                for report in told:
                    assert "Another change is under way" in report["error"]["message"]
                assert made.status(done[0]["checkpoint_id"]) == "confirmed"
                made.by_hand(done[0]["checkpoint_id"], "--restore")


@pytest.mark.parametrize("pause_ms", [0, *(pytest.param(pause, marks=pytest.mark.long) for pause in (1, 5, 20))])
def test_daemon_that_keeps_writing_a_key_is_reported_or_loses(pause_ms: int, faults: Faults) -> None:
    """Where somebody else sets the key again and again the change is undone but for that key, and says which it is."""

    def fight() -> None:
        while True:
            FIN.write_text("77", encoding="ascii")
            time.sleep(pause_ms / 1000)  # how fast it writes is what is tried

    with host() as made, faults.injected(f"a key written every {pause_ms} ms"):
        before = made.dump()
        daemon = made.start(fight)
        until(lambda: fin_timeout(made) == "77", 10, "the daemon writes")
        report = apply(made, CHANGES, checkpoint_id="fought").value
        made.shell("kill -9 $(ls /proc | grep '^[0-9]' | grep -v -w -e 1 -e $$)")
        assert daemon.outcome().signal == signal.SIGKILL
        status = made.status("fought")
        if report["status"] == "applied":
            assert status == "confirmed"
            made.by_hand("fought", "--restore")
        else:
            assert "tcp_fin_timeout" in str(report["error"]), report["error"]
            assert report["status"] in {"rolled_back", "rollback_failed"}
            assert status == {"rolled_back": "rolled_back", "rollback_failed": "restore_failed"}[report["status"]]
        found, wanted = (
            [line for line in text.splitlines() if not line.startswith(f"{FIN}:")] for text in (made.dump(), before)
        )
        assert found == wanted


@pytest.mark.parametrize("shift_s", [-86_400 * 3650, -3600, 3600, 86_400 * 3650])
def test_wall_clock_that_jumps_moves_no_deadline(shift_s: int, faults: Faults) -> None:
    """The wall clock of the processes jumps; deadlines and the order of checkpoints do not depend on it.

    The real clock is the whole machine's, so here the engine's own calls for the time of day are given another one.
    The virtual machines set theirs for real.
    """

    def jumped() -> object:
        real = time.time
        time.time = lambda: real() + shift_s
        real_utc = time.gmtime
        time.gmtime = lambda seconds=None: real_utc(real() + shift_s if seconds is None else seconds)
        return applying({"sysctl": {"net.ipv4.tcp_fin_timeout": "20"}}, checkpoint_id="second", confirm_timeout_s=0.5)()

    with host() as made, faults.injected(f"a jump by {shift_s} s"):
        before = made.dump()
        assert apply(made, SMALL, checkpoint_id="first").value["status"] == "applied"
        assert made.run(jumped).value["status"] == "applied"
        assert [header.id for header in made.store.headers()] == ["first", "second"]
        made.wait_for("second", "rolled_back", seconds=10)
        assert fin_timeout(made) == "15"
        made.by_hand("first", "--restore")
        made.check(before)


@pytest.mark.parametrize("ahead_s", [None, 100_000_000], ids=["booted just now", "up for years"])
def test_host_with_a_clock_of_its_own_comes_back_in_its_time(ahead_s: int | None, faults: Faults) -> None:
    """In a time namespace, where the time since boot is another one, deadlines are kept as anywhere."""
    offset_s = 1 - int(time.monotonic()) if ahead_s is None else ahead_s  # the kernel has no time before its boot

    def elsewhere() -> object:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWTIME) != 0:
            return None
        Path("/proc/self/timens_offsets").write_text(f"monotonic {offset_s} 0\nboottime {offset_s} 0", encoding="ascii")
        descriptor = os.open("/proc/self/ns/time_for_children", os.O_RDONLY)
        if libc.setns(descriptor, 0) != 0:
            return None
        os.close(descriptor)
        return applying(SMALL, checkpoint_id="one", confirm_timeout_s=1.5)()

    with host() as made, faults.injected(f"a clock that differs by {offset_s} s"):
        before = made.dump()
        began = time.monotonic()
        report = made.run(elsewhere).value
        if report is None:
            pytest.skip("this kernel has no time namespaces")
        assert report["status"] == "applied", report
        made.wait_for("one", "rolled_back", seconds=30)
        assert time.monotonic() - began >= 1.5  # not before its time
        made.wait_until_idle()
        made.check(before)


def test_guard_becomes_the_checkpoints_own_program_and_restores(faults: Faults) -> None:
    """With its maker long gone the guard runs from the checkpoint alone, under its own name, and keeps the time."""
    with host() as made, faults.injected("nobody confirms"):
        before = made.dump()
        report = apply(made, CHANGES, checkpoint_id="one", confirm_timeout_s=3.0, fork_waits_s=0.2).value
        assert report["status"] == "applied", report["error"]
        own = "checkpoints/one/restore.pyz --guard"
        until(lambda: any(own in words for words in made.processes().values()), 2, "the guard runs the program")
        assert len(made.guards()) == 1
        made.wait_for("one", "rolled_back")
        made.wait_until_idle()
        made.check(before)


@pytest.mark.long
def test_guard_killed_at_calls_all_over_its_restore_is_mended_by_hand(faults: Faults) -> None:
    """Wherever a guard ends in the midst of restoring, running the checkpoint's program ends what it began."""
    with host(STATES[STATE]) as made:
        before = made.dump()
        for call, count in [
            *((f"_{name}.perform", 1) for name in ("nft/kernel", "tc/perform", "link/kernel", "sysctl/kernel")),
            *(("_subsystems/restore._perform", number) for number in (1, 2, 3, 4)),
            *(("_sysctl/kernel.perform", number) for number in (2, 4)),
            ("_checkpoint/store.decide", 1),
            ("_lifecycle/disarm_guard.disarm", 1),
            ("_checkpoint/store.update", 1),
        ]:
            strike = Strike(signal.SIGKILL, call=call, count=count)
            with faults.injected(f"guard: {strike}"):
                identity = f"{call[1:]}-{count}".replace("/", "-")
                assert apply(made, CHANGES, confirm_timeout_s=0.3, checkpoint_id=identity).value["status"] == "applied"
                made.kill_guards()
                outcome = made.run(guarding(identity, strike=strike))
                assert outcome.signal == signal.SIGKILL, outcome
                assert made.status(identity) in {"armed", "applied"}
                said = made.by_hand(identity, "--restore")
                assert made.status(identity) == "rolled_back", said
                made.check(before)


@pytest.mark.long
def test_kill_9_at_random_moments_leaves_one_state_or_the_other(faults: Faults) -> None:
    """Killed from outside in the midst of whatever it does, the host is in one state or the other."""
    seed = int(os.environ.get("NETOPT_SEED", "7"))
    moments = random.Random(seed)  # noqa: S311 - no secret
    with host(STATES[STATE]) as made:
        before = made.dump()
        assert apply(made, CHANGES, checkpoint_id="whole").value["status"] == "applied"
        planned = made.dump()
        made.by_hand("whole", "--restore")
        for attempt in range(16):
            after_s = moments.uniform(0.02, 0.5)
            with faults.injected(f"SIGKILL after {after_s:.3f} s (NETOPT_SEED={seed})"):
                identity = f"random-{attempt}"
                running = start(made, CHANGES, checkpoint_id=identity)
                time.sleep(after_s)  # any moment, whatever goes on then
                makers = [pid for pid, words in made.processes().items() if "pytest" in words]
                makers = sorted({*makers} - {*made.guards()})  # which begin as its forks
                made.shell("\n".join(f"grep -qx {NAME} /proc/{pid}/comm || kill -9 {pid}" for pid in makers) or ":")
                running.outcome()
                made.wait_until_idle()
                status = made.status(identity)
                made.check(planned if status == "confirmed" else before)
                if status == "confirmed":
                    made.by_hand(identity, "--restore")
