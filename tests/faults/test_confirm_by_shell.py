# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shell of a new connection confirms a change by itself, and hands over to restore.pyz wherever it cannot."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._lifecycle.confirm_by_shell import script
from ansible_collections.netopt.linux.plugins.module_utils._transport.frame import answer_in
from tests.faults.conftest import Faults
from tests.faults.engine import apply, applying, extending, meanwhile
from tests.faults.hosts import AROUND_S, Host, host, some_of
from tests.faults.states import SMALL
from tests.faults.test_extend import FIN, OTHER_BOOT, waiting
from tests.waiting import past, until

NONCE = "6f1c"
KEPT = {"id": "one", "error": None}


def folder(identity: str) -> str:
    """Return where a checkpoint lies on a host."""
    return f"/var/lib/netopt/checkpoints/{identity}"


def confirm(made: Host, identity: str, *, alone: bool = False) -> Any:
    """Return what a host answers to the script, ``None`` where it answers nothing; ``alone`` without restore.pyz."""
    program = f"/usr/bin/python3 -I -S {folder(identity)}/restore.pyz --confirm --nonce {NONCE}"
    return answer_in(
        made.shell(script(folder(identity), identity, NONCE, otherwise="false" if alone else program)), NONCE
    )


def written(made: Host, identity: str) -> dict[str, Any]:
    """Return a checkpoint's header as it stands in its file."""
    header: dict[str, Any] = json.loads((made.root / f"{folder(identity)[1:]}/header.json").read_text())["value"]
    return header


def names(made: Host, identity: str) -> list[str]:
    """Return the files of a checkpoint that tell of its confirmation."""
    return [path.name for path in (made.root / folder(identity)[1:]).glob("confirmed.*")]


def test_shell_alone_confirms_and_the_guard_writes_it_down() -> None:
    """The decision is the shell's; a moment later it stands in the header, and nothing watches any more."""
    with host() as made:
        waiting(made, "one", 60.0)
        assert len(names(made, "one")) == 1
        assert confirm(made, "one", alone=True) == KEPT
        assert made.status("one") == "confirmed"
        made.wait_until_idle(seconds=10)
        header = written(made, "one")
        assert (header["status"], header["confirm_by"]) == ("confirmed", None)
        assert names(made, "one") == []
        assert made.shell(f"cat {FIN}").strip() == "15"
        assert confirm(made, "one", alone=True) is None
        assert confirm(made, "one") == KEPT
        assert apply(made, SMALL).value["status"] == "unchanged"


def test_guard_that_has_become_restore_pyz_writes_it_down_too() -> None:
    """Whoever watches when the shell decides, the header says so in the end."""
    with host() as made:
        waiting(made, "one", 60.0)
        assert made.kill_guards() == 1
        assert made.run(extending("one", 50.0)).value == {}
        made.shell(f"/usr/bin/python3 -I {folder('one')}/restore.pyz --guard >/dev/null 2>&1 & echo")
        until(lambda: len(made.guards()) == 2, 10, "two guards")
        assert confirm(made, "one") == KEPT
        made.wait_until_idle()
        assert written(made, "one")["status"] == "confirmed"


def test_confirmation_without_a_guard_counts_and_is_written_down(faults: Faults) -> None:
    """What the shell has decided holds without a guard; restore.pyz writes it down when it is asked."""
    with host() as made, faults.injected("kill -9 of the guard"):
        waiting(made, "one", 60.0)
        assert made.kill_guards() == 1
        assert confirm(made, "one") == KEPT
        assert made.status("one") == "confirmed"
        assert confirm(made, "one") == KEPT
        header = written(made, "one")
        assert (header["status"], header["confirm_by"]) == ("confirmed", None)


def test_what_cannot_be_confirmed_is_left_to_restore_pyz(faults: Faults) -> None:
    """Undone, late, or of an earlier boot: the shell decides nothing, and the answer names the cause."""
    with host() as made:
        with faults.injected("not confirmed in time"):
            waiting(made, "late", 0.3)
            made.wait_for("late", "rolled_back")
            assert confirm(made, "late", alone=True) is None
            assert "rolled back" in confirm(made, "late")["error"]["message"]
        with faults.injected("its guard is gone and its time is up"):
            waiting(made, "over", 1.0)
            made.kill_guards()
            past(made.deadline("over"))
            assert confirm(made, "over", alone=True) is None
            assert "time is up" in confirm(made, "over")["error"]["message"]
            made.by_hand("over", "--restore")
        with faults.injected("a restart"):
            waiting(made, "old", 600.0)
            made.kill_guards()
            made.shell(f"{OTHER_BOOT} old", check=True)
            made.shell(
                f"cd {folder('old')} && for one in confirmed.*; do mv $one confirmed.another.${{one#*.*.}}; done"
            )
            assert confirm(made, "old", alone=True) is None
            assert "restart" in confirm(made, "old")["error"]["message"]
        with faults.injected("unknown"):
            assert confirm(made, "nothing", alone=True) is None
            assert confirm(made, "nothing") is None


