# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual machines of the lab: a stock kernel with what namespaces lack."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

from mcp_bridge.lab import lifecycle
from mcp_bridge.lab.state import Lab

pytestmark = pytest.mark.vm


def ssh(lab: Lab, command: str) -> str:
    """Run a command on the first machine and return what it printed."""
    argv = lifecycle.command(lab, "1", [command])
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120).stdout


def test_systemd_is_process_1_and_everything_started(machines: Lab) -> None:
    """The machine is a whole one, with its own name and the time of day."""
    init, name, status, now = ssh(
        machines, "cat /proc/1/comm; hostname; systemctl is-system-running; date +%s"
    ).splitlines()
    assert (init, name, status) == ("systemd", machines.hosts[0].name, "running")
    assert abs(int(now) - time.time()) < 60


@pytest.mark.parametrize(
    "kind",
    [
        "fq",
        "cake",
        "netem",
        *(pytest.param(kind, marks=pytest.mark.long) for kind in ("fq_codel", "sfq", "htb", "tbf")),
    ],
)
def test_the_kernel_has_every_queueing_discipline(machines: Lab, kind: str) -> None:
    """Each kind can be made on a device of its own."""
    parameters = {"tbf": "rate 1mbit burst 10k latency 50ms", "netem": "limit 100"}.get(kind, "")
    make = f"ip link add d0 type veth && tc qdisc add dev d0 root {kind} {parameters}"
    script = f"{make}; tc -j qdisc show dev d0; ip link delete d0"
    assert json.loads(ssh(machines, script))[0]["kind"] == kind


def test_the_kernel_has_bbr_and_nftables(machines: Lab) -> None:
    """Congestion control and firewall come from the distribution's own modules."""
    assert "bbr" in ssh(machines, "modprobe tcp_bbr && sysctl -n net.ipv4.tcp_available_congestion_control")
    assert (
        ssh(machines, "nft add table inet probe && nft list tables && nft delete table inet probe")
        == "table inet probe\n"
    )
