# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan that was adopted holds what the files brought about: on the same host nothing changes, on another it does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.adopt.plans import from_files
from mcp_bridge.adopt.scripts import Call
from mcp_bridge.policy import load_policy
from tests.kernel.transaction_host import IFACE, Host, transaction_host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

# keys of network namespaces alone: the host shares all others with the machine that the test runs on
FILES = {
    "usr/lib/sysctl.d/50-default.conf": """
net.ipv4.conf.default.rp_filter = 2
net.core.somaxconn = 2048
net.ipv4.tcp_rmem = 4096	87380   16777216
""",
    "etc/sysctl.d/60-reset.conf": "net.ipv4.conf.all.accept_redirects = 1\nnet.ipv4.conf.eth0.forwarding = 0\n",
    "usr/lib/sysctl.d/70-same.conf": "net.ipv4.tcp_fin_timeout = 99\n",
    "etc/sysctl.d/70-same.conf": """
# an operator's
net/ipv4/tcp_fin_timeout = 20
-net.ipv4.no_such_key = 1
net.ipv4.ip_forward = 1
net.ipv4.conf.all.send_redirects = 0
net.ipv4.conf.eth0.arp_ignore = 0x1
""",
    "etc/sysctl.d/99-last.conf": "net.core.somaxconn = 4096\nnet.ipv4.tcp_syncookies = 2\n",
}
SYSCTLS = "sysctl -a --pattern '^net[.]' 2>/dev/null | grep -v -e nf_conntrack_count -e stable_secret -e fastopen_key"


def read_by_sysctl(host: Host, root: Path) -> str:
    """Let ``sysctl --system`` read the files below a folder in place of the machine's, and return what it says."""
    binds = "".join(f"mount --bind {root}/{name} /{name} && " for name in ("usr/lib/sysctl.d", "etc/sysctl.d"))
    empty = (
        "touch /run/netopt/empty && { [ ! -e /etc/sysctl.conf ] || mount --bind /run/netopt/empty /etc/sysctl.conf; }"
    )
    return host.run("sh", "-c", f"{binds}{empty} && sysctl --system", check=False)


def test_adopted_is_what_sysctl_made_of_it(tmp_path: Path) -> None:
    """After ``sysctl --system`` the plan is written down and nothing else; elsewhere it leads to the very same."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (adopted,), left_out = from_files([tmp_path], load_policy(), iface=IFACE, name="adopted")
    assert [one.text for one in left_out if "no_such_key" in one.text]
    plan: dict[str, Any] = adopted.plan
    with transaction_host() as host, transaction_host() as other:
        read_by_sysctl(host, tmp_path)
        made = host.shell(SYSCTLS)
        assert "net.core.somaxconn = 4096" in made
        assert "net.ipv4.tcp_fin_timeout = 20" in made
        report = host.ask(plan=plan)
        assert [change["subsystem"] for change in report["diff"]] == ["plan"], report["error"]
        assert host.shell(SYSCTLS) == made
        assert host.ask(plan=plan)["status"] == "unchanged"
        before = other.shell(SYSCTLS)
        assert other.ask(plan=plan)["status"] == "applied"
        assert other.shell(SYSCTLS) == made
        assert other.ask(remove=["adopted"])["status"] == "applied"
        assert other.shell(SYSCTLS) == before


SCRIPT = """#!/bin/bash
set -e
ip link set dev $1 mtu 1400 txqueuelen 500
ethtool -K $1 gro off
sysctl -qw net.ipv4.tcp_fin_timeout=20
echo 1 >/proc/sys/net/ipv4/conf/$1/arp_ignore
ip route replace 198.51.100.0/24 dev $1 initcwnd 20
tc qdisc replace dev $1 root handle 1: htb default 20
tc class add dev $1 parent 1: classid 1:1 htb rate 2mbit
tc class add dev $1 parent 1:1 classid 1:10 htb rate 512kbit ceil 2mbit prio 1
tc class add dev $1 parent 1:1 classid 1:20 htb rate 1mbit ceil 2mbit prio 2 burst 4k
tc qdisc add dev $1 parent 1:10 handle 10: bfifo limit 50000
tc qdisc add dev $1 parent 1:20 handle 20: bfifo limit 50000
"""


def test_adopted_is_what_a_script_made(tmp_path: Path) -> None:
    """After the script the plan is written down and nothing else, and nothing else goes when the plan does."""
    path = tmp_path / "tune.sh"
    path.write_text(SCRIPT, encoding="utf-8")
    ((adopted,), left_out) = from_files([path], load_policy(), iface=IFACE, name="adopted", call=Call([IFACE]))
    assert [one.text for one in left_out if "198.51.100" not in one.text] == []
    with transaction_host() as host:
        host.shell(f"ip route add 198.51.100.0/24 dev {IFACE}")
        host.run("bash", "-s", IFACE, stdin=SCRIPT)
        made = host.view()
        assert "bfifo 10: " in made
        report = host.ask(plan=adopted.plan)
        assert [change["subsystem"] for change in report["diff"]] == ["plan"], report
        assert host.view() == made
        assert host.ask(plan=adopted.plan)["status"] == "unchanged"
        assert host.ask(remove=["adopted"])["status"] == "applied"
        assert host.view() == made


FILTERS = """tc qdisc add dev eth0 root handle 7: htb default 20
tc class add dev eth0 parent 7: classid 7:10 htb rate 512kbit ceil 512kbit
tc class add dev eth0 parent 7: classid 7:20 htb rate 2mbit
tc filter add dev eth0 parent 7: protocol ip prio 3 u32 match ip dport 443 0xffff flowid 7:10
"""


def test_a_tree_with_filters_is_made_anew_and_comes_back(tmp_path: Path) -> None:
    """The plan's tree stands in the place of the script's, which is back exactly once the plan is gone."""
    path = tmp_path / "limit.sh"
    path.write_text(FILTERS, encoding="utf-8")
    ((adopted,), left_out) = from_files([path], load_policy(), iface=IFACE, name="adopted")
    assert [each.reason.partition(" here")[0] for each in left_out] == ["Its classes are 7:N"]
    with transaction_host() as host:
        host.shell(FILTERS)
        made = host.view()
        report = host.ask(plan=adopted.plan)
        assert {change["subsystem"] for change in report["diff"]} == {"tc"}, report
        assert "class htb 1:10 root" in host.view()
        assert host.ask(plan=adopted.plan)["status"] == "unchanged"
        assert host.ask(remove=["adopted"])["status"] == "applied"
        assert host.view() == made
