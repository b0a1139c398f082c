# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts with plans of their own: each gets its own, checked against the policy, however the playbook is run.

What all hosts of a run share is the name of the change, so that one rollback leads all of them back.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.lab.state import Lab
from mcp_bridge.planning.checked_plan import check
from mcp_bridge.policy import load_policy
from tests.e2e.fleet import ready
from tests.e2e.site import Ran, Site

pytestmark = pytest.mark.lab

KEY = "net.core.somaxconn"
OWN = ["1000", "2000", "3000"]
APPLY, ROLE = "netopt.linux.apply", "netopt.linux.optimize"
REFUSED: dict[str, Any] = {"iface": "eth0", "changes": {"sysctl": {KEY: 10**9, "net.core.rmem_max": 10**12}}}
FAILED = 2  # ansible-playbook's exit status where hosts failed


def plan(value: object, **more: Any) -> dict[str, Any]:
    """Return a plan as a host's variable."""
    return {"iface": "eth0", "profile": None, "changes": {"sysctl": {KEY: value}}, **more}


@dataclass(frozen=True)
class Way:
    """One way to apply each host's plan: netopt's playbook, or one of the user's own, and variables."""

    playbook: Sequence[Mapping[str, Any]] = ()
    words: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)

    def run(self, site: Site, *words: str, **variables: Any) -> Ran:
        """Run it."""
        playbook = site.playbook(*self.playbook) if self.playbook else APPLY
        return site.run(playbook, *self.words, *words, **self.variables, **variables)


def own_play(**parts: Any) -> tuple[dict[str, Any]]:
    """Return a playbook as a user writes it."""
    return ({"name": "Tune", "hosts": "all", "gather_facts": False, **parts},)


def task(module: str, **parts: Any) -> list[dict[str, Any]]:
    """Return a list with one task."""
    return [{"name": "Tune it", module: parts.pop("options"), **parts}]


IN_ROLES = {"roles": [ROLE]}
IMPORTED = {"tasks": task("ansible.builtin.import_role", options={"name": ROLE})}
INCLUDED = {"tasks": task("ansible.builtin.include_role", options={"name": ROLE})}
TASK = {"tasks": task("netopt.linux.netopt_apply", options={"plan": "{{ netopt_plan }}", "check_policy": True})}
WAYS = {
    "netopt's playbook": Way(),
    "one after the other": Way(variables={"netopt_serial": 1}),
    "in waves": Way(variables={"netopt_waves": "1, 100%"}),
    "in waves, kept at the end": Way(variables={"netopt_canary": 1, "netopt_confirm_at": "end"}),
    "says it is validated": Way(words=("--skip-tags", "netopt_validate"), variables={"netopt_validated": True}),
    "role": Way(own_play(**IN_ROLES)),
    "role, one after the other": Way(own_play(**IN_ROLES, serial=1)),
    "role, free": Way(own_play(**IN_ROLES, strategy="free")),
    "role imported, host pinned": Way(own_play(**IMPORTED, strategy="host_pinned")),
    "role included": Way(own_play(**INCLUDED)),
    "role included, one after the other": Way(own_play(**INCLUDED, serial=1)),
    "role included, free": Way(own_play(**INCLUDED, strategy="free")),
    "task, free, in two batches": Way(own_play(**TASK, strategy="free", serial=2)),
}
SOME = ["netopt's playbook", "in waves", "role, free"]
FIRST = "netopt's playbook"
EACH_OF_SOME = [pytest.param(WAYS[name], id=name, marks=() if name == FIRST else pytest.mark.long) for name in SOME]
PLACES = ("first", "second", "last")
TOLERANT = Way(variables={"netopt_waves": "2, 100%", "netopt_max_failures": 1})
FAILING = {"netopt's playbook": Way(), "in waves": TOLERANT, "role, free": WAYS["role, free"]}


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Iterator[Site]:
    """The lab's hosts with their inventory, rolled back afterwards."""
    fleet = ready(lab, tmp_path)
    site = Site(fleet)
    before, known = fleet.values(KEY), site.changes()
    yield site
    site.forget([now - then for now, then in zip(site.changes(), known, strict=True)])
    assert fleet.values(KEY) == before


@pytest.mark.parametrize(
    "way",
    [pytest.param(way, id=name, marks=() if name == FIRST else pytest.mark.long) for name, way in WAYS.items()],
)
def test_each_host_gets_its_own_plan(site: Site, way: Way) -> None:
    """Three hosts with three plans read three values; one name leads all of them back."""
    before, known = site.fleet.values(KEY), site.changes()
    site.host_vars(*({"netopt_plan": plan(int(value))} for value in OWN))
    ran = way.run(site)
    assert (ran.status, site.fleet.values(KEY)) == (0, OWN), ran.text
    made = [now - then for now, then in zip(site.changes(), known, strict=True)]
    (name,) = set.union(*made)
    assert made == [{name}] * 3
    back = site.run("netopt.linux.rollback", netopt_checkpoint_id=name)
    assert (back.status, site.fleet.values(KEY)) == (0, before), back.text


