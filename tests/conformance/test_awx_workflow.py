# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``contrib/awx`` makes with awx.awx stays as it is in a second run, and its workflow's jobs do what they are for.

The workflow itself is AWX's: here its jobs are launched one after the other, each with the answers of the survey and
with what the jobs before it have handed on, as AWX does (awx/main/models/workflow.py, ``get_job_kwargs``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mcp_bridge.lab.kernel_view import Host, connect
from mcp_bridge.lab.state import Lab
from tests.bridge.awx_offer import artifacts, launch, set_up
from tests.bridge.awx_server import Job, serving
from tests.bridge.awx_setup_server import Controller

KEY = "net.ipv4.tcp_fin_timeout"  # which the profile sets to 30
ANSWERS = {
    "netopt_profile": "server",
    "netopt_iface": "eth0",
    "netopt_confirm_timeout_s": 120,
    "netopt_persist": "false",
    "netopt_canary": "1",
    "netopt_pause_s": 0,
    "netopt_max_failures": "0",
    "netopt_on_failure": "roll_back",
    "netopt_confirm_at": "end",
}


@pytest.fixture(scope="module")
def awx(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    """An AWX that was set up."""
    with serving(Controller(str(lab.inventory), tmp_path_factory.mktemp("awx"))) as server:
        assert isinstance(server, Controller)
        set_up(server)
        yield server
    assert server.wrong == []


class Workflow:
    """The workflow's jobs, by the names of its nodes."""

    def __init__(self, awx: Controller) -> None:
        self._awx = awx
        self._handed_on: dict[str, Any] = {}

    def run(self, identifier: str) -> Job:
        """Launch the job of a node."""
        node = self._awx.named("workflow_job_template_nodes", identifier)
        template = self._awx.made["job_templates"][node["unified_job_template"]]
        asked = {name: node[name] for name in ("job_type",) if node.get(name)}
        asks = self._awx.templates[template["id"]].asks
        asks["ask_variables_on_launch"] = True  # a workflow's variables reach its jobs whatever these ask for
        defaults = {question["variable"]: question["default"] for question in template["_survey"]["spec"]}
        given = {name: value for name, value in defaults.items() if value != ""}
        told = {**given, **self._handed_on, **ANSWERS}
        job = launch(self._awx, template["name"], limit="all", extra_vars=told, **asked)
        asks["ask_variables_on_launch"] = False
        self._handed_on.update(artifacts(job))
        return job


def values(hosts: list[Host]) -> set[str]:
    """Return what the hosts' kernels say."""
    return {host.run("sysctl", "-n", KEY).strip() for host in hosts}


def test_second_run_changes_nothing(awx: Controller) -> None:
    """What is there already is left alone."""
    before = awx.writes
    assert "changed=0" in set_up(awx)
    assert awx.writes == before


def test_workflow_to_its_good_end_and_after_drift(awx: Controller, lab: Lab) -> None:
    """The check changes nothing, the change comes in waves, drift makes the look for it fail, all is rolled back."""
    hosts = connect(lab.inventory)
    assert values(hosts) == {"60"}
    workflow = Workflow(awx)
    check = workflow.run("check")
    assert (check.status, values(hosts)) == ("successful", {"60"}), check.stdout
    change = workflow.run("apply")
    assert (change.status, values(hosts)) == ("successful", {"30"}), change.stdout
    assert workflow.run("verify").status == "successful"
    hosts[1].run("sysctl", "-w", f"{KEY}=59")
    assert workflow.run("verify").status == "failed"
    back = workflow.run("roll_back")
    assert (back.status, values(hosts)) == ("successful", {"60"}), back.stdout


def test_workflow_where_nothing_was_changed(awx: Controller, lab: Lab) -> None:
    """What comes after a change that came to no host finds nothing to do, and says so without failing."""
    del lab
    workflow = Workflow(awx)
    assert workflow.run("check").status == "successful"
    verified = workflow.run("verify")
    assert verified.status == "successful", verified.stdout
    back = workflow.run("roll_back")
    assert back.status == "successful", back.stdout
