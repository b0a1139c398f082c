# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts measure the network for real, and a changed path shows in the figures."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError

from mcp_bridge.lab import lifecycle
from mcp_bridge.lab.state import Lab
from mcp_bridge.mcp_server import server
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings


@pytest.fixture
def measured(settings: Settings, lab: Lab) -> Callable[..., dict[str, Any]]:
    """Calls the tool for the lab's hosts and returns what the first of them measured."""

    def measure(**arguments: Any) -> dict[str, Any]:
        async def connected() -> dict[str, Any]:
            located = replace(settings, inventory=str(lab.inventory), output_schemas=True)
            async with Client(server.build(Service(located, caller="tester"))) as client:
                (tool,) = [tool for tool in await client.list_tools() if tool.name == "measure_network_tool"]
                options = {"hosts": lab.hosts[0].name, "duration_s": 1, **arguments}
                result = await client.call_tool("measure_network_tool", options)
                assert tool.output_schema is not None
                jsonschema.validate(result.structured_content, tool.output_schema)
                found: dict[str, Any] = (result.structured_content or {})["hosts"][lab.hosts[0].name]
                return found

        return asyncio.run(connected())

    return measure


def test_delays(measured: Callable[..., dict[str, Any]], lab: Lab) -> None:
    """Both ways of measuring come to plausible figures; a closed port and an unknown name are told."""
    other = lab.hosts[1].address
    found = measured(ping=[other, "nowhere.invalid"], tcp=[f"{other}:22", f"{other}:9"])
    ping, connect = found["ping"][other], found["tcp"][f"{other}:22"]
    for times in (ping, connect):
        assert (times["sent"], times["received"], times["loss_pct"]) == (5, 5, 0.0)
        assert 0 < times["min_ms"] <= times["p50_ms"] <= times["p95_ms"] <= times["p99_ms"] <= times["max_ms"]
    assert "message" in found["ping"]["nowhere.invalid"]
    closed = found["tcp"][f"{other}:9"]
    assert (closed["loss_pct"], closed["message"]) == (100.0, "Connection refused (5)")
    assert set(found["counters"]) == {
        "backlog_bytes_max",
        "backlog_packets_max",
        "qdisc_drops",
        "qdisc_overlimits",
        "qdisc_requeues",
        "tcp_segments",
        "tcp_retransmits",
        "interface_drops",
        "softnet_dropped",
        "softnet_time_squeeze",
    }


def test_loss(measured: Callable[..., dict[str, Any]], lab: Lab) -> None:
    """Every second request that a firewall drops is missing from the figures."""
    other = lab.hosts[1].address
    rules = "add table inet lossy; add chain inet lossy c { type filter hook input priority 0; }; "
    rules += "add rule inet lossy c icmp type echo-request numgen inc mod 2 == 0 drop"
    assert lifecycle.execute(lab, "2", ["nft", rules]).returncode == 0
    try:
        found = measured(ping=[other], duration_s=2)["ping"][other]
    finally:
        lifecycle.execute(lab, "2", ["nft", "delete", "table", "inet", "lossy"])
    assert (found["sent"], found["received"], found["loss_pct"]) == (10, 5, 50.0)


@pytest.mark.long
def test_throughput(measured: Callable[..., dict[str, Any]], lab: Lab) -> None:
    """Throughput is measured where iperf3 is there; where it is not, the host says what to install."""
    other = lab.hosts[1].address
    if shutil.which("iperf3") is None:
        assert measured(iperf=other)["iperf"] == {"message": "not available: install iperf3"}
        return
    lifecycle.execute(lab, "2", ["iperf3", "-s", "-D", "-1"])
    found = measured(iperf=other)["iperf"]
    assert found["throughput_mbps"] > 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Give 1 to 16 targets"),
        ({"ping": ["-f"]}, "Give a host name"),
        ({"tcp": ["a.test"]}, "Give host:port"),
        ({"ping": ["a.test"], "duration_s": 61}, "less than or equal to 60"),
    ],
)
def test_refusals(measured: Callable[..., dict[str, Any]], arguments: dict[str, Any], message: str) -> None:
    """What cannot be measured is refused before any host is asked."""
    with pytest.raises(ToolError, match=message):
        measured(**arguments)