@pytest.mark.parametrize("way", EACH_OF_SOME)
def test_plans_from_templates(site: Site, way: Way) -> None:
    """One plan for the group, with each host's own value in it."""
    site.group_vars({"netopt_plan": plan("{{ backlog | int * 10 }}")})
    site.host_vars(*({"backlog": int(value) // 10} for value in OWN))
    ran = way.run(site)
    assert (ran.status, site.fleet.values(KEY)) == (0, OWN), ran.text


@pytest.mark.parametrize("way", EACH_OF_SOME)
def test_some_of_the_hosts(site: Site, way: Way) -> None:
    """A limit leaves the first host out, whose plan is nobody else's."""
    untouched = site.fleet.values(KEY)[0]
    site.host_vars(*({"netopt_plan": plan(int(value))} for value in OWN))
    ran = way.run(site, "-l", f"all:!{site.fleet.name(1)}")
    assert (ran.status, site.fleet.values(KEY)) == (0, [untouched, *OWN[1:]]), ran.text


@pytest.mark.parametrize(
    ("way", "refused"),
    [
        pytest.param(way, at, id=f"{name}-{place}", marks=() if number == at == 1 else pytest.mark.long)
        for number, (name, way) in enumerate(FAILING.items())
        for at, place in enumerate(PLACES)
    ],
)
def test_a_host_fails_alone_whose_plan_is_refused(site: Site, way: Way, refused: int) -> None:
    """It says all that is wrong with its plan and is not touched; the others are applied; the exit status tells."""
    plans = [plan(int(value)) for value in OWN]
    wanted = [*OWN]
    plans[refused], wanted[refused] = REFUSED, site.fleet.values(KEY)[refused]
    known = site.changes()
    site.host_vars(*({"netopt_plan": one} for one in plans))
    ran = way.run(site)
    assert (ran.status, site.fleet.values(KEY)) == (FAILED, wanted), ran.text
    name = site.fleet.name(refused + 1)
    assert {issue["path"].rpartition("sysctl.")[2] for issue in issues(ran, name)} == {*REFUSED["changes"]["sysctl"]}
    assert [now == then for now, then in zip(site.changes(), known, strict=True)].count(True) == 1
    assert re.search(rf"^{name} +: .*unreachable=0", ran.text, re.MULTILINE)


def issues(ran: Ran, host: str) -> list[dict[str, Any]]:
    """Return what is wrong with a host's plan, as its task said before the rollout's end did."""
    said = re.findall(rf"^\w+: \[{re.escape(host)}\](?:: \w+!)? => (\{{.*\}})$", ran.text, re.MULTILINE)
    found: list[dict[str, Any]] = next(result["issues"] for result in map(json.loads, said) if "issues" in result)
    return found


def test_prediction_is_each_hosts_own(site: Site) -> None:
    """Check mode tells each host's difference, and changes nothing."""
    before = site.fleet.values(KEY)
    site.host_vars(*({"netopt_plan": plan(int(value))} for value in OWN))
    ran = site.run(APPLY, "--check", "--diff")
    assert (ran.status, site.fleet.values(KEY)) == (0, before), ran.text
    told = [ran.results[host.name]["report"]["diff"] for host in site.fleet.lab.hosts]
    assert [[one["after"] for one in diff if one["key"] == KEY] for diff in told] == [[value] for value in OWN]


@pytest.mark.long
def test_a_digest_is_for_the_plan_that_was_looked_at(site: Site) -> None:
    """A host with another plan than the digest's refuses it; one whose plan it is applies it."""
    _, *others = site.fleet.values(KEY)
    site.host_vars(*({"netopt_plan": plan(int(value))} for value in OWN))
    ran = site.run(APPLY, netopt_digest=check(plan(int(OWN[0])), load_policy()).target_inputs.digest)
    assert (ran.status, site.fleet.values(KEY)) == (FAILED, [OWN[0], *others]), ran.text
    assert "its digest differs" in ran.results[site.fleet.name(2)]["msg"]


@pytest.mark.long
def test_two_changes_of_a_run_have_two_names(site: Site) -> None:
    """A host that the role changes twice in one play can be restored to before the second change alone."""
    twice = [
        {"role": ROLE, "vars": {"netopt_plan": plan(f"{{{{ {name} }}}}")}} for name in ("backlog", "larger_backlog")
    ]
    site.host_vars(*({"backlog": int(value), "larger_backlog": int(value) + 1} for value in OWN))
    known = site.changes()
    ran = site.run(site.playbook(*own_play(roles=twice, strategy="free")))
    assert (ran.status, site.fleet.values(KEY)) == (0, [str(int(value) + 1) for value in OWN]), ran.text
    made = [now - then for now, then in zip(site.changes(), known, strict=True)]
    assert made == [made[0]] * 3
    assert len(made[0]) == 2
    second = ran.results[site.fleet.name(1)]["report"]["checkpoint_id"]
    site.run("netopt.linux.rollback", netopt_checkpoint_id=second)
    assert site.fleet.values(KEY) == OWN


@pytest.mark.long
def test_one_task_that_changes_a_host_twice(site: Site) -> None:
    """In a loop one task makes several changes, each of which has a name of its own."""
    options = {"plan": plan("{{ item }}"), "check_policy": True}
    ran = site.run(site.playbook(*own_play(tasks=task("netopt.linux.netopt_apply", options=options, loop=[700, 800]))))
    assert (ran.status, site.fleet.values(KEY)) == (0, ["800"] * 3), ran.text


@pytest.mark.long
def test_ports_of_the_gate_are_each_hosts_own(site: Site) -> None:
    """Behind a wave each host is asked on its own ports, and only there."""
    before = site.fleet.values(KEY)
    with closing(socket.create_server(("127.0.0.1", 0))) as serving, closing(socket.socket()) as closed:
        closed.bind(("127.0.0.1", 0))
        ports = [serving.getsockname()[1], closed.getsockname()[1], None]
        site.host_vars(
            *(
                {"netopt_plan": plan(int(value)), **({"netopt_gate_tcp": [port]} if port else {})}
                for value, port in zip(OWN, ports, strict=True)
            )
        )
        site.group_vars({"netopt_gate_address": "127.0.0.1"})
        ran = site.run(APPLY, netopt_waves="100%", netopt_max_failures=1, netopt_gate_wait_s=0)
    assert (ran.status, site.fleet.values(KEY)) == (FAILED, [OWN[0], before[1], OWN[2]]), ran.text
    assert f"port {ports[1]} from the controller" in ran.results[site.fleet.name(2)]["msg"]


@pytest.mark.long
def test_snapshot_has_one_name(site: Site) -> None:
    """Whatever the strategy, all hosts write their state down by the same name."""
    known = site.changes()
    options = {"state": "present", "sysctl": [KEY]}
    ran = site.run(site.playbook(*own_play(tasks=task("netopt.linux.netopt_checkpoint", options=options), serial=1)))
    again = site.run("netopt.linux.snapshot", netopt_sysctl=[KEY])
    assert (ran.status, again.status) == (0, 0), ran.text + again.text
    made = [now - then for now, then in zip(site.changes(), known, strict=True)]
    assert made == [made[0]] * 3
    assert len(made[0]) == 2


@pytest.mark.parametrize(
    "words",
    [
        pytest.param((), id="at once"),
        pytest.param(("--waves", "1,100%"), id="waves", marks=pytest.mark.long),
        pytest.param(("--canary", "1", "--confirm-at", "end"), id="canary", marks=pytest.mark.long),
    ],
)
def test_plans_of_the_inventory_by_the_command_line(site: Site, words: tuple[str, ...]) -> None:
    """``--from-inventory``: one run and one checkpoint for three hosts with three plans, told before and led back."""
    before = site.fleet.values(KEY)
    site.group_vars({"netopt_plan": plan("{{ backlog | int * 10 }}")})
    site.host_vars(*({"backlog": int(value) // 10} for value in OWN))
    inventory = site.folder / "hosts.yml"
    shutil.copy(site.fleet.lab.inventory, inventory)
    for_people = site.fleet.netopt("apply", "--from-inventory", "--check", *words, inventory=inventory)
    assert (for_people.status, site.fleet.values(KEY)) == (0, before), for_people
    assert f"plan 1 of 3, for 1 host: {site.fleet.name(1)}" in for_people.said.lower()
    done = site.fleet.netopt("apply", "--from-inventory", "--json", *words, inventory=inventory)
    assert (done.status, site.fleet.values(KEY)) == (0, OWN), done
    assert done.statuses == {"applied"}
    identity = done.report["checkpoint_id"]
    assert {host["checkpoint_id"] for host in done.report["hosts"].values()} == {identity}
    assert [line for line in done.report["commands_preview"] if "sysctl" in line] == [
        line for line in done.report["commands_preview"] if any(f"{KEY}={value}" in line for value in OWN)
    ]
    back = site.fleet.netopt("rollback", identity, inventory=inventory)
    assert (back.status, site.fleet.values(KEY)) == (0, before), back


@pytest.mark.long
def test_a_host_without_a_plan_is_left_alone(site: Site) -> None:
    """The others get theirs; a plan that is refused ends it before any host is touched."""
    first, *_others = site.fleet.values(KEY)
    site.host_vars({}, *({"netopt_plan": plan(int(value))} for value in OWN[1:]))
    inventory = site.folder / "hosts.yml"
    shutil.copy(site.fleet.lab.inventory, inventory)
    done = site.fleet.netopt("apply", "--from-inventory", "--json", inventory=inventory)
    assert (done.status, site.fleet.values(KEY)) == (0, [first, *OWN[1:]]), done
    assert set(done.report["hosts"]) == {site.fleet.name(2), site.fleet.name(3)}
    assert any(site.fleet.name(1) in note for note in done.report["notes"])
    site.host_vars({"netopt_plan": plan(100)}, {"netopt_plan": plan(100)}, {"netopt_plan": REFUSED})
    refused = site.fleet.netopt("apply", "--from-inventory", inventory=inventory)
    assert (refused.status, site.fleet.values(KEY)) == (1, [first, *OWN[1:]])
    assert f"error: {site.fleet.name(3)}: changes.sysctl.{KEY}" in refused.said
