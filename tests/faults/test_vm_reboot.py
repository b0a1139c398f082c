# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine loses its power at each stage of a change, loses its guard, and has its clock set: it comes back."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.lab import lifecycle
from mcp_bridge.lab.state import Lab
from tests.faults.conftest import SAID, Faults
from tests.faults.hosts import DUMP, differences
from tests.labs import brought_up
from tests.waiting import until

pytestmark = [pytest.mark.vm, pytest.mark.slow]

TOP = Path(__file__).parents[2]
BOOT_S = 400.0
SSH_S = 180.0
ANSWER_S = 20.0  # after which a machine that was asked in the moment it went away is asked anew
EVERY_STAGE = "NETOPT_VM_EXAMPLES" in os.environ  # a restart takes most of a minute
COMMON_STAGES = ("between two operations",)
SENT = (
    "ansible_collections/netopt/linux/plugins/module_utils",
    "tests/faults/hosts.py",
    "tests/faults/engine.py",
    *(f"tests/faults/{name}_program.py" for name in ("struck_apply", "struck_restore", "unrehearsed")),
    *(f"tests/kernel/{name}.py" for name in ("transaction_host", "killed_between_files")),
    *(f"tests/kernel/{name}_program.py" for name in ("apply", "checkpoint")),
    "tests/waiting.py",
    "tests/whole_engine.py",
)
CHANGES: dict[str, Any] = {
    "sysctl": {"net.core.somaxconn": "8192", "net.ipv4.tcp_fin_timeout": "25", "net.ipv4.ip_forward": "1"},
    "mtu": 1400,
    "offloads": {"gso": False},
    "shaper": {"egress_mbit": 200, "ingress_mbit": 300},
    "qdisc": {"type": "fq_codel", "params": {}},
    "dscp": [{"match": {"proto": "udp", "dports": ["5060"]}, "dscp": 46}],
}
NETEM: dict[str, Any] = {
    "sysctl": {"net.ipv4.tcp_fin_timeout": "25"},
    "netem": {"delay_ms": 5, "duration_s": 4},
}
STRUCK_APPLY = "python3 -m tests.faults.struck_apply_program"
KILL = 9
STOP = 19  # SIGSTOP: the maker stands still at that moment until the power is gone


class Machine:
    """A virtual machine with the engine in ``/root/netopt``.

    Args:
        lab: a lab of one machine.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        packed = subprocess.run(["tar", "-C", str(TOP), "-cf", "-", *SENT], capture_output=True, check=True).stdout
        argv = lifecycle.command(lab, "1", ["mkdir -p netopt && tar -C netopt -xf -"])
        subprocess.run(argv, input=packed, check=True, timeout=60)
        self.ssh("sync")  # what the tests need outlasts a power cut

    def ssh(self, command: str, *, stdin: str = "", check: bool = True, timeout: float = SSH_S) -> str:
        """Run a command there and return what it printed."""
        argv = lifecycle.command(self._lab, "1", [f"export PYTHONDONTWRITEBYTECODE=1; {command}"])
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False, timeout=timeout)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def dump(self) -> str:
        """Return what the tools say of the network."""
        text = self.ssh(DUMP, check=False)
        return "\n".join(line for line in text.splitlines() if "class fq_codel" not in line and "_mem:" not in line)

    def apply(self, changes: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Apply changes and return the report."""
        asked = json.dumps({"changes": changes, **options})
        report: dict[str, Any] = json.loads(self.ssh(f"cd netopt && {STRUCK_APPLY}", stdin=asked))
        return report

    def stop_at(self, changes: dict[str, Any], **strike: Any) -> None:
        """Begin to apply changes and stop at a moment, with everything as it is then."""
        asked = json.dumps({"changes": changes, "checkpoint_id": "cut", "strike": {"number": STOP, **strike}})
        self.ssh("cat >netopt/asked", stdin=asked)
        self.ssh(f"(cd netopt && exec setsid {STRUCK_APPLY} <asked >said 2>&1) >/dev/null 2>&1 &")
        self.wait("ps -eo stat,args | grep -q '^T.*struck_apply_program'", told="netopt/said")

    def restore_struck(self, identity: str, number: int, call: str) -> None:
        """Begin to roll a change back, with a signal at a call, and return when that has come."""
        command = f"cd netopt && exec setsid python3 -m tests.faults.struck_restore_program {identity} {number} {call}"
        self.ssh(f"({command} >said 2>&1) >/dev/null 2>&1 &")
        if number == STOP:
            self.wait("ps -eo stat,args | grep -q '^T.*struck_restore_program'")
        else:
            self.ssh("sleep 1")
            self.wait("! pgrep -f '[s]truck_restore_program' >/dev/null")

    def wait(self, condition: str, *, seconds: float = 240.0, told: str = "/dev/null") -> None:
        """Wait until a command succeeds; where it does not, fail with what a file says."""
        loop = f"for i in $(seq {int(seconds * 5)}); do if {condition}; then exit 0; fi; sleep 0.2; done"
        self.ssh(f"{loop}; cat {told}; exit 1", timeout=2 * seconds)

    def wait_for(self, identity: str, status: str) -> None:
        """Wait until a checkpoint has a status."""
        self.wait(f'grep -q \'"status":"{status}"\' /var/lib/netopt/checkpoints/{identity}/header.json')
        assert status in self.listed(identity)

    def listed(self, identity: str) -> str:
        """Return the line that a checkpoint's own program has for it."""
        program = f"/var/lib/netopt/checkpoints/{identity}/restore.pyz"
        text = self.ssh(f"[ ! -e {program} ] || python3 {program} --list")
        return next((line for line in text.splitlines() if line.startswith(identity)), "")

    def cut_power(self) -> None:
        """Restart the machine without a word to anything that runs on it, and wait until it has come up."""
        before = self.ssh("cat /proc/sys/kernel/random/boot_id")
        self.ssh("(sleep 0.5; echo b >/proc/sysrq-trigger) >/dev/null 2>&1 &", check=False)

        def up() -> bool:
            try:
                question = "cat /proc/sys/kernel/random/boot_id; systemctl is-system-running"
                said = self.ssh(question, check=False, timeout=ANSWER_S)
            except subprocess.TimeoutExpired:  # it went away in the middle of the answer
                return False
            return said.endswith(("running\n", "degraded\n")) and not said.startswith(before)

        until(up, BOOT_S, "the machine comes up again", every_s=1)


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """A machine of this file's own."""
    for lab in brought_up("power", hosts=1, kernel="vm"):
        yield Machine(lab)


