# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures a rollout in three waves over ever larger labs: time and memory by host; README.md tells what and how.

.venv/bin/python benchmarks/rollout.py --hosts 10 50 200
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import fleet
import peers
from apply import _installed
from job import LEAVES, Job, read_job
from memory import Held, Watch
from usage import Usage, timed

from mcp_bridge.errors import LabError

HERE = Path(__file__).resolve().parent
OURS = "netopt"
WAVES = ("--canary", "1", "--waves", "25%,100%")
COLUMNS = "wall, s | per host, s | CPU here per host, s | on hosts, s | ratio | PSS, MB | largest, MB | processes"


@dataclass(frozen=True)
class Run:
    """One way's run: what it took, what it held in memory at most."""

    usage: Usage
    held: Held


@dataclass(frozen=True)
class Left:
    """What is in the folder of a rollout's run after its end.

    Attributes:
        files: how many files, of any kind.
        kb: their size.
        event_files: those among them that hold one event each.
        events_kb: the size of the one file that all events were added to.
    """

    files: int
    kb: float
    event_files: int
    events_kb: float


def main() -> None:
    """Measure on each size; print one line of JSON for each, and a table on standard error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, nargs="+", default=[10, 50, 200])
    parser.add_argument("--runs", type=int, default=1, help="rounds, all of which count (default: 1)")
    parser.add_argument("--peers", nargs="*", choices=[*peers.PEERS], default=["ssh"])
    parser.add_argument("--forks", type=int, default=int(peers.FORKS), help="hosts that netopt works on at once")
    parser.add_argument("--confirm-at", choices=["wave", "end"], default="wave", help="as netopt takes it")
    parser.add_argument("--plan", type=Path, default=HERE / "server.json")
    parser.add_argument("--lab", default="rollout", help="the name of the lab, which is replaced (default: rollout)")
    options = parser.parse_args()
    if options.runs < 1 or options.forks < 1 or min(options.hosts) < 3:
        parser.error("--runs and --forks: at least 1; --hosts: at least 3")
    for hosts in options.hosts:
        try:
            line, table = measure(hosts, options)
        except LabError as error:
            sys.exit(f"rollout.py: {error}")
        print(json.dumps(line), flush=True)
        print(table, file=sys.stderr, flush=True)


def measure(hosts: int, options: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Return what the rollout and its peers took on a lab of ``hosts`` hosts, as JSON-able data and as a table."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="netopt-bench-") as folder, fleet.bring_up(options.lab, hosts) as lab:
        print(f"{hosts} hosts: up after {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
        job = read_job(options.plan, Path(folder))
        ways = [
            rollout(job, lab, forks=options.forks, confirm_at=options.confirm_at),
            *_installed(job, lab, options.peers),
        ]
        state = fleet.State(lab, job, LEAVES)
        runs: dict[str, list[Run]] = {way.name: [] for way in ways}
        left = None
        fresh = True
        for _round in range(options.runs):
            for way in ways:
                if not fresh:
                    state.reset()
                fresh = False
                runs[way.name].append(_run(way, state, job))
                if way.name == OURS:
                    left = _left(job)
        for way in ways:
            peers.disconnect(way)
    titles = {way.name: way.title for way in ways}
    return _line(hosts, runs, left), _table(hosts, titles, runs)


def rollout(job: Job, lab: fleet.Fleet, *, forks: int, confirm_at: str) -> peers.Peer:
    """Return ours: the plan in three waves, confirmed in each of them or at the end."""
    plain = peers.netopt(job, lab)
    environment = {**plain.environment, "NETOPT_FORKS": str(forks)}
    argv = (*plain.argv, *WAVES, "--confirm-at", confirm_at)
    return replace(plain, title="`netopt apply` in three waves", argv=argv, environment=environment)


def _run(way: peers.Peer, state: fleet.State, job: Job) -> Run:
    """Run one way once, without connections from before, and see that it did the job on every host."""
    peers.disconnect(way)
    with Watch(os.getpid(), sockets=way.sockets, waiting=lambda: len(_event_files(job))) as watch:
        usage, text = timed(way.argv, way.environment, inits=state.fleet.inits)
    names = state.fleet.names
    print(f"{len(names)} hosts: {way.name} {usage.wall_s:.1f} s, {watch.held}", file=sys.stderr, flush=True)
    state.check_done(way.name)
    _check_kernel(state.fleet, job)
    if way.name == OURS:
        _check_report(json.loads(text), names)
    return Run(usage, watch.held)


def _check_report(report: dict[str, Any], names: tuple[str, ...]) -> None:
    """End the program unless every host reports that the plan is applied, and all three waves are done."""
    said = {name: report["hosts"].get(name, {}).get("status") for name in names}
    wrong = {name: status for name, status in said.items() if status != "applied"}
    waves = [wave["status"] for wave in report["rollout"]["waves"]]
    if wrong or waves != ["done"] * 3 or not report["applied"]:
        sys.exit(f"netopt reports waves {waves}, and of hosts {wrong or 'applied'}: {report['errors']}")


def _check_kernel(lab: fleet.Fleet, job: Job) -> None:
    """End the program unless each host's kernel has the values that the plan asks for."""
    if not job.sysctl:
        return
    wanted = {key: " ".join(value.split()) for key, value in job.sysctl.items()}
    for name, text in lab.run(f"sysctl {' '.join(job.sysctl)}").items():
        pairs = (line.partition(" = ") for line in text.splitlines())
        found = {key: " ".join(value.split()) for key, _, value in pairs}
        if found != wanted:
            sys.exit(f"{name}: the kernel says {found}, and the plan {wanted}")


