# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Twelve jobs, each with the arguments that somebody writes who has read nothing but the list of tools."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import jsonschema
from fastmcp import Client

from mcp_bridge.mcp_server.server import build
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings
from tests.calls import call

JOBS: dict[str, dict[str, Any]] = {
    "a longer queue of new connections": {
        "sysctl": {"net.core.somaxconn": 8192, "net.ipv4.tcp_max_syn_backlog": 8192},
    },
    "larger buffers": {"sysctl": {"net.ipv4.tcp_rmem": "4096 131072 67108864", "net.core.rmem_max": 67108864}},
    "another congestion control": {
        "sysctl": {"net.ipv4.tcp_congestion_control": "bbr"},
        "qdisc": {"type": "fq"},
    },
    "a limit on connections": {
        "connection_limits": [{"protocol": "tcp", "port": 443, "limit": 100, "src": ["0.0.0.0/0"]}]
    },
    "a limit on new connections": {
        "rate_limits": [{"rate": "20/second", "burst": 40, "protocol": "tcp", "port": 443, "per_source": True}]
    },
    "fewer pings": {"rate_limits": [{"rate": "10/second", "protocol": "icmp", "icmp_type": "8", "per": "packets"}]},
    "an uplink's queue here": {"shaper": {"egress_mbit": 38, "ingress_mbit": 90}, "qdisc": {"type": "cake"}},
    "calls first": {
        "shaper": {"egress_mbit": 38},
        "htb_classes": [
            {"classid": "1:10", "rate_mbit": 8, "ceil_mbit": 38, "priority": 0, "match": [{"dscp": "ef"}]},
            {"classid": "1:20", "rate_mbit": 30, "ceil_mbit": 38, "burst": "15k", "leaf": {"type": "fq_codel"}},
        ],
        "default_class": "1:20",
        "dscp": [{"match": {"proto": "udp", "dports": "3478-3481"}, "dscp": "ef"}],
    },
    "a larger table of connections": {"connection_tracking": {"max_connections": 524288, "drop_invalid": True}},
    "a port for a server behind": {
        "sysctl": {"net.ipv4.ip_forward": 1},
        "nat_rules": [{"type": "dnat", "protocol": "tcp", "port": 8080, "to_addr": "192.0.2.10", "to_port": 80}],
    },
    "a tunnel's MTU, and no offload that breaks it": {"mtu": 1400, "offloads": {"gro": False, "tso": False}},
    "a bad line to test on": {"netem": {"delay_ms": 80, "loss_pct": 1, "duration_s": 60}},
}


def test_what_the_list_suggests_is_accepted(tmp_path: Path) -> None:
    """Each plan fits the schema that is listed, the server takes it, and renders it under a digest."""

    async def use() -> None:
        async with Client(build(Service(Settings(state_dir=tmp_path), caller="test"))) as client:
            listed = {tool.name: tool.input_schema for tool in await client.list_tools()}
            for job, changes in JOBS.items():
                plan = {"iface": "eth0", "name": "job", "changes": changes, "rationale": job}
                jsonschema.validate({"parameter_plan": plan}, listed["validate_change_plan_tool"])
                verdict = await call(client, "validate_change_plan_tool", parameter_plan=plan)
                assert verdict["ok"], (job, verdict["issues"])
                rendered = await call(client, "render_change_plan_tool", plan=plan)
                arguments = {"rendered_plan": rendered["digest"], "hosts": "all", "rollout": {"waves": ["1", "100%"]}}
                jsonschema.validate(arguments, listed["apply_rendered_plan_tool"])

    asyncio.run(use())
