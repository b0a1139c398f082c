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

pytestmark = pytest.mark.lab

BY_HAND = "net.ipv4.tcp_fin_timeout=23 net.core.somaxconn=4321 net.ipv4.conf.all.rp_filter=2"
FILE = "/etc/sysctl.d/60-by-hand.conf"
BACK = "net.ipv4.tcp_fin_timeout=60 net.core.somaxconn=4096 net.ipv4.conf.all.rp_filter=0"


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
