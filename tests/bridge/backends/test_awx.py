# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs by way of an AWX: real playbooks on real hosts, every exchange held against AWX's OpenAPI document."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.backends import awx_prompts
from mcp_bridge.backends.awx import AwxBackend
from mcp_bridge.backends.job import Job
from mcp_bridge.cli.main import main
from mcp_bridge.errors import NetoptBridgeError, RunError
from mcp_bridge.lab.kernel_view import connect
from mcp_bridge.lab.state import Lab
from mcp_bridge.models import ChangeReport
from mcp_bridge.runs import events as run_events
from mcp_bridge.runs.apply_options import ApplyOptions
from mcp_bridge.runs.task import Scope
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings, SettingsError
from tests.bridge.awx_contract import Contract
from tests.bridge.awx_server import TOKEN, Awx, serving
from tests.waiting import until

KEY, OLD, NEW = "net.ipv4.tcp_fin_timeout", "60", "33"
PLAN: dict[str, Any] = {"iface": "eth0", "changes": {"sysctl": {KEY: int(NEW)}}}
NAMES = "apply=NetOpt apply, rollback=9, confirm=NetOpt confirm, verify=NetOpt verify, checkpoints=NetOpt checkpoints"
WAIT_S = 120.0


@pytest.fixture
def awx(tmp_path: Path) -> Iterator[Awx]:
    """An AWX without hosts, for what never comes to a job."""
    inventory = tmp_path / "nobody.yml"
    inventory.write_text("all: {hosts: {}}\n", encoding="utf-8")
    with serving(Awx(str(inventory), tmp_path)) as server:
        yield server
    assert server.wrong == []


@pytest.fixture
def awx_with_hosts(lab: Lab, tmp_path: Path) -> Iterator[Awx]:
    """An AWX whose inventory is the lab's."""
    with serving(Awx(str(lab.inventory), tmp_path)) as server:
        yield server
    assert server.wrong == []


def service(settings: Settings, awx: Awx, *, detached: bool = False, **more: Any) -> Service:
    """Return a bridge whose runs are the AWX's jobs."""
    token = settings.state_dir.parent / "token"
    token.write_text(TOKEN + "\n", encoding="ascii")
    chosen = {"awx_url": awx.url, "awx_token_file": token, "awx_templates": NAMES, **more}
    return Service(replace(settings, backend="awx", **chosen), caller="tester", detached=detached)


def apply(by: Service, *, limit: str | None = None, **options: Any) -> ChangeReport:
    """Apply the plan."""
    return by.finish(by.begin_apply(by.check(PLAN, Scope()), ApplyOptions(**options), Scope(limit=limit)))


def values(lab: Lab) -> dict[str, str]:
    """Return what the hosts' kernels say."""
    return {host.name: host.run("sysctl", "-n", KEY).strip() for host in connect(lab.inventory)}


def statuses(report: ChangeReport) -> dict[str, str]:
    """Return the status of each host."""
    return {name: host.status for name, host in report.hosts.items()}


def test_the_whole_way(settings: Settings, lab: Lab, awx_with_hosts: Awx, caplog: pytest.LogCaptureFixture) -> None:
    """Dry run, apply to one host, to all, and rollback: the reports are those of a run on this machine."""
    caplog.set_level(logging.DEBUG)
    first, second = sorted(host.name for host in lab.hosts)
    by = service(settings, awx_with_hosts)
    told: list[tuple[str, str]] = []
    started = by.begin_apply(
        by.check(PLAN, Scope()),
        ApplyOptions(dry_run=True),
        Scope(progress=lambda host, text: told.append((host, text))),
    )
    assert statuses(by.finish(started)) == dict.fromkeys((first, second), "would_change")
    assert {(first, "would_change"), (second, "would_change")} <= set(told)
    assert set(values(lab).values()) == {OLD}
    one = apply(by, limit=first)
    assert (statuses(one), values(lab)) == ({first: "applied"}, {first: NEW, second: OLD})
    both = apply(by)
    assert (statuses(both), values(lab)) == ({first: "unchanged", second: "applied"}, {first: NEW, second: NEW})
    here = Service(replace(settings, inventory=str(lab.inventory)), caller="tester")
    assert statuses(apply(here)) == dict.fromkeys((first, second), "unchanged")
    for report, host in ((both, second), (one, first)):
        undone = by.finish(by.begin("rollback", checkpoint_id=str(report.checkpoint_id), scope=Scope()))
        assert statuses(undone)[host] == "rolled_back"
        assert undone.errors == []
    assert set(values(lab).values()) == {OLD}
    kept = [
        path.read_text(encoding="utf-8", errors="replace") for path in settings.state_dir.rglob("*") if path.is_file()
    ]
    assert [text for text in [*kept, caplog.text, repr(by.settings)] if TOKEN in text] == []


