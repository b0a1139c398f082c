# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows where the time of an apply goes, stage by stage; README.md tells what and how.

.venv/bin/python benchmarks/stages.py --hosts 1 50 --runs 5
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import fleet
import peers
from job import LEAVES, read_job
from usage import timed

from mcp_bridge.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable

HERE = Path(__file__).resolve().parent
HOOK = HERE / "stages_hook.py"
WORKER = "TaskExecutor.run"
NOTES = "/var/tmp/netopt-stages"  # noqa: S108 - on a lab's host
COLLECTION = "ansible_collections.netopt.linux.plugins"
HERE_WANTED = {
    "mcp_bridge.cli.main": ["main"],
    "mcp_bridge.service": ["Service.begin_apply"],
    "mcp_bridge.backends.ansible_runner": ["run_playbook"],
    "ansible.cli.playbook": ["PlaybookCLI.run"],
    "ansible.inventory.manager": ["InventoryManager.parse_sources"],
    "ansible.executor.task_queue_manager": ["TaskQueueManager.run"],
    "ansible.executor.task_executor": ["TaskExecutor.run"],
    f"{COLLECTION}.plugin_utils._transport": ["TransportAction._run_there"],
    f"{COLLECTION}.plugin_utils._ssh": ["over_new_connection"],
}
THERE_WANTED = {
    "netopt_target._transport.remote_main": ["main"],
    "netopt_target._transaction.transaction": ["Transaction.run"],
    "netopt_target._transaction.apply": [
        "Apply._rehearse",
        "Apply._write_down",
        "Apply._arm",
        "Apply._perform",
        "_verify",
    ],
}
# What Python runs at its start, in netopt and in ansible-playbook.
START = """
import os
from pathlib import Path
FOLDER = Path(__file__).parent

def note(name, edge):
    with (FOLDER / "notes").open("a") as stream:
        stream.write(line(name, edge, os.getpid()))

def take_along(modules):
    modules[0].BOOTSTRAP = (FOLDER / "bootstrap").read_text().replace("ABOUT", str(os.getpid()))

hooks = Hooks({wanted!r}, note, {{"_run_there": take_along}})
hooks._before["run"] = hooks.come_first
hooks.come_first()
"""
# What a host's Python runs, around the transport's own.
THERE_BEGIN = "import time\nbegun = time.monotonic()\n"
THERE_HOOKS = """
notes = [f"{{begun:.6f}} ABOUT python begin\\n"]
Hooks({wanted!r}, lambda name, edge: notes.append(line(name, edge, "ABOUT"))).come_first()
"""
THERE_END = f"""
with open({NOTES!r}, "a") as stream:
    stream.write("".join(notes))
"""
IMPORT = "from netopt_target._transport.remote_main import main\n"

Marks = dict[tuple[str, str, str], float]  # process, function, begin or end -> when it was so for the first time

FIRST = (
    "netopt: Python, imports",
    "netopt: policy and plan",
    "netopt: run registered, ansible-runner begins",
    "Ansible: begins",
    "Ansible: inventory",
    "Ansible: playbook, plugins, policy",
)
TURN = "the hosts' turn"
EACH = (
    "worker: options, policy",
    "connection, until Python runs there",
    "transport: message, program, imports",
    "host: facts, plans in force, what is left",
    "host: rehearsal",
    "host: checkpoint",
    "host: guard",
    "host: apply",
    "host: verify",
    "answer comes back",
    "confirmation, over a new connection",
    "worker: result",
)
LAST = ("Ansible: results, last tasks", "Ansible ends, ansible-runner sees it", "netopt: report, end")


def bootstrap() -> str:
    """Return what the transport has a host's Python run, with what notes the stages."""
    from ansible_collections.netopt.linux.plugins.plugin_utils._transport import BOOTSTRAP  # noqa: PLC0415

    before, found, after = BOOTSTRAP.partition(IMPORT)
    if not found:
        sys.exit("stages.py: the transport does not begin as it did; look at THERE_HOOKS")
    hooks = HOOK.read_text(encoding="utf-8").partition("from __future__ import annotations\n")[2]
    return THERE_BEGIN + before + hooks + THERE_HOOKS.format(wanted=THERE_WANTED) + found + after + THERE_END


def prepare(folder: Path) -> None:
    """Write what the processes of a run load at their start."""
    folder.mkdir()
    hook = HOOK.read_text(encoding="utf-8")
    (folder / "sitecustomize.py").write_text(hook + START.format(wanted=HERE_WANTED), encoding="utf-8")
    (folder / "bootstrap").write_text(bootstrap(), encoding="utf-8")


def read(texts: Iterable[str]) -> Marks:
    """Return the notes of all processes."""
    found: Marks = {}
    for text in texts:
        for each in text.splitlines():
            when, process, name, edge = each.split()
            known = found.get((process, name, edge))
            if known is None or edge == "end":
                found[process, name, edge] = float(when)
    return found


