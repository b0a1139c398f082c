# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times an apply over MCP against `netopt apply` on the same lab hosts, in turn; README.md tells what and how.

.venv/bin/python benchmarks/over_mcp.py --hosts 1 --runs 7
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import fleet
import peers
from fastmcp import Client
from job import LEAVES, read_job
from usage import timed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from job import Job

HERE = Path(__file__).resolve().parent
SETTLE_S = 1.0  # between two applies, as between two of an agent's: the server gets its next process ready
STARTS_S = 30.0
Times = dict[str, list[float]]  # "cold" and "unchanged", in seconds


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=1)
    parser.add_argument("--runs", type=int, default=7, help="rounds that count; one before them does not")
    parser.add_argument("--plan", type=Path, default=HERE / "server.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="netopt-bench-") as folder, fleet.bring_up("bench", options.hosts) as lab:
        job = read_job(options.plan, Path(folder))
        taken = asyncio.run(measure(job, lab, options.runs))
    print("| | `netopt apply`, s | over MCP, s | ratio, median (range) |\n| --- | ---: | ---: | ---: |")
    for stage in ("cold", "unchanged"):
        ours, theirs = taken["mcp"][stage], taken["netopt"][stage]
        ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
        spread = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {stage} | {median(theirs):.2f} | {median(ours):.2f} | {spread} |")


async def measure(job: Job, lab: fleet.Fleet, runs: int) -> dict[str, Times]:
    """Return what each way took, round by round."""
    way = peers.netopt(job, lab)
    state = fleet.State(lab, job, LEAVES)
    plan = json.loads(job.plan.read_text(encoding="utf-8"))
    taken: dict[str, Times] = {name: {"cold": [], "unchanged": []} for name in ("netopt", "mcp")}
    async with served(way, str(lab.lab.inventory)) as client:
        rendered = (await client.call_tool("render_change_plan_tool", {"plan": plan})).structured_content
        for number in range(runs + 1):
            for name in taken:
                await asyncio.to_thread(state.reset)
                for stage, status in (("cold", "applied"), ("unchanged", "unchanged")):
                    peers.disconnect(way)
                    await asyncio.sleep(SETTLE_S)
                    if name == "netopt":
                        usage, text = await asyncio.to_thread(timed, way.argv, way.environment)
                        seconds, report = usage.wall_s, json.loads(text)
                    else:
                        begun = time.monotonic()
                        wanted = {"rendered_plan": rendered, "dry_run": False}
                        report = (await client.call_tool("apply_rendered_plan_tool", wanted)).structured_content
                        seconds = time.monotonic() - begun
                    check(report, status)
                    if number:
                        taken[name][stage].append(seconds)
    return taken


def check(report: Any, status: str) -> None:
    """End the program unless every host reports a status."""
    said = {host["status"] for host in report["hosts"].values()}
    if said != {status}:
        sys.exit(f"netopt reports {', '.join(sorted(said))}, not {status}:\n{report}")


@asynccontextmanager
async def served(way: peers.Peer, inventory: str) -> AsyncIterator[Client[Any]]:
    """A server in the environment of `netopt apply`, and a client that is connected to it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [way.argv[0], "serve", "--http", f"127.0.0.1:{port}", "--consent", "never"]
    process = await asyncio.create_subprocess_exec(*words, env={**way.environment, "NETOPT_INVENTORY": inventory})
    try:
        client = Client(f"http://127.0.0.1:{port}/mcp")
        ends = time.monotonic() + STARTS_S
        while True:
            try:
                await client.__aenter__()
                break
            except Exception:  # noqa: BLE001 - it is not up yet, whatever the transport calls that
                if time.monotonic() > ends:
                    sys.exit(f"netopt serve did not answer within {STARTS_S:.0f} s")
                await asyncio.sleep(0.2)
        yield client
        await client.__aexit__(None, None, None)
    finally:
        process.terminate()
        await process.wait()


if __name__ == "__main__":
    main()