@pytest.mark.parametrize(
    ("field", "flag"),
    [
        ("limit", "ask_limit_on_launch"),
        ("extra_vars", "ask_variables_on_launch"),
        ("job_type", "ask_job_type_on_launch"),
    ],
)
def test_prompts_that_would_be_ignored(settings: Settings, awx: Awx, field: str, flag: str) -> None:
    """A template that would ignore a prompt is not launched, and its setting is named."""
    awx.templates[7].asks[flag] = False
    with pytest.raises(RunError, match=f"would ignore {field}; nothing was launched"):
        apply(service(settings, awx), limit="somebody")
    assert awx.jobs == {}


@pytest.mark.parametrize(
    ("needs", "said"),
    [
        ({"passwords_needed_to_start": ["ssh_password"]}, "wants passwords"),
        ({"variables_needed_to_start": ["reason"]}, "wants answers to its survey"),
        ({"inventory_needed_to_start": True}, "wants an inventory"),
        ({"defaults": {"job_slice_count": 4}}, "is sliced into 4 jobs"),
    ],
)
def test_templates_that_want_more(settings: Settings, awx: Awx, needs: dict[str, Any], said: str) -> None:
    """A template that cannot start without what netopt does not give is not launched."""
    awx.templates[7].needs = needs
    with pytest.raises(RunError, match=said):
        apply(service(settings, awx))
    assert awx.jobs == {}


def test_prompts_that_were_ignored(settings: Settings, lab: Lab, awx_with_hosts: Awx) -> None:
    """A job that runs otherwise than asked is cancelled at once, before it has come to a host."""
    template = awx_with_hosts.templates[7]
    template.says_it_asks = True
    template.asks["ask_limit_on_launch"] = False
    with pytest.raises(RunError, match=r"AWX ignored limit; job 100 is cancelled"):
        apply(service(settings, awx_with_hosts), limit=lab.hosts[0].name)
    assert awx_with_hosts.jobs[100].over.wait(WAIT_S)
    assert awx_with_hosts.jobs[100].status == "canceled"
    assert set(values(lab).values()) == {OLD}


def test_answer_to_the_launch_is_lost(settings: Settings, awx: Awx) -> None:
    """The launch is not tried twice: the job that may be there is looked for, and cancelled."""
    awx.lose_answer_to_launch = True
    with pytest.raises(RunError, match=r"status 504; job 100, which it did launch, is cancelled"):
        apply(service(settings, awx))
    assert [line for line in awx.requests if line.startswith("post") and "launch" in line] == [
        "post /api/v2/job_templates/7/launch/"
    ]
    assert awx.jobs[100].stop.is_set()


def test_launch_that_never_was(settings: Settings, awx: Awx) -> None:
    """Where no job is found nothing was launched, and that is said."""
    path = "/api/v2/job_templates/7/launch/"
    client_config = awx.templates[7].launch_config()
    assert client_config["ask_limit_on_launch"]
    awx.trouble["/api/v2/job_templates/"] = [502, 503]  # what may be repeated is repeated
    original = awx._launch
    awx._launch = lambda _template, _body: (503, {"detail": "down"})  # type: ignore[method-assign]
    try:
        with pytest.raises(RunError, match="Nothing was launched; try again"):
            apply(service(settings, awx))
    finally:
        awx._launch = original  # type: ignore[method-assign]
    assert awx.requests.count(f"post {path}") == 1
    assert awx.requests.count("get /api/v2/job_templates/") == 3