def stages(marks: Marks, begun: float, ended: float) -> dict[str, float]:
    """Return what each stage took, in seconds: those of all hosts together, then what the median host's took."""

    def first(name: str, edge: str = "begin") -> float:
        return min(when for (_process, what, which), when in marks.items() if (what, which) == (name, edge))

    workers = sorted({process for process, name, _edge in marks if name == "TransportAction._run_there"})
    turn = min(marks[each, WORKER, "begin"] for each in workers)
    last = max(marks[each, WORKER, "end"] for each in workers)
    inventory = first("InventoryManager.parse_sources", "end") - first("InventoryManager.parse_sources")
    points = [begun, first("main"), first("Service.begin_apply"), first("run_playbook"), first("PlaybookCLI.run")]
    found = dict(zip(FIRST[:4], (b - a for a, b in pairwise(points)), strict=True))
    found[FIRST[4]] = inventory
    found[FIRST[5]] = turn - points[-1] - inventory
    found[TURN] = last - turn
    points = [last, first("PlaybookCLI.run", "end"), first("run_playbook", "end"), ended]
    found.update(zip(LAST, (b - a for a, b in pairwise(points)), strict=True))
    each = [_of_host(marks, worker) for worker in workers]
    found.update({name: median(one[name] for one in each) for name in EACH})
    return found


def _of_host(marks: Marks, worker: str) -> dict[str, float]:
    """Return what the stages of one host took."""

    def at(name: str, edge: str) -> float:
        return marks[worker, name, edge]

    def took(name: str) -> float:
        return at(name, "end") - at(name, "begin") if (worker, name, "begin") in marks else 0.0

    own = [took(f"Apply.{name}") for name in ("_rehearse", "_write_down", "_arm", "_perform")] + [took("_verify")]
    there = "TransportAction._run_there"
    figures = (
        at(there, "begin") - at(WORKER, "begin"),
        at("python", "begin") - at(there, "begin"),
        at("Transaction.run", "begin") - at("python", "begin"),
        took("Transaction.run") - sum(own),
        *own,
        at(there, "end") - at("Transaction.run", "end"),
        took("over_new_connection"),
        at(WORKER, "end") - at(there, "end") - took("over_new_connection"),
    )
    return dict(zip(EACH, figures, strict=True))


def measure(hosts: int, runs: int, plan: Path, lab_name: str) -> dict[str, list[dict[str, float]]]:
    """Return what each stage took in each round, cold and unchanged, on a lab of ``hosts`` hosts."""
    found: dict[str, list[dict[str, float]]] = {"cold": [], "unchanged": []}
    with tempfile.TemporaryDirectory(prefix="netopt-bench-") as name, fleet.bring_up(lab_name, hosts) as lab:
        folder = Path(name)
        job = read_job(plan, folder)
        way = peers.netopt(job, lab)
        hook = folder / "hook"
        prepare(hook)
        environment = {**way.environment, "PYTHONPATH": str(hook)}
        state = fleet.State(lab, job, LEAVES)
        for number in range(runs + 1):  # the first one warms the machine's caches and is not counted
            state.reset()
            for kind, rounds in found.items():
                peers.disconnect(way)
                begun = time.monotonic()
                _usage, text = timed(way.argv, environment)
                ended = time.monotonic()
                said = {host["status"] for host in json.loads(text)["hosts"].values()}
                if said != {"applied" if kind == "cold" else "unchanged"}:
                    sys.exit(f"netopt reports {', '.join(sorted(said))} in a run that is {kind}:\n{text[:2000]}")
                there = lab.run(f"cat {NOTES}; rm {NOTES}").values()
                marks = read([(hook / "notes").read_text(encoding="utf-8"), *there])
                (hook / "notes").unlink()
                if number:
                    rounds.append(stages(marks, begun, ended))
        state.reset()
        peers.disconnect(way)
    return found


def table(hosts: int, found: dict[str, list[dict[str, float]]]) -> str:
    """Return the medians as a Markdown table, in milliseconds, with their sums."""
    middle = {kind: {name: median(one[name] for one in runs) for name in runs[0]} for kind, runs in found.items()}
    rows = [f"| hosts: {hosts} | cold, ms | unchanged, ms |", "| --- | ---: | ---: |"]

    def row(title: str, figures: Iterable[float]) -> None:
        rows.append(f"| {title} | " + " | ".join(f"{each * 1000:.0f}" for each in figures) + " |")

    for name in FIRST:
        row(name, (each[name] for each in middle.values()))
    row(f"**{TURN}**, of which the median host", (each[TURN] for each in middle.values()))
    for name in EACH:
        row(f"- {name}", (each[name] for each in middle.values()))
    for name in LAST:
        row(name, (each[name] for each in middle.values()))
    row("**the whole**", (median(map(whole, runs)) for runs in found.values()))
    return "\n".join(rows) + "\n"


def whole(one: dict[str, float]) -> float:
    """Return what a run took from its start to its end."""
    return sum(one[name] for name in (*FIRST, TURN, *LAST))


def main() -> None:
    """Measure on each size; print one line of JSON for each, and a table on standard error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 50])
    parser.add_argument("--runs", type=int, default=5, help="rounds that count; one before them does not")
    parser.add_argument("--plan", type=Path, default=HERE / "server.json")
    parser.add_argument("--lab", default="stages", help="the name of the lab, which is replaced (default: stages)")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs: at least 1")
    for hosts in options.hosts:
        try:
            found = measure(hosts, options.runs, options.plan, options.lab)
        except LabError as error:
            sys.exit(f"stages.py: {error}")
        print(json.dumps({"hosts": hosts, **found}), flush=True)
        print(table(hosts, found), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
