# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The disk is full, read-only or damaged, before a change and in the midst of it: the host comes back all the same."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.conftest import Faults
from tests.faults.engine import applying, confirming, meanwhile
from tests.faults.hosts import Host, Outcome, host
from tests.faults.states import CHANGES, STATES
from tests.waiting import past

STATE = "a shaper of its own"
CHECKPOINT = "/var/lib/netopt/checkpoints/one"
# busy for as long as somebody, the guard that begins for one, has a file open there to write
READ_ONLY = "for _ in $(seq 100); do mount -o remount,ro /var/lib/netopt 2>/dev/null && break; sleep 0.05; done"
DISKS = {
    "full": (
        "dd if=/dev/zero of=/var/lib/netopt/ballast bs=4k 2>/dev/null; : >/var/lib/netopt/more",
        "rm /var/lib/netopt/ballast",
    ),
    "without inodes": ("i=0; while : 2>/dev/null >/var/lib/netopt/n$i; do i=$((i + 1)); done", "rm /var/lib/netopt/n*"),
    "read-only": (READ_ONLY, "mount -o remount,rw /var/lib/netopt"),
    "all read-only": (
        f"{READ_ONLY}; mount -o remount,ro /run",
        "mount -o remount,rw /var/lib/netopt; mount -o remount,rw /run",
    ),
}
EACH_DISK = [pytest.param(disk, marks=() if disk == "full" else pytest.mark.long) for disk in DISKS]
SMALL_DISK = "mount -t tmpfs -o size=8m,nr_inodes=60 none /var/lib/netopt\n"


def apply_and(made: Host, moment: str, do: str, **options: Any) -> Outcome:
    """Apply the change on a host, and let a shell script happen to it at a moment: ``_folder/file.function no.``."""
    return made.run(meanwhile(applying(CHANGES, checkpoint_id="one", **options), moment, do))


MOMENTS = {
    "at once": "_transaction/transaction._run",
    "before the checkpoint": "_checkpoint/store.create",
    "while it is written": "_checkpoint/durable_files.write 2",
    "before the guard": "_transaction/apply._arm",
    "before the guard is written down": "_checkpoint/store.update 1",
    "before the first operation": "_transaction/apply._perform",
    "before reading back": "_transaction/apply._verify",
    "before the end is written down": "_checkpoint/store.update 2",
    "before the report": "_checkpoint/store.keep_report",
    "before clearing up": "_checkpoint/store.retain",
}


@pytest.mark.parametrize("disk", EACH_DISK)
def test_disk_that_refuses_at_any_stage_leaves_the_host_as_before_or_as_planned(disk: str, faults: Faults) -> None:
    """From any moment on nothing can be written any more: the host and the report agree, and the list in the end."""
    break_it, mend_it = DISKS[disk]
    for name, moment in MOMENTS.items():
        with faults.injected(f"{disk} {name}"), host(SMALL_DISK + STATES[STATE]) as made:
            before = made.dump()
            report = apply_and(made, moment, break_it).value
            if report["status"] == "applied":
                assert name in {"before the report", "before clearing up"} or "read-only" not in disk  # room is kept
                assert made.run(applying(CHANGES)).value["status"] == "unchanged"
                assert made.status("one") == "confirmed"
                continue
            assert report["status"] in {"failed", "rolled_back"}, report
            assert report["error"]["stage"] == "checkpoint", report["error"]
            assert "defect" not in report["error"]["hint"], report["error"]
            made.wait_until_idle()
            made.check(before)
            assert made.status("one") in {None, "armed", "rolled_back"}
            made.shell(mend_it)
            made.by_hand("one", "--restore")
            assert made.status("one") in {None, "rolled_back"}
            made.check(before)


@pytest.mark.parametrize("disk", EACH_DISK)
def test_disk_that_refuses_while_a_change_waits_does_not_keep_the_host_from_coming_back(
    disk: str, faults: Faults
) -> None:
    """The guard restores although nothing can be written; what was restored cannot be confirmed afterwards."""
    break_it, mend_it = DISKS[disk]
    with faults.injected(f"{disk} while it waits"), host(SMALL_DISK + STATES[STATE]) as made:
        before = made.dump()
        report = made.run(applying(CHANGES, checkpoint_id="one", confirm_timeout_s=1.0)).value
        assert report["status"] == "applied", report["error"]
        made.shell(break_it)
        made.wait_until_idle()  # the guard restores once the time is over
        made.check(before)
        made.shell(mend_it)
        assert made.run(confirming("one")).value is False
        made.by_hand("one", "--restore")
        assert made.status("one") == "rolled_back"
        made.check(before)


