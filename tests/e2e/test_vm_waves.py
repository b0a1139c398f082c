# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A wave in which a machine loses its power between its change and the confirmation of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.errors import LabError
from mcp_bridge.lab.state import Lab
from tests.e2e.fleet import Fleet
from tests.waiting import until

pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.long]

WELL, CUT = 1, 2
BOOT_S = 240.0
BOOT_ID = "/proc/sys/kernel/random/boot_id"
KEY = "net.ipv4.tcp_fin_timeout"
OLD, NEW = "60", "27"
PLAN: dict[str, Any] = {
    "iface": "eth0",
    "changes": {"sysctl": {KEY: int(NEW)}, "shaper": {"egress_mbit": 700}, "rate_limits": [{"rate": "5000/second"}]},
    # measured for long enough that the power goes in the middle of it
    "validate": {"targets": {"ping": ["127.0.0.1"]}, "objectives": {"loss_pct": 50}, "duration_s": 10},
}
MADE = "tc -d qdisc show dev eth0; nft list tables; sysctl -n " + KEY
WAIT_AND_CUT = f"until [ $(sysctl -n {KEY}) = {NEW} ]; do sleep 0.1; done; sleep 4; echo b >/proc/sysrq-trigger"


@pytest.fixture
def fleet(machines: Lab, tmp_path: Path) -> Fleet:
    """The machines, and a netopt of the test's own."""
    return Fleet(machines, tmp_path)


def test_a_machine_that_restarts_within_a_wave(fleet: Fleet) -> None:
    """It comes up as it was and the report says why; the other one of its wave keeps the change."""
    before = [_made(fleet, number) for number in (WELL, CUT)]
    boot = _boot(fleet)
    fleet.host(CUT).run("systemd-run", "--unit=cut", "sh", "-c", WAIT_AND_CUT)
    plan = fleet.folder / "plan.json"
    plan.write_text(json.dumps(PLAN), encoding="utf-8")
    answer = fleet.netopt("apply", str(plan), "--json", "--waves", "100%", "--on-failure", "stay")
    report = answer.report
    well, cut = (report["hosts"][fleet.name(number)] for number in (WELL, CUT))
    try:
        assert well["status"] == "applied", report
        assert NEW in _made(fleet, WELL)
        assert (cut["status"], cut["changed"], cut["error"]["key"]) == ("rolled_back", False, "restart"), report
        assert "restarted" in cut["error"]["message"]
        assert (answer.status, report["rollout"]["waves"][0]["status"]) == (1, "failed")

        _await_boot(fleet, boot)
        assert _made(fleet, CUT) == before[CUT - 1]
        known = fleet.netopt("checkpoints", "--json").report["checkpoints"]
        kept = next(one["hosts"] for one in known if one["checkpoint_id"] == report["checkpoint_id"])
        assert kept == {fleet.name(WELL): "confirmed", fleet.name(CUT): "rolled_back"}
    finally:
        undone = fleet.netopt("rollback", report["run_id"], "-l", fleet.name(WELL), "--json")
    assert undone.statuses == {"rolled_back"}, undone.report
    assert _made(fleet, WELL) == before[WELL - 1]


def _made(fleet: Fleet, number: int) -> str:
    """Return what the tools on a machine say of what the plan is about."""
    return fleet.host(number).run("sh", "-c", MADE)


def _boot(fleet: Fleet) -> str:
    """Return by what the machine knows that it runs since its last start, once it is up; empty while it is not."""
    try:
        state = fleet.host(CUT).run("sh", "-c", f"systemctl is-system-running --wait; cat {BOOT_ID}")
    except (LabError, subprocess.TimeoutExpired):
        return ""
    return state.split()[-1]


def _await_boot(fleet: Fleet, before: str) -> None:
    """Wait until the machine has come up anew."""
    until(lambda: _boot(fleet) not in ("", before), BOOT_S, "the machine comes up again", every_s=1)
