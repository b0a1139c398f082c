# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbooks judge and tell as the command line does: a table, how to undo it, and an exit status."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcp_bridge.lab.state import Lab
from tests.e2e.fleet import finish, on_console, ready
from tests.e2e.site import Ran, Site
from tests.waiting import until

pytestmark = pytest.mark.lab

KEY = "net.core.somaxconn"
PLAN: dict[str, Any] = {"iface": "eth0", "changes": {"sysctl": {KEY: 1000}}}
FAILED = 2  # ansible-playbook's exit status where hosts failed


def lines(ran: Ran) -> list[str]:
    """Return the lines of the table that a playbook has shown, blanks as one."""
    (table,) = re.findall(r'"table": \[\n(.*?)\n\s*\]', ran.text, re.DOTALL)
    return [" ".join(line.strip().strip('",').split()) for line in table.splitlines()]


@pytest.fixture
def site(fresh_lab: Lab, tmp_path: Path) -> Iterator[Site]:
    """Two hosts for one test."""
    return Site(ready(fresh_lab, tmp_path))


def test_the_life_of_a_change(site: Site) -> None:
    """Apply, list, verify, drift, a mistyped id, roll back: each says on one screen what there is to know."""
    first, second = (site.fleet.name(number) for number in (1, 2))
    before = site.fleet.values(KEY)
    applied = site.run("netopt.linux.apply", netopt_plan=PLAN)
    made = site.changes()
    (name,) = made[0]
    undo = f"Undo with: ansible-playbook netopt.linux.rollback -e netopt_checkpoint_id={name}"
    assert (applied.status, made) == (0, [{name}] * 2), applied.text
    rows = [f"{host} applied 1 {name}" for host in (first, second)]
    assert lines(applied) == ["HOST STATUS CHANGES CHECKPOINT", *rows, undo]

    calm = site.run("netopt.linux.verify")
    assert (calm.status, lines(calm)[1:]) == (0, [f"{host} nothing differs" for host in (first, second)]), calm.text

    on_console(site.fleet.lab, first, "sysctl", "-w", f"{KEY}=77")
    drifted = site.run("netopt.linux.verify")
    assert drifted.status == FAILED, drifted.text
    assert "Unknown error" not in drifted.text
    assert drifted.results[first]["msg"] == f"1 setting differs: {KEY}: wanted 1000, found 77 (set by {name})"
    assert lines(drifted) == [
        "HOST SETTING WANTED FOUND SET BY NOW OWNED BY",
        f"{first} {KEY} 1000 77 {name}",
        f"{second} nothing differs",
    ]
    assert re.search(r"changed=[1-9]", drifted.text) is None
    told = site.run("netopt.linux.verify", netopt_fail_on_drift=False)
    assert (told.status, lines(told)[1]) == (0, f"{first} {KEY} 1000 77 {name}"), told.text

    listed = site.run("netopt.linux.checkpoints")
    assert listed.status == 0
    assert lines(listed)[0] == "HOST CHECKPOINT STATUS CREATED LABEL"
    assert lines(listed)[1].startswith(f"{first} {name} confirmed 2")

    for playbook in ("confirm", "rollback", "accept", "verify"):
        nobody = site.run(f"netopt.linux.{playbook}", netopt_checkpoint_id="typo-id")
        assert nobody.status == FAILED, nobody.text
        assert "No host has the checkpoint typo-id. The playbook netopt.linux.checkpoints lists" in nobody.text

    back = site.run("netopt.linux.rollback", netopt_checkpoint_id=name)
    assert (back.status, lines(back)[1]) == (0, f"{first} rolled_back 1 {name}"), back.text
    assert site.fleet.values(KEY) == before


@pytest.mark.long
def test_a_host_that_fails_stands_in_the_table(site: Site) -> None:
    """The others are told beside it, with what undoes them; a read of facts and a snapshot say what they found."""
    first, second = (site.fleet.name(number) for number in (1, 2))
    site.host_vars({"netopt_plan": PLAN}, {"netopt_plan": {"iface": "nope0", "changes": {"mtu": 1400}}})
    ran = site.run("netopt.linux.apply")
    assert ran.status == FAILED
    _headings, good, bad, undo = lines(ran)
    assert good.startswith(f"{first} applied 1 ")
    assert bad.startswith(f"{second} failed: ")
    assert "nope0" in bad
    assert undo.endswith(good.rpartition(" ")[2])
    facts = site.run("netopt.linux.info", netopt_sysctl=[KEY])
    assert f"{first} {KEY} 1000" in lines(facts)
    written = site.run("netopt.linux.snapshot")
    assert [line.split()[1] for line in lines(written)[1:3]] == ["applied", "applied"]


@pytest.mark.long
def test_one_host_under_two_names(site: Site) -> None:
    """The run meets itself on the host: both names are said, and the change is made once."""
    first, second = (site.fleet.name(number) for number in (1, 2))
    inventory = site.fleet.inventory()
    data = yaml.safe_load(inventory.read_text(encoding="utf-8"))
    data["all"]["hosts"]["twin"] = dict(data["all"]["hosts"][first])
    inventory.write_text(yaml.safe_dump(data), encoding="utf-8")
    slow = [{"protocol": "tcp", "port": port, "limit": 100} for port in range(1000, 1060)]
    answer = site.fleet.apply({"connection_limits": slow}, inventory=inventory)
    found = {name: host["status"] for name, host in answer.report["hosts"].items()}
    assert (answer.status, found.pop(second), sorted(found.values())) == (1, "applied", ["applied", "failed"])
    late = next(name for name, status in found.items() if status == "failed")
    other = next(name for name, status in found.items() if status == "applied")
    message = answer.report["hosts"][late]["error"]["message"]
    assert f"under two names: {late} and {other}" in message


@pytest.mark.long
def test_a_rollback_from_elsewhere_stops_the_rollout(site: Site) -> None:
    """Between two waves somebody else rolls the change back: the host whose turn comes refuses it, and it is told."""
    before = site.fleet.values(KEY)
    rollout = site.fleet.start("apply", site.fleet.plan(PLAN["changes"]), "--json", "--waves", "1,1", "--pause", "20")
    until(lambda: site.changes()[0] and site.fleet.values(KEY)[0] == "1000", 60, "the first wave")
    (name,) = site.changes()[0]
    until(lambda: "confirmed" in site.run("netopt.linux.checkpoints").text, 60, "the first host keeps it")
    back = site.run("netopt.linux.rollback", netopt_checkpoint_id=name)
    assert back.status == 0, back.text
    answer = finish(rollout)
    assert (answer.status, site.fleet.values(KEY)) == (1, before), answer
    assert answer.report["rollout"]["stopped"]
    late = answer.report["hosts"][site.fleet.name(2)]
    assert late["error"]["message"] == f"The change {name} was rolled back before it came to this host"
    resumed = site.fleet.netopt("apply", "--resume", answer.report["run_id"], "--json")
    assert (resumed.status, site.fleet.values(KEY)) == (0, ["1000"] * 2), resumed
