# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many clients at once, and many calls in a row: reads keep answering while hosts are changed, and nothing leaks."""

from __future__ import annotations

import os
import random
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.lab.state import Lab
from tests.conformance.processes import Server, serving
from tests.conformance.wire import STATELESS, Wire
from tests.listening import free_port
from tests.waiting import until

pytestmark = [pytest.mark.lab, pytest.mark.slow]

CLIENTS = 50
PAUSE_S = (0.5, 1.5)  # between two reads of one client; a model thinks longer
P99_S = 1.0
APPLIES = 3  # one after the other on each of the two hosts
CALLS = 1000
GOOD = {"iface": "eth0", "changes": {"sysctl": {"net.ipv4.tcp_fin_timeout": 15}}}
READS: list[tuple[str, dict[str, Any]]] = [
    ("resources/read", {"uri": "policy://profiles/server"}),
    ("resources/read", {"uri": "policy://config_cards/list"}),
    ("resources/read", {"uri": "runs://list"}),
    ("resources/read", {"uri": "schema://ParameterPlan"}),
    ("prompts/get", {"name": "roll_back_safely", "arguments": {"hosts": "web"}}),
    ("tools/call", {"name": "validate_change_plan_tool", "arguments": {"parameter_plan": GOOD}}),
    ("tools/call", {"name": "render_change_plan_tool", "arguments": {"plan": GOOD}}),
    ("tools/call", {"name": "get_audit_log_tool", "arguments": {"limit": 5}}),
]
MISUSES: list[tuple[str, dict[str, Any]]] = [
    ("resources/read", {"uri": "policy://profiles/none"}),
    ("tools/call", {"name": "render_change_plan_tool", "arguments": {"plan": {"iface": "eth0"}}}),
    ("tools/call", {"name": "none", "arguments": {}}),
]


