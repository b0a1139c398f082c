# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which a host measures, changes and measures again, and what becomes of it when one of these fails."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.netopt.linux.plugins.plugin_utils import _confirm_and_measure, _ssh
from ansible_collections.netopt.linux.plugins.plugin_utils._iperf import together

GOOD, BAD = [1.0] * 100, [90.0] * 100
PLAN = {"validate": {"targets": {"ping": ["a"]}, "objectives": {"latency_p95_ms": 50}, "duration_s": 10}}
BACK = {"report": {"status": "rolled_back", "operations": [{"command": "back", "ok": True}], "warnings": []}}


def figures(samples: list[float]) -> dict[str, Any]:
    """Return the answer of netopt_probe."""
    return {"measurements": {"ping": {"a": {"samples_ms": samples}}, "tcp": {}, "counters": {}}}


class Host:
    """Answers in the order in which it was told to, and remembers what it was asked.

    Args:
        answers: by module or, for netopt_checkpoint, by state; an exception is raised, the last answer repeated.
    """

    def __init__(self, **answers: list[Any]) -> None:
        self._answers = {"netopt_apply": [{"report": {"status": "would_change"}}], "extended": [{}], **answers}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def ask(self, module: str, options: dict[str, Any]) -> dict[str, Any]:
        """Answer as a host's module does."""
        name = str(options.get("state", module))
        self.asked.append((name, options))
        answers = self._answers[name]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return copy.deepcopy(answer)  # type: ignore[no-any-return]

    @property
    def order(self) -> list[str]:
        """What was asked, in order."""
        return [name for name, _options in self.asked]


def proof(
    host: Host, *, plan: dict[str, Any] | None = None, timeout: float = 120, asynchronous: int = 0
) -> _confirm_and_measure.Proof:
    """Return the proof of a plan on a host."""
    action = SimpleNamespace(
        _task=SimpleNamespace(async_val=asynchronous, check_mode=False),
        _connection=SimpleNamespace(transport="local", reset=lambda: None),
    )
    options = {"plan": plan or PLAN, "confirm_timeout_s": timeout}
    return _confirm_and_measure.Proof(
        action=action,
        options=options,
        spec=options["plan"]["validate"],
        variables={"inventory_hostname": "h"},
        ask=host.ask,
    )


def applied() -> dict[str, Any]:
    """Return the result of an apply that waits for its confirmation."""
    return {"changed": True, "report": {"status": "applied", "checkpoint_id": "c", "warnings": [], "operations": []}}


def held(host: Host) -> tuple[bool, dict[str, Any]]:
    """Measure before and after, and return whether the change may stay, and its result."""
    one, result = proof(host), applied()
    assert one.begin() is None
    return one.holds(result), result


def test_what_is_met_stays() -> None:
    """One look is enough; the host is given the time that two take, and the time to confirm after them."""
    host = Host(netopt_probe=[figures(GOOD)])
    stays, result = held(host)
    assert stays
    assert host.order == ["netopt_apply", "netopt_probe", "extended", "netopt_probe"]
    assert dict(host.asked)["extended"]["confirm_timeout_s"] >= 120 + 2 * 12
    assert result["report"]["status"] == "applied"
    assert result["report"]["measurements"]["after"]["looks"] == 1


def test_a_miss_is_looked_at_twice() -> None:
    """What is met at the second look stays, with a warning; what is not goes back, with the figures."""
    stays, result = held(Host(netopt_probe=[figures(GOOD), figures(BAD), figures(GOOD)]))
    assert stays
    assert "at a first look" in result["report"]["warnings"][0]

    host = Host(netopt_probe=[figures(GOOD), figures(BAD), figures(BAD)], restored=[BACK])
    stays, result = held(host)
    report = result["report"]
    assert (stays, report["status"], result["changed"], result["failed"]) == (False, "rolled_back", False, True)
    assert host.order[-1] == "restored"
    assert {name: report["error"][name] for name in ("stage", "key", "wanted", "before", "after")} == {
        "stage": "validate",
        "key": "ping a latency_p95_ms",
        "wanted": "at most 50 ms",
        "before": "1 ms",
        "after": "90 ms",
    }
    assert report["operations"] == BACK["report"]["operations"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("answers", "status", "stage"),
    [
        (
            {"netopt_probe": [figures(GOOD), {"failed": True, "msg": "no Python"}], "restored": [BACK]},
            "rolled_back",
            "validate",
        ),
        (
            {"netopt_probe": [figures(GOOD), figures(BAD)], "restored": [{"failed": True, "msg": "disk full"}]},
            "rollback_failed",
            "validate",
        ),
        (
            {"netopt_probe": [figures(GOOD), figures(BAD)], "restored": [AnsibleConnectionFailure("gone")]},
            "unreachable",
            "validate",
        ),
        (
            {
                "netopt_probe": [figures(GOOD)],
                "extended": [
                    {
                        "failed": True,
                        "report": {"error": {"stage": "confirm", "after": "rolled_back", "message": "late"}},
                    }
                ],
            },
            "rolled_back",
            "confirm",
        ),
        (
            {"netopt_probe": [figures(GOOD)], "extended": [{"failed": True, "msg": "odd"}]},
            "failed",
            "validate",
        ),
    ],
)
def test_what_cannot_be_measured_does_not_stay(answers: dict[str, list[Any]], status: str, stage: str) -> None:
    """Neither a measurement nor a way back that fails is taken for success."""
    stays, result = held(Host(**answers))
    assert (stays, result["failed"]) == (False, True)
    assert (result["report"]["status"], result["report"]["error"]["stage"]) == (status, stage)