def _event_files(job: Job) -> list[Path]:
    """Return the files that hold one event each, in the folders of all runs."""
    return [*job.folder.glob("state/runs/*/artifacts/*/job_events/*")]


def _left(job: Job) -> Left:
    """Return what the newest run left in its folder."""
    folder = max(job.folder.glob("state/runs/*"))
    files = [path for path in folder.rglob("*") if path.is_file()]
    events = folder / "events.jsonl"
    sizes = sum(path.stat().st_size for path in files)
    return Left(len(files), sizes / 1024, len(_event_files(job)), events.stat().st_size / 1024)


def _line(hosts: int, runs: dict[str, list[Run]], left: Left | None) -> dict[str, Any]:
    line: dict[str, Any] = {"hosts": hosts, "ways": {}, "left": asdict(left) if left else None}
    for name, done in runs.items():
        way = {f"{key}_per_host": value / hosts for key, value in _medians(done).items()}
        way |= {"rounds": len(done), "wall_s": _medians(done)["wall_s"], "netopt_ratio": _ratio(runs, name)}
        line["ways"][name] = {**way, "held": asdict(max((run.held for run in done), key=lambda held: held.pss_mb))}
    found: dict[str, Any] = json.loads(json.dumps(line), parse_float=lambda text: round(float(text), 3))
    return found


def _table(hosts: int, titles: dict[str, str], runs: dict[str, list[Run]]) -> str:
    rows = [f"| hosts: {hosts} | {COLUMNS} |", "| --- |" + " ---: |" * (COLUMNS.count("|") + 1)]
    for name, done in runs.items():
        took = _medians(done)
        held = max((run.held for run in done), key=lambda held: held.pss_mb)
        cells = [titles[name], f"{took['wall_s']:.1f}", f"{took['wall_s'] / hosts:.2f}", f"{took['cpu_s'] / hosts:.2f}"]
        cells += [f"{took['hosts_s'] / hosts:.2f}", "" if name == OURS else f"{_ratio(runs, name):.2f}"]
        cells += [f"{held.pss_mb:.0f}", f"{held.largest_mb:.0f}", str(held.processes)]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def _medians(runs: list[Run]) -> dict[str, float]:
    return {key: median(asdict(run.usage)[key] for run in runs) for key in asdict(runs[0].usage)}


def _ratio(runs: dict[str, list[Run]], name: str) -> float:
    """Return netopt's time divided by another's in the same round, the median over the rounds."""
    pairs = zip(runs[OURS], runs[name], strict=True)
    return median(ours.usage.wall_s / other.usage.wall_s for ours, other in pairs)


if __name__ == "__main__":
    main()