@pytest.fixture(scope="module")
def server(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server for the lab's hosts that asks nobody."""
    port = free_port()
    words = ["mcp_bridge", "serve", "--http", f"127.0.0.1:{port}", "-i", str(lab.inventory), "--consent", "never"]
    with serving(words, port=port, folder=tmp_path_factory.mktemp("load")) as running:
        yield running


@dataclass
class Observed:
    """What clients saw."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def note(self, begun: float, message: dict[str, Any]) -> None:
        """Keep how long an answer took, and that it was none."""
        self.seconds.append(time.monotonic() - begun)
        if "error" in message or message["result"].get("isError"):
            self.errors.append(str(message)[:300])

    def summary(self) -> str:
        """Return the figures in one line."""
        ordered = sorted(self.seconds)
        p50, p99 = statistics.median(ordered), quantile(ordered, 0.99)
        return f"{len(ordered)} reads, median {p50:.3f} s, p99 {p99:.3f} s, longest {ordered[-1]:.3f} s"


def quantile(ordered: list[float], share: float) -> float:
    """Return the value below which ``share`` of the values lie."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _read_until(stop: threading.Event, port: int, number: int, observed: Observed) -> None:
    """Be one client: read, pause, read, until told to stop."""
    choose = random.Random(number)  # noqa: S311 - nothing secret
    wire = Wire(port, STATELESS if number % 2 else "2025-11-25")
    wire.begin()
    while not stop.wait(choose.uniform(*PAUSE_S)):
        method, parameters = choose.choice(READS)
        begun = time.monotonic()
        try:
            observed.note(begun, wire.ask(method, parameters)[-1])
        except OSError as problem:
            observed.errors.append(f"{method}: {problem}")
    wire.close()


def _apply(port: int, host: str, number: int) -> str:
    """Change one host and return its status."""
    wire = Wire(port, STATELESS)
    plan = {"iface": "eth0", "changes": {"sysctl": {"net.ipv4.tcp_fin_timeout": 20 + number}}}
    call = {"name": "render_change_plan_tool", "arguments": {"plan": plan}}
    rendered = wire.ask("tools/call", call)[-1]["result"]["structuredContent"]
    arguments = {"rendered_plan": rendered, "hosts": host, "dry_run": False}
    result = wire.ask("tools/call", {"name": "apply_rendered_plan_tool", "arguments": arguments})[-1]["result"]
    assert not result.get("isError"), result
    status: str = result["structuredContent"]["hosts"][host]["status"]
    return status


def _others() -> str:
    """Return why times say nothing on this machine, empty where it leaves the processors to the test."""
    if os.environ.get("NETOPT_SHARED_MACHINE"):
        return "NETOPT_SHARED_MACHINE is set"
    load = os.getloadavg()[0]
    return f"others keep this machine busy, load {load:.0f}" if load > 2 * (os.cpu_count() or 1) else ""


def test_many_clients(lab: Lab, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """Fifty clients read while both hosts are changed: no errors, and nearly every answer within a second."""
    observed, stop, busy = Observed(), threading.Event(), _others()
    with ThreadPoolExecutor(max_workers=CLIENTS + 2) as pool:
        clients = [pool.submit(_read_until, stop, server.port, number, observed) for number in range(CLIENTS)]
        until(lambda: len(observed.seconds) >= CLIENTS, 60, "the clients read")
        begun = time.monotonic()
        try:
            for number in range(APPLIES):
                changes = [pool.submit(_apply, server.port, host.name, number) for host in lab.hosts]
                assert [change.result(180) for change in changes] == ["applied"] * len(lab.hosts)
        finally:
            took = time.monotonic() - begun
            stop.set()
        for client in clients:
            client.result(60)
    with capsys.disabled():
        print(f"\n{CLIENTS} clients, {APPLIES} times two applies in {took:.0f} s: {observed.summary()}")  # noqa: T201
    assert observed.errors == []
    assert len(observed.seconds) > CLIENTS
    if busy:
        pytest.skip(f"{busy}, so the time says nothing: {observed.summary()}")
    assert quantile(sorted(observed.seconds), 0.99) < P99_S


@dataclass(frozen=True)
class Taken:
    """What a process takes of the machine."""

    files: int
    threads: int
    memory_mb: float
    children: int

    @classmethod
    def by(cls, pid: int) -> Taken:
        """Read it from /proc."""
        here = Path("/proc") / str(pid)
        status = dict(line.split(":", 1) for line in (here / "status").read_text(encoding="utf-8").splitlines())
        children = sum(len(path.read_text().split()) for path in (here / "task").glob("*/children"))
        files = len(list((here / "fd").iterdir()))
        return cls(files, int(status["Threads"]), int(status["VmRSS"].split()[0]) / 1024, children)


def _calls(port: int, number: int, *, host: str) -> None:
    """Make calls of every kind: reads, misuses, sessions that are begun and left, and now and then a host is asked."""
    wire = Wire(port, STATELESS)
    for index in range(number):
        if index % 20 == 0:
            wire.close()
            wire = Wire(port, STATELESS if index % 40 else "2025-11-25")
            wire.begin()
        if index % 100 == 50:
            wire.ask(
                "tools/call", {"name": "sysctl_get_tool", "arguments": {"hosts": host, "keys": ["kernel.pid_max"]}}
            )
        elif index % 5 == 4:
            wire.ask(*MISUSES[index // 5 % len(MISUSES)])
        else:
            wire.ask(*READS[index % len(READS)])


def test_nothing_leaks(lab: Lab, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """After a thousand calls the server holds no more files, threads, children or memory than before them."""
    host = lab.hosts[0].name
    _calls(server.port, CALLS // 2, host=host)  # whatever is made once is made by then
    before = Taken.by(server.process.pid)
    _calls(server.port, CALLS, host=host)
    after = Taken.by(server.process.pid)
    with capsys.disabled():
        print(f"\n{CALLS} calls: before {before}, after {after}")  # noqa: T201
    assert after.children <= before.children
    assert after.files <= before.files + 10
    assert after.threads <= before.threads + 4
    assert after.memory_mb <= before.memory_mb + 16