def test_a_host_that_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that cannot be reached anew is tried until its own time is up, and then called unreachable."""
    now = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    for module in (_confirm_and_measure, _ssh):
        monkeypatch.setattr(module, "time", clock)
    host = Host(netopt_probe=[figures(GOOD)], extended=[AnsibleConnectionFailure("no route")])
    stays, result = held(host)
    assert (stays, result["report"]["status"]) == (False, "unreachable")
    assert now[0] > 120
    assert "within 120 s" in result["msg"]


def test_a_connection_that_comes_back() -> None:
    """One that is lost while measuring is made once more."""
    host = Host(netopt_probe=[figures(GOOD), AnsibleConnectionFailure("reset"), figures(GOOD)])
    stays, _result = held(host)
    assert stays
    assert host.order.count("extended") == 2


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"timeout": 0}, "would be kept before it is measured"),
        ({"asynchronous": 60}, "would be kept before it is measured"),
        ({}, "gives no figure before the change: odd"),
    ],
)
def test_what_is_not_begun(more: dict[str, Any], word: str) -> None:
    """Where nothing could be gated, or nothing told afterwards, the change is not begun."""
    host = Host(netopt_probe=[{"failed": True, "msg": "odd"}])
    refused = proof(host, **more).begin()
    assert refused is not None
    assert (refused["report"]["status"], refused["report"]["error"]["stage"]) == ("failed", "validate")
    assert word in refused["msg"]


def test_what_holds_already_is_not_measured() -> None:
    """Nothing changes, so there is nothing to prove."""
    host = Host(netopt_apply=[{"report": {"status": "unchanged"}}])
    one, result = proof(host), applied()
    assert one.begin() is None
    assert one.holds(result)
    assert host.order == ["netopt_apply"]
    assert "measurements" not in result["report"]


def test_what_cannot_begin_is_not_measured() -> None:
    """Where the host refuses the change in check mode, such as persistence without systemd, that is the result."""
    refusal = {"failed": True, "report": {"status": "failed", "error": {"message": "persist needs systemd"}}}
    host = Host(netopt_apply=[refusal])
    assert proof(host).begin() == refusal
    assert host.order == ["netopt_apply"]


def test_the_host_that_serves() -> None:
    """A plan that measures throughput to this very host has nothing to measure here, and says so."""
    plan = {"validate": {"targets": {"iperf": "h"}, "objectives": {"throughput_mbps": 5}}}
    action = SimpleNamespace(_task=SimpleNamespace(async_val=0), _connection=None)
    variables = {"inventory_hostname": "h", "groups": {"all": ["h"]}}
    options = {"plan": plan, "confirm_timeout_s": 60}
    one, result = (
        _confirm_and_measure.Proof(
            action=action,
            options=options,
            spec=options["plan"]["validate"],
            variables=variables,
            ask=Host().ask,
        ),
        applied(),
    )
    assert one.begin() is None
    assert one.holds(result)
    assert "others measure to" in result["report"]["warnings"][0]


def test_a_report_holds_what_a_plot_shows() -> None:
    """Of many samples it has some, in order; of few all."""
    many = [float(index) for index in range(1000)]
    told = _confirm_and_measure._told(
        {"ping": {"a": {"samples_ms": many}}, "tcp": {"b:1": {"samples_ms": [1.0]}}, "iperf": None}
    )
    assert told["ping"]["a"]["samples_ms"] == many[::10]
    assert told["tcp"]["b:1"]["samples_ms"] == [1.0]
    assert together({"a": 1, "b_max": 5}, {"a": 2, "b_max": 3, "c": 1}) == {"a": 3, "b_max": 5, "c": 1}
