# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a plan to what a target needs: one check, whoever asks for it, and whatever is done with the plan then."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from mcp_bridge.cli import main
from mcp_bridge.collection import plans
from mcp_bridge.errors import DigestError, NetoptBridgeError, PlanError
from mcp_bridge.exit_codes import EXIT_FAILED
from mcp_bridge.mcp_server import server
from mcp_bridge.models import RenderedPlan
from mcp_bridge.planning.checked_plan import check, check_rendered
from mcp_bridge.planning.plan_set import together
from mcp_bridge.policy import Policy, load_policy
from mcp_bridge.policy.loader import policy_directory
from mcp_bridge.runs.apply_options import ApplyOptions
from mcp_bridge.runs.task import Scope
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings
from tests.bridge.plan_strategies import PLANS
from tests.calls import call
from tests.consent import says_yes

EXAMPLES = Path(__file__).parents[3] / "examples"
TEXT = ("sysctl_cmds", "tc_script", "nft_script", "ethtool_cmds", "ip_link_cmds")
APPLY = "apply_rendered_plan_tool"
ROLLOUT = {"waves": ["100%"], "max_failures": 1}
ONCE = {"validated": 1, "rendered": 1}
# a host that cannot be reached: its apply goes all the way to the connection
NOBODY = "all: {hosts: {nobody: {ansible_host: 127.0.0.1, ansible_port: 1, ansible_ssh_timeout: 5}}}\n"


@pytest.fixture(scope="module")
def policy() -> Policy:
    """Return the shipped policy."""
    return load_policy()


