# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The time by which a change has to be confirmed is moved, at any moment and with anything going wrong meanwhile."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest

from tests.faults.conftest import Faults
from tests.faults.engine import Strike, apply, confirming, extending, restoring
from tests.faults.hosts import AROUND_S, Host, host, some_of
from tests.faults.states import SMALL
from tests.waiting import past

OTHER_BOOT = f"cd {Path.cwd()} && {sys.executable} -m tests.kernel.other_boot_program"
FIN = "/proc/sys/net/ipv4/tcp_fin_timeout"
EARLY_S = 0.4  # before its time nothing is undone; a busy machine takes its time to look


def waiting(made: Host, identity: str, seconds: float) -> None:
    """Make the small change and let it wait for its confirmation."""
    report = apply(made, SMALL, confirm_timeout_s=seconds, checkpoint_id=identity).value
    assert report["status"] == "applied", report["error"]


def comes_back(made: Host, identity: str, at: float, *, before: str) -> None:
    """See that a change holds until a moment, and is undone then."""
    past(at - EARLY_S)
    assert made.status(identity) == "applied"
    made.wait_for(identity, "rolled_back", seconds=10)
    assert time.monotonic() >= at
    made.wait_until_idle()
    made.check(before)


@pytest.mark.parametrize(("first_s", "then_s"), [(0.8, 2.0), (600.0, 1.5)], ids=["later", "sooner"])
def test_time_that_is_moved_while_the_guard_sleeps_counts(first_s: float, then_s: float, faults: Faults) -> None:
    """A change is undone at the new time, whether that is later or sooner than the old one, and not before."""
    with host() as made, faults.injected(f"{first_s} s become {then_s} s"):
        before = made.dump()
        waiting(made, "one", first_s)
        asked = time.monotonic()
        assert made.run(extending("one", then_s)).value == {}
        at = made.deadline("one")
        assert asked <= at - then_s <= time.monotonic()
        comes_back(made, "one", at, before=before)


def test_time_is_moved_again_and_again_and_the_change_is_kept_in_the_end(faults: Faults) -> None:
    """However often the time is moved there is one guard, and a confirmation ends it."""
    with host() as made:
        waiting(made, "one", 3.0)
        first = made.deadline("one")
        for attempt in range(8):
            with faults.injected(f"attempt {attempt}"):
                assert made.run(extending("one", 60.0 + attempt)).value == {}
                assert len(made.guards()) == 1
        past(first)
        assert made.run(confirming("one")).value is True
        made.wait_until_idle()
        assert made.shell(f"cat {FIN}").strip() == "15"


@pytest.mark.long
def test_extension_that_races_expiry_wins_or_loses_as_a_whole(faults: Faults) -> None:
    """At moments all around the expiry either the change holds until the new time, or it is undone and that is said."""
    outcomes = {True: 0, False: 0}
    with host() as made:
        for attempt, moment_s in enumerate(some_of(AROUND_S, 12)):
            with faults.injected(f"{moment_s} s from the expiry"):
                identity = f"race-{attempt}"
                waiting(made, identity, 0.25 + abs(moment_s))
                past(made.deadline(identity) + moment_s)
                refusal = made.run(extending(identity, 30.0)).value
                outcomes[not refusal] += 1
                if refusal:
                    assert "time is up" in refusal["message"] or "rolled back" in refusal["message"], refusal
                    made.wait_until_idle()
                    assert made.status(identity) == "rolled_back"
                else:
                    time.sleep(0.3)  # nothing tells that the guard has looked at the old time and gone on waiting
                    assert made.status(identity) == "applied"
                    assert made.shell(f"cat {FIN}").strip() == "15"
                    assert made.run(restoring(identity)).value == []
                    made.wait_until_idle()
                assert made.shell(f"cat {FIN}").strip() == "60"
    assert outcomes[True], outcomes
    assert outcomes[False], outcomes


def test_guard_that_is_gone_is_started_again(faults: Faults) -> None:
    """A change whose guard was killed has one again once its time is moved, and comes back by it."""
    with host() as made, faults.injected("kill -9 of the guard, then more time"):
        before = made.dump()
        waiting(made, "one", 600.0)
        assert made.kill_guards() == 1
        assert made.run(extending("one", 2.0)).value == {}
        comes_back(made, "one", made.deadline("one"), before=before)


CALLS = (
    "_lifecycle/extend.extend",
    "_lifecycle/arm_guard.rearm",
    "_checkpoint/store.update",
    "_checkpoint/durable_files.write",
    "_lifecycle/disarm_guard.wake",
)


