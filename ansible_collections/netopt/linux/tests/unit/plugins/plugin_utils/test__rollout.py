# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rollout decides after a wave, and what it leaves to do about whom."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.undone_ahead import refusal
from ansible_collections.netopt.linux.plugins.module_utils._probe import targets as probe_targets
from ansible_collections.netopt.linux.plugins.plugin_utils import _rollout
from ansible_collections.netopt.linux.plugins.plugin_utils._rollout import Rollout
from ansible_collections.netopt.linux.plugins.plugin_utils._rollout_host import (
    fared,
    finished,
    looked_up,
    may_hold,
    out_of_reach,
    told,
)
from ansible_collections.netopt.linux.plugins.plugin_utils._rollout_own import own
from ansible_collections.netopt.linux.plugins.plugin_utils._rollout_waves import WavesError

DEFAULTS: dict[str, Any] = {
    "waves": "1,100%",
    "canary": None,
    "pause_s": 0.0,
    "max_failures": 0,
    "on_failure": "stay",
    "confirm_at": None,
    "confirm": "auto",
    "confirm_timeout_s": None,
    "gate_wait_s": 10.0,
    "checkpoint_id": "change-1",
}

GOOD = {"changed": True, "report": {"status": "applied", "checkpoint_id": "change-1", "operations": [], "warnings": []}}
SAME = {"report": {"status": "unchanged"}}
REFUSED = {"failed": True, "msg": "no", "report": {"status": "failed", "error": {"message": "no"}}}
UNDONE = {"failed": True, "msg": "no", "report": {"status": "rolled_back", "error": {"message": "no"}}}
CRASHED = {"failed": True, "msg": "the module ended without a result"}
AHEAD = {"failed": True, "report": {"status": "failed", "error": {"message": refusal("change-1")}}}
GONE = {"unreachable": True, "msg": "no route"}
UNCONFIRMED = {"failed": True, "report": {"status": "failed", "checkpoint_id": "change-1"}}


def rollout_of(asked: dict[str, Any], variables: dict[str, Any], *, check: bool = False) -> Rollout:
    """Return the rollout of a task with these options and variables."""
    everything = variables["hostvars"]
    return Rollout.of(asked, variables, own=lambda host: own(host, everything[host].get), check=check)


def run(results: list[dict[str, Any]], *, check: bool = False, **options: Any) -> dict[str, Any]:
    """Lead a rollout over hosts whose applies have these results, and return the last verdict."""
    hosts = [f"h{number}" for number in range(len(results))]
    everything: dict[str, dict[str, Any]] = {host: {} for host in hosts}
    asked = {**DEFAULTS, **options}
    verdict: dict[str, Any] = {}
    while hosts and not verdict.get("stop"):
        begun = sum(len(wave["hosts"]) for wave in verdict["rollout"]["waves"][: verdict["number"]]) if verdict else 0
        if begun == len(hosts):
            break
        batch = hosts[begun:]
        variables = {
            "ansible_play_hosts_all": hosts,
            "ansible_play_batch": batch,
            "hostvars": everything,
            "ansible_forks": 5,
        }
        rollout = rollout_of(asked, variables, check=check)
        wave = rollout.begin()
        for host in rollout.waves[rollout.index]:
            everything[host].update(netopt_wave=wave, optimize_applied=results[hosts.index(host)])
        verdict = rollout.end()
        for host in rollout.waves[rollout.index]:
            everything[host].update(netopt_gate=verdict)
        assert told({"hostvars": everything, "netopt_gate": everything["h0"]["netopt_gate"]}) == verdict
    return verdict


