# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures each profile against the kernel's defaults for its own objective; docs/profiles.md tells what and how.

.venv/bin/python benchmarks/profiles.py
.venv/bin/python benchmarks/profiles.py --profiles gaming --rounds 3
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profiles_cases import CASES, DEFAULTS, WAYS, Case
from profiles_table import HEADER, Runs, table

from mcp_bridge.errors import LabError
from mcp_bridge.lab import lifecycle
from mcp_bridge.lab.kernel_view import Host, connect, kernel_view

if TYPE_CHECKING:
    from mcp_bridge.lab.state import Lab

GUEST = Path(__file__).resolve().parent / "profiles_guest"
FOLDER = "/run/netopt-benchmark"
IFACE = "wan0"  # as in profiles_guest.world
MEASURE_TIMEOUT_S = 300


class Bench:
    """A virtual machine with the world around it, and a netopt of its own that changes it."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        """Send the guest's part to the machine and build the world there."""
        self.inventory = lab.inventory
        self.folder = folder
        self.host: Host = connect(lab.inventory)[0]
        packed = BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for path in sorted(GUEST.glob("*.py")):
                archive.add(path, f"{GUEST.name}/{path.name}")
        unpack = f"mkdir -p {FOLDER} && tar x -m -C {FOLDER}"
        subprocess.run([*self.host.ssh, unpack], input=packed.getvalue(), check=True)
        self.host.run("modprobe", "-a", "nf_conntrack", "tcp_bbr")  # keys that come with them are there from the start
        self._guest("build")
        self.found = kernel_view(self.host, iface=IFACE)
        self._way = DEFAULTS  # the one that the machine has now
        self._checkpoint = ""  # restores what was before

    def run(self, case: Case, way: str) -> dict[str, float]:
        """Return the figures of one run of one way."""
        if way != self._way:
            self.go_back()
        if way != self._way:
            self._checkpoint = self._apply(case)
            self._way = way
        return self._measure(case)

    def go_back(self) -> None:
        """Roll the machine back to the kernel's defaults."""
        if self._way != DEFAULTS:
            self._netopt("rollback", self._checkpoint)
            self._way = DEFAULTS

    def _apply(self, case: Case) -> str:
        """Apply a profile and return the checkpoint that restores the host."""
        report = self._netopt("apply", "--profile", case.profile, "--iface", IFACE)
        (host,) = report["hosts"].values()
        if host["status"] != "applied":
            sys.exit(f"{case.profile}: netopt reports {host['status']}, not applied")
        _say(profile=case.profile, changed=host["diff"], skipped=host["skipped"])
        checkpoint: str = host["checkpoint_id"]
        return checkpoint

    def _measure(self, case: Case) -> dict[str, float]:
        figures: dict[str, float] = json.loads(self._guest(case.measure, json.dumps(case.path)))
        return figures

    def _guest(self, *words: str) -> str:
        script = f"cd {FOLDER} && exec python3 -m {GUEST.name} " + " ".join(f"'{word}'" for word in words)
        done = subprocess.run(
            [*self.host.ssh, script], check=False, capture_output=True, text=True, timeout=MEASURE_TIMEOUT_S
        )
        if done.returncode != 0:
            sys.exit(f"{' '.join(words)} failed on the machine: {done.stderr.strip()}")
        return done.stdout

    def _netopt(self, *words: str) -> dict[str, Any]:
        argv = [sys.executable, "-m", "mcp_bridge", *words, "-i", str(self.inventory), "--json"]
        environment = {**os.environ, "NETOPT_STATE_DIR": str(self.folder / "state")}
        done = subprocess.run(argv, check=False, capture_output=True, text=True, env=environment)
        if done.returncode != 0:
            sys.exit(f"netopt {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def check_found(self, what: str) -> None:
        """End the program when the machine is not as it was found, which is what rolling back promises."""
        for command, text in kernel_view(self.host, iface=IFACE).items():
            if text != self.found[command]:
                changed = sorted(set(text.splitlines()) ^ set(self.found[command].splitlines()))
                sys.exit(f"{what}: not as before: {command}\n" + "\n".join(changed))


def main() -> None:
    """Measure; print one line of JSON for each run and plan, and the table at the end on standard error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profiles", nargs="+", choices=[*CASES], default=[*CASES])
    parser.add_argument("--rounds", type=int, default=2, help="runs of each way, in turn (default: 2)")
    parser.add_argument("--lab", default="profiles", help="the name of the lab, which is replaced (default: profiles)")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    try:
        lifecycle.down(options.lab)
        lab = lifecycle.up(options.lab, hosts=1, kernel="vm")
        with tempfile.TemporaryDirectory(prefix="netopt-bench-") as folder:
            cases = [CASES[name] for name in options.profiles]
            rows = _measured(Bench(lab, Path(folder)), cases, rounds=options.rounds)
    except LabError as error:
        sys.exit(f"profiles.py: {error}")
    finally:
        lifecycle.down(options.lab)
    print(HEADER + rows, file=sys.stderr)


def _measured(bench: Bench, cases: list[Case], *, rounds: int) -> str:
    """Return the rows of all cases, each one's ways run in turn."""
    rows = ""
    for case in cases:
        runs: Runs = {way: [] for way in WAYS}
        for number in range(1, rounds + 1):
            for way in WAYS if number % 2 else reversed(WAYS):  # A B, B A, ...: what drifts meets both alike
                runs[way].append(bench.run(case, way))
                _say(profile=case.profile, way=way, round=number, figures=runs[way][-1])
        bench.go_back()
        bench.check_found(case.profile)
        rows += table(case, runs)
        print(table(case, runs), file=sys.stderr, flush=True)
    return rows


def _say(**line: Any) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
