# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What survives a restart of a real machine: what was confirmed with persist, and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.lab import lifecycle
from mcp_bridge.lab.state import Lab
from tests.waiting import until

pytestmark = [pytest.mark.vm, pytest.mark.slow]

BOOT_S = 180.0
CHANGES: dict[str, Any] = {
    "sysctl": {"net.core.somaxconn": 8192, "net.ipv4.tcp_congestion_control": "bbr", "net.ipv4.tcp_fin_timeout": 25},
    "connection_tracking": {"max_connections": 300000, "tcp_timeout_established": 7200},
    "shaper": {"egress_mbit": 200, "ingress_mbit": 300},
    "qdisc": {"type": "fq_codel", "params": {}},
    "htb_classes": [
        {"classid": "1:10", "rate_mbit": 50, "ceil_mbit": 100, "match": [{"proto": "tcp", "dports": ["443"]}]},
        {"classid": "1:20", "rate_mbit": 20},
    ],
    "default_class": "1:20",
    "dscp": [{"match": {"proto": "udp", "dports": ["5060"]}, "dscp": "EF"}],
    "connection_limits": [{"protocol": "tcp", "port": 443, "limit": 100, "mask": 32, "action": "reject"}],
    "offloads": {"gso": False},
    "nic": {"promisc": True},
    "mtu": 1400,
    "routes": [{"dst": "0.0.0.0/0", "initcwnd": 24, "initrwnd": 40, "quickack": True, "rto_min_ms": 70}],
}
METRICS = {"initcwnd 24", "initrwnd 40", "quickack 1", "rto_min lock 70ms"}
NETWORK = (
    "sysctl -a --pattern '^net[.]' 2>/dev/null | grep -v -e nf_conntrack_count -e tcp_mem -e udp_mem;"
    " tc -d qdisc show; for d in $(ls /sys/class/net); do"
    " tc -d class show dev $d; tc -d filter show dev $d; tc -d filter show dev $d ingress; done;"
    " nft list ruleset; ip -d link show; ethtool -k eth0; ip route show"
)
FILES = (
    "find /etc -path '*netopt*' | sort; find /etc/systemd /etc/sysctl.d /etc/modules-load.d -printf '%p %m %u %l\\n'"
    " | sort; for what in list-unit-files 'list-units --all'; do systemctl $what 'netopt-*@*' --no-legend; done"
)
# the flows that fq_codel has queues for, the address that the kernel draws for an ifb, what went by the classes of htb
VOLATILE = re.compile(r"^class fq_codel .*\n|^ +link/ether .*\n| direct_packets_stat \d+", re.MULTILINE)


class Machine:
    """The last machine of a lab, where netopt has not been, and its inventory."""

    def __init__(self, lab: Lab) -> None:
        self._lab, self._number = lab, len(lab.hosts)
        self._inventory = str(Path(lab.inventory))

    def ssh(self, command: str, *, check: bool = True) -> str:
        """Run a command there and return what it printed."""
        argv = lifecycle.command(self._lab, str(self._number), [command])
        return subprocess.run(argv, capture_output=True, text=True, check=check, timeout=180).stdout

    def network(self) -> str:
        """Return what the tools say of the network, without what changes by itself."""
        return VOLATILE.sub("", self.ssh(NETWORK))

    def files(self) -> str:
        """Return what could outlast a restart, and the units that systemd knows."""
        return self.ssh(FILES)

    def netopt(self, *words: str, stdin: str = "") -> dict[str, Any]:
        """Run a command of netopt against the machine and return its host's report."""
        here = ["-i", self._inventory, "-l", self._lab.hosts[-1].name]
        argv = [sys.executable, "-m", "mcp_bridge", *words, *here, "--json"]
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False, timeout=300)
        report = json.loads(done.stdout)
        (host,) = report["hosts"].values()
        return {**host, "checkpoint_id": report["checkpoint_id"]}

    def apply(self, *words: str) -> dict[str, Any]:
        """Apply the plan."""
        plan = {"iface": "eth0", "changes": CHANGES, "rationale": ["outlast a restart"]}
        return self.netopt("apply", "-", *words, stdin=json.dumps(plan))

    def reboot(self) -> None:
        """Restart the machine and wait until it has come up."""
        before = self.ssh("cat /proc/sys/kernel/random/boot_id")
        self.ssh("systemctl reboot", check=False)

        def up() -> bool:
            said = self.ssh("cat /proc/sys/kernel/random/boot_id; systemctl is-system-running", check=False)
            return said.endswith(("running\n", "degraded\n")) and not said.startswith(before)

        until(up, BOOT_S, "the machine comes up again", every_s=2)