@pytest.mark.parametrize(
    ("results", "options", "stop", "finish"),
    [
        ([GOOD, GOOD, SAME], {}, False, {}),
        ([GOOD, GOOD, SAME], {"confirm_at": "end"}, False, {"h0": "confirmed", "h1": "confirmed"}),
        ([GOOD, SAME, GOOD], {"confirm": "manual"}, False, {"h0": "extended", "h2": "extended"}),
        ([GONE, GOOD, GOOD], {"max_failures": 2}, True, {"h0": "report"}),
        ([GOOD, REFUSED, GOOD], {}, True, {"h1": "report"}),
        ([GOOD, REFUSED, GOOD], {"max_failures": "34%"}, False, {"h1": "report"}),
        ([GOOD, REFUSED, GOOD], {"confirm_at": "end"}, True, {"h0": "confirmed", "h1": "report", "h2": "confirmed"}),
        ([GOOD, REFUSED, SAME], {"on_failure": "roll_back"}, True, {"h0": "restored", "h1": "report"}),
        ([GOOD, AHEAD, GOOD], {"max_failures": 3}, True, {"h0": "listed", "h1": "report", "h2": "listed"}),
        ([GOOD, AHEAD, GOOD], {"on_failure": "roll_back"}, True, {"h0": "restored", "h1": "report", "h2": "restored"}),
        (
            [GOOD, UNDONE, CRASHED, GONE, UNCONFIRMED],
            {"on_failure": "roll_back", "confirm_at": "end"},
            True,
            {"h0": "restored", "h1": "report", "h2": "restored", "h3": "restored", "h4": "restored"},
        ),
    ],
)
def test_what_is_left_to_do(results: Any, options: Any, stop: bool, finish: dict[str, str]) -> None:  # noqa: FBT001
    """Whoever may hold the change rolls back or keeps it, as asked; whoever failed is reported; others are left."""
    verdict = run(results, **options)
    assert (verdict["stop"], verdict["finish"]) == (stop, finish)
    assert verdict["rollout"]["stopped"] is stop
    assert (verdict["rollout"]["reason"] is not None) is stop


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (
            {"checkpoints": [{"id": "change-1", "status": "rolled_back"}]},
            "rolled_back",
            "Somebody has rolled the change",
        ),
        ({"checkpoints": [{"id": "change-1", "status": "confirmed"}]}, "applied", ""),
        ({"checkpoints": []}, "applied", "whether this one still holds it is not known"),
        ({}, "applied", "whether this one still holds it is not known"),
    ],
)
def test_host_that_is_asked_what_became_of_it(answer: dict[str, Any], status: str, words: str) -> None:
    """After a rollback elsewhere each host that took the change says itself what became of it."""
    found = looked_up(GOOD, answer, "change-1")
    assert found["report"]["status"] == status
    assert bool(found.get("failed")) is (status == "rolled_back")
    assert words in str(found["report"])
    assert bool(found["report"]["warnings"]) is words.startswith("whether")


def test_check_mode_confirms_and_restores_nothing() -> None:
    """It only says who would have failed."""
    options = {"confirm_at": "end", "on_failure": "roll_back"}
    would = {"report": {"status": "would_change"}}
    assert run([would, REFUSED, would], check=True, **options)["finish"] == {"h1": "report"}


@pytest.mark.parametrize(
    ("options", "hosts", "expected"),
    [
        ({"confirm_at": "wave"}, 3, ("auto", 120.0, 120.0)),
        ({"confirm_at": "wave", "confirm_timeout_s": 30.0}, 3, ("auto", 30.0, 30.0)),
        ({"confirm_at": "end"}, 3, ("manual", 120.0, 120.0)),
        ({"confirm_at": "end", "pause_s": 1000.0}, 3, ("manual", 2120.0, 120.0)),
        ({"confirm": "manual", "confirm_timeout_s": 15.0}, 3, ("manual", 120.0, 15.0)),
        ({"confirm": "manual", "confirm_timeout_s": 600.0}, 3, ("manual", 600.0, 600.0)),
        ({"confirm_at": "end", "pause_s": 50000.0}, 3, ("manual", 86400.0, 120.0)),
    ],
)
def test_hosts_wait_for_as_long_as_the_rollout_can_take(options: Any, hosts: int, expected: Any) -> None:
    """Two waves that do not answer, and the confirmation, take 60 s; a host waits twice that, a day at most."""
    names = [f"h{number}" for number in range(hosts)]
    begun = begun_with({name: {} for name in names}, **options)
    assert (begun["confirm"], begun["guard_s"], begun["confirm_timeout_s"]) == expected


def begun_with(everything: dict[str, dict[str, Any]], **options: Any) -> dict[str, Any]:
    """Begin the first of two waves over hosts with these variables, and return what is known of it."""
    names = list(everything)
    variables = {"ansible_play_hosts_all": names, "ansible_play_batch": names[:1], "hostvars": everything}
    return rollout_of({**DEFAULTS, **options}, {**variables, "ansible_forks": 5}).begin()


