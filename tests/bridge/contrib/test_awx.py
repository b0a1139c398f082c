# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``contrib/awx`` makes in an AWX: it agrees with the policy and with netopt's own backend, and it runs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.model import CONFIRM_TIMEOUT_S
from mcp_bridge import COLLECTIONS_ROOT
from mcp_bridge.backends import awx_prompts
from mcp_bridge.backends.job import Job
from mcp_bridge.lab.kernel_view import connect
from mcp_bridge.lab.state import Lab
from mcp_bridge.models.rollout import Rollout
from mcp_bridge.policy import load_policy
from mcp_bridge.runs.apply_options import ApplyOptions
from mcp_bridge.runs.task import Scope
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings
from tests.bridge.awx_offer import SITE, artifacts, launch, post, set_up
from tests.bridge.awx_server import TOKEN, serving
from tests.bridge.awx_setup_server import Controller

pytestmark = pytest.mark.long

KEY, OLD, NEW = "net.ipv4.tcp_fin_timeout", "60", "34"
COLLECTION = COLLECTIONS_ROOT / "ansible_collections" / "netopt" / "linux"
PART_OF_ANOTHER = {"apply_at_once", "rollout", "summary"}  # playbooks that another one imports
PLAN: dict[str, Any] = {"iface": "eth0", "changes": {"sysctl": {KEY: int(NEW)}}}
FORGED = {"netopt_validated": True, "netopt_allowlist": {}, "ansible_connection": "local"}
EXPECTED_FLOW = {
    "check": {"success": ["approve"]},
    "approve": {"success": ["apply"]},
    "apply": {"success": ["verify"], "failure": ["roll_back"]},
    "verify": {"failure": ["roll_back"]},
    "roll_back": {},
}


@pytest.fixture(scope="module")
def offered(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Controller, str]]:
    """An AWX that was set up, whose jobs run on the lab; and what the playbook printed."""
    with serving(Controller(str(lab.inventory), tmp_path_factory.mktemp("awx"))) as awx:
        assert isinstance(awx, Controller)
        yield awx, set_up(awx)
    assert awx.wrong == []


def surveys(awx: Controller) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the questions by template and variable."""
    entries = [*awx.made["job_templates"].values(), *awx.made["workflow_job_templates"].values()]
    return {
        entry["name"]: {question["variable"]: question for question in entry["_survey"]["spec"]}
        for entry in entries
        if "_survey" in entry
    }


def values(lab: Lab) -> set[str]:
    """Return what the hosts' kernels say."""
    return {host.run("sysctl", "-n", KEY).strip() for host in connect(lab.inventory)}


def test_everything_is_made(offered: tuple[Controller, str]) -> None:
    """Each kind of thing is there, and belongs together."""
    awx, _printed = offered
    template = awx.named("job_templates", "NetOpt apply")
    project = awx.named("projects", "NetOpt")
    assert (project["scm_url"], project["scm_branch"]) == (SITE["netopt_awx_project_url"], "v0.1.0")
    assert not project["allow_override"]
    assert template["project"] == project["id"]
    assert template["inventory"] == awx.named("inventories", "NetOpt")["id"]
    assert template["execution_environment"] == awx.named("execution_environments", "NetOpt")["id"]
    assert template["_instance_groups"] == [awx.named("instance_groups", "site-a")["id"]]
    policy = awx.named("credentials", "NetOpt policy")
    assert policy["credential_type"] == awx.named("credential_types", "NetOpt policy")["id"]
    assert set(template["_credentials"]) == {policy["id"], awx.named("credentials", "key of the fleet")["id"]}
    kind = awx.named("credential_types", "NetOpt policy")
    assert kind["injectors"] == {"env": {"NETOPT_POLICY_DIR": "{{ policy_dir }}"}}
    assert awx.named("inventory_sources", "NetOpt")["source_path"] == "inventory.yml"


