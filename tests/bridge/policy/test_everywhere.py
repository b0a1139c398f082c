# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan that the policy refuses reaches no host, whoever launches it and whatever variables come along.

The host of these tests cannot be reached: a plan that got past the policy makes it ``unreachable``, and one that the
policy refuses fails before any connection is opened.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ansible_runner
import pytest
import yaml

from ansible_collections.netopt.linux.plugins.action.netopt_apply import ActionModule
from ansible_collections.netopt.linux.plugins.module_utils._modules.apply import ARGUMENT_SPEC
from ansible_collections.netopt.linux.plugins.plugin_utils import _policy
from ansible_collections.netopt.linux.plugins.plugin_utils._transport import TransportAction
from mcp_bridge import COLLECTIONS_ROOT
from mcp_bridge.backends import ansible_environment
from mcp_bridge.backends.ansible_runner import run_playbook
from mcp_bridge.backends.job import Job
from mcp_bridge.planning.checked_plan import check
from mcp_bridge.policy import load_policy

KEY = "net.core.rmem_max"
FAR_TOO_MUCH = 999_999_999_999
GOOD: dict[str, Any] = {"iface": "eth0", "changes": {"sysctl": {KEY: 16777216}}}
BAD: dict[str, Any] = {"iface": "eth0", "changes": {"sysctl": {KEY: FAR_TOO_MUCH}}}
NOBODY = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_timeout": 5}
LIMITED = "Value exceeds maximum allowed: 2147483647"


def inventory(folder: Path, hosts: dict[str, dict[str, Any]]) -> str:
    """Write an inventory of hosts with variables of their own, none of which can be reached; return where it is."""
    path = folder / "hosts.yml"
    told = {name: {**NOBODY, **variables} for name, variables in hosts.items()}
    path.write_text(yaml.safe_dump({"all": {"hosts": told}}), encoding="utf-8")
    return str(path)


def launch(folder: Path, *options: str, checked: str | None = None, **extravars: Any) -> dict[str, Any]:
    """Launch the playbook as ansible-runner and AWX do, and return the last result of the host."""
    return launch_on({"nobody": {}}, folder, *options, checked=checked, **extravars)["nobody"]


