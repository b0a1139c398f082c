# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Health, metrics and logs, and what a server does once it is told to stop."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client, FastMCP
from fastmcp.exceptions import ToolError
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from mcp_bridge.mcp_server import server
from mcp_bridge.operations import health, logs
from mcp_bridge.operations.shutdown import Drain
from mcp_bridge.runs.registry import RunRegistry
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Give settings of the test's own."""
    return Settings(state_dir=tmp_path / "state", inventory="localhost,", shutdown_grace_s=1)


def _get(built: FastMCP[Any], path: str) -> Any:
    """Ask one of a server's endpoints, in this process."""
    client = TestClient(server.http_app(built, host="127.0.0.1"), base_url="http://127.0.0.1")
    return client.get(path)


def test_healthy_and_ready(settings: Settings) -> None:
    """A server that could carry out a change says so."""
    built = server.build(Service(settings, caller="test"))
    assert (_get(built, "/healthz").status_code, _get(built, "/healthz").json()) == (200, {"status": "ok"})
    answer = _get(built, "/readyz")
    assert answer.status_code == 200
    assert set(answer.json()["checks"].values()) == {"ok"}


@pytest.mark.parametrize(
    ("change", "check"),
    [({"inventory": "/nowhere/hosts.yml"}, "inventory"), ({"policy_dir": Path("/nowhere")}, "policy")],
)
def test_not_ready(settings: Settings, change: dict[str, Any], check: str) -> None:
    """What is missing is named by its check; where it was looked for is the log's business."""
    lacking = Settings(**{"state_dir": settings.state_dir, "inventory": "localhost,", **change})
    answer = _get(server.build(Service(lacking, caller="test")), "/readyz")
    assert answer.status_code == 503
    assert {name for name, state in answer.json()["checks"].items() if state != "ok"} == {check}
    assert "nowhere" not in answer.text
    assert health.readiness(lacking)[check]


def test_metrics(settings: Settings) -> None:
    """Calls are counted by tool and outcome, runs by what the registry holds; a made-up name makes no series."""
    runs = RunRegistry(settings.runs_dir, keep=10)
    record = runs.begin(action="apply", caller="test")
    runs.finish(record, state="successful", result={}, hosts={"h1": "applied", "h2": "failed"})
    built = server.build(Service(settings, caller="test"))

    async def call() -> None:
        async with Client(built) as client:
            await client.call_tool("validate_change_plan_tool", {"parameter_plan": {"iface": "eth0", "changes": {}}})
            for name, arguments in (("render_change_plan_tool", {"plan": {"iface": "eth0"}}), ("made-up", {})):
                with pytest.raises(ToolError):
                    await client.call_tool(name, arguments)

    asyncio.run(call())
    text = _get(built, "/metrics").text
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["netopt_tool_calls_total", "ok", "validate_change_plan_tool"] == 1
    assert samples["netopt_tool_calls_total", "refused", "render_change_plan_tool"] == 1
    assert samples["netopt_tool_calls_total", "refused", "unknown"] == 1
    assert samples["netopt_tool_call_seconds_count", "validate_change_plan_tool"] == 1
    assert samples["netopt_runs", "apply", "successful"] == 1
    assert samples["netopt_run_hosts", "applied", "apply"] == 1
    assert samples["netopt_tool_calls_going_on",] == 0
    assert samples["process_open_fds",] > 0
    assert "made-up" not in text


def test_no_metrics(settings: Settings) -> None:
    """Metrics can be left out."""
    silent = Settings(state_dir=settings.state_dir, metrics=False)
    assert _get(server.build(Service(silent, caller="test")), "/metrics").status_code == 404


def test_stopping(settings: Settings) -> None:
    """A server that is told to stop is not ready, and takes no call that reaches hosts."""
    drain = Drain(settings, {})
    built = server.build(Service(settings, caller="test"), drain=drain)
    drain.begin()
    assert _get(built, "/readyz").json()["checks"]["accepting"] == "failed"
    assert _get(built, "/healthz").status_code == 200

    async def call() -> None:
        async with Client(built) as client:
            with pytest.raises(ToolError, match="is stopping"):
                await client.call_tool("host_facts_tool", {})
            await client.call_tool("get_audit_log_tool", {})

    asyncio.run(call())


def test_drain_waits(settings: Settings) -> None:
    """A run that ends in time is waited for and not cancelled."""
    cancel = threading.Event()
    going_on = {"run": cancel}
    threading.Timer(0.5, going_on.clear).start()
    assert Drain(settings, going_on).run()
    assert not cancel.is_set()


@pytest.mark.parametrize("hurried", [False, True], ids=["after the grace", "at the second signal"])
def test_drain_cancels(settings: Settings, *, hurried: bool) -> None:
    """A run that does not end is cancelled, and its end waited for."""
    patient = Settings(state_dir=settings.state_dir, shutdown_grace_s=600 if hurried else 0)
    going_on = {"run": threading.Event()}
    drain = Drain(patient, going_on)

    cancelled = []

    def carry_out() -> None:
        cancelled.append(going_on["run"].wait(60))
        going_on.clear()

    threading.Thread(target=carry_out).start()
    if hurried:
        threading.Timer(0.3, drain.hurry).start()
    assert drain.run()
    assert cancelled == [True]


SECRETS = [
    ("Authorization: Bearer abc.def-ghi", "abc.def-ghi"),
    ("got token=s3cr3t-value from the client", "s3cr3t-value"),
    ('{"password": "hunter 2"}', "hunter 2"),
    ("api_key: 'k-123'", "k-123"),
    ("passed the api-key = k-123 on", "k-123"),
    ("secret-key: k-123", "k-123"),
    ("a JWT eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl here", "c2lnbmF0dXJl"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNza\n-----END OPENSSH PRIVATE KEY-----", "b3BlbnNza"),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_no_secret_is_logged(text: str, secret: str) -> None:
    """What looks like a secret is in no line, neither in the message nor in what is added nor in a traceback."""
    problem = ValueError(text)
    record = logging.LogRecord("netopt", logging.INFO, __file__, 1, "%s", (text,), (ValueError, problem, None))
    record.note = text
    for formatter in (logs.JsonFormatter(), logs.PlainFormatter()):
        line = formatter.format(record)
        assert secret not in line
        assert logs.HIDDEN in line


@pytest.mark.parametrize("text", ["tokens are checked", "plan 3fa9c1 applied to h1", "secretary: none of it"])
def test_plain_words_are_logged(text: str) -> None:
    """What is no secret stays."""
    kept = logs.without_secrets(text)
    assert kept == text or text.startswith("secretary")


def test_one_line_each() -> None:
    """A message cannot begin a line of its own, run backwards or move a terminal."""
    text = "first\nsecond\x1b[31m\u202e\u2028"
    record = logging.LogRecord("netopt", logging.INFO, __file__, 1, "%s", (text,), None)
    for formatter in (logs.JsonFormatter(), logs.PlainFormatter()):
        line = formatter.format(record)
        assert all(character.isprintable() for character in line)
        assert "\u202e" not in line
    assert json.loads(logs.JsonFormatter().format(record))["message"] == text