def measuring(seconds: object, *, iperf: str | None = None) -> dict[str, Any]:
    """Return the variables of a host whose plan measures for so long."""
    return {"netopt_plan": {"validate": {"targets": {"ping": ["192.0.2.1"], "iperf": iperf}, "duration_s": seconds}}}


def measured_s(seconds: int, *, iperf: str | None = None) -> float:
    """Return how long one of these hosts can measure."""
    wanted = {"ping": ["192.0.2.1"], "tcp": [], "iperf": iperf, "duration_s": seconds}
    return 3 * (probe_targets.time_s(wanted) + probe_targets.AWAITED_S)


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ([measuring(20)] * 3, 2 * measured_s(20)),
        ([{}, measuring(20), {}], measured_s(20)),
        ([measuring(10), {}, measuring("20")], measured_s(10) + measured_s(20)),
        ([{}, measuring(20), measuring(10)], measured_s(20)),
        (
            [{}, measuring(20, iperf="h0"), measuring(10, iperf="h0")],
            measured_s(20, iperf="h0") + measured_s(10, iperf="h0"),
        ),
        ([{}, {"netopt_plan": '{"validation": {"targets": {"tcp": ["h:1"]}, "duration_s": 20}}'}, {}], measured_s(20)),
        ([{"netopt_plan": bad} for bad in ("no plan", {"validate": [1]}, {"validate": {"targets": ["h"]}})], 0.0),
        ([measuring("long"), measuring(10**9), {}], measured_s(3600)),
    ],
    ids=["all", "one", "each its own", "at once", "in turn", "as text", "no plans", "beyond all limits"],
)
def test_hosts_wait_for_what_each_of_them_measures(hosts: list[dict[str, Any]], expected: float) -> None:
    """It is each host's own plan that says how long it takes; one that is no plan fails on its turn, not here."""
    begun = begun_with({f"h{number}": variables for number, variables in enumerate(hosts)}, confirm_at="end")
    assert begun["guard_s"] == pytest.approx(max(120.0, 2 * (60.0 + expected)))


@pytest.mark.parametrize(
    ("ports", "waits_s"), [([], 0), ([443], 2 * 30), (443, 2 * 30), ("443, 8443", 2 * 30), (["443"], 2 * 30)]
)
def test_time_for_the_gate(ports: object, waits_s: int) -> None:
    """Where any host has ports, also as text, each wave may wait at its gate."""
    begun = begun_with({"h0": {}, "h1": {"netopt_gate_tcp": ports}}, confirm_at="end", gate_wait_s=30.0)
    assert begun["guard_s"] == 2 * (60.0 + waits_s)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"confirm_at": "end", "pause_s": 86400.0}, "may have to wait 86460 s .* waits 86400 s for its confirmation"),
        ({"confirm": "manual", "confirm_at": "wave"}, "confirmed at the end of a rollout, not by wave"),
        ({"max_failures": "some"}, "netopt_max_failures: 'some'"),
        ({"checkpoint_id": "../x"}, "checkpoint"),
    ],
)
def test_what_cannot_come_to_a_good_end_is_not_begun(options: Any, words: str) -> None:
    """The error comes ahead of the first host."""
    with pytest.raises(WavesError, match=words):
        run([GOOD, GOOD], **options)


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        ("https", "netopt_gate_tcp of h0: "),
        ([70000], "70000 is no port; numbers from 1 to 65535"),
        ({"https": 443}, "netopt_gate_tcp of h0: "),
    ],
)
def test_ports_that_are_none(ports: object, words: str) -> None:
    """The wave does not begin, and the error names the host."""
    with pytest.raises(WavesError, match=re.escape(words)):
        begun_with({"h0": {"netopt_gate_tcp": ports}})


