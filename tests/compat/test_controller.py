# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A controller that goes on with the state folder of an earlier version: its runs, its rollout, its audit log."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport

from mcp_bridge.runs.registry import NO_LONGER_KEPT
from tests.calls import call
from tests.compat.conftest import Site
from tests.compat.earlier import Earlier
from tests.e2e.fleet import ROOT

pytestmark = pytest.mark.lab

ENDED = {"successful", "failed"}


@pytest.fixture
def taken_over(site: Site, earlier: Earlier) -> Site:
    """A controller that has the state folder of an earlier version."""
    earlier.lay_controller(site.folder)
    return site


def records(site: Site) -> dict[str, dict[str, Any]]:
    """Return the records of the runs, by id."""
    return {path.parent.name: json.loads(path.read_text()) for path in site.state.glob("runs/*/run.json")}


def test_the_audit_log_goes_on(taken_over: Site) -> None:
    """It is whole, across its files; the next entry follows on the last one; what is tampered with is found."""
    site = taken_over
    number, _colon, digest = (site.state / "audit.head").read_text().strip().partition(":")
    head = f"{int(number)}:{digest}"
    found = site.ask("audit", "verify").report
    assert (found["intact"], found["head"], found["damage"]) == (True, head, None)
    refusal = json.loads(site.ask("audit", "search", "refused").text)
    assert [(entry["caller"], entry["action"]) for entry in refusal] == [("cli root@admin1", "apply")]

    assert site.netopt("apply", str(ROOT / "examples" / "too-large.json")).status == 1
    found = site.ask("audit", "verify", "--anchor", head).report
    assert (found["intact"], found["head"].partition(":")[0]) == (True, str(int(number) + 1))
    assert len(json.loads(site.ask("audit", "search", "refused").text)) == 2

    closed, *_ = site.state.glob("audit-*.jsonl")
    closed.write_text(closed.read_text().replace("root@admin1", "root@admin2", 1))
    assert site.netopt("audit", "verify").status == 1


@pytest.mark.long
def test_runs_are_listed_and_reported(taken_over: Site, earlier: Earlier) -> None:
    """Every run that had ended has its place in the list, its outcome over MCP, and its report."""
    site = taken_over
    ended = {identity: record for identity, record in records(site).items() if record["state"] in ENDED}
    assert len(ended) > 5

    async def look() -> None:
        transport = StdioTransport(sys.executable, ["-m", "mcp_bridge", "serve"], env=site.environment, cwd=str(ROOT))
        async with Client(transport) as client:
            listed = json.loads((await client.read_resource("runs://list"))[0].text)
            found = {record["run_id"]: record for record in listed}
            for identity, record in ended.items():
                known = {"changes": [], **record}  # what became different is kept of later runs alone
                assert found[identity].items() <= known.items()  # nothing is made up
                assert record.keys() - found[identity].keys() <= NO_LONGER_KEPT
            for identity, record in ended.items():
                status = await call(client, "run_status_tool", run_id=identity)
                assert (status["run"]["state"], status["run"]["hosts"]) == (record["state"], record["hosts"])

    asyncio.run(look())
    stopped = earlier.written["runs"]["stopped_rollout"]
    found = site.ask("report", stopped).report
    assert [wave["status"] for wave in found["rollout"]["waves"]] == ["done", "failed"]
    assert {host["name"]: host["status"] for host in found["hosts"]} == ended[stopped]["hosts"]
    full = earlier.checkpoint("web1", "confirmed")
    page = site.netopt("report", full, "-o", "-").text
    assert all(word in page for word in ("web1", full, "net.ipv4.tcp_fin_timeout", "masquerade"))


def test_a_run_that_was_killed_is_looked_into(taken_over: Site, earlier: Earlier) -> None:
    """A host that had reported keeps its report, the other says what became of it; the run's variables are removed."""
    site = taken_over
    run = earlier.written["runs"]["interrupted"]
    assert records(site)[run]["state"] == "running"
    assert list(site.state.glob(f"runs/{run}/env/*"))
    report = earlier.apply(site.hosts["web2"], "measured", run)
    assert report["status"] == "applied", report["error"]
    hosts = site.ask("report", run).report["report"]["hosts"]
    assert {name: host["status"] for name, host in hosts.items()} == {"web1": "applied", "web2": "applied"}
    assert (bool(hosts["web1"]["diff"]), bool(hosts["web1"]["measurements"])) == (True, True)
    record = records(site)[run]
    assert (record["state"], record["hosts"]) == ("successful", {"web1": "applied", "web2": "applied"})
    assert list(site.state.glob(f"runs/{run}/env/*")) == []
    assert site.ask("audit", "verify").report["intact"]


@pytest.mark.long
def test_a_stopped_rollout_goes_on(taken_over: Site, earlier: Earlier) -> None:
    """The host that had the change is left alone, the other one gets it, and both go back together."""
    site = taken_over
    before = {name: site.view(name) for name in site.hosts}
    run = earlier.written["runs"]["stopped_rollout"]
    assert earlier.apply(site.hosts["web1"], "rollout", run)["status"] == "applied"
    resumed = site.ask("apply", "--resume", run, "-i", str(site.inventory)).report
    assert {name: host["status"] for name, host in resumed["hosts"].items()} == {
        "web1": "unchanged",
        "web2": "applied",
    }
    assert [wave["status"] for wave in resumed["rollout"]["waves"]] == ["done", "done"]
    assert site.drift() == []
    assert site.ask("rollback", run).statuses == {"rolled_back"}
    assert {name: site.differences(name, before[name]) for name in before} == {"web1": [], "web2": []}