@pytest.mark.long
def test_confirmation_that_races_expiry_wins_or_loses_as_a_whole(faults: Faults) -> None:
    """At moments all around the expiry either the change is kept, or it is undone and that is said."""
    outcomes = {True: 0, False: 0}
    with host() as made:
        for attempt, moment_s in enumerate(some_of(AROUND_S, 12)):
            with faults.injected(f"{moment_s} s from the expiry"):
                identity = f"race-{attempt}"
                waiting(made, identity, 1.25 + abs(moment_s))
                past(made.deadline(identity) + moment_s)
                error = confirm(made, identity)["error"]
                outcomes[error is None] += 1
                made.wait_until_idle()
                assert made.status(identity) == ("rolled_back" if error else "confirmed")
                assert made.shell(f"cat {FIN}").strip() == ("60" if error else "15")
                made.by_hand(identity, "--restore")
                assert made.shell(f"cat {FIN}").strip() == "60"
    assert outcomes[True], outcomes
    assert outcomes[False], outcomes


def test_whoever_prints_the_command_has_answered_nothing() -> None:
    """A wrapper that logs what it is sent, or a shell that traces it, gives no answer of the host's."""
    text = script(folder("one"), "one", NONCE, otherwise="false")
    assert answer_in(text, NONCE) is None
    with host() as made:
        assert answer_in(made.shell(f"set -x; {text}"), NONCE) is None


def test_disk_that_takes_no_decision_confirms_nothing(faults: Faults) -> None:
    """On a read-only disk nothing is confirmed, and the change is undone in its time."""
    with host() as made, faults.injected("a read-only disk"):
        waiting(made, "one", 3.0)
        made.shell("mount -o remount,ro /var/lib/netopt", check=True)
        at = made.deadline("one")
        assert "cannot be written" in confirm(made, "one")["error"]["message"]
        made.wait_until_idle()
        assert time.monotonic() >= at
        assert made.shell(f"cat {FIN}").strip() == "60"


SMALL_DISK = "mount -t tmpfs -o size=3m none /var/lib/netopt"
FILL = "cat /dev/zero >>/var/lib/netopt/hog 2>/dev/null; true"


def test_disk_that_fills_up_leaves_nothing_ready(faults: Faults) -> None:
    """Where what a shell would link cannot be written whole, none confirms, and the change is undone in its time."""
    with host() as made, faults.injected("a disk that fills up"):
        made.shell(SMALL_DISK, check=True)
        ask = applying(SMALL, confirm_timeout_s=3.0, checkpoint_id="one")
        assert made.run(meanwhile(ask, "_lifecycle/confirm_by_shell.make_ready", FILL)).value["status"] == "applied"
        assert names(made, "one") == []
        assert confirm(made, "one", alone=True) is None
        made.shell("rm /var/lib/netopt/hog", check=True)
        made.wait_for("one", "rolled_back")
        assert made.shell(f"cat {FIN}").strip() == "60"


def test_what_a_full_disk_has_undone_is_not_confirmed(faults: Faults) -> None:
    """A change is restored though the disk takes no decision; from then on no shell confirms it."""
    with host() as made, faults.injected("a full disk"):
        made.shell(SMALL_DISK, check=True)
        waiting(made, "one", 60.0)
        made.shell(f"{FILL}; rm {folder('one')}/reserve.*; {FILL}", check=True)
        made.by_hand("one", "--restore")
        assert made.shell(f"cat {FIN}").strip() == "60"
        assert confirm(made, "one", alone=True) is None
        assert made.status("one") != "confirmed"


def test_commands_are_one_line() -> None:
    """A csh takes no line break between quotes."""
    assert "\n" not in script(folder("one"), "one", NONCE, otherwise="false")
