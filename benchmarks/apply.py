# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times `netopt apply` against other ways to do the same job on the same lab hosts; README.md tells what and how.

.venv/bin/python benchmarks/apply.py --hosts 1 10 50 --runs 5
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import fleet
import peers
import report
import software
from job import LEAVES, Job, read_job
from usage import Usage, timed

from mcp_bridge.errors import LabError

HERE = Path(__file__).resolve().parent
LARGE = 10  # hosts, from which on a slow peer runs fewer rounds
Rounds = dict[str, dict[int, tuple[Usage, Usage]]]  # peer -> round -> what its cold and its unchanged run took


def main() -> None:
    """Measure on each fleet size; print one line of JSON for each, and a table on standard error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument("--runs", type=int, default=5, help="rounds that count; one before them does not")
    parser.add_argument("--slow-runs", type=int, default=1, help=f"the same for slow peers on {LARGE} hosts and more")
    parser.add_argument("--peers", nargs="+", choices=[*peers.PEERS], default=[*peers.PEERS])
    parser.add_argument("--plan", type=Path, default=HERE / "server.json")
    parser.add_argument("--lab", default="bench", help="the name of the lab, which is replaced (default: bench)")
    parser.add_argument(
        "--connections",
        choices=["new", "kept"],
        default="new",
        help="new: no ssh master is there when a run begins; kept: those that Ansible uses are (default: new)",
    )
    options = parser.parse_args()
    if options.runs < 1 or options.slow_runs < 1:
        parser.error("--runs and --slow-runs: at least 1")
    for hosts in options.hosts:
        try:
            measured = measure(hosts, options)
        except LabError as error:
            sys.exit(f"apply.py: {error}")
        line, table = report.summarise(hosts, options.connections, measured)
        print(json.dumps(line), flush=True)
        print(table, file=sys.stderr, flush=True)


def measure(hosts: int, options: argparse.Namespace) -> tuple[dict[str, str], Rounds]:
    """Return each way's title, and what its runs took by round, on a lab of ``hosts`` hosts."""
    with tempfile.TemporaryDirectory(prefix="netopt-bench-") as folder, fleet.bring_up(options.lab, hosts) as lab:
        job = read_job(options.plan, Path(folder))
        ways = [peers.netopt(job, lab), *_installed(job, lab, options.peers)]
        opener = peers.opener(lab) if options.connections == "kept" else ()
        state = fleet.State(lab, job, LEAVES)
        rounds: Rounds = {way.name: {} for way in ways}
        for number in range(options.runs + 1):  # the first one warms the machine's caches and is not counted
            for way in ways:
                if way.slow and hosts >= LARGE and not 1 <= number <= options.slow_runs:
                    continue
                state.reset()
                cold, unchanged = (_run(way, state, status, opener=opener) for status in ("applied", "unchanged"))
                taken = f"{cold.wall_s:.1f} s cold, {unchanged.wall_s:.1f} s unchanged"
                print(f"{hosts} hosts, round {number}: {way.name} {taken}", file=sys.stderr, flush=True)
                if number:
                    rounds[way.name][number] = (cold, unchanged)
        for way in ways:
            peers.disconnect(way)
    return {way.name: way.title for way in ways}, rounds


def _installed(job: Job, lab: fleet.Fleet, names: list[str]) -> list[peers.Peer]:
    """Return the peers of those names, and say of each that cannot run here why."""
    found = []
    for name in names:
        try:
            found.append(peers.PEERS[name](job, lab))
        except software.MissingSoftwareError as error:
            print(f"{name} is skipped: {error}", file=sys.stderr, flush=True)
    return found


def _run(way: peers.Peer, state: fleet.State, status: str, *, opener: tuple[str, ...]) -> Usage:
    """Run one way once, with or without connections from before, and see that it did the job.

    Args:
        way: what to run.
        state: how the hosts have to be afterwards.
        status: what netopt has to report of every host.
        opener: run before it, to begin with Ansible's ssh masters open; without any when empty.
    """
    peers.disconnect(way)
    if opener:
        timed(opener, way.environment)
    usage, text = timed(way.argv, way.environment, inits=state.fleet.inits)
    state.check_done(way.name)
    said = {host["status"] for host in json.loads(text)["hosts"].values()} if way.name == report.OURS else {status}
    if said != {status}:
        sys.exit(f"netopt reports {', '.join(sorted(said))}, not {status}:\n{text}")
    return usage


if __name__ == "__main__":
    main()
