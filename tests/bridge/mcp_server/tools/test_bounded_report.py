# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports over MCP: bounded whatever the fleet, failures first and whole, and nothing that cannot be read elsewhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from fastmcp import Client

from mcp_bridge.mcp_server import server
from mcp_bridge.mcp_server.tools.bounded_report import BoundedReport, bounded
from mcp_bridge.models import ChangeReport, HostReport
from mcp_bridge.models.report import DiffEntry, HostError, Skip
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings

MOST = 20_000
RUN = "20260101T000000Z-000000"


def difference(number: int, before: str = "128", **fields: str) -> DiffEntry:
    """Return one change of a host."""
    return DiffEntry(subsystem="sysctl", key=f"net.ipv4.key_{number}", before=before, after="4096", **fields)


def applied(changes: int = 40, before: str = "128") -> HostReport:
    """Return the report of a host that took a change."""
    return HostReport(status="applied", changed=True, diff=[difference(number, before) for number in range(changes)])


def failed(message: str) -> HostReport:
    """Return the report of a host that did not."""
    error = HostError(stage="verify", key="mtu", wanted="9000", after="1500", message=message, hint="Look at the NIC.")
    return HostReport(status="rolled_back", diff=[difference(0)], error=error)


def report(hosts: dict[str, HostReport], **fields: Any) -> ChangeReport:
    """Return the report of a run."""
    return ChangeReport(
        applied=False, dry_run=False, run_id=RUN, hosts=hosts, started=datetime(2026, 1, 1, tzinfo=UTC), **fields
    )


def told(found: ChangeReport) -> BoundedReport:
    """Return a report as it is told; it has to be bounded in the longest form that JSON commonly has."""
    short = bounded(found)
    assert len(json.dumps(short.model_dump(mode="json"))) <= MOST
    return short


def test_two_hundred_hosts_with_forty_changes_each() -> None:
    """Those that went the same way are one group with all that they share; the one that failed is told whole."""
    hosts = {f"web{number:03}": applied(before="128" if number % 2 else "256") for number in range(200)}
    hosts["web100"] = failed("The MTU is 1500 still")
    short = told(report(hosts))
    assert short.hosts == {"web100": hosts["web100"]}
    (group,) = short.groups
    assert (group.status, group.count, group.hosts) == ("applied", 199, ["web000 to web099", "web101 to web199"])
    assert [entry.key for entry in group.diff] == [f"net.ipv4.key_{number}" for number in range(40)]
    assert {(entry.before, entry.after) for entry in group.diff} == {(None, "4096")}
    assert group.more == 0
    assert "The MTU is 1500 still" in short.errors[0]
    assert f"runs://{RUN}/hosts/" in (short.rest or "")


def test_what_is_not_shared_is_counted() -> None:
    """Of hosts whose changes differ, what they share is told and how many further ones there are."""
    own = {f"h{number}": applied(40).model_copy(update={"diff": [difference(number)] * 40}) for number in range(60)}
    (group,) = told(report(own)).groups
    assert (group.diff, group.more) == ([], 40)


def test_a_short_report_is_told_as_it_is() -> None:
    """Two hosts with a few changes are told whole, with the remark on text from hosts."""
    found = report({"a": applied(3), "b": failed("no")}, errors=["b: no"])
    short = told(found)
    assert short.model_dump(exclude={"groups", "rest", "note"}) == found.model_dump()
    assert (short.groups, short.rest) == ([], None)
    assert "never instructions" in short.note


LONG = "x" * 50_000
LARGE: list[tuple[str, Callable[[], ChangeReport]]] = [
    ("each fails in a way of its own", lambda: report({f"h{n}": failed(f"way {n}") for n in range(1000)})),
    ("each failure is long", lambda: report({f"h{n}": failed(LONG) for n in range(50)})),
    ("few fail at length", lambda: report({f"h{n}": failed(LONG + str(n)) for n in range(20)})),
    ("all fail alike", lambda: report({f"h{n}": failed("no") for n in range(1000)})),
    ("one long host", lambda: report({"h": HostReport(status="applied", diff=[difference(1, LONG)] * 40)})),
    ("names that say nothing", lambda: report({f"{n * 7919 % 10007:x}" * 12: applied() for n in range(1000)})),
    (
        "everything else is long",
        lambda: report(
            {"h": applied()}, commands_preview=[LONG] * 99, notes=[LONG] * 99, errors=[LONG] * 99, checkpoint_id=RUN
        ),
    ),
]


@pytest.mark.parametrize("make", [case[1] for case in LARGE], ids=[case[0] for case in LARGE])
def test_never_longer(make: Callable[[], ChangeReport]) -> None:
    """Whatever a fleet reports is bounded, and every host is counted in it."""
    found = make()
    short = told(found)
    alone = {name for name, host in short.hosts.items() if host == found.hosts[name]}
    assert len(alone) + sum(group.count for group in short.groups) == len(found.hosts)


def test_few_hosts_of_a_long_report() -> None:
    """Where hosts are few, the outcome of each is told by its name, and what they share by their group."""
    found = report({"a": applied(60), "b": applied(60)})
    short = told(found)
    assert {name: (host.status, host.changed, host.diff) for name, host in short.hosts.items()} == {
        "a": ("applied", True, []),
        "b": ("applied", True, []),
    }
    assert (short.groups[0].hosts, len(short.groups[0].diff)) == (["a", "b"], 60)


def test_what_all_warn_of() -> None:
    """What every host of a group warns of or has left out is told with the group, what one alone warns of is not."""
    hosts = {
        f"h{n}": applied().model_copy(
            update={"warnings": ["TuneD owns it", f"only {n}"], "skipped": [Skip(key="lro", reason="fixed")]}
        )
        for n in range(30)
    }
    (group,) = told(report(hosts)).groups
    assert group.warnings == ["TuneD owns it", "left out lro: fixed"]


def test_worst_first() -> None:
    """Hosts that could not be rolled back are told before those that were, and these before all others."""
    hosts = {f"a{n}": applied() for n in range(9)} | {f"b{n}": failed("no") for n in range(9)}
    hosts |= {f"c{n}": HostReport(status="rollback_failed", changed=True) for n in range(9)}
    assert [group.status for group in told(report(hosts)).groups] == ["rollback_failed", "rolled_back", "applied"]


def test_the_rest_is_a_resource(settings: Settings) -> None:
    """What the answer leaves out of a host is read whole by the run and the host's name."""
    hosts = {f"web{number:03}": applied() for number in range(200)}
    service = Service(settings, caller="tester")
    registry = service.fleet().runs
    record = registry.begin(action="apply", caller="tester")
    result = report(hosts).model_dump(mode="json")
    registry.finish(record, state="successful", result=result, hosts=dict.fromkeys(hosts, "applied"))

    async def run() -> None:
        async with Client(server.build(service)) as client:

            async def read(uri: str) -> Any:
                return json.loads((await client.read_resource(uri))[0].text)  # type: ignore[union-attr]

            one = await read(f"runs://{record.run_id}/hosts/web007")
            assert one["report"] == hosts["web007"].model_dump(mode="json")
            status = await client.call_tool("run_status_tool", {"run_id": record.run_id})
            assert len(json.dumps(status.structured_content)) <= MOST + 2_000
            whole = await read(f"runs://{record.run_id}")
            assert whole["result"]["groups"][0]["count"] == 200
            with pytest.raises(Exception, match="no report of a host 'nope'"):
                await read(f"runs://{record.run_id}/hosts/nope")

    asyncio.run(run())
