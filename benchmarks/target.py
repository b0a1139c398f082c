# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures what an apply costs its host: processor, memory, bytes written; README.md tells what and how.

.venv/bin/python benchmarks/target.py --plans server tuned 10000 --runs 5
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Self

import fleet
import peers
import software
import trees
from job import LEAVES, read_job
from usage import _tree_s, timed

from mcp_bridge.errors import LabError

if TYPE_CHECKING:
    from types import TracebackType

HERE = Path(__file__).resolve().parent
STATE = "/var/lib/netopt"
KEPT = f"{STATE} /run/netopt /root/.ansible"
SHAPES = 50  # different rates among the classes of a large plan
LOOK_S = 0.005
SETTLED_S = 10.0
OURS = ("python3", "netopt-guard")  # how processes of the module are called
SESSION = "sshd"  # begins the names of those that any connection has
KINDS = ("script", "cold", "unchanged")


@dataclass(frozen=True)
class Cost:
    """What one run cost its host.

    Attributes:
        cpu_s: processor seconds (user and system) of all processes that it started there.
        python_mb: the most that one of its Python processes held (resident set); 0 where it has none.
        tool_mb: the most that one of the other programs held, without the session of sshd.
        written_kb: what it wrote to the disk, in whole pages, the state's folder being on one.
        left_kb: the size of the files that it left, in the state's folder and in those that a restart empties.
    """

    cpu_s: float
    python_mb: float
    tool_mb: float
    written_kb: float
    left_kb: float


class Watch:
    """Looks at a host's processes time and again; a context manager around what is watched.

    The kernel keeps the most that a process has ever held (proc(5), VmHWM), so that the last look at it says it all.

    Args:
        init: the host's first process. What runs when this is made does not count.
    """

    def __init__(self, init: int) -> None:
        self._init = init
        self._before = set(processes(init))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._held: dict[tuple[int, str], float] = {}

    def __enter__(self) -> Self:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Look until all has ended that was started, such as a guard."""
        deadline = time.monotonic() + SETTLED_S
        while set(processes(self._init)) - self._before and time.monotonic() < deadline:
            time.sleep(LOOK_S)
        self._ended.set()
        self._thread.join()

    def largest_mb(self, *, ours: bool) -> float:
        """Return the most that one process held, of the module's or of all others."""
        names = [(name, held) for (_pid, name), held in self._held.items() if not name.startswith(SESSION)]
        return max((held for name, held in names if (name in OURS) is ours), default=0.0)

    def _run(self) -> None:
        while not self._ended.wait(LOOK_S):
            for pid in processes(self._init):
                if pid not in self._before:
                    self._look(pid)

    def _look(self, pid: int) -> None:
        try:
            lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
        except (FileNotFoundError, ProcessLookupError):
            return  # it ended just now
        told = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        if "VmHWM" in told:  # not of one that has ended and is still to be waited for
            self._held[pid, told["Name"]] = int(told["VmHWM"].split()[0]) * 1024 / 1e6


def processes(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except (FileNotFoundError, ProcessLookupError):
        return []  # it ended just now
    return [pid, *(each for child in children for each in processes(int(child)))]


def written(init: int) -> int:
    """Return how many bytes of pages a host's processes have had written to a disk, those included that ended."""
    total = 0
    for pid in processes(init):
        try:
            lines = Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += next(int(line.split()[1]) for line in lines if line.startswith("write_bytes:"))
    return total


def plan_file(name: str, folder: Path) -> Path:
    """Return the file of a plan: one that lies here, or one of so many classes that is written now."""
    if not name.isdigit():
        return HERE / f"{name}.json"
    path = folder / "plan.json"
    path.write_text(json.dumps(trees.plan(int(name), SHAPES)), encoding="utf-8")
    return path


def measure(name: str, runs: int, lab_name: str) -> dict[str, list[Cost]]:
    """Return what each kind of run cost, round by round, on a lab of one host."""
    software.CACHE.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="netopt-bench-") as folder,
        tempfile.TemporaryDirectory(dir=software.CACHE) as disk,
        fleet.bring_up(lab_name, 1) as lab,
    ):
        lab.run(f"mkdir -p {STATE}")
        mount = [sys.executable, str(HERE / "disk_program.py"), disk, str(lab.inits[0]), STATE]
        subprocess.run(mount, check=True)
        job = read_job(plan_file(name, Path(folder)), Path(folder))
        ours, script = peers.netopt(job, lab), peers.ssh(job, lab)
        state = fleet.State(lab, job, LEAVES)
        found: dict[str, list[Cost]] = {kind: [] for kind in KINDS}
        for number in range(runs + 1):  # the first one warms the machine's caches and is not counted
            costs = []
            for kind in KINDS:
                if kind != "unchanged":
                    state.reset()
                costs.append(_run(script if kind == "script" else ours, state, kind))
                print(f"{name}, round {number}: {kind} {costs[-1]}", file=sys.stderr, flush=True)
            for kind, cost in zip(KINDS, costs, strict=True):
                found[kind] += [cost] if number else []
        state.reset()
        peers.disconnect(ours)
    return found