def launch_on(
    hosts: dict[str, dict[str, Any]], folder: Path, *options: str, checked: str | None = None, **extravars: Any
) -> dict[str, dict[str, Any]]:
    """Launch the playbook on hosts with variables of their own, and return the last result of each."""
    environment = {"ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS_ROOT), "ANSIBLE_PIPELINING": "True"}
    found: list[dict[str, Any]] = []
    path = inventory(folder, hosts)
    ended = ansible_runner.run(
        private_data_dir=str(folder),
        playbook="netopt.linux.apply",
        inventory=path,
        extravars=extravars,
        cmdline=" ".join(options) or None,
        envvars={**environment, ansible_environment.CHECKED: checked} if checked else environment,
        settings={"pexpect_timeout": 1, "suppress_ansible_output": True},
        event_handler=lambda event: found.append(event) or False,
        quiet=True,
    )
    assert ended.rc != 0
    told = [event["event_data"] for event in found if "res" in event.get("event_data", {})]
    last: dict[str, dict[str, Any]] = {data["host"]: data["res"] for data in told}
    assert last.keys() == hosts.keys(), ended.stdout.read()
    return last


def said(result: dict[str, Any]) -> str:
    """Return why a plan was refused."""
    assert not result.get("unreachable"), "the plan got past the policy"
    assert result["report"]["error"]["stage"] == "plan"
    return json.dumps([result["msg"], result.get("issues")])


@pytest.mark.parametrize(
    ("options", "extravars"),
    [
        ((), {"netopt_plan": {**BAD, "validate": {"targets": {"ping": ["192.0.2.1"]}, "objectives": {"loss_pct": 1}}}}),
        ((), {"netopt_plan": BAD, "netopt_validated": True}),
        pytest.param(
            (), {"netopt_plan": BAD, "netopt_validated": True, "netopt_waves": "1, 100%"}, marks=pytest.mark.long
        ),
        (("--skip-tags", "netopt_validate"), {"netopt_plan": BAD}),
        pytest.param((), {"netopt_plan": json.dumps(BAD), "netopt_validated": "true"}, marks=pytest.mark.long),
        pytest.param(
            (),
            {"netopt_plan": {"iface": "eth0", "changes": {"sysctl": {KEY: str(FAR_TOO_MUCH)}}}},
            marks=pytest.mark.long,
        ),
    ],
    ids=[
        "plain, with measurements",
        "says it is validated",
        "in waves",
        "skips the tag",
        "text of a survey",
        "number as text",
    ],
)
def test_refused_before_any_connection(tmp_path: Path, options: tuple[str, ...], extravars: dict[str, Any]) -> None:
    """No variable, tag or way of writing takes a plan past the limits of the policy."""
    assert LIMITED in said(launch(tmp_path, *options, **extravars))


UNREAD = {
    "twice_in_JSON": (
        f'{{"iface": "eth0", "changes": {{"mtu": 1400}}, "changes": {{"sysctl": {{"{KEY}": 16777216}}}}}}',
        "given twice",
    ),
    "twice_in_YAML": (
        f"iface: eth0\nchanges: {{mtu: 1400}}\nchanges:\n  sysctl: {{{KEY}: 16777216}}\n",
        "plan:3: changes: The key",
    ),
    "merge_key": ("iface: eth0\nchanges: &a {mtu: 1400}\nmore: {<<: *a}\n", "Merge keys"),
    "deep": ("iface: " + "[" * 60_000, "Nested deeper"),
    "no_object": ("iface=eth0", "says no object"),
}


@pytest.mark.parametrize("validated", [False, True])
def test_text_that_is_not_read(tmp_path: Path, *, validated: bool) -> None:
    """A plan that is handed over as text is read by netopt: of two values for a key, none is taken."""
    hosts = {name: {"netopt_plan": text} for name, (text, _words) in UNREAD.items()}
    last = launch_on(hosts, tmp_path, netopt_validated=validated)
    assert not {name: said(last[name]) for name, (_text, words) in UNREAD.items() if words not in said(last[name])}


def test_wrong_digest(tmp_path: Path) -> None:
    """A plan other than the one that was looked at is refused, also by whom that says it is validated."""
    refused = launch(tmp_path, netopt_plan=GOOD, netopt_validated=True, netopt_digest="0" * 64)
    assert "its digest differs" in said(refused)


def test_word_in_the_environment_is_for_one_plan(tmp_path: Path) -> None:
    """What netopt says of one plan does not open the way for another."""
    digest = check(GOOD, load_policy()).target_inputs.digest
    forged = {"netopt_plan": BAD, "netopt_validated": True, "netopt_digest": "1" * 64}
    assert LIMITED in said(launch(tmp_path, checked=digest, **forged))


@pytest.mark.long
def test_word_in_the_environment_is_for_these_plans(tmp_path: Path) -> None:
    """A digest that netopt has checked opens no way for several plans whose own digests do not make it."""
    digest = check(GOOD, load_policy()).target_inputs.digest
    judged: dict[str, list[dict[str, Any]]] = {"nothing": [], "another_digest": [{"digest": "1" * 64}], "none": [{}]}
    forged = {name: {"netopt_plans": [BAD], "netopt_judged": told} for name, told in judged.items()}
    last = launch_on(forged, tmp_path, checked=digest, netopt_digest=digest)
    assert not {name: said(last[name]) for name in judged if LIMITED not in said(last[name])}


def test_form_of_a_plan_that_was_checked_elsewhere(tmp_path: Path) -> None:
    """What netopt says of one plan opens no way for another that has not even the form of a plan."""
    digest = check(GOOD, load_policy()).target_inputs.digest
    forged = {"iface": "eth0", "changes": {"mtuu": 1400}}
    result = launch(tmp_path, checked=digest, netopt_plan=forged, netopt_validated=True, netopt_digest=digest)
    assert "mtuu" in said(result)


@pytest.mark.parametrize(
    ("check_policy", "checked", "times"),
    [(True, False, 0), (True, True, 1), (False, False, 1)],
    ids=["judged here", "checked before Ansible", "no policy asked"],
)
def test_form_is_checked_once(
    monkeypatch: pytest.MonkeyPatch, *, check_policy: bool, checked: bool, times: int
) -> None:
    """The action checks the form of a plan once; where the policy has just judged it, the policy has done so."""
    plan = {"iface": "eth0", "changes": {"dscp": [{"match": {"proto": "tcp", "dports": 443}, "dscp": "EF"}]}}
    judged = check(plan, load_policy()).target_inputs
    monkeypatch.setenv(_policy.CHECKED, judged.digest if checked else "")
    counted: list[Any] = []
    for name in ("check_structure", "one_form"):
        real = getattr(_policy, name)
        monkeypatch.setattr(_policy, name, lambda plan, real=real: (counted.append(real), real(plan))[1])
    monkeypatch.setattr(TransportAction, "ask", lambda _self, _module, options, _variables: options)
    action = ActionModule.__new__(ActionModule)
    given = {"plan": plan, "digest": judged.digest, "check_policy": check_policy, "checkpoint_id": "one"}
    action.options = {**dict.fromkeys(ARGUMENT_SPEC), **given}
    action._task = SimpleNamespace(check_mode=False)
    sent = action.ask("netopt_apply", action.options, {})
    assert len(counted) == 2 * times
    (rule,) = sent["plan"]["changes"]["dscp"]
    assert list(map(str, rule["match"]["dports"])) == ["443"]
    assert sent["checkpoint_id"] == "one"


def test_good_plan_goes_on(tmp_path: Path) -> None:
    """The tests above can fail: what the policy allows gets as far as to the connection, also as a survey's text."""
    for number, text in enumerate((json.dumps(GOOD), yaml.safe_dump(GOOD))):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert launch(folder, netopt_plan=text, netopt_validated=True)["unreachable"]


def test_netopt_checks_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What netopt has checked itself is not checked again in each of Ansible's processes: there, no policy is read."""
    nowhere = tmp_path / "no-policy"
    path = inventory(tmp_path, {"nobody": {}})
    prepared = check(GOOD, load_policy()).target_inputs.extra_vars()
    monkeypatch.setenv("NETOPT_POLICY_DIR", str(nowhere))
    found: list[dict[str, Any]] = []
    for validated in (True, False):
        folder = tmp_path / f"run-{validated}"
        folder.mkdir(mode=0o700)
        job = Job(
            "netopt.linux.apply",
            inventory=path,
            extravars={**prepared, "netopt_validated": validated},
        )
        run_playbook(job, run_id=folder.name, folder=folder, on_event=found.append)
    results = [event["event_data"]["res"] for event in found if "res" in event.get("event_data", {})]
    assert [bool(result.get("unreachable")) for result in results] == [True, False]
    assert str(nowhere) in results[1]["msg"]
