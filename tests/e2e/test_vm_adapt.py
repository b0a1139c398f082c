# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The adjuster as a unit of a real systemd: started by a plan, ended with it, there again after a restart."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from mcp_bridge.lab.state import Lab
from tests.e2e.test_vm_persist import Machine
from tests.waiting import until

pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.long]

UNIT = "netopt-adapt-eth0.service"
LOAD = (
    'systemd-run --quiet --collect --unit=load python3 -c "import socket, itertools; s = socket.socket(2, 2);'
    " [s.sendto(bytes(1200), ('{to}', 9)) for _ in itertools.repeat(0)]\""
)
BASE = "8Mbit"
LOADED = "net.ipv4.tcp_available_congestion_control"  # modules: those that other tests brought go with a restart


def rate(machine: Machine) -> str:
    """Return the rate of what leaves, as tc says it."""
    said = machine.ssh("tc qdisc show dev eth0 root")
    found = re.search(r"bandwidth (\w+)", said)
    assert found, said
    return found[1]


def network(machine: Machine) -> list[str]:
    """Return how the network is set, without what a restart of the machine changes."""
    return [line for line in machine.network().splitlines() if not line.startswith(LOADED)]


def said(machine: Machine) -> str:
    """Return what systemd says of the adjuster."""
    return machine.ssh(f"systemctl status {UNIT}", check=False)


def drifts(lab: Lab) -> str:
    """Return what ``netopt verify`` says where it finds drift; empty where it finds none."""
    here = ["-i", str(lab.inventory), "-l", lab.hosts[-1].name]
    argv = [sys.executable, "-m", "mcp_bridge", "verify", *here]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
    return done.stdout + done.stderr if done.returncode else ""


def test_the_unit_of_an_adjuster(machines: Lab) -> None:
    """A plan starts it; killed, it leaves the plan's rate and comes again; it starts with the host, ends with the plan.

    What it moves is no drift, and the plan is unchanged meanwhile.
    """
    machine = Machine(machines)
    fresh = network(machine)
    controller = machine.ssh("echo $SSH_CONNECTION").split()[0]
    adapt = {"reflectors": [controller], "egress_min_mbit": 4, "egress_max_mbit": 16, "interval_ms": 200}
    plan: dict[str, Any] = {
        "name": "uplink",
        "iface": "eth0",
        "changes": {"qdisc": {"type": "cake", "params": {}}, "shaper": {"egress_mbit": 8, "adapt": adapt}},
    }
    text = json.dumps(plan)

    applied = machine.netopt("apply", "-", "--persist", stdin=text)
    assert applied["status"] == "applied", json.dumps(applied["error"])
    assert machine.ssh(f"systemctl is-active {UNIT}") == "active\n"
    machine.ssh(LOAD.format(to=controller))
    until(lambda: rate(machine) not in {BASE, "8320Kbit"}, 60, lambda: said(machine))
    assert drifts(machines) == ""
    assert machine.netopt("apply", "-", "--persist", stdin=text)["status"] == "unchanged"

    machine.ssh(f"systemctl stop load; kill -9 $(systemctl show --value --property=MainPID {UNIT})")
    until(lambda: rate(machine) == BASE, 60, lambda: said(machine))
    until(lambda: machine.ssh(f"systemctl is-active {UNIT}", check=False) == "active\n", 60, lambda: said(machine))

    machine.reboot()
    until(lambda: machine.ssh(f"systemctl is-active {UNIT}", check=False) == "active\n", 60, "it is there again")
    assert drifts(machines) == ""

    removed = machine.netopt("remove", "uplink")
    assert removed["status"] == "applied", json.dumps(removed["error"])
    assert machine.ssh("systemctl list-units --all 'netopt-adapt*' --no-legend") == ""
    left = "find /etc/netopt /etc/systemd/system -name '*netopt*' -o -name 'adjuster*' 2>/dev/null"
    assert machine.ssh(left, check=False) == ""
    assert network(machine) == fresh
