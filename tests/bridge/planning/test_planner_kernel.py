# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of a rendered plan, run by hand in an empty namespace: it works, and a second time changes nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import Any

import pytest

from mcp_bridge.models import RenderedPlan
from mcp_bridge.planning.checked_plan import check
from mcp_bridge.policy import load_policy

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nft"), reason="needs root, iproute2 and nftables"),
]

PLAN: dict[str, Any] = {
    "iface": "v0",
    "changes": {
        "sysctl": {"net.ipv4.tcp_fin_timeout": 30},
        "shaper": {"egress_mbit": 100, "ingress_mbit": 50},
        "qdisc": {"type": "pfifo", "params": {"limit": 100}},
        "htb_classes": [
            {
                "classid": "1:10",
                "rate_mbit": 50,
                "burst": "15k",
                "match": [{"proto": "udp", "dports": ["53", "1000-1999"]}],
            },
            {"classid": "1:20", "rate_mbit": 20, "ceil_mbit": 100},
        ],
        "default_class": "20",
        "dscp": [{"match": {"dports": 443}, "dscp": "EF"}],
        "connection_limits": [{"protocol": "tcp", "port": 80, "limit": 5, "mask": 24, "action": "drop"}],
        "rate_limits": [{"rate": "10/minute", "protocol": "tcp", "port": 443, "per_source": True}],
        "mtu": 1400,
        "offloads": {"gro": False},
    },
}
LOOK = (
    "tc -d qdisc show dev v0; tc -d class show dev v0; tc filter show dev v0; tc qdisc show dev ifb-v0;"
    " nft list ruleset; ip link show v0 | head -1; ethtool -k v0 | grep generic-rec; sysctl net.ipv4.tcp_fin_timeout"
)


def text_of(rendered: RenderedPlan) -> list[str]:
    """Return the text as an operator would paste it."""
    commands = [*rendered.ip_link_cmds, *rendered.ethtool_cmds, *rendered.sysctl_cmds]
    return [*commands, rendered.tc_script, rendered.nft_script]


def state_after(lines: list[str]) -> str:
    """Return what the tools show, but a counter, once the lines have run in a namespace of their own."""
    made = ["set -e", "ip link add v0 type veth peer name v1", "ip link set v0 up", "ip link set v1 up"]
    script = "\n".join([*made, *lines, "echo ----", LOOK])
    done = subprocess.run(["unshare", "-n", "bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return re.sub(r"direct_packets_stat \d+", "", done.stdout.rpartition("----\n")[2])


def test_text_makes_the_state_and_is_harmless_twice() -> None:
    """Every part of the plan is in the kernel after one run, and nothing differs after two."""
    lines = text_of(check(PLAN, load_policy()).rendered)

    once = state_after(lines)

    for word in (
        "class htb 1:10 parent 1:1 leaf 10: prio 0",
        "default 0x20",
        "pfifo 20: parent 1:20 limit 100p",
        "dscp set ef",
        "ct count over 5",
        "mtu 1400",
        "generic-receive-offload: off",
        "tcp_fin_timeout = 30",
    ):
        assert word in once
    assert state_after([*lines, *lines]) == once
