# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is long comes in pages: the audit log, checkpoints, schemas and limits; no entry is lost between two of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastmcp import Client

from mcp_bridge.access.middleware import run_of
from mcp_bridge.audit.log import AuditLog
from mcp_bridge.hosts.checkpoints import Checkpoint, Checkpoints
from mcp_bridge.mcp_server import server
from mcp_bridge.mcp_server.tools.checkpoints import page
from mcp_bridge.policy import load_policy
from mcp_bridge.runs.registry import changes_of
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings
from tests.calls import call

MOST = 20_000


def with_client(settings: Settings, use: Callable[[Client[Any]], Awaitable[Any]]) -> Any:
    """Run ``use`` with a client that is connected in memory."""

    async def connected() -> Any:
        async with Client(server.build(Service(settings, caller="tester"))) as client:
            return await use(client)

    return asyncio.run(connected())


@pytest.mark.parametrize(
    ("tool", "arguments"), [("get_audit_log_tool", {}), ("search_audit_log_tool", {"query": "Cli"})]
)
def test_audit_log(settings: Settings, tool: str, arguments: dict[str, Any]) -> None:
    """Three hundred entries come in pages of bounded size, newest page first, and each entry once."""
    log = AuditLog(settings.audit_file)
    for number in range(300):
        log.append(caller="cli root", action="apply", outcome="done", durable=False, detail={"text": f"{number} " * 90})

    async def use(client: Client[Any]) -> list[int]:
        found: list[int] = []
        before = {}
        while True:
            answer = await call(client, tool, limit=1000, **arguments, **before)
            assert len(json.dumps(answer)) <= MOST
            assert answer["intact"]
            found = [entry["sequence"] for entry in answer["entries"] if entry["caller"] == "cli root"] + found
            if answer["next_before"] is None or not answer["entries"]:
                return found
            before = {"before": answer["next_before"]}

    assert with_client(settings, use) == list(range(1, 301))


def listed(number: int, hosts: int, status: str = "confirmed") -> Checkpoint:
    """Return a checkpoint on so many hosts."""
    return Checkpoint(
        checkpoint_id=f"20260101T000000Z-{number:06x}",
        created="2026-01-01T00:00:00Z",
        hosts={f"web{host:03}": status for host in range(hosts)},
        changed=["sysctl net.core.somaxconn: 128 -> 4096"] * 8,
    )


def test_checkpoints() -> None:
    """A hundred checkpoints on two hundred hosts come in bounded pages; many hosts are told by status."""
    found = Checkpoints(checkpoints=[listed(number, 200) for number in range(100)], unanswered={})
    seen, offset = [], 0
    while True:
        part = page(found, offset)
        assert len(json.dumps(part.model_dump(mode="json"))) <= MOST
        assert part.total == 100
        assert part.checkpoints[0].by_status == {"confirmed": ["web000 to web199"]}
        assert part.checkpoints[0].changed[0] == "sysctl net.core.somaxconn: 128 -> 4096"
        seen += [entry.checkpoint_id for entry in part.checkpoints]
        if part.next_offset is None:
            break
        offset = part.next_offset
    assert seen == [entry.checkpoint_id for entry in found.checkpoints]


def test_few_hosts_are_named() -> None:
    """Of a checkpoint on two hosts, each host's status is told."""
    (one,) = page(Checkpoints(checkpoints=[listed(1, 2)]), 0).checkpoints
    assert (one.hosts, one.by_status) == ({"web000": "confirmed", "web001": "confirmed"}, {})


def test_what_a_run_changed() -> None:
    """The record of a run tells what became different on the first host that changed, and how much more there is."""
    diff = [{"subsystem": "sysctl", "key": f"net.k{n}", "before": None, "after": "x" * 500} for n in range(20)]
    lines = changes_of({"hosts": {"a": {"changed": False}, "b": {"changed": True, "diff": diff}}})
    assert lines[0] == f"sysctl net.k0: nothing -> {'x' * 60}"
    assert lines[-1] == "and 12 more"
    assert changes_of({"error": "no"}) == changes_of({"hosts": {"a": {"answers": []}}}) == []


@pytest.mark.parametrize(
    ("uri", "holds"),
    [
        ("policy://config_cards/list", "cards"),
        ("policy://limits/netem", "ranges"),
        ("schema://ParameterPlan/Netem", "properties"),
    ],
)
def test_resources(settings: Settings, uri: str, holds: str) -> None:
    """The list of cards says how many there are; limits and schemas can be read by parts."""
    text = with_client(settings, lambda client: client.read_resource(uri))[0].text
    assert len(text) <= MOST
    found = json.loads(text)
    assert found[holds]
    if holds == "cards":
        assert found.keys() == {"description", "count", "cards"}
        assert found["count"] == len(found["cards"])
        cards = load_policy().cards
        for card in found["cards"]:
            covered = cards[card["id"]].covered
            assert card.get("keys", []) == list(covered[:2])
            assert len(card.get("keys", [])) + card.get("more_keys", 0) == len(covered)


@pytest.mark.parametrize(
    ("uri", "run"),
    [
        ("runs://20260101T000000Z-000000", "20260101T000000Z-000000"),
        ("runs://20260101T000000Z-000000/hosts/web1", "20260101T000000Z-000000"),
        ("runs://20260101T000000Z-000000%2Fhosts%2Fweb1", "20260101T000000Z-000000"),
        ("runs://../x", ".."),
    ],
)
def test_the_gate_knows_the_run_of_a_resource(uri: str, run: str) -> None:
    """Whose run a resource is about is known of every form of its address."""
    assert run_of(uri) == run