def test_cancelled(settings: Settings, lab: Lab, awx_with_hosts: Awx) -> None:
    """Cancelling the run cancels the job, and each host is as its report says."""
    by = service(settings, awx_with_hosts)
    cancel = threading.Event()
    started = by.begin_apply(by.check(PLAN, Scope()), ApplyOptions(), Scope(cancel=cancel))
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(by.finish, started)
        until(lambda: [job for job in awx_with_hosts.jobs.values() if job.status == "running"], WAIT_S, "a running job")
        cancel.set()
        report = future.result(timeout=WAIT_S)
    assert awx_with_hosts.jobs[100].status in {"canceled", "successful"}
    assert by.fleet().runs.get(report.run_id).state in {"cancelled", "successful"}
    found = values(lab)
    assert {name for name, value in found.items() if value == NEW} == {
        name for name, status in statuses(report).items() if status == "applied"
    }
    by.finish(by.begin("rollback", checkpoint_id=report.run_id, scope=Scope()))
    assert set(values(lab).values()) == {OLD}


@pytest.mark.long
def test_process_of_the_run_killed(settings: Settings, lab: Lab, awx_with_hosts: Awx) -> None:
    """The job goes on in AWX, and whoever looks next follows it from its first event to its end."""
    by = service(settings, awx_with_hosts, detached=True)
    started = by.begin_apply(by.check(PLAN, Scope()), ApplyOptions(), Scope())
    run_id = started.record.run_id
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(by.finish, started)
        until(lambda: awx_with_hosts.jobs, WAIT_S, "a job")
        written = by.settings.runs_dir / run_id / "awx.json"
        until(lambda: b'"job": 100' in written.read_bytes(), WAIT_S, "the job's number on disk")
        os.kill(by.fleet().runs.get(run_id).pid, signal.SIGKILL)
        report = future.result(timeout=WAIT_S)
    assert (set(statuses(report).values()), report.errors) == ({"applied"}, [])
    assert by.fleet().runs.get(run_id).state == "successful"
    assert len(awx_with_hosts.jobs) == 1
    assert set(values(lab).values()) == {NEW}
    by = service(settings, awx_with_hosts)
    by.finish(by.begin("rollback", checkpoint_id=run_id, scope=Scope()))
    assert set(values(lab).values()) == {OLD}


@pytest.mark.long
def test_one_change_at_a_time(settings: Settings, lab: Lab, awx_with_hosts: Awx) -> None:
    """A second change by way of AWX is refused and told which run is in its way; a question is not."""
    by = service(settings, awx_with_hosts)
    started = by.begin_apply(by.check(PLAN, Scope()), ApplyOptions(), Scope(limit=lab.hosts[0].name))
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(by.finish, started)
        until(lambda: awx_with_hosts.jobs, WAIT_S, "a job")
        with pytest.raises(RunError, match=f"run {started.record.run_id} is changing hosts by way of AWX"):
            apply(by, limit=lab.hosts[1].name)
        assert set(statuses(apply(by, limit=lab.hosts[1].name, dry_run=True)).values()) == {"would_change"}
        assert future.result(timeout=WAIT_S).errors == []
    by.finish(by.begin("rollback", checkpoint_id=started.record.run_id, scope=Scope()))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"awx_token_file": None, "awx_token": "wrong"}, "refuses get /api/v2/job_templates/ with status 401"),
        ({"awx_url": "http://127.0.0.1:1"}, "cannot be reached"),
        ({"awx_templates": "apply=NetOpt appyl"}, "no job template named 'NetOpt appyl'"),
        ({"awx_templates": "apply=999"}, "has no GET /api/v2/job_templates/999/"),
        ({"awx_templates": "rollback=9"}, "No job template of .* is known for netopt.linux.apply"),
        ({"awx_templates": "apply"}, "NETOPT_AWX_TEMPLATES: expected PLAYBOOK=TEMPLATE"),
        ({"awx_url": None}, "NETOPT_AWX_URL"),
        ({"awx_url": "awx.example.org"}, "NETOPT_AWX_URL: an address begins with https://"),
        ({"awx_token_file": Path("/nowhere/token")}, "NETOPT_AWX_TOKEN_FILE: /nowhere/token holds no token"),
        ({"awx_token_file": None}, "NETOPT_AWX_TOKEN_FILE: the backend awx needs a token"),
        ({"awx_ca_file": Path("/nowhere/ca.pem")}, "certificates in /nowhere/ca.pem cannot be used"),
    ],
)
def test_what_is_wrong_is_said(
    settings: Settings, awx: Awx, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], said: str
) -> None:
    """One line names the setting or the address, and what to do; the run is closed."""
    monkeypatch.setattr("mcp_bridge.backends.awx_client.PAUSE_S", 0.05)
    by = service(settings, awx, **change)
    with pytest.raises(NetoptBridgeError, match=f"(?i){said}") as caught:
        apply(by)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert [record.state for record in by.fleet().runs.latest()] == ["failed"]
    assert awx.jobs == {}