UNWRITTEN = ("while it rehearses", "while it writes the checkpoint")  # stages before there is a checkpoint


def check(machine: Machine, before: str) -> None:
    """See that the machine reads as before."""
    found = differences(before, machine.dump())
    assert not found, found


@pytest.mark.long
def test_timer_of_systemd_restores_when_the_guard_is_killed(machine: Machine, faults: Faults) -> None:
    """With netopt's own guard killed, the timer that systemd runs undoes what nobody confirms."""
    before = machine.dump()
    with faults.injected("kill -9 of the guard, systemd's timer is left"):
        report = machine.apply(CHANGES, checkpoint_id="timed", confirm_timeout_s=25)
        assert report["status"] == "applied", report
        assert not report["warnings"], report["warnings"]
        assert "netopt-timed.timer" in machine.ssh("systemctl list-timers --all")
        machine.ssh("kill -9 $(pgrep -x netopt-guard)")
        machine.wait_for("timed", "rolled_back")
        check(machine, before)
        assert "netopt-timed" not in machine.ssh("systemctl list-timers --all")


@pytest.mark.long
def test_clock_that_is_set_moves_no_deadline(machine: Machine, faults: Faults) -> None:
    """The machine's clock is set a day ahead and a day back: what nobody confirms is undone in its time."""
    before = machine.dump()
    for jump in ("+1 day", "-2 days"):
        identity = f"clock-{jump[0] == '+'}"
        with faults.injected(f"date -s '{jump}'"):
            report = machine.apply(CHANGES, checkpoint_id=identity, confirm_timeout_s=6)
            assert report["status"] == "applied", report
            machine.ssh(f"date -s '{jump}'")
            machine.wait_for(identity, "rolled_back")  # for minutes, not for a day
            check(machine, before)
    machine.ssh("date -s '+1 day'")


@pytest.mark.long
def test_netem_ends_by_itself_and_the_rest_stays(machine: Machine, faults: Faults) -> None:
    """A real impairment ends when its time is over; a rollback undoes the rest."""
    before = machine.dump()
    with faults.injected("an impairment with an end"):
        report = machine.apply(NETEM, checkpoint_id="netem", labels=["netem"])
        assert report["status"] == "applied", report
        assert "netem" in machine.ssh("tc qdisc show dev eth0")
        machine.wait("! tc qdisc show dev eth0 | grep -q netem")
        assert machine.ssh("sysctl -n net.ipv4.tcp_fin_timeout").strip() == "25"
        machine.ssh("python3 /var/lib/netopt/checkpoints/netem/restore.pyz --restore")
        check(machine, before)