def test_it_stops_while_there_is_time_to_confirm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wave that took too long ends the rollout before hosts that wait restore themselves."""
    now = [1000.0]
    monkeypatch.setattr(_rollout.time, "monotonic", lambda: now[0])
    names = ["h0", "h1"]
    everything: dict[str, dict[str, Any]] = {"h0": {}, "h1": {}}
    variables = {"ansible_play_hosts_all": names, "ansible_play_batch": names, "hostvars": everything}
    rollout = rollout_of({**DEFAULTS, "confirm_at": "end"}, variables)
    everything["h0"].update(netopt_wave=rollout.begin(), optimize_applied=GOOD)
    now[0] += 75
    assert rollout.end()["stop"] is False
    now[0] += 10
    verdict = rollout.end()
    assert (verdict["stop"], verdict["finish"]) == (True, {"h0": "confirmed"})
    assert "another 35 s, and what is left to do can take 40 s" in verdict["rollout"]["reason"]


@pytest.mark.parametrize(
    ("applied", "status", "holds"),
    [
        (GOOD, "applied", True),
        (SAME, "unchanged", False),
        (REFUSED, "failed", False),
        (UNDONE, "rolled_back", False),
        (CRASHED, "failed", True),
        (GONE, "unreachable", True),
        (UNCONFIRMED, "failed", True),
        ({}, "failed", False),
        ({"failed": True, "report": {"status": "applied"}}, "failed", False),
    ],
)
def test_how_a_host_fared(applied: dict[str, Any], status: str, holds: bool) -> None:  # noqa: FBT001
    """Whoever may hold the change is asked to roll back, also one that could not say."""
    assert (fared(applied), may_hold(applied)) == (status, holds)


VERDICT = {
    "rollout": {"reason": "too many", "confirm": "wave"},
    "unhealthy": {"ill": "no connection"},
    "checkpoint_id": "change-1",
    "guard_s": 80.0,
}


@pytest.mark.parametrize(
    ("host", "deed", "applied", "answer", "status", "stage"),
    [
        ("h", "confirmed", GOOD, {"report": {"status": "applied"}}, "applied", None),
        ("h", "restored", GOOD, {"report": {"status": "rolled_back"}}, "rolled_back", "rollout"),
        ("ill", "restored", GOOD, {"report": {"status": "rolled_back"}}, "rolled_back", "gate"),
        ("ill", "report", SAME, {}, "unchanged", "gate"),
        ("h", "restored", CRASHED, {"report": {"status": "rolled_back"}}, "rolled_back", "apply"),
        (
            "h",
            "restored",
            GOOD,
            {"failed": True, "msg": "m", "report": {"status": "rollback_failed", "error": {"stage": "restore"}}},
            "rollback_failed",
            "restore",
        ),
        (
            "h",
            "confirmed",
            GOOD,
            {"failed": True, "msg": "m", "report": {"error": {"stage": "confirm", "after": "rolled_back"}}},
            "rolled_back",
            "confirm",
        ),
    ],
)
def test_last_word_about_a_host(
    host: str, deed: str, applied: Any, answer: Any, status: str, stage: str | None
) -> None:
    """It keeps what the host has said of itself, and adds what the end of the rollout has brought."""
    result = finished(deed, applied=applied, answer=answer, verdict=VERDICT, host=host)
    error = result["report"].get("error")
    assert (result["report"]["status"], error and error["stage"]) == (status, stage)
    assert bool(result.get("failed")) is (stage is not None)


def test_host_without_a_checkpoint_keeps_its_own_error() -> None:
    """Where nothing was altered there is nothing to restore; what went wrong stays what is told."""
    answer = {"report": {"status": "skipped"}}
    assert finished("restored", applied=GONE, answer=answer, verdict=VERDICT, host="h")["unreachable"] is True
    assert finished("restored", applied=CRASHED, answer=answer, verdict=VERDICT, host="h")["msg"] == CRASHED["msg"]


@pytest.mark.parametrize(("confirm", "status"), [("wave", "rollback_failed"), ("end", "unreachable")])
def test_host_that_is_gone_when_it_is_to_roll_back(confirm: str, status: str) -> None:
    """It holds the change where it had kept it, and restores itself where it had not."""
    verdict = {**VERDICT, "rollout": {"confirm": confirm}}
    result = out_of_reach(GOOD, verdict=verdict, said="no route")
    assert (result["failed"], result["report"]["status"], result["report"]["error"]["after"]) == (
        True,
        status,
        "no route",
    )
