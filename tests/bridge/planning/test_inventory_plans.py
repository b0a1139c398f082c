# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans that an inventory's variables give: read by Ansible itself, each different one checked once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcp_bridge.errors import InventoryError, PlanError
from mcp_bridge.planning import host_plans, inventory_plans
from mcp_bridge.planning.host_plans import HostPlans, check_kept
from mcp_bridge.policy import load_policy

KEY = "net.core.somaxconn"


def plan(value: object, **more: Any) -> dict[str, Any]:
    """Return a plan as a variable."""
    return {"iface": "eth0", "profile": None, "changes": {"sysctl": {KEY: value}}, **more}


class Site:
    """An inventory in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def hosts(self, **variables: dict[str, Any]) -> str:
        """Write an inventory in which hosts have variables, and return its path."""
        path = self.folder / "hosts.yml"
        path.write_text(yaml.safe_dump({"all": {"hosts": variables}}), encoding="utf-8")
        return str(path)

    def group_vars(self, variables: dict[str, Any]) -> None:
        """Give all hosts variables."""
        (self.folder / "group_vars").mkdir()
        (self.folder / "group_vars" / "all.yml").write_text(yaml.safe_dump(variables), encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A folder for an inventory."""
    return Site(tmp_path)


def read(source: str, limit: str | None = None) -> HostPlans:
    """Return the plans of an inventory by the shipped policy."""
    return inventory_plans.read(source, limit=limit, policy=load_policy())


def shares(found: HostPlans) -> list[tuple[str, tuple[str, ...]]]:
    """Return the value of each plan, and its hosts."""
    return [(share.plan.target_inputs.plan["changes"]["sysctl"][KEY], share.hosts) for share in found.shares]


def issues(source: str) -> dict[str, str]:
    """Return what is wrong with the plans of an inventory, by host and path."""
    with pytest.raises(PlanError) as caught:
        read(source)
    return {issue.path: issue.message for issue in caught.value.issues}


def test_hosts_are_grouped_by_what_they_get(site: Site) -> None:
    """Templates are evaluated for each host; equal plans are one, and who has none is told."""
    site.group_vars({"netopt_plan": plan("{{ backlog | int * 10 }}")})
    source = site.hosts(a={"backlog": 200}, b={"backlog": 100}, c={"backlog": 100}, d={"netopt_plan": None})
    found = read(source)
    assert shares(found) == [("1000", ("b", "c")), ("2000", ("a",))]
    assert found.without == ("d",)
    assert found.headings() == ["Plan 1 of 2, for 2 hosts: b, c", "Plan 2 of 2, for 1 host: a"]
    assert found.extra_vars()["netopt_hosts"] == ["a", "b", "c"]
    assert shares(read(source, "a,d")) == [("2000", ("a",))]


@pytest.mark.long
def test_a_thousand_equal_plans_are_checked_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What checking costs does not grow with the hosts, also where a template makes each host's plan."""
    asked: list[object] = []
    real = host_plans.check
    monkeypatch.setattr(host_plans, "check", lambda *words: asked.append(words) or real(*words))
    site.group_vars({"backlog": 100, "netopt_plan": plan("{{ backlog | int * 10 }}")})
    found = read(site.hosts(**{f"h{number}": {} for number in range(1000)}, other={"backlog": 200}))
    assert [len(share.hosts) for share in found.shares] == [1000, 1]
    assert len(asked) == 2


def test_the_same_plan_in_two_writings_is_one(site: Site) -> None:
    """Text, another order, a list of one plan and a number that is text say the same plan."""
    source = site.hosts(
        a={"netopt_plan": plan(1000)},
        b={"netopt_plan": json.dumps(plan("1000"))},
        c={"netopt_plans": [{"changes": {"sysctl": {KEY: 1000}}, "iface": "eth0"}]},
    )
    assert shares(read(source)) == [("1000", ("a", "b", "c"))]


def test_all_issues_of_all_hosts(site: Site) -> None:
    """A refused plan, a template of nothing, text that says a key twice: each is told with its hosts."""
    source = site.hosts(
        a={"netopt_plan": plan(1000)},
        b={"netopt_plan": plan(10**9)},
        c={"netopt_plan": plan("{{ nothing }}")},
        d={"netopt_plan": '{"iface": "eth0", "changes": {"mtu": 1400}, "changes": {"mtu": 1500}}'},
        e={"netopt_plan": [plan(1)]},
        f={"netopt_plan": plan(1000), "netopt_plans": [plan(1000)]},
        g={"netopt_plans": [plan(1000), plan(2000)]},
    )
    found = issues(source)
    assert set(found) == {
        f"b: changes.sysctl.{KEY}",
        "c: netopt_plan",
        "d: netopt_plan",
        "e: netopt_plan",
        "f: netopt_plans",
        f"g: changes.sysctl.{KEY}",
    }
    assert "nothing" in found["c: netopt_plan"]
    assert "given twice" in found["d: netopt_plan"]


def test_a_key_that_is_given_twice_in_a_variables_file(site: Site) -> None:
    """Ansible would take the last of the two; here the inventory is refused."""
    source = site.hosts(a={})
    text = "netopt_plan:\n  iface: eth0\n  changes: {mtu: 1400}\n  changes: {mtu: 1500}\n"
    (site.folder / "host_vars").mkdir()
    (site.folder / "host_vars" / "a.yml").write_text(text, encoding="utf-8")
    with pytest.raises(InventoryError, match=r"[Dd]uplicate"):
        read(source)


def test_nobody_has_a_plan(site: Site) -> None:
    """The variable's name is said, with what it looks like; a host that is not there is another matter."""
    source = site.hosts(a={})
    with pytest.raises(InventoryError, match="has the variable netopt_plan"):
        read(source)
    with pytest.raises(InventoryError, match="matches 'nope'"):
        read(source, "nope")


def test_what_is_kept_is_the_same(site: Site) -> None:
    """A rollout that goes on later gets the very plans for the very hosts."""
    found = read(site.hosts(a={"netopt_plan": plan(1000)}, b={"netopt_plan": plan(2000)}, c={}))
    kept = check_kept(json.loads(json.dumps(found.kept())), load_policy())
    assert isinstance(kept, HostPlans)
    assert (kept.digest, kept.extra_vars()) == (found.digest, found.extra_vars())
