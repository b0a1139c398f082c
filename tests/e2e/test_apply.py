# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan from the command line over SSH into three kernels: applied, unchanged, drifted, mended, and rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mcp_bridge.lab.kernel_view import Host
from tests.e2e.fleet import Answer, Fleet

pytestmark = pytest.mark.lab

CHANGES: dict[str, Any] = {
    "sysctl": {
        "net.ipv4.tcp_fin_timeout": 21,
        "net.ipv4.ip_forward": 1,
        "net.ipv4.tcp_rmem": "4096 131072 33554432",
        "net.ipv4.tcp_low_latency": 1,
    },
    "shaper": {"egress_mbit": 500, "ingress_mbit": 400},
    "htb_classes": [
        {"classid": "1:10", "rate_mbit": 100, "priority": 0, "match": [{"proto": "udp", "dports": "5060-5070"}]},
        {"classid": "1:20", "rate_mbit": 50, "leaf": {"type": "pfifo", "params": {"limit": 50}}},
    ],
    "default_class": "1:20",
    "dscp": [{"match": {"proto": "udp", "dports": [5060]}, "dscp": "EF"}],
    "connection_limits": [{"protocol": "tcp", "port": 443, "limit": 100}],
    "rate_limits": [{"rate": "1000/second", "burst": 50, "protocol": "tcp", "port": 80}],
    "connection_tracking": {"tcp_timeout_established": 7200, "drop_invalid": True},
    "nat_rules": [{"type": "masquerade", "src": "10.99.0.0/16"}],
    "offloads": {"tso": False},
    "mtu": 1400,
}
FOREIGN = """
table ip nat {
  chain DOCKER {
    ip daddr 172.17.0.2 tcp dport 80 counter packets 12 bytes 720 dnat to 172.17.0.3:8080
  }
  chain PREROUTING {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr 172.17.0.0/16 fib daddr type local counter packets 33 bytes 1980 jump DOCKER
  }
  chain POSTROUTING {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 172.17.0.0/16 oifname != "docker0" counter packets 5 bytes 300 masquerade
  }
}
table ip filter {
  chain FORWARD {
    type filter hook forward priority filter; policy accept;
    ip saddr 172.17.0.0/16 counter packets 1 bytes 60 accept
  }
}
table inet firewalld {
  counter refused { packets 9 bytes 540; }
  set blocked { type ipv4_addr; elements = { 192.0.2.66 } }
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy accept;
    ip saddr @blocked counter name "refused" drop
  }
}
table bridge docker {
  chain forward {
    type filter hook forward priority 0;
    counter packets 2 bytes 80
  }
}
"""
DRIFT = (
    (1, "tc class change dev eth0 parent 1:1 classid 1:10 htb rate 99mbit", "1:10"),
    (1, "tc qdisc delete dev eth0 ingress", "eth0"),
    (2, "nft flush chain inet netopt input", "netopt"),
    (3, "sysctl -w net.ipv4.tcp_fin_timeout=60", "net.ipv4.tcp_fin_timeout"),
    (3, "ip link set eth0 mtu 1500", "mtu"),
)


@pytest.fixture
def foreign(fleet: Fleet) -> Iterator[None]:
    """Tables such as docker and firewalld make them, with counters that have counted, on every host."""
    for host in fleet.hosts:
        host.run("sh", "-c", f"nft -f - <<'EOF'\n{FOREIGN}EOF")
    yield
    for host in fleet.hosts:
        for table in ("ip nat", "ip filter", "inet firewalld", "bridge docker"):
            host.run("sh", "-c", f"nft delete table {table}")


def others(host: Host) -> str:
    """Return all tables but netopt's, counters and all."""
    names = [line for line in host.run("nft", "list", "tables").splitlines() if line != "table inet netopt"]
    return "".join(host.run("sh", "-c", f"nft list {name}") for name in names)


