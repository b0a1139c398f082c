# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan's objectives gate its confirmation: what is met stays, what is missed goes back, with the figures."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import PIPE, Popen
from typing import Any

import pytest

from tests.e2e.fleet import Answer, Fleet, program

pytestmark = pytest.mark.lab

HARMLESS = {"sysctl": {"net.ipv4.tcp_fin_timeout": 27}}
BULK = {
    "classid": "1:20",
    "rate_mbit": 1,
    "ceil_mbit": 2,
    "priority": 7,
    "leaf": {"type": "pfifo", "params": {"limit": 50}},
}
PINGS = {"classid": "1:10", "rate_mbit": 1, "ceil_mbit": 3, "priority": 0, "match": [{"proto": "icmp"}]}
LOGINS = {"classid": "1:30", "rate_mbit": 1, "ceil_mbit": 3, "priority": 0, "match": [{"proto": "tcp", "sports": 22}]}
ONE_QUEUE = {"shaper": {"egress_mbit": 3}, "htb_classes": [LOGINS, BULK], "default_class": "1:20"}
TWO_QUEUES = {"shaper": {"egress_mbit": 3}, "htb_classes": [LOGINS, PINGS, BULK], "default_class": "1:20"}


def other(fleet: Fleet) -> str:
    """Return the address of the host that is measured to."""
    return fleet.lab.hosts[1].address


def apply(
    fleet: Fleet,
    changes: dict[str, Any],
    *words: str,
    targets: dict[str, Any] | None = None,
    duration_s: int = 1,
    **objectives: float,
) -> Answer:
    """Apply changes to the first host with objectives, measured by ping to the second unless told otherwise."""
    spec = {"targets": targets or {"ping": [other(fleet)]}, "objectives": objectives, "duration_s": duration_s}
    path = fleet.folder / "plan.json"
    path.write_text(json.dumps({"iface": "eth0", "changes": changes, "validate": spec}), encoding="utf-8")
    return fleet.netopt("apply", str(path), "-l", fleet.name(1), "--json", *words)


def of_first(fleet: Fleet, answer: Answer) -> dict[str, Any]:
    """Return the first host's report."""
    report: dict[str, Any] = answer.report["hosts"][fleet.name(1)]
    return report


@contextmanager
def load(fleet: Fleet) -> Iterator[None]:
    """Have the first host send 4 Mbit/s to the second meanwhile."""
    words = shlex.join(["python3", "-c", program("load_program.py"), other(fleet)])
    with Popen([*fleet.host(1).ssh, words], stdin=PIPE):
        yield


@pytest.mark.long
def test_what_is_met_stays(fleet: Fleet) -> None:
    """Figures from before and after, a verdict on each objective, and a confirmed change; again it is unchanged."""
    targets = {"ping": [other(fleet)], "tcp": [f"{other(fleet)}:22"]}
    objectives = {"latency_p95_ms": 50.0, "loss_pct": 1.0, "max_regression_pct": 100.0}
    answer = apply(fleet, HARMLESS, targets=targets, **objectives)
    assert (answer.status, answer.statuses) == (0, {"applied"}), answer.report["errors"]
    report = of_first(fleet, answer)
    for side in ("before", "after"):
        for probe, target in (("ping", other(fleet)), ("tcp", f"{other(fleet)}:22")):
            figures = report["measurements"][side][probe][target]
            assert (figures["sent"], figures["received"], len(figures["samples_ms"])) == (50, 50, 50)
            assert 0 < figures["p95_ms"] < 50
        assert report["measurements"][side]["counters"]["tcp_segments"] >= 50
    verdicts = report["measurements"]["after"]["verdicts"]
    assert len(verdicts) == 2 * (2 + 3)
    assert all(verdict["met"] for verdict in verdicts)
    again = apply(fleet, HARMLESS, targets=targets, **objectives)
    assert (again.statuses, of_first(fleet, again)["measurements"]) == ({"unchanged"}, None)
    listed = fleet.netopt("checkpoints", "-l", fleet.name(1), "--json").report["checkpoints"]
    assert [made["hosts"] for made in listed if made["checkpoint_id"] == answer.report["checkpoint_id"]] == [
        {fleet.name(1): "confirmed"}
    ]
    assert fleet.netopt("rollback", answer.report["checkpoint_id"], "-l", fleet.name(1)).status == 0