def _run(way: peers.Peer, state: fleet.State, kind: str) -> Cost:
    """Run one way once, over a new connection, and see that it did the job."""
    peers.disconnect(way)
    lab = state.fleet
    (init,) = lab.inits
    cpu, pages, kept = _tree_s(init), written(init), _kept(lab)
    with Watch(init) as watch:
        _usage, text = timed(way.argv, way.environment)
        peers.disconnect(way)  # so that all that was started ends
    cost = Cost(
        cpu_s=_tree_s(init) - cpu,
        python_mb=watch.largest_mb(ours=True),
        tool_mb=watch.largest_mb(ours=False),
        written_kb=(written(init) - pages) / 1000,
        left_kb=(_kept(lab) - kept) / 1000,
    )
    state.check_done(kind)
    if kind != "script":
        said = {host["status"] for host in json.loads(text)["hosts"].values()}
        if said != {"applied" if kind == "cold" else "unchanged"}:
            sys.exit(f"netopt reports {', '.join(sorted(said))} in a run that is {kind}:\n{text[:2000]}")
    return cost


def _kept(lab: fleet.Fleet) -> int:
    """Return the size of the files that an apply leaves on the host."""
    (text,) = lab.run(f"find {KEPT} -type f -printf '%s\\n' 2>/dev/null || true").values()
    return sum(map(int, text.split()))


def table(name: str, found: dict[str, list[Cost]]) -> str:
    """Return the figures as a Markdown table: the median, and from least to most."""
    titles = {"script": "the script alone", "cold": "`netopt apply`, cold", "unchanged": "`netopt apply`, unchanged"}
    columns = "CPU, s | CPU to script | Python, MB | largest tool, MB | written, KB | left, KB"
    rows = [f"| {name} | {columns} |", "| --- |" + " ---: |" * 6]
    for kind, costs in found.items():
        ratios = [one.cpu_s / max(base.cpu_s, 0.01) for one, base in zip(costs, found["script"], strict=True)]
        figures = {field: [asdict(cost)[field] for cost in costs] for field in asdict(costs[0])}
        cells = [_cell(figures["cpu_s"], 2), "" if kind == "script" else _cell(ratios, 1)]
        cells += [_cell(figures[field], 0) for field in ("python_mb", "tool_mb", "written_kb", "left_kb")]
        rows.append(f"| {titles[kind]} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def _cell(figures: list[float], digits: int) -> str:
    """Return the median with the range, or one figure where all are the same."""
    least, middle, most = (f"{each:.{digits}f}" for each in (min(figures), median(figures), max(figures)))
    return middle if least == most else f"{middle} ({least} to {most})"


def main() -> None:
    """Measure each plan; print one line of JSON for each, and a table on standard error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--plans", nargs="+", default=["server", "tuned", "10000"], help="a file here, or how many classes"
    )
    parser.add_argument("--runs", type=int, default=5, help="rounds that count; one before them does not")
    parser.add_argument("--lab", default="target", help="the name of the lab, which is replaced (default: target)")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs: at least 1")
    for name in options.plans:
        try:
            found = measure(name, options.runs, options.lab)
        except LabError as error:
            sys.exit(f"target.py: {error}")
        print(json.dumps({"plan": name, **{kind: list(map(asdict, each)) for kind, each in found.items()}}), flush=True)
        print(table(name, found), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