@pytest.mark.usefixtures("foreign")
def test_applied_unchanged_mended_and_rolled_back(fleet: Fleet) -> None:
    """The whole way: nothing in check mode, all of it once, nothing twice, drift named and mended, all of it undone."""
    before, untouched = fleet.views(), {host.name: others(host) for host in fleet.hosts}

    predicted = fleet.apply(CHANGES, "--check")
    assert (predicted.status, predicted.statuses) == (0, {"would_change"}), predicted.report["errors"]
    assert fleet.differences(before) == []

    applied = fleet.apply(CHANGES)
    assert (applied.status, applied.statuses) == (0, {"applied"}), applied.report["errors"]
    assert applied.report["applied"] is True
    for name, host in applied.report["hosts"].items():
        assert host["diff"] == predicted.report["hosts"][name]["diff"]
        assert {skip["key"] for skip in host["skipped"]} == {"net.ipv4.tcp_low_latency"}
    held = fleet.views()
    assert all(held[name] != before[name] for name in before)
    assert {host.name: others(host) for host in fleet.hosts} == untouched

    unchanged = fleet.apply(CHANGES)
    assert (unchanged.status, unchanged.statuses) == (0, {"unchanged"})
    assert fleet.differences(held) == []

    drifts(fleet, held)

    rolled_back = fleet.netopt("rollback", applied.report["checkpoint_id"], "--json")
    assert (rolled_back.status, rolled_back.statuses) == (0, {"rolled_back"}), rolled_back.report["errors"]
    assert fleet.differences(before) == []
    assert {host.name: others(host) for host in fleet.hosts} == untouched


def drifts(fleet: Fleet, held: dict[str, dict[str, str]]) -> None:
    """Change something by hand on every host: check mode names it and leaves it, applying mends it."""
    for number, command, _ in DRIFT:
        fleet.host(number).run("sh", "-c", command)
    drifted = fleet.views()
    assert all(drifted[name] != held[name] for name in held)
    predicted = fleet.apply(CHANGES, "--check")
    assert predicted.statuses == {"would_change"}, predicted.report["errors"]
    assert fleet.differences(drifted) == []
    for number, command, key in DRIFT:
        named = [change["key"] for change in predicted.report["hosts"][fleet.name(number)]["diff"]]
        assert any(key in name for name in named), (command, named)
    assert fleet.apply(CHANGES).statuses == {"applied"}
    assert fleet.differences(held) == []


@pytest.mark.long
def test_what_a_person_reads(fleet: Fleet) -> None:
    """Without --json there is a table with a line per host, the differences, and how to undo it all."""
    answer: Answer = fleet.netopt(
        "apply", fleet.plan({"sysctl": {"net.ipv4.tcp_fin_timeout": 23}}), "--diff", "--label", "night"
    )
    assert answer.status == 0, answer.said
    lines = answer.text.splitlines()
    assert lines[0].split() == ["HOST", "STATUS", "CHANGES", "OPERATIONS"]
    for host in fleet.hosts:
        assert any(line.split() == [host.name, "applied", "1", "1"] for line in lines)
        assert f"{host.name}: sysctl net.ipv4.tcp_fin_timeout: 60 -> 23" in lines
    undo, *where = lines[-1].rpartition("netopt rollback ")[2].split()
    assert where == ["-i", str(fleet.lab.inventory)]
    listed = fleet.netopt("checkpoints")
    assert undo in listed.text
    assert "night" in listed.text
    assert fleet.netopt("rollback", undo).status == 0
    assert {host.run("sysctl", "-n", "net.ipv4.tcp_fin_timeout") for host in fleet.hosts} == {"60\n"}


@pytest.mark.long
def test_one_host_by_limit(fleet: Fleet) -> None:
    """With -l nobody else is touched."""
    before = fleet.views()
    answer = fleet.apply({"mtu": 1400}, "-l", fleet.name(2))
    assert (answer.status, list(answer.report["hosts"])) == (0, [fleet.name(2)])
    after = fleet.views()
    assert [name for name in before if before[name] != after[name]] == [fleet.name(2)]
    assert fleet.netopt("rollback", answer.report["checkpoint_id"], "-l", fleet.name(2)).status == 0
    assert fleet.differences(before) == []


def test_a_profile_fits_itself_to_the_hosts(fleet: Fleet) -> None:
    """A profile alone is a plan: it is adapted to namespaces, says so, and holds."""
    before = fleet.views()
    answer = fleet.netopt("apply", "--profile", "server", "--json")
    assert (answer.status, answer.statuses) == (0, {"applied"}), answer.report["errors"]
    assert all(host["skipped"] for host in answer.report["hosts"].values())
    assert fleet.netopt("apply", "--profile", "server", "--json").statuses == {"unchanged"}
    assert fleet.netopt("rollback", answer.report["checkpoint_id"]).status == 0
    assert fleet.differences(before) == []