@pytest.mark.parametrize("guard", ["a guard", "no guard"])
@pytest.mark.parametrize("call", CALLS)
def test_kill_9_of_whoever_moves_the_time_leaves_the_old_or_the_new_time(call: str, guard: str, faults: Faults) -> None:
    """Whoever moves the time dies in the midst of it: the change comes back at one of the two times."""
    with host() as made, faults.injected(f"SIGKILL at {call} with {guard}"):
        before = made.dump()
        held = {"sysctl": {"net.ipv4.tcp_fin_timeout": "60"}}  # in force, so that it changes nothing once more
        assert apply(made, held).value["status"] == "applied"
        waiting(made, "one", 1.0)
        old = made.deadline("one")
        if guard == "no guard":
            made.kill_guards()
        outcome = made.run(extending("one", 2.0, strike=Strike(signal.SIGKILL, call=call)))
        assert outcome.signal == signal.SIGKILL
        if made.status("one") == "applied" and not made.processes():  # the next change finds it, as ever
            past(made.deadline("one"))
            assert apply(made, held).value["status"] == "unchanged"
        made.wait_for("one", "rolled_back", seconds=10)
        assert time.monotonic() >= old
        made.wait_until_idle()
        made.check(before)


DISKS = {
    "full": "dd if=/dev/zero of=/var/lib/netopt/ballast bs=4k 2>/dev/null; : >/var/lib/netopt/more; rm "
    "/var/lib/netopt/checkpoints/one/reserve.*; dd if=/dev/zero of=/var/lib/netopt/rest bs=1 2>/dev/null",
    "read-only": "mount -o remount,ro /var/lib/netopt",
}


@pytest.mark.parametrize("disk", DISKS)
def test_time_that_cannot_be_written_down_is_not_moved(disk: str, faults: Faults) -> None:
    """Where the new time cannot be kept that is said, and the change comes back at the old one."""
    state = "mount -t tmpfs -o size=4m none /var/lib/netopt"
    with faults.injected(f"{disk} as the time is moved"), host(state) as made:
        before = made.dump()
        waiting(made, "one", 3.0)
        old = made.deadline("one")
        made.shell(DISKS[disk])
        refusal = made.run(extending("one", 600.0)).value
        assert "cannot be written" in refusal["message"], refusal
        assert made.deadline("one") == old
        past(old)
        made.wait_until_idle()
        made.check(before)


def test_change_that_does_not_wait_is_refused_with_the_reason(faults: Faults) -> None:
    """What is confirmed, undone, interrupted, lost to a restart or unknown gets no more time, and is left alone."""
    with host() as made:
        before = made.dump()
        with faults.injected("confirmed"):
            waiting(made, "kept", 600.0)
            assert made.run(confirming("kept")).value is True
            assert "does not wait" in made.run(extending("kept", 600.0)).value["message"]
            assert made.shell(f"cat {FIN}").strip() == "15"
            made.by_hand("kept", "--restore")
        with faults.injected("rolled back"):
            said = made.run(extending("kept", 600.0)).value
            assert "is rolled back" in said["message"], said
        with faults.injected("not confirmed in time"):
            waiting(made, "late", 0.3)
            made.wait_for("late", "rolled_back")
            said = made.run(extending("late", 600.0)).value
            assert "not confirmed in time" in said["message"], said
        with faults.injected("its guard is gone and its time is up"):
            waiting(made, "over", 1.0)
            made.kill_guards()
            past(made.deadline("over"))
            assert "time is up" in made.run(extending("over", 600.0)).value["message"]
            assert made.by_hand("over", "--restore")
        with faults.injected("unknown"):
            assert "no checkpoint" in made.run(extending("nothing", 600.0)).value["message"]
        with faults.injected("a restart"):
            waiting(made, "old", 600.0)
            made.kill_guards()
            made.shell(f"{OTHER_BOOT} old", check=True)
            said = made.run(extending("old", 600.0)).value
            assert "restart" in said["message"], said
            made.shell(f"echo 60 >{FIN}")
        made.check(before)


def test_operator_at_the_console_moves_the_time() -> None:
    """The checkpoint's own program moves the time within the limits, and shows what is left of it."""
    with host() as made:
        before = made.dump()
        waiting(made, "one", 600.0)
        assert "wanted 5 to 86400 s" in made.by_hand("one", "--extend 4")
        assert "wanted 5 to 86400 s" in made.by_hand("one", "--extend 86401")
        assert made.by_hand("one", "--extend 5") == "to be confirmed within 5 s\n"
        assert "s left to confirm" in made.by_hand("one", "--list")
        comes_back(made, "one", made.deadline("one"), before=before)