def test_netopt_is_told_of_every_playbook(offered: tuple[Controller, str]) -> None:
    """The collection's playbooks have a template each, and the setting that names them is printed."""
    awx, printed = offered
    playbooks = {path.stem for path in (COLLECTION / "playbooks").glob("*.yml")} - PART_OF_ANOTHER
    told = " ".join(printed.split()).partition("NETOPT_AWX_TEMPLATES=")[2].partition(" PLAY RECAP")[0]
    assert dict(part.split("=") for part in told.split(", ")) == {name: f"NetOpt {name}" for name in playbooks}
    for name in playbooks:
        playbook = awx.named("job_templates", f"NetOpt {name}")["playbook"]
        imported = yaml.safe_load((COLLECTIONS_ROOT / playbook).read_text(encoding="utf-8"))
        assert [play["ansible.builtin.import_playbook"] for play in imported] == [f"netopt.linux.{name}"]


def test_netopt_is_heard(offered: tuple[Controller, str]) -> None:
    """The templates for netopt ask for whatever its backend may prompt, and want nothing else."""
    awx, _printed = offered
    job = Job("netopt.linux.apply", limit="web", extravars={"netopt_plan": PLAN}, check=True, diff=True)
    asked = awx_prompts.prompts(job, run_id="20260101T000000Z-000000")
    assert set(asked) == set(awx_prompts.ASKED_BY)
    heard = [entry for entry in awx.made["job_templates"].values() if entry["ask_variables_on_launch"]]
    assert heard
    for entry in heard:
        awx_prompts.check(asked, awx.templates[entry["id"]].launch_config(), template=entry["name"])
        assert (entry["survey_enabled"], entry["job_slice_count"]) == (False, 1)


def test_people_are_asked_and_give_nothing_else(offered: tuple[Controller, str]) -> None:
    """Whoever launches one of the other templates chooses hosts and answers, and no variable, tag or slice."""
    awx, _printed = offered
    for entry in [*awx.made["job_templates"].values(), *awx.made["workflow_job_templates"].values()]:
        assert entry["ask_limit_on_launch"]
        assert not any(entry.get(f"ask_{what}_on_launch") for what in ("skip_tags", "tags", "job_slice_count"))
        assert not any(entry.get(f"ask_{what}_on_launch") for what in ("inventory", "credential", "scm_branch"))
        if entry["name"].startswith("NetOpt: "):
            assert not entry["ask_variables_on_launch"]


def test_surveys_have_the_limits_of_the_policy(offered: tuple[Controller, str]) -> None:
    """What a survey allows is what the policy allows."""
    awx, _printed = offered
    policy = load_policy()
    found = surveys(awx)
    shape = found["NetOpt: shape and protect"]
    for variable, path in (
        ("netopt_egress_mbit", "shaper.egress_mbit"),
        ("netopt_ingress_mbit", "shaper.ingress_mbit"),
        ("netopt_connections", "connection_limits.limit"),
        ("netopt_port", "connection_limits.port"),
    ):
        row = policy.limits.ranges[path]
        assert (shape[variable]["type"], shape[variable]["min"], shape[variable]["max"]) == (
            "integer",
            math.ceil(row.min),  # AWX asks for whole numbers
            row.max,
        )
    for name in ("NetOpt: tune for a profile", "NetOpt: tune for a profile, with approval"):
        assert found[name]["netopt_profile"]["choices"] == list(policy.profiles)
    for name, questions in found.items():
        timeout = questions.get("netopt_confirm_timeout_s")
        if timeout:
            assert (timeout["min"], timeout["max"]) == CONFIRM_TIMEOUT_S, name


def test_surveys_have_every_option_of_a_rollout(offered: tuple[Controller, str]) -> None:
    """What netopt can ask of a rollout in waves can be answered in a survey, within the same bounds."""
    awx, _printed = offered
    properties = Rollout.model_json_schema()["properties"]
    every = Rollout(canary=1, confirm="end", gate_tcp=[22]).extra_vars()
    for name, questions in surveys(awx).items():
        if "netopt_waves" not in questions:
            continue
        assert every.keys() <= questions.keys(), name
        for variable in ("pause_s", "gate_wait_s"):
            asked = questions[f"netopt_{variable}"]
            assert (asked["min"], asked["max"], asked["default"]) == tuple(
                properties[variable][bound] for bound in ("minimum", "maximum", "default")
            )
        assert questions["netopt_on_failure"]["default"] == properties["on_failure"]["default"]
        assert questions["netopt_on_failure"]["choices"] == properties["on_failure"]["enum"]