@pytest.fixture(scope="module")
def machine(machines: Lab) -> Machine:
    """A machine that has been restarted once, so that it is as any restart leaves it."""
    made = Machine(machines)
    made.reboot()
    return made


def test_what_was_confirmed_outlasts_a_restart(machine: Machine) -> None:
    """After a restart what was confirmed is in force without Python, until it is rolled back."""
    files = machine.files()
    fresh = machine.network()
    applied = machine.apply("--persist")
    assert applied["status"] == "applied", applied["error"]
    made, written = machine.network(), machine.files()
    assert made != fresh

    machine.ssh("mv /usr/bin/python3 /usr/bin/python3.away")
    try:
        machine.reboot()
        route = machine.ssh("ip route show default")
        assert {each for each in METRICS if each in route} == METRICS, route
        assert machine.network() == made
        assert machine.ssh("systemctl --failed --no-legend") == ""
    finally:
        machine.ssh("mv /usr/bin/python3.away /usr/bin/python3")
    assert machine.files().replace("active exited", "inactive dead") == written

    again = machine.apply("--persist")
    assert (again["status"], again["diff"]) == ("unchanged", [])

    undone = machine.netopt("rollback", applied["checkpoint_id"])
    assert undone["status"] == "rolled_back", undone["error"]
    assert machine.files() == files


@pytest.mark.long
def test_what_nobody_confirmed_ends_with_a_restart(machine: Machine) -> None:
    """A restart comes up in the old state, and says so; confirming then is refused."""
    machine.reboot()
    fresh, files = machine.network(), machine.files()
    waiting = machine.apply("--persist", "--confirm-timeout", "600")
    assert waiting["status"] == "applied", waiting["error"]
    assert machine.files() == files
    machine.reboot()
    assert (machine.network(), machine.files()) == (fresh, files)
    late = machine.netopt("confirm", waiting["checkpoint_id"])
    assert (late["status"], late["error"]["stage"]) == ("failed", "confirm")
    assert machine.files() == files


@pytest.mark.long
def test_the_device_comes_back(machine: Machine) -> None:
    """A device that is unplugged and plugged in again gets what was persisted for it."""
    files = machine.files()
    machine.ssh("modprobe dummy && ip link add plug0 type dummy && ip link set plug0 up")
    plan = {"iface": "plug0", "changes": {"mtu": 1450, "qdisc": {"type": "fq", "params": {}}}, "rationale": ["replug"]}
    applied = machine.netopt("apply", "-", "--persist", stdin=json.dumps(plan))
    assert applied["status"] == "applied", applied["error"]
    machine.ssh("ip link del plug0; sleep 2; ip link add plug0 type dummy; ip link set plug0 up")
    shown = "for i in 1 2 3 4 5 6 7 8 9 10; do ip link show plug0 | grep -q 'mtu 1450' && break; sleep 1; done"
    assert "mtu 1450 qdisc fq " in machine.ssh(f"{shown}; sleep 1; ip link show plug0")
    machine.netopt("rollback", applied["checkpoint_id"])
    machine.ssh("ip link del plug0")
    assert machine.files() == files
