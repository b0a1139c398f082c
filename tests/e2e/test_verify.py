# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Over SSH: what is changed by hand is found, and a plan that would keep the controller out is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.lab.state import Lab
from tests.e2e.fleet import Fleet, ready

pytestmark = pytest.mark.lab

FIN = "net.ipv4.tcp_fin_timeout"
CHANGES: dict[str, Any] = {
    "sysctl": {FIN: 21},
    "mtu": 1400,
    "offloads": {"tso": False},
    "htb_classes": [{"classid": "1:10", "rate_mbit": 100}, {"classid": "1:20", "rate_mbit": 50}],
    "default_class": "1:20",
    "connection_limits": [{"protocol": "tcp", "port": 22, "limit": 5}],
}
BY_HAND = {
    f"sysctl -w {FIN}=33": FIN,
    "tc class change dev eth0 parent 1: classid 1:20 htb rate 9mbit ceil 9mbit": "eth0 class 1:20",
    "nft add rule inet netopt input counter accept": "table inet netopt chain input rule",
    "ethtool -K eth0 tso on": "eth0 tx-tcp-segmentation",
    "ip link set eth0 mtu 1450": "eth0 mtu",
}


@pytest.fixture
def fleet(fresh_lab: Lab, tmp_path: Path) -> Fleet:
    """Two hosts to be treated badly."""
    return ready(fresh_lab, tmp_path)


def test_drift_of_every_kind(fleet: Fleet) -> None:
    """Each setting that was changed by hand is told, on the host where it was, and applying again mends all of them."""
    nothing = fleet.netopt("verify", "--json")
    assert (nothing.status, nothing.report["in_order"]) == (0, True)
    applied = fleet.apply(CHANGES)
    assert applied.statuses == {"applied"}
    calm = fleet.netopt("verify", "--json")
    assert (calm.status, calm.report["in_order"]) == (0, True), calm.report
    for command in BY_HAND:
        fleet.host(1).run("sh", "-c", command)
    found = fleet.netopt("verify", "--json")
    assert (found.status, found.report["in_order"]) == (1, False)
    first, second = (found.report["hosts"][fleet.name(number)] for number in (1, 2))
    assert (first["report"]["status"], second["report"]["status"]) == ("would_change", "unchanged")
    assert second["drift"] == []
    keys = [entry["key"] for entry in first["drift"]]
    assert [name for name in BY_HAND.values() if not any(key.startswith(name) for key in keys)] == []
    assert {entry["checkpoint_id"] for entry in first["drift"]} == {applied.report["checkpoint_id"]}
    fin = next(entry for entry in first["drift"] if entry["key"] == FIN)
    assert (fin["wanted"], fin["found"]) == ("21", "33")
    for_people = fleet.netopt("verify", "-l", fleet.name(1))
    assert for_people.status == 1
    assert all(word in for_people.text for word in ("SETTING", FIN, "eth0 class 1:20"))
    assert fleet.apply(CHANGES).statuses == {"applied", "unchanged"}
    assert fleet.netopt("verify").status == 0
    assert fleet.netopt("rollback", str(applied.report["checkpoint_id"])).status == 0
    assert fleet.netopt("verify").status == 0


@pytest.mark.long
def test_the_owner_is_named(fleet: Fleet) -> None:
    """A sysctl.d file that says what a key is now is named as the one that set it."""
    fleet.apply({"sysctl": {FIN: 21}})
    fleet.host(2).run("sh", "-c", f"echo {FIN}=44 >/etc/sysctl.d/95-mine.conf; sysctl -p /etc/sysctl.d/95-mine.conf")
    found = fleet.netopt("verify", "--json").report["hosts"][fleet.name(2)]["drift"]
    assert [(entry["key"], entry["found"], entry["owner"]) for entry in found] == [
        (FIN, "44", "/etc/sysctl.d/95-mine.conf")
    ]


def test_an_unreachable_host_is_not_in_order(fleet: Fleet) -> None:
    """A host that gives no answer is not taken for one that has not drifted."""
    inventory = fleet.inventory(h2={"ansible_port": 2})
    found = fleet.netopt("verify", "--json", inventory=inventory)
    assert found.status == 1
    assert found.report["hosts"][fleet.name(2)]["report"]["status"] == "unreachable"


KEEPING_OUT: dict[str, dict[str, Any]] = {
    "changes.connection_limits[0]": {"connection_limits": [{"protocol": "tcp", "port": 22, "limit": 1}]},
    "changes.rate_limits[0]": {"rate_limits": [{"rate": "1/hour", "burst": 9}]},
    "changes.nat_rules[0]": {
        "sysctl": {"net.ipv4.ip_forward": 1},
        "nat_rules": [{"type": "dnat", "protocol": "tcp", "port": 22, "to_addr": "203.0.113.9"}],
    },
}


@pytest.mark.long
def test_no_plan_keeps_its_own_controller_out(fleet: Fleet) -> None:
    """The session as the host sees it decides: the rule, the address and the port are named, nothing is touched."""
    before = fleet.views()
    for path, changes in KEEPING_OUT.items():
        report = fleet.apply(changes).report
        for host in report["hosts"].values():
            assert (host["status"], host["error"]["stage"], host["error"]["key"]) == ("failed", "plan", path)
            assert "port 22" in host["error"]["message"]
            assert host["error"]["hint"]
        assert fleet.differences(before) == [], path
    assert fleet.apply({"connection_limits": [{"protocol": "tcp", "port": 22, "limit": 5}]}).statuses == {"applied"}
