# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One plan for hosts whose interfaces have other names: each finds its own, and one that has none fails alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_bridge.lab.state import Lab
from tests.e2e.fleet import Answer, on_console, ready
from tests.e2e.site import Site

pytestmark = pytest.mark.lab

NAMES = ("enp1s0", "enp7s0", "wan0")
CHANGES = {"mtu": 1400, "shaper": {"egress_mbit": 50}}
FAILED = 2  # ansible-playbook's exit status where hosts failed


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Iterator[Site]:
    """The lab's hosts, each with an interface more, that is called otherwise on each."""
    made = Site(ready(lab, tmp_path))
    for number, name in enumerate(NAMES, start=1):
        add = f"ip link add {name} type veth peer name end0 && ip link set end0 up && ip link set {name} up"
        console(made, number, f"{add} && ip addr add 198.18.{number}.1/24 dev {name}")
    yield made
    for number, name in enumerate(NAMES, start=1):
        console(made, number, f"ip link del {name}")


def console(site: Site, number: int, line: str) -> str:
    """Run a line of shell on a host."""
    return on_console(site.fleet.lab, site.fleet.name(number), "sh", "-c", line)


def shaped(site: Site) -> list[bool]:
    """Return which hosts have their interface shaped, with the MTU of the plan."""
    found = []
    for number, name in enumerate(NAMES, start=1):
        text = console(site, number, f"ip link show dev {name}; tc qdisc show dev {name}")
        found.append(" mtu 1400 " in text and " htb " in text)
    return found


def roll_back(site: Site, identity: str) -> Answer:
    """Lead back the hosts that have changed."""
    return site.fleet.netopt("rollback", identity, "--json")


def test_one_glob_for_the_fleet(site: Site) -> None:
    """By the command line: two hosts have an interface that matches, the third fails alone and is told why."""
    plan = site.fleet.folder / "plan.json"
    plan.write_text(json.dumps({"iface": "enp*", "changes": CHANGES}), encoding="utf-8")
    done = site.fleet.netopt("apply", str(plan), "--json")
    hosts = [done.report["hosts"][site.fleet.name(number)] for number in (1, 2, 3)]
    assert [host["status"] for host in hosts] == ["applied", "applied", "failed"], done
    assert (done.status, shaped(site)) == (1, [True, True, False])
    assert any("{enp*}" in line for line in done.report["commands_preview"])
    error = hosts[2]["error"]
    assert error["message"] == "This host has no interface that matches enp*"
    assert "wan0 (veth" in error["hint"]
    again = site.fleet.netopt("apply", str(plan), "--json", "--limit", f"{site.fleet.name(1)},{site.fleet.name(2)}")
    assert (again.status, again.statuses) == (0, {"unchanged"}), again
    assert site.fleet.netopt("verify", "--limit", site.fleet.name(1)).status == 0
    roll_back(site, done.report["checkpoint_id"])
    assert shaped(site) == [False, False, False]


@pytest.mark.long
def test_globs_in_a_playbook(site: Site) -> None:
    """By the playbook: the host without such an interface fails with what it has; with two globs all get theirs."""
    ran = site.run("netopt.linux.apply", netopt_plan={"iface": "enp*", "changes": CHANGES})
    assert (ran.status, shaped(site)) == (FAILED, [True, True, False]), ran.text
    assert "no interface that matches enp*" in ran.text
    wider = {"iface": ["[ew][na][pn]*"], "changes": CHANGES}
    ran = site.run("netopt.linux.apply", netopt_plan=wider, netopt_checkpoint_id="wider")
    assert (ran.status, shaped(site)) == (0, [True, True, True]), ran.text
    for identity in [one["checkpoint_id"] for one in site.fleet.netopt("checkpoints", "--json").report["checkpoints"]]:
        roll_back(site, identity)
    assert shaped(site) == [False, False, False]