def test_workflow(offered: tuple[Controller, str]) -> None:
    """A person approves between the check and the change; what fails from then on is rolled back."""
    awx, _printed = offered
    nodes = awx.made["workflow_job_template_nodes"]
    flow = {
        node["identifier"]: {
            when: [nodes[number]["identifier"] for number in node[f"_{when}_nodes"]]
            for when in ("success", "failure", "always")
            if node.get(f"_{when}_nodes")
        }
        for node in nodes.values()
    }
    assert flow == EXPECTED_FLOW
    runs = {node["identifier"]: node["unified_job_template"] for node in nodes.values()}
    assert runs["check"] == runs["apply"] == awx.named("job_templates", "NetOpt: tune for a profile")["id"]
    assert awx.named("workflow_job_template_nodes", "check")["job_type"] == "check"
    assert runs["verify"] == awx.named("job_templates", "NetOpt: look for drift")["id"]
    assert runs["roll_back"] == awx.named("job_templates", "NetOpt: roll back")["id"]
    assert runs["approve"] == awx.named("workflow_approval_templates", "NetOpt: approve")["id"]
    workflow = awx.named("workflow_job_templates", "NetOpt: tune for a profile, with approval")
    assert not workflow["ask_variables_on_launch"]  # they would reach the jobs past what these ask for
    assert "netopt_confirm" not in surveys(awx)[workflow["name"]]  # nothing in it could confirm


@pytest.mark.parametrize(
    ("name", "answers", "said"),
    [
        ("NetOpt: shape and protect", {"netopt_iface": "eth0", "netopt_egress_mbit": 400001}, "too large"),
        ("NetOpt: shape and protect", {"netopt_iface": "eth0", "netopt_egress_mbit": "9"}, "expected to be integer"),
        ("NetOpt: tune for a profile", {"netopt_iface": "eth0", "netopt_profile": "fast"}, "none of the choices"),
        ("NetOpt: roll back", {}, "value missing"),
    ],
)
def test_answers_beyond_the_survey(
    offered: tuple[Controller, str], name: str, answers: dict[str, Any], said: str
) -> None:
    """AWX refuses what the survey does not allow, and launches nothing."""
    awx, _printed = offered
    begun = len(awx.jobs)
    answer = post(awx, name, extra_vars=answers)
    assert (answer.status_code, len(awx.jobs)) == (400, begun)
    assert said in answer.text


def test_survey_to_a_tuned_host_and_back(offered: tuple[Controller, str], lab: Lab) -> None:
    """A plan from a survey is applied; variables beside the survey are not heard; the change is rolled back by name."""
    awx, _printed = offered
    questions = surveys(awx)["NetOpt: apply a plan"]
    shown = {name: question["default"] for name, question in questions.items()}  # as AWX's page fills them in
    answers = {**shown, "netopt_plan_text": yaml.safe_dump(PLAN), "netopt_waves": "1", "netopt_gate_tcp": "22"}
    job = launch(awx, "NetOpt: apply a plan", limit="all", extra_vars={**answers, **FORGED})
    assert (job.status, values(lab)) == ("successful", {NEW}), job.stdout
    assert not FORGED.keys() & job.asked["extra_vars"].keys()
    handed_on = artifacts(job)
    back = launch(awx, "NetOpt: roll back", limit="all", extra_vars={**handed_on, "netopt_on_conflict": "restore"})
    assert (back.status, values(lab)) == ("successful", {OLD}), back.stdout


def test_netopt_by_way_of_what_was_made(offered: tuple[Controller, str], settings: Settings) -> None:
    """With the setting that was printed, netopt runs its playbooks there."""
    awx, printed = offered
    told = " ".join(printed.split()).partition("NETOPT_AWX_TEMPLATES=")[2].partition(" PLAY RECAP")[0]
    chosen = replace(settings, backend="awx", awx_url=awx.url, awx_token=TOKEN, awx_templates=told)
    by = Service(chosen, caller="tester")
    report = by.finish(by.begin_apply(by.check(PLAN, Scope()), ApplyOptions(dry_run=True), Scope()))
    assert ({host.status for host in report.hosts.values()}, report.errors) == ({"would_change"}, [])
    assert json.loads(awx.jobs[max(awx.jobs)].as_json()["extra_vars"])["netopt_plan"]["changes"] == {
        "sysctl": {KEY: NEW}
    }
