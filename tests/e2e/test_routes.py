# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metrics of the very route that the hosts are managed by: set, kept, told of, taken back, over the whole way."""

from __future__ import annotations

import json

import pytest

from tests.e2e.fleet import Fleet, on_console

pytestmark = pytest.mark.lab


def managed_by(fleet: Fleet) -> str:
    """Return the network that the hosts' own connection leaves by."""
    text = on_console(fleet.lab, fleet.name(1), "ip", "-j", "-4", "route", "show", "dev", "eth0", "proto", "kernel")
    (route,) = json.loads(text)
    return str(route["dst"])


def test_the_managements_own_route(fleet: Fleet) -> None:
    """The new connection that confirms comes in by the route that was replaced, and all hosts keep the change."""
    before = fleet.views()
    network = managed_by(fleet)
    changes = {"routes": [{"dst": network, "initcwnd": 20, "quickack": True, "rto_min_ms": 40}]}
    answer = fleet.apply(changes)
    assert answer.statuses == {"applied"}
    assert fleet.apply(changes).statuses == {"unchanged"}
    for host in fleet.lab.hosts:
        shown = on_console(fleet.lab, host.name, "ip", "route", "show", network)
        assert "initcwnd 20 rto_min lock 40ms quickack 1" in shown
    on_console(fleet.lab, fleet.name(2), "sh", "-c", f"ip route change $(ip route show {network} | cut -d' ' -f1-9)")
    verified = fleet.netopt("verify", "--json")
    assert verified.status == 1
    drifted = [entry["key"] for entry in verified.report["hosts"][fleet.name(2)]["drift"]]
    assert f"eth0 {network} initcwnd" in drifted
    assert fleet.apply({"routes": None}).statuses == {"applied"}
    assert fleet.differences(before) == []


@pytest.mark.long
def test_a_host_without_the_route_refuses_alone(fleet: Fleet) -> None:
    """The others are done; the report of that one says what there is."""
    before = fleet.views()
    network = "198.51.100.0/24"
    for number in (1, 2):
        on_console(fleet.lab, fleet.name(number), "ip", "route", "add", network, "dev", "eth0")
    try:
        report = fleet.apply({"routes": [{"dst": network, "initcwnd": 20}]}).report
        found = {name: host["status"] for name, host in report["hosts"].items()}
        assert found == {fleet.name(1): "applied", fleet.name(2): "applied", fleet.name(3): "failed"}
        error = report["hosts"][fleet.name(3)]["error"]
        assert "There is no route to 198.51.100.0/24 through eth0" in error["message"]
        assert managed_by(fleet) in error["hint"]
        fleet.netopt("rollback", report["checkpoint_id"], "--json")
    finally:
        for number in (1, 2):
            on_console(fleet.lab, fleet.name(number), "ip", "route", "del", network)
    assert fleet.differences(before) == []
