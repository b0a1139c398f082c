# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller dies, or the way to the host is cut, between a change and its confirmation: the host comes back."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.lab import lifecycle
from tests.e2e.fleet import Fleet
from tests.faults.conftest import Faults
from tests.faults.hosts import DUMP, differences
from tests.labs import brought_up
from tests.waiting import until

pytestmark = [pytest.mark.lab, pytest.mark.slow]

CHANGES: dict[str, Any] = {
    "sysctl": {"net.ipv4.tcp_fin_timeout": 19},
    "shaper": {"egress_mbit": 800},
    "connection_limits": [{"protocol": "tcp", "port": 443, "limit": 100}],
    "mtu": 1450,
}
CUT = """
until grep -q '"status":"applied"' /var/lib/netopt/checkpoints/*/header.json; do sleep 0.02; done 2>/dev/null
nft insert rule inet netopt input tcp dport 22 drop
"""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """One host of this file's own, and a netopt for it."""
    for lab in brought_up("faults", hosts=1):
        yield Fleet(lab, tmp_path_factory.mktemp("netopt"))


def console(fleet: Fleet, script: str) -> str:
    """Run a script on the host, past its sshd."""
    return lifecycle.execute(fleet.lab, "1", ["sh", "-c", script]).stdout


def statuses(fleet: Fleet) -> set[str]:
    """Return the statuses of all checkpoints on the host."""
    text = console(fleet, 'grep -oh \'"status":"[a-z_]*"\' /var/lib/netopt/checkpoints/*/header.json')
    return {line.split('"')[3] for line in text.splitlines()}


def wait_until_at_rest(fleet: Fleet, *, seconds: float = 40.0) -> set[str]:
    """Wait until nothing of netopt runs on the host and no change waits there, and return the statuses."""

    def busy() -> str:
        return console(fleet, "pgrep -f '[r]estore.pyz|[r]emote_main|[n]etopt_apply|[A]nsiballZ'").strip()

    until(
        lambda: not busy() and not statuses(fleet) & {"armed", "applied"},
        seconds,
        lambda: f"a host at rest: {statuses(fleet)}, running: {busy()}",
    )
    return statuses(fleet)


def descendants(pid: int) -> list[int]:
    """Return a process and everything that it has started and that has not been adopted since."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for each in found:
        found.extend(children.get(each, []))
    return found


@pytest.mark.long
def test_controller_killed_at_any_time_leaves_the_host_as_before_or_confirmed(fleet: Fleet, faults: Faults) -> None:
    """The whole process tree of a run ends at some moment: within the time to confirm the host is as before."""
    before = console(fleet, DUMP)
    for after_s in (0.8, 1.4, 2.0, 2.6, 3.2, 4.0):
        with faults.injected(f"kill -9 of the controller after {after_s} s"):
            process = fleet.start("apply", fleet.plan(CHANGES), "--json", "--confirm-timeout", "5")
            time.sleep(after_s)  # any moment, whatever goes on then
            for pid in descendants(process.pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            process.communicate()
            found = wait_until_at_rest(fleet)
            assert found <= {"rolled_back", "confirmed"}
            if "confirmed" in found:  # it was quicker than the signal
                console(fleet, "for program in /var/lib/netopt/checkpoints/*/restore.pyz; do $program --restore; done")
            left = differences(before, console(fleet, DUMP))
            assert not left, left
            console(fleet, "rm -rf /var/lib/netopt/checkpoints/*")


def test_connection_cut_by_a_rule_is_open_again_when_the_time_to_confirm_is_over(fleet: Fleet, faults: Faults) -> None:
    """A rule that drops ssh gets into the table right after the change: no confirmation comes, and the rule goes."""
    before = console(fleet, DUMP)
    with faults.injected("a rule that drops port 22"):
        lifecycle.execute(fleet.lab, "1", ["sh", "-c", "cat >/run/cut"], stdin=CUT)
        console(fleet, "setsid sh /run/cut >/dev/null 2>&1 &")
        answer = fleet.netopt("apply", fleet.plan(CHANGES), "--json", "--confirm-timeout", "5")
        assert answer.status == 0, answer.text + answer.said
        assert "dport 22 drop" in console(fleet, "nft list chain inet netopt input")
        confirmed = fleet.netopt("confirm", answer.report["checkpoint_id"], "--json")
        assert confirmed.status != 0, confirmed.text
        assert wait_until_at_rest(fleet) == {"rolled_back"}
        left = differences(before, console(fleet, DUMP))
        assert not left, left
        assert fleet.host(1).run("true") == ""