@pytest.mark.parametrize("text", ["{{ lookup('pipe', 'id') }}", "{% if 1 %}", "{# note"])
def test_what_awx_might_evaluate(text: str) -> None:
    """AWX may be set to evaluate variables: what looks like a template never reaches it, wherever it stands."""
    for extravars in ({"a": [{"b": text}]}, {text: 1}):
        with pytest.raises(RunError, match="holds the beginning of a template"):
            awx_prompts.prompts(Job("netopt.linux.apply", extravars=extravars), run_id="x")


def test_token_is_not_shown() -> None:
    """Neither the backend nor the settings show the token."""
    settings = Settings(backend="awx", awx_url="https://awx.example.org", awx_token=TOKEN)
    assert TOKEN not in repr(AwxBackend.of(settings)) + repr(settings)
    with pytest.raises(SettingsError):
        AwxBackend.of(replace(settings, awx_token=None))


@pytest.mark.long
def test_events_are_followed_by_others_too(settings: Settings, lab: Lab, awx_with_hosts: Awx) -> None:
    """What the hosts did is in the run's own events, as with a run on this machine."""
    by = service(settings, awx_with_hosts)
    report = apply(by, dry_run=True, limit=lab.hosts[0].name)
    folder = by.settings.runs_dir / report.run_id
    assert run_events.progress(folder) == {lab.hosts[0].name: "would_change"}
    assert run_events.reports(folder)[lab.hosts[0].name]["status"] == "would_change"


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("get", "/api/v2/jobs/1/job_events/", {"counter__gt": "1"}, None),
        ("get", "/api/v2/jobs/1/job_events/", {"page": "x"}, None),
        ("get", "/api/v2/jobs/one/", {}, None),
        ("delete", "/api/v2/jobs/1/", {}, None),
        ("post", "/api/v2/jobs/1/cancel/", {}, {"reason": "none"}),
        ("post", "/api/v2/job_templates/7/launch/", {}, {"limits": "all"}),
        ("post", "/api/v2/job_templates/7/launch/", {}, {"job_type": "scan"}),
        ("post", "/api/v2/job_templates/7/launch/", {}, {"limit": 7}),
    ],
)
def test_document_is_enforced(method: str, path: str, query: dict[str, str], body: Any) -> None:
    """What the document does not allow is found: the tests above would fail with it."""
    assert Contract().request(method, path, query=query, body=body)


def test_document_is_enforced_on_answers() -> None:
    """The test's own server cannot make up an AWX that there is not."""
    contract = Contract()
    assert contract.answer("get", "/api/v2/jobs/1/", status=200, body={"id": 1, "name": "x", "status": "cancelled"})
    assert contract.answer("get", "/api/v2/jobs/1/", status=202, body={})
    assert (
        contract.answer("get", "/api/v2/jobs/1/", status=200, body={"id": 1, "name": "x", "status": "canceled"}) == []
    )


@pytest.mark.parametrize("command", [["apply", "--yes"], ["plan"], ["validate"]], ids=lambda words: words[0])
def test_plans_from_the_inventory(
    settings: Settings,
    awx: Awx,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
) -> None:
    """AWX has the inventory: each host's own plan is refused before anything, with the way that there is."""
    here = tmp_path / "here.yml"
    here.write_text(f"all: {{hosts: {{h1: {{netopt_plan: {PLAN}}}}}}}\n", encoding="utf-8")
    by = service(settings, awx)
    for name, value in (
        ("BACKEND", "awx"),
        ("AWX_URL", awx.url),
        ("AWX_TOKEN_FILE", str(by.settings.awx_token_file)),
        ("AWX_TEMPLATES", NAMES),
        ("INVENTORY", str(here)),
        ("STATE_DIR", str(settings.state_dir)),
    ):
        monkeypatch.setenv(f"NETOPT_{name}", value)
    assert main([*command, "--from-inventory"]) != 0
    told = capsys.readouterr().err
    assert "The variables of AWX's inventory are not read from here" in told
    assert "netopt.linux.apply without a plan" in told
    assert awx.requests == []
    if command[0] != "apply":  # a file that is named is looked at all the same
        assert main([*command, "--from-inventory", "-i", str(here)]) == 0
