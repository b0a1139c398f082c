# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times `netopt apply` against one `shell` task that runs the same commands, on 1, 10 and 50 lab hosts.

Both are measured as whole processes, in turn (A B A B ...), on the same lab in the same run, so that
the ratio holds on a noisy machine. "Warm" is what an operator meets at the second apply of a day: the
hosts hold the plan already, so netopt reads, rehearses, compares and reports, while the shell task runs
all its commands again. "Cold" starts from hosts that were rolled back, so netopt also writes its checkpoint,
arms its timer, applies and reads back.

    .venv/bin/python benchmarks/apply.py --hosts 1 10 50 --runs 5
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
LAB = "bench"


def run(argv: list[str], **environment: str) -> tuple[float, subprocess.CompletedProcess[str]]:
    """Run one command as a whole process; return its wall time in seconds and what it left behind."""
    started = time.perf_counter()
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env={**os.environ, **environment})
    return time.perf_counter() - started, done


def must(argv: list[str], **environment: str) -> tuple[float, str]:
    """Run one command that has to succeed; return its wall time in seconds and its standard output."""
    seconds, done = run(argv, **environment)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(argv)} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return seconds, done.stdout


def shell_playbook(folder: Path, plan: Path) -> Path:
    """Write the peer: a playbook whose only task runs the plan's rendered text through one shell."""
    rendered = json.loads(must([str(BIN / "netopt"), "render", str(plan), "--json"])[1])
    script = folder / "commands.sh"
    lines = [
        *rendered["sysctl_cmds"],
        *rendered["ip_link_cmds"],
        *rendered["ethtool_cmds"],
        rendered["tc_script"],
        rendered["nft_script"],
    ]
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    playbook = folder / "shell.yml"
    task = {
        "name": "Run the commands",
        "ansible.builtin.shell": {"cmd": "{{ lookup('file', '" + str(script) + "') }}", "executable": "/bin/bash"},
    }
    playbook.write_text(
        json.dumps([{"name": "Peer", "hosts": "all", "gather_facts": False, "tasks": [task]}]),
        encoding="utf-8",
    )
    return playbook


def measure(hosts: int, runs: int, plan: Path) -> dict[str, object]:
    """Return the wall times (s) and ratios of both on a lab of ``hosts`` hosts."""
    netopt = str(BIN / "netopt")
    run([netopt, "lab", "down", "--name", LAB])
    must([netopt, "lab", "up", "--hosts", str(hosts), "--name", LAB])
    try:
        status = json.loads(must([netopt, "lab", "status", "--name", LAB, "--json"])[1])
        inventory = status["inventory"]
        with tempfile.TemporaryDirectory(prefix="netopt-bench-") as folder:
            playbook = shell_playbook(Path(folder), plan)
            environment = {"ANSIBLE_PIPELINING": "1", "ANSIBLE_FORKS": "50", "NETOPT_FORKS": "50"}
            ours = [netopt, "apply", str(plan), "-i", inventory, "--json"]
            peer = [str(BIN / "ansible-playbook"), "-i", inventory, str(playbook)]
            cold, warm, shell = [], [], []
            for index in range(runs + 1):  # the first round warms files and connections and is not counted
                seconds, text = must(ours, **environment)
                checkpoint = json.loads(text)["checkpoint_id"]
                warm_seconds, _ = must(ours, **environment)
                shell_seconds, _ = must(peer, **environment)
                must([netopt, "rollback", checkpoint, "-i", inventory, "--json"], **environment)
                if index:
                    cold.append(seconds)
                    warm.append(warm_seconds)
                    shell.append(shell_seconds)
    finally:
        run([netopt, "lab", "down", "--name", LAB])
    return {
        "hosts": hosts,
        "runs": runs,
        "netopt_cold_s": statistics.median(cold),
        "netopt_warm_s": statistics.median(warm),
        "shell_task_s": statistics.median(shell),
        "cold_ratio": statistics.median(a / b for a, b in zip(cold, shell, strict=True)),
        "warm_ratio": statistics.median(a / b for a, b in zip(warm, shell, strict=True)),
    }


def main() -> None:
    """Measure each fleet size and print one line of JSON for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--plan", type=Path, default=REPOSITORY / "benchmarks" / "server.json")
    options = parser.parse_args()
    for hosts in options.hosts:
        print(json.dumps(measure(hosts, options.runs, options.plan)), flush=True)


if __name__ == "__main__":
    main()