@pytest.mark.parametrize("disk", EACH_DISK[:3])
def test_confirmation_that_cannot_be_written_is_no_confirmation(disk: str, faults: Faults) -> None:
    """Where the confirmation cannot be kept the controller is told, and the host comes back."""
    break_it, _mend_it = DISKS[disk]
    with faults.injected(f"{disk} at the confirmation"), host(SMALL_DISK + STATES[STATE]) as made:
        before = made.dump()
        assert made.run(applying(CHANGES, checkpoint_id="one", confirm_timeout_s=2.0)).value["status"] == "applied"
        planned, deadline = made.dump(), made.deadline("one")
        made.shell(break_it)
        kept = made.run(confirming("one")).value
        past(deadline)  # what was confirmed does not come back when its time is over
        made.wait_until_idle()
        made.check(planned if kept else before)


DAMAGE = {
    "truncated": "truncate -s {half} {file}",
    "empty": ": >{file}",
    "gone": "rm {file}",
    "zeroed at the start": "dd if=/dev/zero of={file} bs=1 count=16 conv=notrunc 2>/dev/null",
    "garbage in the middle": "dd if=/dev/urandom of={file} bs=1 count=16 seek={half} conv=notrunc 2>/dev/null",
    "one letter changed at the end": "printf x | dd of={file} bs=1 seek={last} conv=notrunc 2>/dev/null",
}
EACH_DAMAGE = [
    pytest.param(damage, marks=() if damage in {"gone", "garbage in the middle"} else pytest.mark.long)
    for damage in DAMAGE
]


@pytest.mark.parametrize("damage", EACH_DAMAGE)
def test_damaged_header_does_not_keep_the_host_from_coming_back(damage: str, faults: Faults) -> None:
    """The header of a change that waits is damaged: the guard, and the operator, restore what it wrote down."""
    for mend in ("by the guard", "by hand"):
        with faults.injected(f"header.json {damage}, mended {mend}"), host(STATES[STATE]) as made:
            before = made.dump()
            made.run(applying(CHANGES, checkpoint_id="one", confirm_timeout_s=1.0 if mend == "by the guard" else 600.0))
            if mend == "by hand":
                made.kill_guards()
            hurt(made, "header.json", damage)
            if mend == "by hand":
                assert "one" in made.by_hand("one", "--list")
                said = made.by_hand("one", "--restore")
                assert "Traceback" not in said
            made.wait_until_idle()
            made.check(before)


@pytest.mark.parametrize("damage", EACH_DAMAGE)
def test_damaged_state_is_told_and_nothing_is_restored_from_it(damage: str, faults: Faults) -> None:
    """From a damaged state nothing is restored: the host stays as planned, and everything that looks says damaged."""
    with faults.injected(f"state.json {damage}"), host(STATES[STATE]) as made:
        made.run(applying(CHANGES, checkpoint_id="one"))
        planned = made.dump()
        hurt(made, "state.json", damage)
        said = made.by_hand("one", "--restore")
        assert "damaged" in said or "no checkpoint" in said or "missing" in said, said
        assert "Traceback" not in said
        made.check(planned)
        assert made.status("one") == "restore_failed"
        assert "restore_failed" in made.by_hand("one", "--list")


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_program_is_no_obstacle_to_the_next_change(damage: str, faults: Faults) -> None:
    """Without its restore.pyz a change that waited too long is still undone, by the next change."""
    with faults.injected(f"restore.pyz {damage}"), host(STATES[STATE]) as made:
        before = made.dump()
        nothing = {"sysctl": {"net.ipv4.tcp_fin_timeout": "42"}}  # in force, so that it changes nothing once more
        assert made.run(applying(nothing)).value["status"] == "applied"
        made.run(applying(CHANGES, checkpoint_id="one", confirm_timeout_s=1.0))
        made.kill_guards()
        hurt(made, "restore.pyz", damage)
        past(made.deadline("one"))  # nobody watches over it any more, and its time goes by
        report = made.run(applying(nothing, checkpoint_id="two")).value
        assert report["status"] == "unchanged", report["error"]
        assert made.status("one") == "rolled_back"
        made.check(before)


def hurt(made: Host, name: str, damage: str) -> None:
    """Damage a file of the checkpoint."""
    size = (made.root / f"{CHECKPOINT[1:]}/{name}").stat().st_size
    made.shell(DAMAGE[damage].format(file=f"{CHECKPOINT}/{name}", half=size // 2, last=size - 3), check=True)
