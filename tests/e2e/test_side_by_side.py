# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The router and the web server of docs/plans.md, with the very files that stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcp_bridge.lab.state import Lab
from tests.e2e.fleet import ROOT, Answer, Fleet, on_console, ready

pytestmark = pytest.mark.lab

ROUTER, WEB = 1, 2
BACKLOG = "net.core.somaxconn"
UPLINKS = """
for name in wan lan; do
  ip link add ${name}0 type veth peer name ${name}1
  ip link set ${name}0 up
  ip link set ${name}1 up
done
until ip -6 address show dev wan0 | grep -q 'scope link' && ip -6 address show dev lan0 | grep -q 'scope link'
do sleep 0.1; done
! ip -6 address show | grep tentative || sleep 3
"""


@pytest.fixture
def fleet(fresh_lab: Lab, tmp_path: Path) -> Fleet:
    """A router with an uplink and a LAN, a web server, and the files of the documentation beside their inventory."""
    on_console(fresh_lab, fresh_lab.hosts[ROUTER - 1].name, "sh", "-c", UPLINKS)
    text = (ROOT / "docs" / "plans.md").read_text(encoding="utf-8")
    for name, body in re.findall(r"^```yaml file=(\S+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(body.replace("fq_codel", "pfifo"), encoding="utf-8")  # kernels of test machines may lack it
    return ready(fresh_lab, tmp_path)


def inventory(fleet: Fleet) -> Path:
    """Return the inventory, with a group for each kind of host."""
    path = fleet.inventory()
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    groups = {"router": ROUTER, "web": WEB}
    data["all"]["children"] = {group: {"hosts": {fleet.name(number): {}}} for group, number in groups.items()}
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


def run(fleet: Fleet, *words: str) -> Answer:
    """Run a command on the hosts of the inventory."""
    return fleet.netopt(*words, "--json", inventory=inventory(fleet))


def changed(answer: Answer) -> str:
    """Return the checkpoint of a change that was made."""
    assert answer.statuses == {"applied"}, answer.text + answer.said
    checkpoint: str = answer.report["checkpoint_id"]
    return checkpoint


def in_force(fleet: Fleet, number: int) -> dict[str, set[str]]:
    """Return the fields that each plan in force on a host sets, by its name."""
    plans = run(fleet, "plans").report["hosts"][fleet.name(number)]
    return {plan["name"]: {one["path"].partition(".")[0] for one in plan["sections"]} for plan in plans}


def owners(fleet: Fleet, number: int) -> dict[str, set[str]]:
    """Return the fields that the rules of a host are made of, by the plan that their comments name."""
    rules = on_console(fleet.lab, fleet.name(number), "nft", "list", "table", "inet", "netopt")
    found: dict[str, set[str]] = {}
    for plan, field in re.findall(r'comment "(\w+): (\w+)', rules):
        found.setdefault(plan, set()).add(field)
    return found


@pytest.mark.long
def test_a_router(fleet: Fleet) -> None:
    """Two plans are one change; the uplink's is taken away and the LAN's stays; the checkpoint leads back to before."""

    def uplink() -> tuple[Any, ...]:
        words = [("sysctl", "-n", "net.ipv4.ip_forward"), ("tc", "class", "show", "dev", "wan0")]
        return tuple(on_console(fleet.lab, fleet.name(ROUTER), *argv).strip() for argv in words)

    before, idle = fleet.views(), uplink()
    first = changed(run(fleet, "apply", "--from-inventory", "-l", "router"))
    assert run(fleet, "apply", "--from-inventory", "-l", "router").statuses == {"unchanged"}
    lan, wan = {"rate_limits"}, {"shaper", "qdisc", "dscp", "nat_rules", "sysctl"}
    assert in_force(fleet, ROUTER) == {"lan": lan, "wan": wan}
    rules = owners(fleet, ROUTER)
    assert (rules["wan"], rules["lan"] & lan) == ({"dscp", "nat_rules"}, lan)
    forwarding, classes = uplink()
    assert (forwarding, "rate 18500Kbit" in classes) == ("1", True), classes

    changed(run(fleet, "remove", "wan", "-l", "router"))
    assert (in_force(fleet, ROUTER), set(owners(fleet, ROUTER)), uplink()) == ({"lan": lan}, {"lan"}, idle)
    verified = run(fleet, "verify")
    assert verified.status == 0, verified.text  # nothing differs

    assert run(fleet, "rollback", first, "-l", "router").statuses == {"rolled_back"}
    assert (fleet.differences(before), in_force(fleet, ROUTER)) == ([], {})


def test_a_web_server_of_two_teams(fleet: Fleet) -> None:
    """Each team applies, changes and takes away its own; what contradicts the other one is refused with both names."""
    base, protection = (str(fleet.folder / f"web-{name}.yml") for name in ("base", "protection"))
    before = fleet.views()
    changed(run(fleet, "apply", protection, "-l", "web"))
    changed(run(fleet, "apply", base, "-l", "web"))
    rules = {"connection_limits", "rate_limits", "connection_tracking"}
    assert in_force(fleet, WEB) == {"base": {"sysctl"}, "protection": rules}

    plan = yaml.safe_load(Path(protection).read_text(encoding="utf-8"))
    plan["changes"]["sysctl"] = {BACKLOG: 200}
    Path(protection).write_text(yaml.safe_dump(plan), encoding="utf-8")
    refused = run(fleet, "apply", protection, "-l", "web").report["hosts"][fleet.name(WEB)]
    wanted = f"changes.sysctl.{BACKLOG}: plan protection wants 200, plan base 16384"
    assert (refused["status"], refused["error"]["message"]) == ("failed", wanted)

    del plan["changes"]["sysctl"], plan["changes"]["connection_tracking"]
    Path(protection).write_text(yaml.safe_dump(plan), encoding="utf-8")
    changed(run(fleet, "apply", protection, "-l", "web"))
    assert in_force(fleet, WEB) == {"base": {"sysctl"}, "protection": rules - {"connection_tracking"}}

    changed(run(fleet, "remove", "protection", "-l", "web"))
    assert fleet.values(BACKLOG)[WEB - 1] == "16384"
    changed(run(fleet, "remove", "base", "-l", "web"))
    assert (fleet.differences(before), in_force(fleet, WEB)) == ([], {})