def test_latency_under_load(fleet: Fleet) -> None:
    """Behind a long queue pings take too long, and the host goes back; past it they do not, and it stays."""
    before = fleet.views()
    with load(fleet):
        answer = apply(fleet, ONE_QUEUE, "--confirm-timeout", "10", latency_p95_ms=50)
        assert (answer.status, answer.statuses) == (1, {"rolled_back"}), answer.text
        assert fleet.differences(before) == []
        report = of_first(fleet, answer)
        error = report["error"]
        assert (error["stage"], error["key"]) == ("validate", f"ping {other(fleet)} latency_p95_ms")
        assert error["wanted"] == "at most 50 ms"
        figures = [report["measurements"][side]["ping"][other(fleet)]["p95_ms"] for side in ("before", "after")]
        assert figures[0] < 50 < figures[1]
        assert error["before"] == f"{figures[0]:.4g} ms"
        assert "was" in error["message"]
        assert report["measurements"]["after"]["looks"] == 2
        assert report["measurements"]["after"]["counters"]["backlog_packets_max"] > 0

        answer = apply(fleet, TWO_QUEUES, latency_p95_ms=50)
        assert (answer.status, answer.statuses) == (0, {"applied"}), answer.report["errors"]
    assert fleet.netopt("rollback", answer.report["checkpoint_id"], "-l", fleet.name(1)).status == 0
    assert fleet.differences(before) == []


@pytest.mark.long
def test_worse_than_before(fleet: Fleet) -> None:
    """A change after which nothing comes back is worse than before, whatever the plan says of absolute figures."""
    before = fleet.views()
    lost = {
        "sysctl": {"net.ipv4.ip_forward": 1},
        "nat_rules": [{"type": "snat", "dst": f"{other(fleet)}/32", "to_addr": "192.0.2.77", "iface": "eth0"}],
    }
    answer = apply(fleet, lost, max_regression_pct=20)
    assert (answer.status, answer.statuses) == (1, {"rolled_back"}), answer.text
    error = of_first(fleet, answer)["error"]
    assert (error["stage"], error["after"]) == ("validate", "no answer")
    assert fleet.differences(before) == []


@pytest.mark.long
def test_nothing_is_begun(fleet: Fleet) -> None:
    """Where nothing could be told afterwards, the change is not begun, and each target says why."""
    before = fleet.views()
    targets = {"ping": ["192.0.2.99"], "tcp": [f"{other(fleet)}:9"]}
    answer = apply(fleet, HARMLESS, targets=targets, latency_p95_ms=50)
    assert (answer.status, answer.statuses) == (1, {"failed"}), answer.text
    report = of_first(fleet, answer)
    assert (report["error"]["stage"], report["checkpoint_id"]) == ("validate", None)
    assert "ping 192.0.2.99 gives no figure before the change" in report["error"]["message"]
    assert f"tcp {other(fleet)}:9: Connection refused (50)" in report["error"]["message"]
    assert report["measurements"]["before"]["ping"]["192.0.2.99"]["loss_pct"] == 100
    assert fleet.differences(before) == []


@pytest.mark.long
def test_a_missing_tool(fleet: Fleet) -> None:
    """A host that cannot measure says what to install, and is not changed."""
    fleet.host(1).run("sh", "-c", "mv $(command -v ping) /root/ping.away")
    try:
        answer = apply(fleet, HARMLESS, latency_p95_ms=50)
    finally:
        fleet.host(1).run("sh", "-c", "mv /root/ping.away /usr/bin/ping")
    assert answer.statuses == {"failed"}
    assert "install iputils-ping" in of_first(fleet, answer)["error"]["message"]


@pytest.mark.long
def test_figures_without_objectives(fleet: Fleet) -> None:
    """Where nothing is asked of the figures they are told, and the change stays; one that gives none is no failure."""
    closed = f"{other(fleet)}:9"
    answer = apply(fleet, HARMLESS, targets={"ping": [other(fleet)], "tcp": [closed]})
    assert answer.statuses == {"applied"}, answer.report["errors"]
    after = of_first(fleet, answer)["measurements"]["after"]
    assert (after["ping"][other(fleet)]["received"], after["tcp"][closed]["received"]) == (50, 0)
    assert after["verdicts"] == []
    assert fleet.netopt("rollback", answer.report["checkpoint_id"], "-l", fleet.name(1)).status == 0
