# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One wave in which a host fails, one is out of reach and one misses its objective, all at once.

The report is right about each, and no host is left between before and after.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mcp_bridge.lab.state import Lab
from tests.e2e.fleet import Answer, Fleet, on_console
from tests.labs import brought_up

pytestmark = pytest.mark.lab

KEY = "net.ipv4.tcp_fin_timeout"
OLD, NEW = "60", "27"
WELL, REFUSES, AWAY, MISSES, LATER = range(1, 6)
# What the plan marks this host alone throws away, so that it loses all it sends to the target, though not before.
LOSING = (
    "table inet choke { chain out { type filter hook postrouting priority 300; ip protocol icmp ip dscp ef drop; }; }"
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Five namespace hosts: four for the wave, and one whose turn does not come, which the others measure to."""
    for made in brought_up("troubles", hosts=5):
        for number, argv in ((REFUSES, _moved("tc", "tc.away")), (MISSES, ["nft", LOSING])):
            on_console(made, str(number), *argv)
        yield made


def _moved(name: str, other: str) -> list[str]:
    """Return the command that gives a program another name."""
    return ["sh", "-c", f"cd $(dirname $(readlink -f $(command -v {name}))) && mv {name} {other}"]


@contextmanager
def changed(fleet: Fleet, *words: str) -> Iterator[Answer]:
    """Apply the plan in waves of four and all others, with one host that nothing answers for."""
    target = fleet.lab.hosts[LATER - 1].address
    mark = {"match": {"proto": "icmp", "dst": f"{target}/32"}, "dscp": "ef"}
    spec = {"targets": {"ping": [target]}, "objectives": {"loss_pct": 5}, "duration_s": 1}
    changes = {"sysctl": {KEY: int(NEW)}, "shaper": {"egress_mbit": 700}, "dscp": [mark]}
    plan = fleet.folder / "plan.json"
    plan.write_text(json.dumps({"iface": "eth0", "changes": changes, "validate": spec}), encoding="utf-8")
    inventory = fleet.inventory(**{f"h{AWAY}": {"ansible_port": 1}})
    answer = fleet.netopt("apply", str(plan), "--json", "--waves", "4,100%", *words, inventory=inventory)
    yield answer
    if answer.report["hosts"][fleet.name(WELL)]["status"] == "applied":
        assert fleet.netopt("rollback", answer.report["run_id"], "-l", fleet.name(WELL)).status == 0


@pytest.mark.long
@pytest.mark.parametrize(
    ("on_failure", "well"),
    [("stay", "applied"), ("roll-back", "rolled_back")],
)
def test_three_troubles_at_once(lab: Lab, tmp_path: Path, on_failure: str, well: str) -> None:
    """Each trouble has its own words, whoever was well keeps the change or goes back, and the kernels say the same."""
    fleet = Fleet(lab, tmp_path)
    before = fleet.views()
    with changed(fleet, "--on-failure", on_failure) as answer:
        report = answer.report
        found = [report["hosts"][host.name] for host in lab.hosts]
        assert [host["status"] for host in found] == [well, "failed", "unreachable", "rolled_back", "skipped"], report
        errors = [host["error"] or {} for host in found]
        assert "tc" in errors[REFUSES - 1]["message"]
        assert errors[AWAY - 1]["message"]
        assert (errors[MISSES - 1]["stage"], errors[MISSES - 1]["after"]) == ("validate", "no answer"), errors[
            MISSES - 1
        ]
        assert errors[WELL - 1].get("stage") == (None if well == "applied" else "rollout")

        first, second = report["rollout"]["waves"]
        assert (first["status"], second["status"], report["rollout"]["stopped"]) == ("failed", "not_begun", True)
        assert first["gate"] == {"ok": False, "message": "1 of 4 hosts are well"}
        assert "3 of 5 hosts failed, and 0 may, in wave 1 of 2" in report["errors"][0]
        assert len(report["errors"]) == (4 if well == "applied" else 5)
        assert answer.status == 1

        differ = {line.partition(":")[0] for line in fleet.differences(before)}
        assert differ == ({fleet.name(WELL)} if well == "applied" else set())
        held = [host.run("sysctl", "-n", KEY).strip() for host in fleet.hosts]
        assert held == [NEW if well == "applied" else OLD, *[OLD] * 4]
        _undecided_nowhere(fleet, report["checkpoint_id"], well)


def _undecided_nowhere(fleet: Fleet, identity: str, well: str) -> None:
    """See that every host that made a checkpoint has confirmed or left the change."""
    known = fleet.netopt("checkpoints", "--json").report["checkpoints"]
    kept = next(one["hosts"] for one in known if one["checkpoint_id"] == identity)
    last = "confirmed" if well == "applied" else "rolled_back"
    assert kept == {fleet.name(WELL): last, fleet.name(MISSES): "rolled_back"}
