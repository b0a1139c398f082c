# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Throughput between hosts of the inventory gates a change, and no server is left behind."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._probe import targets as probe_targets
from mcp_bridge.lab import lifecycle
from tests.e2e.fleet import ROOT, Answer, Fleet
from tests.waiting import until

pytestmark = [pytest.mark.lab, pytest.mark.skipif(shutil.which("iperf3") is None, reason="takes iperf3")]

SERVER = 2
PATIENCE_S = 10.0


def apply(fleet: Fleet, changes: dict[str, Any], *words: str, **objectives: float) -> Answer:
    """Apply changes; throughput is measured to the second host."""
    spec = {"targets": {"iperf": fleet.name(SERVER)}, "objectives": objectives, "duration_s": 5}
    path = fleet.folder / "plan.json"
    path.write_text(json.dumps({"iface": "eth0", "changes": changes, "validate": spec}), encoding="utf-8")
    return fleet.netopt("apply", str(path), "--json", *words)


def servers(fleet: Fleet) -> str:
    """Return the servers of iperf3 that there are on the host that serves."""
    return lifecycle.execute(fleet.lab, str(SERVER), ["pgrep", "-af", "iperf3 -s"]).stdout


def test_two_hosts_take_turns(fleet: Fleet) -> None:
    """Both measure to the third, one after the other; that one says why it does not."""
    answer = apply(fleet, {"sysctl": {"net.ipv4.tcp_fin_timeout": 27}}, throughput_mbps=100)
    assert (answer.status, answer.statuses) == (0, {"applied"}), answer.report["errors"]
    for number in (1, 3):
        measured = answer.report["hosts"][fleet.name(number)]["measurements"]
        for side in ("before", "after"):
            assert measured[side]["iperf"]["throughput_mbps"] > 100
            assert len(measured[side]["iperf"]["intervals_mbps"]) == 10
    assert any("others measure to" in line for line in answer.report["hosts"][fleet.name(SERVER)]["warnings"])
    assert servers(fleet) == ""
    assert fleet.netopt("rollback", answer.report["checkpoint_id"]).status == 0


def test_a_narrow_shaper_goes_back(fleet: Fleet) -> None:
    """Throughput that falls by more than is allowed is a miss, with the figures."""
    before = fleet.views()
    answer = apply(fleet, {"shaper": {"egress_mbit": 40}}, "-l", fleet.name(1), max_regression_pct=50)
    assert (answer.status, answer.statuses) == (1, {"rolled_back"}), answer.text
    report = answer.report["hosts"][fleet.name(1)]
    assert report["error"]["key"] == f"iperf {fleet.name(SERVER)} throughput_mbps"
    assert 20 < report["measurements"]["after"]["iperf"]["throughput_mbps"] < 45
    assert report["measurements"]["after"]["counters"]["backlog_packets_max"] > 0
    assert servers(fleet) == ""
    assert fleet.differences(before) == []


def test_a_full_link_in_words(fleet: Fleet) -> None:
    """The link is filled both ways, delays are told idle and beside the load, and what was before."""
    words = ("measure", "--bloat", "--iperf", fleet.name(SERVER), "-l", fleet.name(1), "--duration", "3")
    first = fleet.netopt(*words, "--json")
    assert first.status == 0, first.text
    earlier = fleet.folder / "before.json"
    earlier.write_text(first.text, encoding="utf-8")
    (delays,) = json.loads(first.text)["hosts"][fleet.name(1)]["ping"].values()
    assert 0 < delays["loaded_p50_ms"] <= delays["loaded_p95_ms"]
    second = fleet.netopt(*words, "--before", str(earlier))
    assert "while the link is full" in second.text
    assert "before it was" in second.text
    assert "Mbit/s up and down" in second.text
    assert servers(fleet) == ""


def test_a_host_that_cannot_serve(fleet: Fleet) -> None:
    """Where the server lacks iperf3, nothing is begun, and it is named."""
    lifecycle.execute(fleet.lab, str(SERVER), ["sh", "-c", "mv $(command -v iperf3) /root/iperf3.away"])
    try:
        answer = apply(fleet, {"sysctl": {"net.ipv4.tcp_fin_timeout": 26}}, "-l", fleet.name(1), throughput_mbps=100)
    finally:
        lifecycle.execute(fleet.lab, str(SERVER), ["mv", "/root/iperf3.away", "/usr/bin/iperf3"])
    assert answer.statuses == {"failed"}
    message = answer.report["hosts"][fleet.name(1)]["error"]["message"]
    assert f"{fleet.name(SERVER)} cannot serve" in message
    assert "iperf3 is not installed" in message


def serving(port: int) -> tuple[subprocess.Popen[bytes], int]:
    """Start what a module runs to serve, in a network of its own; return it and the process of its server."""
    program = [sys.executable, "-m", "tests.measuring.serve_program", str(port)]
    module = subprocess.Popen(["unshare", "-n", "--", *program], cwd=ROOT)
    children = Path("/proc", str(module.pid), "task", str(module.pid), "children")
    return module, int(until(lambda: children.read_text(encoding="ascii").strip(), PATIENCE_S, "a server"))


def await_end(pid: int) -> None:
    """Wait until a process is gone."""
    until(lambda: not Path("/proc", str(pid)).exists(), PATIENCE_S, f"process {pid} ends")


def test_no_server_outlives_its_module() -> None:
    """A server whose module is killed is gone at once."""
    module, server = serving(25001)
    module.kill()
    module.wait()
    await_end(server)


def test_no_server_waits_for_long() -> None:
    """A server that no client comes to ends by itself."""
    module, server = serving(25002)
    assert module.wait(timeout=probe_targets.serving_s({"serve_port": 25002, "duration_s": 1}) + PATIENCE_S) == 0
    await_end(server)
