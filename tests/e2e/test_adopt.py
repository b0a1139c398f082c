# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts hold beyond the defaults of their kernels becomes plans that change nothing there."""

from __future__ import annotations

import json

import pytest
import yaml

from mcp_bridge.lab import lifecycle
from tests.e2e.fleet import Fleet
from tests.waiting import until

pytestmark = pytest.mark.lab

BY_HAND = "net.ipv4.tcp_fin_timeout=23 net.core.somaxconn=4321 net.ipv4.conf.all.rp_filter=2"
FILE = "/etc/sysctl.d/60-by-hand.conf"
BACK = "net.ipv4.tcp_fin_timeout=60 net.core.somaxconn=4096 net.ipv4.conf.all.rp_filter=0"


BY_TOOLS = """ip link set eth0 mtu 1400 txqueuelen 500; ethtool -K eth0 tso off
ip link add by-hand type veth peer name by-hand-2; ip addr add 203.0.113.1/24 dev by-hand
ip link set by-hand up; ip link set by-hand-2 up
ip route add 198.51.100.0/24 dev by-hand initcwnd 20 quickack 1
tc qdisc add dev by-hand root handle 1: htb default 20
tc class add dev by-hand parent 1: classid 1:1 htb rate 20mbit
tc class add dev by-hand parent 1:1 classid 1:20 htb rate 10mbit ceil 20mbit
tc qdisc add dev by-hand parent 1:20 bfifo limit 50000"""
SETTLES_S = 30.0
UNDO = "ip link del by-hand; ip link set eth0 mtu 1500 txqueuelen 1000; ethtool -K eth0 tso on"


@pytest.mark.long
def test_what_interfaces_hold(fleet: Fleet) -> None:
    """What somebody has set with tools becomes plans that change nothing there, and is these plans' afterwards."""
    tuned = fleet.hosts[0].name
    before = fleet.views()
    lifecycle.execute(fleet.lab, tuned, ["sh", "-ec", BY_TOOLS])
    try:
        until(lambda: "tentative" not in str(fleet.views()), SETTLES_S, "addresses are there for good")
        held = fleet.views()
        answer = fleet.netopt("adopt", "--name", "held", "-l", tuned, "-o", str(fleet.folder / "held.yml"))
        assert answer.status == 0, answer.said
        files = sorted(fleet.folder.glob("held*.yml"))
        documents = [yaml.safe_load(each.read_text(encoding="utf-8")) for each in files]
        plans = {plan["iface"]: plan["changes"] for plan in documents}
        assert plans["by-hand"]["routes"] == [{"dst": "198.51.100.0/24", "initcwnd": 20, "quickack": True}]
        assert [one["classid"] for one in plans["by-hand"]["htb_classes"]] == ["1:1", "1:20"]
        assert {key: plans["eth0"][key] for key in ("mtu", "nic", "offloads")} == {
            "mtu": 1400,
            "nic": {"txqueuelen": 500},
            "offloads": {"tso": False},
        }
        words = [*map(str, files), "-l", tuned, "--json"]
        report = fleet.netopt("apply", *words).report
        assert {entry["subsystem"] for entry in report["hosts"][tuned]["diff"]} == {"plan"}, report
        assert fleet.netopt("apply", *words).statuses == {"unchanged"}
        assert fleet.netopt("verify", "-l", tuned, "--json").status == 0
        assert fleet.differences(held) == []
        again = fleet.netopt("adopt", "-l", tuned, "--json")
        (told,) = json.loads(again.text)["plans"]
        assert not [plan for plan in told["plans"] if plan["iface"] in ("eth0", "by-hand")]
        assert "sets it, in force here since" in again.text
        for plan in documents:
            fleet.netopt("remove", plan["name"], "-l", tuned, "--json")
        assert fleet.differences(held) == []
    finally:
        lifecycle.execute(fleet.lab, tuned, ["sh", "-c", UNDO])
    assert fleet.differences(before) == []


def test_adopted_from_hosts(fleet: Fleet) -> None:
    """Hosts that are alike get one plan, one that was tuned gets its own; on it the plan is all that is new."""
    before = fleet.views()
    tuned = fleet.hosts[0].name
    in_file = f"mkdir -p /etc/sysctl.d && echo net.core.somaxconn=4321 >{FILE} && sysctl -qw {BY_HAND}"
    lifecycle.execute(fleet.lab, tuned, ["sh", "-c", in_file])
    try:
        held = fleet.views()
        answer = fleet.netopt("adopt", "--name", "found", "--iface", "eth0", "--json", "-l", "all")
        by_hosts = {tuple(each["hosts"]): each["plans"] for each in json.loads(answer.text)["plans"]}
        (plan,) = by_hosts[tuned,]
        found = plan["changes"]["sysctl"]
        assert {key: found[key] for key in ("net.ipv4.tcp_fin_timeout", "net.core.somaxconn")} == {
            "net.ipv4.tcp_fin_timeout": "23",
            "net.core.somaxconn": "4321",
        }
        assert found["net.ipv4.conf.all.rp_filter"] == "2"
        others = [each for hosts, plans in by_hosts.items() if tuned not in hosts for each in plans]
        assert not [each for each in others if "net.core.somaxconn" in each["changes"]["sysctl"]]

        path = fleet.folder / "found.yml"
        fleet.netopt("adopt", "--name", "found", "--iface", "eth0", "-l", tuned, "-o", str(path))
        assert yaml.safe_load(path.read_text(encoding="utf-8")) is not None
        assert "# by default 60\n" in path.read_text(encoding="utf-8")
        assert f"# by default 4096; set in {FILE}\n" in path.read_text(encoding="utf-8")
        report = fleet.netopt("apply", str(path), "-l", tuned, "--json").report
        assert {entry["subsystem"] for entry in report["hosts"][tuned]["diff"]} == {"plan"}
        assert fleet.netopt("apply", str(path), "-l", tuned, "--json").statuses == {"unchanged"}
        assert fleet.differences(held) == []
        fleet.netopt("remove", "found", "-l", tuned, "--json")
        assert fleet.differences(held) == []
    finally:
        lifecycle.execute(fleet.lab, tuned, ["sh", "-c", f"rm -f {FILE}; sysctl -qw {BACK}"])
    assert fleet.differences(before) == []