@pytest.fixture
def nobody(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with an inventory of one host that cannot be reached."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(NOBODY, encoding="utf-8")
    return replace(settings, inventory=str(inventory))


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what the validator and the renderer are entered for, whoever calls them."""
    counted: Counter[str] = Counter()

    def count(module: Any, entry: str, name: str) -> None:
        real: Callable[..., Any] = getattr(module, entry)

        def counting(*arguments: Any, **named: Any) -> Any:
            counted[name] += 1
            return real(*arguments, **named)

        monkeypatch.setattr(module, entry, counting)

    # the package has a function by the name of the module; each validation begins with excess
    count(sys.modules["mcp_bridge.validator.validate"], "excess", "validated")
    count(plans, "render", "rendered")
    return counted


def example(name: str) -> dict[str, Any]:
    """Return one of the examples."""
    data: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return data


@pytest.mark.parametrize("source", ["plan", "rendered", "profile"])
def test_the_command_line_checks_once(
    nobody: Settings,
    policy: Policy,
    checks: Counter[str],
    source: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One validation and one rendering for an apply, of a plan, a rendered one and a profile."""
    plan, rendered = nobody.state_dir.parent / "plan.json", nobody.state_dir.parent / "rendered.json"
    plan.write_text(json.dumps(example("gaming")), encoding="utf-8")
    rendered.write_text(check(example("gaming"), policy).rendered.model_dump_json(by_alias=True), encoding="utf-8")
    words = {"plan": [str(plan)], "rendered": ["--rendered", str(rendered)], "profile": ["--profile", "server"]}
    monkeypatch.setenv("NETOPT_STATE_DIR", str(nobody.state_dir))
    checks.clear()
    status = main(["apply", *words[source], "-i", str(nobody.inventory), "--json"])
    report = json.loads(capsys.readouterr().out)
    assert (status, report["hosts"]["nobody"]["status"]) == (EXIT_FAILED, "unreachable")
    assert checks == ONCE


@pytest.mark.long
@pytest.mark.parametrize(("mode", "asked_for"), [("legacy", 1), ("auto", 2)])
def test_the_server_checks_each_call_once(nobody: Settings, checks: Counter[str], mode: str, asked_for: int) -> None:
    """One validation and one rendering for a dry run, for an apply that a person confirms, and for its resumption.

    Before the protocol of 2026-07-28 the person is asked in the middle of the call; since then there are two calls.
    """

    async def use() -> list[dict[str, int]]:
        found: list[dict[str, int]] = []

        async def apply(**arguments: Any) -> str:
            checks.clear()
            report = await call(client, APPLY, **arguments)
            found.append(dict(checks))
            assert report["hosts"]["nobody"]["status"] == "unreachable"
            return str(report["run_id"])

        built = server.build(Service(nobody, caller="tester", detached=True))
        async with Client(built, mode=mode, elicitation_handler=says_yes) as client:
            rendered = await call(client, "render_change_plan_tool", plan=example("gaming"))
            await apply(rendered_plan=rendered)
            run_id = await apply(rendered_plan=rendered, rollout=ROLLOUT, dry_run=False)
            await apply(resume=run_id, dry_run=False)
        return found

    each_call = {name: asked_for * number for name, number in ONCE.items()}
    assert asyncio.run(use()) == [ONCE, each_call, each_call]


def test_the_process_of_a_run_judges_nothing(nobody: Settings, tmp_path: Path) -> None:
    """What was checked is all that the process of a run needs: it goes on where there is no policy any more."""
    own = Path(shutil.copytree(policy_directory(), tmp_path / "policy"))
    service = Service(replace(nobody, policy_dir=own), caller="tester", detached=True)
    checked = service.check(example("gaming"), Scope())
    started = service.begin_apply(checked, ApplyOptions(), Scope())
    shutil.rmtree(own)
    report = service.finish(started)
    assert report.hosts["nobody"].status == "unreachable"
    assert report.plan_digest == checked.rendered.digest
    assert set(checked.rendered.sysctl_cmds) <= set(report.commands_preview)


def test_refusals_are_written_down(nobody: Settings) -> None:
    """A plan that is refused before its run begins is in the audit log, with the hosts that it was for."""
    service = Service(nobody, caller="tester")
    with pytest.raises(PlanError):
        service.check(example("too-large"), Scope(limit="nobody"))
    (entry,) = service.history.audit.entries()
    assert (entry.action, entry.outcome, entry.detail["hosts"]) == ("apply", "refused", "nobody")


def test_check_refuses_with_all_issues(policy: Policy) -> None:
    """A refused plan carries every issue, and says the first in one line with its hint."""
    data = example("too-large")
    data["changes"]["mtu"] = 1

    with pytest.raises(PlanError) as caught:
        check(data, policy)

    assert {issue.path for issue in caught.value.issues} == {"changes.sysctl.net.core.rmem_max", "changes.mtu"}
    assert "The plan is refused: " in str(caught.value)
    assert "Allowed" in str(caught.value)
    assert isinstance(caught.value, NetoptBridgeError)


def test_digest_is_over_canonical_json(policy: Policy) -> None:
    """Anybody can compute the digest from the plan and the text."""
    rendered = check(example("gaming"), policy).rendered

    content = {"plan": rendered.plan.dump(), **{name: getattr(rendered, name) for name in TEXT}}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert rendered.digest == hashlib.sha256(canonical.encode()).hexdigest()


def test_render_shows_every_subsystem(policy: Policy) -> None:
    """What a plan asks of each subsystem is in the text."""
    data = example("gaming")
    data["changes"] |= {"mtu": 1400, "offloads": {"gro": False}}
    rendered = check(data, policy).rendered

    assert any("net.core.rmem_max" in command for command in rendered.sysctl_cmds)
    assert "fq" in rendered.tc_script
    assert "table inet netopt" in rendered.nft_script
    assert any("gro off" in command for command in rendered.ethtool_cmds)
    assert any("mtu 1400" in command for command in rendered.ip_link_cmds)


def test_warnings(policy: Policy) -> None:
    """Doubts of the validator and what the text cannot show are told."""
    gaming = " ".join(check(example("gaming"), policy).rendered.warnings)
    assert "tcp_low_latency" in gaming
    assert "management" in gaming
    assert "profile" not in gaming

    profile = " ".join(check({"iface": "auto", "profile": "server"}, policy).rendered.warnings)
    assert "adapt" in profile
    assert "default route" in profile

    netem = check({"iface": "eth0", "changes": {"netem": {"loss_pct": 1, "duration_s": 7}}}, policy).rendered
    assert any("after 7 s" in warning for warning in netem.warnings)


@hypothesis_settings(max_examples=75, deadline=None)
@given(PLANS)
def test_rendering_is_stable(data: dict[str, Any]) -> None:
    """Rendering a canonical plan gives the same text and digest, also after a trip through JSON."""
    policy = load_policy()
    rendered = check(data, policy).rendered

    assert check(rendered.plan, policy).rendered.digest == rendered.digest
    back = RenderedPlan.model_validate_json(rendered.model_dump_json(by_alias=True))
    assert check_rendered(back, policy).rendered.digest == rendered.digest
    assert check(rendered.plan, policy).target_inputs == check(data, policy).target_inputs


def test_check_rendered_refuses_what_was_altered(policy: Policy) -> None:
    """Neither another plan, nor another text, nor another digest passes for what was approved."""
    rendered = check(example("server-protection"), policy).rendered
    other = check(example("gaming"), policy).rendered

    assert check_rendered(rendered, policy).rendered == rendered
    for altered in (
        {"plan": other.plan},
        {"digest": other.digest},
        {"sysctl_cmds": ["reboot"]},
        {"nft_script": ""},
        {"tc_script": "rm -rf /"},
    ):
        with pytest.raises(DigestError) as caught:
            check_rendered(rendered.model_copy(update=altered), policy)
        assert caught.value.hint


def test_check_rendered_judges_by_todays_policy(policy: Policy) -> None:
    """A plan that was fine when it was rendered is refused once the policy forbids it."""
    rendered = check({"iface": "eth0", "changes": {"qdisc": {"type": "fq"}}}, policy).rendered
    stricter = replace(policy, validation_limits=policy.validation_limits.model_copy(update={"qdisc_types": ["cake"]}))
    with pytest.raises(PlanError):
        check_rendered(rendered, stricter)


def test_target_inputs(policy: Policy) -> None:
    """The playbook gets the canonical plan, its digest, and what of the policy matters on a host."""
    inputs = check(example("gaming"), policy).target_inputs

    assert set(inputs.extra_vars()) == {
        "netopt_plan",
        "netopt_plans",
        "netopt_digest",
        "netopt_adaptations",
        "netopt_skippable",
        "netopt_modules",
        "netopt_allowlist",
    }
    assert inputs.digest == check(example("gaming"), policy).rendered.digest
    assert "net.ipv4.tcp_low_latency" in inputs.skippable
    assert json.loads(json.dumps(inputs.extra_vars())) == inputs.extra_vars()


def test_only_a_profiles_values_are_adapted(policy: Policy) -> None:
    """Rules go along only where the plan has no changes of its own."""
    own = check(example("gaming"), policy).target_inputs
    bare = check({"iface": "eth0", "profile": "gaming"}, policy).target_inputs
    none = check({"iface": "eth0", "changes": {"mtu": 1400}}, policy).target_inputs

    assert own.adaptations == none.adaptations == []
    first, *rest = bare.adaptations
    assert rest == policy.rules.adaptations_for("gaming")
    assert first["shape"]["up_pct"] == 95  # how a host shapes the uplink that its inventory tells of


def test_what_cannot_be_said_in_commands_is_an_issue(policy: Policy) -> None:
    """A plan that a subsystem cannot render is refused like any other."""
    entry = {"classid": "1:fffe", "rate_mbit": 1}  # the class that a shaper makes for the rest
    data = {
        "iface": "eth0",
        "changes": {"shaper": {"egress_mbit": 5}, "qdisc": {"type": "fq_codel"}, "htb_classes": [entry]},
    }
    with pytest.raises(PlanError) as caught:
        check(data, policy)
    assert caught.value.issues[0].path.startswith("changes.htb_classes")


def test_digest_can_be_checked_from_the_published_json() -> None:
    """Whoever holds the JSON of a rendered plan can compute its digest with nothing but a JSON library."""
    rendered = check({"iface": "eth0", "changes": {"mtu": 1400}}, load_policy()).rendered
    published = json.loads(rendered.model_dump_json(by_alias=True))
    fields = ("plan", "sysctl_cmds", "tc_script", "nft_script", "ethtool_cmds", "ip_link_cmds")
    text = json.dumps(
        {name: published[name] for name in fields}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    assert hashlib.sha256(text.encode()).hexdigest() == published["digest"]


def test_plans_that_want_different_values(policy: Policy) -> None:
    """The error names the path once, as that of the setting, and both plans."""
    said = [
        check({"name": name, "iface": "eth0", "changes": {"sysctl": {"net.ipv4.tcp_fin_timeout": value}}}, policy)
        for name, value in (("one", 20), ("two", 30))
    ]
    with pytest.raises(PlanError) as caught:
        together(said, policy)
    (issue,) = caught.value.issues
    assert issue.path == "changes.sysctl.net.ipv4.tcp_fin_timeout"
    assert issue.message == "plan two wants 30, plan one 20"
