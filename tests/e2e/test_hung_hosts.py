# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that hang in the midst of a change are named, cost the others nothing, and nothing of the run stays behind."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_bridge.backends import process_tree
from mcp_bridge.lab import lifecycle
from mcp_bridge.lab.state import Lab
from mcp_bridge.runs.execute import GRACE_S
from tests.e2e.fleet import finish, ready
from tests.labs import brought_up
from tests.waiting import until

pytestmark = pytest.mark.lab

KEY = "net.ipv4.tcp_fin_timeout"
HOSTS = 6
ALL_STOPPED, CHANGE_STOPPED = 5, 6
TIMEOUT_S = 40
ENVIRONMENT = {
    "NETOPT_RUN_TIMEOUT_S": str(TIMEOUT_S),
    "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=2s",  # a connection that nobody uses ends soon
}
END_S = 20  # for netopt's own start and end, on a machine that has other things to do
SLOW_TC = """set -e
path=$(readlink -f $(command -v tc)); mv $path $path.real
printf '#!/bin/sh\\n[ -e /run/reached ] || { touch /run/reached; sleep 25; }\\nexec %s.real "$@"\\n' $path >$path
chmod 755 $path
"""
STOP_ALL = "kill -STOP -1"
STOP_CHANGE = """for p in /proc/[0-9]*; do
case $(readlink $p/exe) in *sshd*|"") ;; *) [ ${p#/proc/} = 1 ] || [ ${p#/proc/} = $$ ] || kill -STOP ${p#/proc/};; esac
done"""
LEFT = "pgrep -x 'python3|tc|sleep'; flock -n /run/netopt/lock true || echo locked"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Six namespace hosts, two of which take long to rehearse."""
    for made in brought_up("hung", hosts=HOSTS):
        for number in (ALL_STOPPED, CHANGE_STOPPED):
            _on(made, number, SLOW_TC)
        try:
            yield made
        finally:
            _on(made, ALL_STOPPED, "kill -CONT -1")
            _on(made, CHANGE_STOPPED, "kill -CONT -1")


def _on(lab: Lab, number: int, script: str) -> str:
    return lifecycle.execute(lab, str(number), ["sh", "-c", script]).stdout


def _connections(folder: Path) -> list[str]:
    """Return the processes that hold shared connections with their sockets in a folder."""
    done = subprocess.run(["pgrep", "-f", f"^ssh: {folder}"], text=True, capture_output=True, check=False)
    return done.stdout.split()


@pytest.mark.long
def test_hosts_that_hang(lab: Lab, tmp_path: Path) -> None:
    """The others hold the change; the hung ones have no checkpoint, no lock and no process of it."""
    fleet = ready(lab, tmp_path)
    plan = fleet.plan({"sysctl": {KEY: 27}, "qdisc": {"type": "pfifo", "params": {"limit": 9}}})
    cp = tmp_path / "cp"
    begun = time.monotonic()
    environment = {**ENVIRONMENT, "ANSIBLE_SSH_CONTROL_PATH_DIR": str(cp)}
    process = fleet.start("apply", plan, "--json", env=environment)
    for number, script in ((ALL_STOPPED, STOP_ALL), (CHANGE_STOPPED, STOP_CHANGE)):
        until(lambda number=number: _on(lab, number, "ls /run/reached"), TIMEOUT_S, f"host {number} rehearses")
        _on(lab, number, script)
    answer = finish(process)
    took = time.monotonic() - begun

    assert took < TIMEOUT_S + GRACE_S + END_S, answer.text
    report = answer.report
    found = [report["hosts"][host.name]["status"] for host in lab.hosts]
    assert found == ["applied"] * 4 + ["unreachable", "unchanged"], answer.text
    hung = report["hosts"][fleet.name(ALL_STOPPED)]["error"]
    assert hung["stage"] == "connect", hung
    assert any(line.startswith(fleet.name(ALL_STOPPED)) for line in report["errors"]), report["errors"]
    assert answer.status == 1

    left = process_tree.members(f"NETOPT_RUN_ID={report['run_id']}")
    assert left == set()
    assert not _connections(cp)
    assert _on(lab, CHANGE_STOPPED, LEFT) == "", _on(lab, CHANGE_STOPPED, "ps -eo pid,ppid,stat,comm")
    assert not _on(lab, ALL_STOPPED, "pgrep -x -r R,S,D,T python3"), "the change's own process has been ended"
    _on(lab, ALL_STOPPED, "kill -CONT -1")
    until(lambda: _on(lab, ALL_STOPPED, LEFT) == "", TIMEOUT_S, "nothing is left once the host goes on")
    for number in (ALL_STOPPED, CHANGE_STOPPED):
        assert _on(lab, number, "ls -A /var/lib/netopt/checkpoints 2>/dev/null") == ""
    again = fleet.netopt("apply", plan, "--json")
    assert again.status == 0, again.text
    assert [again.report["hosts"][host.name]["status"] for host in lab.hosts] == ["unchanged"] * 4 + ["applied"] * 2
