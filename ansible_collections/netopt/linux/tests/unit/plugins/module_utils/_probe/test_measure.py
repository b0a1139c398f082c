# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host measures itself for real: ICMP, TCP connects, and iperf3 where it is there."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterator

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._modules import probe as probe_module
from ansible_collections.netopt.linux.plugins.module_utils._probe.tcp_connect import connects

OPTIONS = {"ping": [], "tcp": [], "duration_s": 1, "interval_s": 0.2, "samples": True}
PORT = 25003


@pytest.fixture
def listener() -> Iterator[str]:
    """A service on this host that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.skipif(shutil.which("ping") is None or os.geteuid() != 0, reason="takes root and ping")
def test_delays(listener: str) -> None:
    """Every probe comes back, in the time that it was given, and unknown names are told."""
    asked = {**OPTIONS, "ping": ["127.0.0.1"], "tcp": [listener, "nowhere.invalid:1"]}
    found = probe_module.run(asked, check=False, diff=False)["measurements"]
    for figures in (found["ping"]["127.0.0.1"], found["tcp"][listener]):
        assert (figures["sent"], figures["received"], len(figures["samples_ms"])) == (5, 5, 5)
    assert found["tcp"]["nowhere.invalid:1"]["message"].startswith("nowhere.invalid: ")
    assert found["counters"]["tcp_segments"] >= 5


def test_a_closed_port(listener: str) -> None:
    """What is refused is lost, with the kernel's word for it; a name without a port is refused before that."""
    closed = f"127.0.0.1:{int(listener.rpartition(':')[2]) - 1}"
    done = connects(closed, duration_s=0.1, interval_s=0.02)
    assert (done.series, done.failures) == ([None] * 5, {"Connection refused": 5})
    refused = probe_module.run({**OPTIONS, "tcp": ["a"]}, check=False, diff=False)
    assert (refused["failed"], refused["error"]["stage"]) == (True, "plan")


def test_a_service_that_does_not_answer() -> None:
    """Probes go on while those before them wait: with a full queue of connections, all are sent in their time."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        done = connects("127.0.0.1:%d" % server.getsockname()[1], duration_s=0.2, interval_s=0.02)
    assert len(done.series) == 10
    assert done.failures["timed out"] == sum(time is None for time in done.series) >= 5


@pytest.mark.skipif(shutil.which("iperf3") is None, reason="takes iperf3")
def test_throughput() -> None:
    """A server for one client is there for it, and ends with it."""
    served = []
    options = {"serve_port": PORT, "duration_s": 1}
    thread = threading.Thread(target=lambda: served.append(probe_module.run(options, check=False, diff=False)))
    thread.start()
    asked = {**OPTIONS, "iperf": "127.0.0.1", "iperf_port": PORT}
    found = probe_module.run(asked, check=False, diff=False)["measurements"]["iperf"]
    thread.join(timeout=30)
    assert found["throughput_mbps"] > 1
    assert len(found["intervals_mbps"]) == 2
    assert served == [{"changed": False, "served": True}]


@pytest.mark.skipif(shutil.which("iperf3") is None or os.geteuid() != 0, reason="takes iperf3, and root for pings")
def test_delays_beside_the_load() -> None:
    """With a load both ways the delays are told idle and beside it, to the load's host where no other is given."""
    options = {"serve_port": PORT + 1, "duration_s": 3}
    thread = threading.Thread(target=lambda: probe_module.run(options, check=False, diff=False))
    thread.start()
    asked = {**OPTIONS, "iperf": "127.0.0.1", "iperf_port": PORT + 1, "both_ways": True, "duration_s": 3}
    found = probe_module.run(asked, check=False, diff=False)["measurements"]
    thread.join(timeout=30)
    delays = found["ping"]["127.0.0.1"]
    assert delays["received"] == 15
    assert 0 < delays["loaded_p50_ms"] <= delays["loaded_p95_ms"]
    assert delays["loaded_loss_pct"] == 0
    assert found["iperf"]["reverse_mbps"] > 1


def test_no_load_and_no_delays_beside_it(listener: str) -> None:
    """Where iperf3 finds no server, no delays are told as if there had been a load; both ways need one."""
    asked = {**OPTIONS, "tcp": [listener], "iperf": "127.0.0.1", "without_idle": True}
    found = probe_module.run({**asked, "iperf_port": None}, check=False, diff=False)["measurements"]
    assert "message" in found["iperf"]
    assert found["tcp"] == {listener: {}}
    refused = probe_module.run({**OPTIONS, "tcp": [listener], "both_ways": True}, check=False, diff=False)
    assert (refused["failed"], refused["error"]["key"]) == (True, "both_ways")


def test_a_port_that_is_none() -> None:
    """A server has to have a port and an end."""
    for options in ({"serve_port": 0, "duration_s": 1}, {"serve_port": 9, "duration_s": 0}):
        assert probe_module.run(options, check=False, diff=False)["failed"]
