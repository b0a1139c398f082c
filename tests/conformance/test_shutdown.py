# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that is told to stop while it changes hosts finishes, or cancels and leaves every host whole."""

from __future__ import annotations

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.lab.kernel_view import connect, kernel_view
from mcp_bridge.lab.state import Lab
from tests.conformance.processes import serving
from tests.conformance.wire import STATELESS, Wire
from tests.listening import free_port
from tests.waiting import until

pytestmark = pytest.mark.lab
PATIENCE_S = 90


def _views(lab: Lab) -> dict[str, dict[str, str]]:
    return {host.name: kernel_view(host) for host in connect(lab.inventory)}


def _ask(port: int, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def _call(wire: Wire, tool: str, **arguments: Any) -> dict[str, Any]:
    found: dict[str, Any] = wire.ask("tools/call", {"name": tool, "arguments": arguments})[-1]["result"]
    return found


def _running(port: int) -> list[str]:
    """Return the ids of the changes that go on."""
    text = Wire(port, STATELESS).ask("resources/read", {"uri": "runs://list"})[-1]["result"]["contents"][0]["text"]
    return [run["run_id"] for run in json.loads(text) if run["state"] == "running" and run["action"] == "apply"]


@pytest.mark.parametrize("grace", ["120", "0"], ids=["finishes", "cancels"])
def test_stop_during_a_change(lab: Lab, tmp_path: Path, grace: str) -> None:
    """The client hears what came of its change, the process ends with 0, and no host is halfway."""
    before, port = _views(lab), free_port()
    words = ["mcp_bridge", "serve", "--http", f"127.0.0.1:{port}", "-i", str(lab.inventory), "--consent", "never"]
    variables = {"NETOPT_SHUTDOWN_GRACE_S": grace}
    with serving(words, port=port, folder=tmp_path, variables=variables) as server, ThreadPoolExecutor(1) as pool:
        wire = Wire(port, STATELESS)
        plan = {"iface": "eth0", "changes": {"sysctl": {"net.ipv4.tcp_fin_timeout": 33}}}
        rendered = _call(wire, "render_change_plan_tool", plan=plan)["structuredContent"]
        change = pool.submit(_call, wire, "apply_rendered_plan_tool", rendered_plan=rendered, dry_run=False)
        until(lambda: _running(port), PATIENCE_S, "the change begins")
        server.process.send_signal(signal.SIGTERM)
        if grace != "0":
            until(lambda: _ask(port, "/readyz") == 503, PATIENCE_S, "the server says that it stops")
            assert _call(Wire(port, STATELESS), "host_facts_tool")["isError"]
        answer = change.result(PATIENCE_S)
        assert server.process.wait(PATIENCE_S) == 0
    report = answer["structuredContent"]
    statuses = {host["status"] for host in report["hosts"].values()}
    if grace == "0":
        assert statuses <= {"applied", "rolled_back", "failed", "skipped", "unchanged", "unreachable"}
        _await_whole(lab, before)
    else:
        assert statuses == {"applied"}
        assert all("tcp_fin_timeout = 33" in json.dumps(view) for view in _views(lab).values())
    _undo(lab, tmp_path, report["run_id"])
    assert _views(lab) == before


def _await_whole(lab: Lab, before: dict[str, dict[str, str]]) -> None:
    """Wait until each host has the whole change or nothing of it."""

    def whole() -> bool:
        return all(
            "tcp_fin_timeout = 33" in json.dumps(view) or view == before[name] for name, view in _views(lab).items()
        )

    until(whole, 180, "each host is as it was or changed", every_s=1)


def _undo(lab: Lab, folder: Path, checkpoint: str) -> None:
    """Roll back with a server that was started anew, which knows the change by its id."""
    port = free_port()
    words = ["mcp_bridge", "serve", "--http", f"127.0.0.1:{port}", "-i", str(lab.inventory), "--consent", "never"]
    with serving(words, port=port, folder=folder):
        wire = Wire(port, STATELESS)

        def undone() -> bool:  # a host that still restores itself answers once it has
            answer = _call(wire, "rollback_to_checkpoint_tool", checkpoint_id=checkpoint, dry_run=False)
            return not answer.get("isError")

        until(undone, 180, "the rollback", every_s=2)
