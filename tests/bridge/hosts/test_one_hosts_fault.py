# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host's fault is that host's: whatever it sends, the others' answers come through, each in its declared shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import jsonschema
import pytest

from mcp_bridge import untrusted_text
from mcp_bridge.backends.job import RunOutcome
from mcp_bridge.hosts import checkpoints, drift, plans, profile_plans
from mcp_bridge.hosts.query import Answer, Answers, ManyAnswers, _answers
from mcp_bridge.mcp_server.tools.query_schema import answers_schema
from mcp_bridge.models.report import HostReport
from mcp_bridge.policy import load_policy
from mcp_bridge.runs.report import RunEvents
from mcp_bridge.runs.task import Finished

ODD: list[Any] = [
    "text",
    1,
    True,
    {"a": {}},
    [["a"]],
    [1],
    {"checkpoints": 5},
    {"checkpoints": [{"id": []}]},
    [{}, "a"],
]


def nested(depth: int) -> Any:
    """Return lists within lists."""
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("query", "kind", "good"),
    [("ip_info", "rows", [{"ifname": "lo"}]), ("sysctl_get", "fields", {"a": 1}), ("ip_route", "rows", [])],
)
@pytest.mark.parametrize("data", ODD, ids=str)
def test_answers(query: str, kind: str, good: Any, data: Any) -> None:
    """Data of another shape than the question's is an error of that host; all answers fit the tool's schema."""
    questions = [{"query": query}]
    hosts = {
        name: _answers([{"query": query, "available": True, "data": sent}], questions)
        for name, sent in (("good", good), ("odd", data))
    }
    found = Answers(query=query, run_id="r", hosts={name: host.answers[0] for name, host in hosts.items()})
    jsonschema.validate(found.dump(), answers_schema(kind))
    assert found.hosts["good"].data == good
    fits = isinstance(data, dict) if kind == "fields" else data == []
    assert (found.hosts["odd"].error is None) == fits
    assert ManyAnswers(run_id="r", hosts=hosts)


@pytest.mark.parametrize("data", ODD, ids=str)
def test_checkpoints(data: Any) -> None:
    """A host that tells its checkpoints in another shape did not answer; the others' are listed."""
    header = {"id": "c1", "status": "confirmed", "created": "2026-01-01T00:00:00Z", "sequence": 1}
    hosts = {
        "good": Answer(available=True, data={"checkpoints": [header], "damaged": []}),
        "odd": Answer(available=True, data=data),
    }
    found = checkpoints.gather(Answers(query="netopt_state", run_id="r", hosts=hosts))
    assert [entry.hosts for entry in found.checkpoints] == [{"good": "confirmed"}]
    assert set(found.unanswered) == (set() if data == {"a": {}} else {"odd"})


@dataclass
class _Told:
    """What a run's hosts told."""

    events: Any
    hosts: dict[str, HostReport]
    record: Any


class _Record:
    run_id = "r"


@pytest.mark.parametrize("data", ODD, ids=str)
def test_drift(data: Any) -> None:
    """A host that tells its drift in another shape failed; the others' is told."""
    events = RunEvents()
    entry = {"subsystem": "sysctl", "key": "a", "checkpoint_id": "c1"}
    for name, sent in (("good", [entry]), ("odd", data)):
        result = {"drift": sent, "checkpoints": [{"id": "c1"}]}
        events.on_event({"event": "runner_on_ok", "event_data": {"host": name, "res": result}})
    reports = {name: HostReport(status="would_change") for name in ("good", "odd")}
    found = drift.gather(cast("Finished", _Told(events, reports, _Record())))
    assert found.hosts["good"].drift[0].key == "a"
    assert found.hosts["odd"].report.status == "failed"


@pytest.mark.parametrize("data", [*ODD, [{"sections": 1}], [{"sections": [{}]}]], ids=str)
def test_plans(data: Any) -> None:
    """A host that tells its plans in force in another shape did not answer; the others' are listed."""
    events = RunEvents()
    for name, sent in (("good", [{"name": "web", "sections": []}]), ("odd", data)):
        events.on_event({"event": "runner_on_ok", "event_data": {"host": name, "res": {"plans": sent}}})
    reports = {name: HostReport(status="unchanged") for name in ("good", "odd")}
    found = plans.gather(cast("Finished", _Told(events, reports, _Record())))
    assert [plan.name for plan in found.hosts["good"]] == ["web"]
    assert set(found.unanswered) == {"odd"}


@pytest.mark.parametrize(
    "facts", [{"default_interface": 5}, {"memory_mb": "much", "default_interface": "e"}, {"interfaces": 1}]
)
def test_facts(facts: dict[str, Any]) -> None:
    """A host whose facts have another shape gets no plan, or one; the others get theirs."""
    good = {"default_interface": "eth0", "interfaces": {"eth0": {}}, "memory_mb": 4096, "cpus": 2, "kernel": "6.1.0"}
    drafts = profile_plans.group(
        {"good": good, "odd": facts}, "server", iface="eth0", overrides={}, policy=load_policy()
    )
    assert "good" in [host for draft in drafts.plans for host in draft.hosts]


@pytest.mark.parametrize(
    "answer",
    [
        nested(500),
        nested(5000),
        "x" * (untrusted_text.CHARACTERS_MAX + 1),
        [0] * (untrusted_text.VALUES_MAX + 1),
        {"x" * (untrusted_text.CHARACTERS_MAX + 1): 1},
        [float("nan")],
        {"a": -float("inf")},
        {"a": [2**200]},
    ],
    ids=["deep", "deeper", "long", "many", "long name", "no number", "infinite", "large number"],
)
def test_more_than_a_host_has_to_say(answer: Any) -> None:
    """An answer that is too deep, long or many, or is no JSON, is not read: that host failed, the other is heard."""
    events = RunEvents()
    events.on_event({"event": "runner_on_ok", "event_data": {"host": "odd", "res": {"answers": answer}}})
    events.on_event({"event": "runner_on_ok", "event_data": {"host": "good", "res": {"answers": ["x"]}}})
    assert events.results("answers") == {"good": ["x"]}
    assert "The host's answer is not read" in str(events.errors()["odd"])


@pytest.mark.parametrize(
    "report", [{"status": []}, {"status": {}}, {"status": "odd"}, {"status": "applied", "diff": 1}]
)
def test_reports(report: dict[str, Any]) -> None:
    """A report of another shape is a failure of that host."""
    events = RunEvents()
    good = {"status": "applied", "changed": True}
    for name, sent in (("odd", report), ("good", good)):
        events.on_event({"event": "runner_on_failed", "event_data": {"host": name, "res": {"report": sent}}})
    found = events.host_reports(cast("RunOutcome", _Outcome()))
    assert found["odd"].status == "failed"
    assert found["good"].changed


class _Outcome:
    status = "failed"


def test_a_host_cannot_tell_the_rollout() -> None:
    """What a host's module calls the rollout is not taken for it; what the action on the controller says is."""
    events = RunEvents()
    said = {"waves": [], "stopped": False, "on_failure": "stay", "confirm": "wave"}
    for action, known in (("netopt.linux.netopt_apply", False), ("netopt.linux.netopt_rollout", True)):
        data = {"host": "odd", "task_action": action, "res": {"rollout": said}}
        events.on_event({"event": "runner_on_ok", "event_data": data})
        assert (events.rollout is not None) == known
