# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every way in which a host fails to report ends as one clear line for that host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.backends import inventory
from mcp_bridge.errors import InventoryError, NetoptBridgeError
from mcp_bridge.lab.state import Lab
from mcp_bridge.runs import host_failure
from mcp_bridge.runs.playbook_run import Fleet
from mcp_bridge.runs.report import error_line
from mcp_bridge.runs.task import Finished, Scope, Task
from mcp_bridge.settings import Settings
from tests.bridge.runs.own_playbook import OwnPlaybook

PYTHON = "/usr/bin/python3"
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": PYTHON}

CRASH = """#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
import os
module = AnsibleModule(argument_spec={"how": {}})
if module.params["how"] == "report":
    module.exit_json(report={"status": "applied", "novel": 1})
if module.params["how"] == "kill":
    os.kill(os.getpid(), 9)
raise ValueError("boom\\nand more")
"""


@pytest.fixture
def failing(tmp_path: Path) -> str:
    """A playbook with a module that fails in the way that each host's variable ``how`` says."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "fails.py").write_text(CRASH, encoding="utf-8")
    play = tmp_path / "play.yml"
    task = {
        "name": "Apply the plan",
        "fails": {
            "how": "{{ 'x' if inventory_hostname in ['refused', 'nameless', 'pythonless', 'unprivileged'] else how }}"
        },
    }
    play.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]), encoding="utf-8")
    return str(play)


def run(settings: Settings, tmp_path: Path, playbook: str, hosts: dict[str, dict[str, Any]]) -> Finished:
    """Run a playbook on hosts with these variables."""
    source = tmp_path / "hosts.json"
    source.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    return Fleet(settings, caller="test").run(OwnPlaybook("apply", playbook=playbook), Scope(inventory=str(source)))


@pytest.mark.long
def test_hosts_that_give_no_report(settings: Settings, tmp_path: Path, failing: str) -> None:
    """Each kind of failure has its own stage, key and message, without a traceback."""
    hosts = {
        "refused": {"ansible_host": "127.0.0.1", "ansible_port": 1},
        "nameless": {"ansible_host": "no-such-host.invalid"},
        "pythonless": {"ansible_connection": "local", "ansible_python_interpreter": "/nowhere/python3"},
        "unprivileged": {**LOCAL, "ansible_become": True, "ansible_become_user": "no-such-user"},
        "crashes": {**LOCAL, "how": "crash"},
        "killed": {**LOCAL, "how": "kill"},
        "newer": {**LOCAL, "how": "report"},
        "undefined": LOCAL,
    }
    finished = run(settings, tmp_path, failing, hosts)
    found = {
        name: (report.status, report.error.stage if report.error else None, report.error.key if report.error else None)
        for name, report in finished.hosts.items()
    }
    assert found == {
        "refused": ("unreachable", "connect", "ssh port"),
        "nameless": ("unreachable", "connect", "ssh address"),
        "pythonless": ("failed", "connect", "python"),
        "unprivileged": ("failed", "connect", "become"),
        "crashes": ("failed", "apply", "Apply the plan"),
        "killed": ("failed", "apply", "Apply the plan"),
        "newer": ("failed", "verify", None),
        "undefined": ("failed", "apply", "Apply the plan"),
    }
    lines = [error_line(report) for report in finished.hosts.values()]
    assert [line for line in lines if "\n" in line or "Traceback" in line or "Hint: " not in line] == []


def test_ssh_failures(settings: Settings, tmp_path: Path, lab: Lab) -> None:
    """A refused login and an unknown host key are told apart."""
    known = tmp_path / "known_hosts"
    known.touch()
    content = inventory.read(str(lab.inventory))
    base = _variables(lab, content[0].name)
    common = base["ansible_ssh_common_args"]
    hosts = {
        "keyless": {**base, "ansible_user": "nobody"},
        "stranger": {
            "ansible_ssh_args": "-o ControlMaster=no",  # a connection that is shared has been checked before
            **base,
            "ansible_ssh_common_args": f"-o StrictHostKeyChecking=yes -o UserKnownHostsFile={known} {common}",
        },
    }
    play = tmp_path / "ping.yml"
    play.write_text(
        json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.ping": {}}]}]), encoding="utf-8"
    )
    finished = run(settings, tmp_path, str(play), hosts)
    keys = {name: report.error.key if report.error else None for name, report in finished.hosts.items()}
    assert keys == {"keyless": "ssh login", "stranger": "ssh host key"}


def _variables(lab: Lab, host: str) -> dict[str, Any]:
    import yaml  # noqa: PLC0415

    found: dict[str, Any] = yaml.safe_load(Path(lab.inventory).read_text(encoding="utf-8"))["all"]["hosts"][host]
    return found


@pytest.mark.parametrize(
    ("limit", "message", "hint"),
    [
        ("nowhere", "matches 'nowhere'", "Known hosts: here."),
        ("@/etc/passwd", "Not a host pattern", "Use names and groups"),
        ("-vvv", "Not a host pattern", "Use names and groups"),
        ("localhost", "matches 'localhost'", "Known hosts: here."),
        ("a{{ 1 }}", "Not a host pattern", "Use names and groups"),
    ],
)
def test_patterns_that_match_nothing(settings: Settings, here: str, limit: str, message: str, hint: str) -> None:
    """The known hosts are named, and the machine that netopt runs on is never taken instead."""
    fleet = Fleet(settings, caller="test")
    with pytest.raises(InventoryError, match=message) as caught:
        fleet.run(Task("query", {"netopt_query": "ip_info"}), Scope(limit=limit, inventory=here))
    assert hint in caught.value.hint


def test_playbook_that_is_not_there(settings: Settings, here: str) -> None:
    """What ansible-playbook says of the playbook itself reaches the caller, and the run is closed."""
    fleet = Fleet(settings, caller="test")
    with pytest.raises(NetoptBridgeError, match="could not be found"):
        fleet.run(OwnPlaybook("query", playbook="netopt.linux.no_such_playbook"), Scope(inventory=here))
    assert [record.state for record in fleet.runs.latest()] == ["failed"]


def test_missing_inventory(settings: Settings) -> None:
    """An inventory that is not there is said to be missing, not empty."""
    with pytest.raises(InventoryError, match="There is no inventory /no/such"):
        Fleet(settings, caller="test").run(Task("query"), Scope(inventory="/no/such"))


@pytest.mark.parametrize(
    "text", ["Shared connection to 203.0.113.7 closed.", "Connection to db-1.example.net closed by remote host."]
)
def test_connection_that_was_lost(text: str) -> None:
    """What ssh says of a connection that ended is understood, also far into a long text."""
    for told in (text, f"{'connection to ' * 1000}\n{text}", f"{'connection to ' * 1000}{text}"):
        assert host_failure.unreachable({"msg": told})["key"] == "ssh connection"


def test_python_that_is_missing() -> None:
    """What ansible-core says of a host without the interpreter is understood."""
    error = host_failure.failed({"msg": "The module interpreter '/opt/python' was not found."}, task="apply")
    assert (error["key"], error["stage"]) == ("python", "connect")