@pytest.mark.long
def test_default_qdisc_that_was_borrowed_is_given_back(machine: Machine, faults: Faults) -> None:
    """A rollback is killed while net.core.default_qdisc is what the interface once had; the next one gives it back."""
    here = machine.ssh("sysctl -n net.core.default_qdisc").strip()
    other = "fq" if here != "fq" else "fq_codel"
    machine.ssh(f"sysctl -qw net.core.default_qdisc={other}")
    before = machine.dump()
    with faults.injected("kill -9 with net.core.default_qdisc borrowed"):
        report = machine.apply(CHANGES, checkpoint_id="borrowed")
        assert report["status"] == "applied", report
        machine.restore_struck("borrowed", KILL, "_host/default_qdisc.give_back")
        assert machine.ssh("sysctl -n net.core.default_qdisc").strip() == here
        machine.ssh("python3 /var/lib/netopt/checkpoints/borrowed/restore.pyz --restore")
        assert machine.ssh("sysctl -n net.core.default_qdisc").strip() == other
        check(machine, before)
    machine.ssh(f"sysctl -qw net.core.default_qdisc={here}")


@pytest.mark.long
def test_timer_of_systemd_moves_with_the_time(machine: Machine, faults: Faults) -> None:
    """More time makes a new timer of systemd and ends the old one; without the guard it restores at the new time."""
    before = machine.dump()
    program = "python3 /var/lib/netopt/checkpoints/moved/restore.pyz"
    with faults.injected("more time, then kill -9 of the guard"):
        report = machine.apply(CHANGES, checkpoint_id="moved", confirm_timeout_s=600)
        assert report["status"] == "applied", report
        assert "to be confirmed within 40 s" in machine.ssh(f"{program} --extend 40")
        timers = [line for line in machine.ssh("systemctl list-timers --all").splitlines() if "netopt-moved" in line]
        assert len(timers) == 1, timers
        assert "netopt-moved.timer" not in timers[0]
        machine.ssh("kill -9 $(pgrep -x netopt-guard)")
        machine.wait_for("moved", "rolled_back")
        check(machine, before)
        assert "netopt-moved" not in machine.ssh("systemctl list-timers --all")


@pytest.mark.long
def test_impairment_that_could_not_be_rehearsed_ends_by_itself(machine: Machine, faults: Faults) -> None:
    """Where no namespace can be made, what an impairment ends in is made and read back first, and comes in the end."""
    with faults.injected("an impairment with an end, and no namespace to rehearse in"):
        found = json.loads(machine.ssh("cd netopt && python3 -m tests.faults.unrehearsed_program"))
        assert found["report"]["status"] == "applied", found
        assert "not rehearsed" in str(found["report"]["warnings"]), found
        assert "netem" in found["during"], found
        assert "netem" not in found["after"], found
        assert "fq_codel" in found["after"], found
        assert (found["undone"], found["told"], found["same"]) == ("rolled_back", [], True), found


def test_power_cut_at_each_stage_comes_up_in_the_old_state(machine: Machine, faults: Faults) -> None:
    """Whatever stage the power goes at, the machine comes up as it always does, and its list tells why."""
    machine.cut_power()
    fresh = machine.dump()
    stages: dict[str, dict[str, Any]] = {
        "while it rehearses": {"call": "_transaction/rehearse.resolve"},
        "while it writes the checkpoint": {"call": "_checkpoint/durable_files.write", "count": 2},
        "after the checkpoint": {"call": "_transaction/apply._arm"},
        "between two operations": {"operation": 5},
        "as it reads back": {"call": "_transaction/apply._verify"},
        "applied, not confirmed": {},
        "in the midst of the rollback": {},
        "confirmed": {},
    }
    chosen = stages if EVERY_STAGE else {name: stages[name] for name in COMMON_STAGES}
    if len(chosen) < len(stages):
        SAID.append(f"power cuts at {len(chosen)} of {len(stages)} stages; all of them: make properties")
    for name, strike in chosen.items():
        with faults.injected(f"power cut {name}"):
            if strike:
                machine.stop_at(CHANGES, **strike)
            else:
                timeout_s = 0 if name == "confirmed" else 600
                report = machine.apply(CHANGES, checkpoint_id="cut", confirm_timeout_s=timeout_s)
                assert report["status"] == "applied", report
            if "rollback" in name:
                machine.restore_struck("cut", STOP, "_link/kernel.perform")
            machine.cut_power()
            check(machine, fresh)
            listed = [] if name in UNWRITTEN else ["confirmed" if name == "confirmed" else "rolled_back"]
            assert machine.listed("cut").split()[2:3] == listed, machine.listed("cut")
            nobodys = {"net.ipv4.tcp_keepalive_time": None}
            report = machine.apply({"sysctl": nobodys})  # it takes away what no plan has set
            assert report["status"] == "unchanged", report
            machine.ssh("rm -rf /var/lib/netopt/checkpoints/cut")
