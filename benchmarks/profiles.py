# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures each profile against the kernel's defaults for its own objective; docs/profiles.md tells what and how.

.venv/bin/python -m benchmarks.profiles
.venv/bin/python -m benchmarks.profiles --profiles streaming server --rounds 3
.venv/bin/python -m benchmarks.profiles --measures pings_full

The kernel is user-mode Linux, an ordinary process that has cake. It runs ahead of other processes where that is
allowed, since whatever stops it for a while stands in the delays.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.profiles_cases import CASES, Case
from benchmarks.profiles_table import HEADER, table
from tests.tc_testing.run_cases import prepare
from tests.tc_testing.uml import Kernel

SILENT_S = 180


def measured(case: Case, rounds: int) -> dict[str, Any]:
    """Run a case in a kernel of its own and return what ``profiles_program`` prints last."""
    asked = json.dumps({"case": asdict(case), "rounds": rounds})
    with tempfile.TemporaryDirectory(prefix="netopt-bench-") as name:
        out = Path(name) / "out"
        program = (sys.executable, "-m", "benchmarks.profiles_program", asked)
        kernel = Kernel(Path(name), *program, first=True, memory=case.memory)
        if kernel.wait(SILENT_S, lambda: out.stat().st_size if out.exists() else 0) != 0:
            sys.exit(f"profiles.py: {case.profile}: {kernel.said()}")
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8").splitlines()[-1])
        return found


def main() -> None:
    """Measure; print each run as JSON, and each case's rows of the table on standard error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    profiles, measures = ([*dict.fromkeys(getattr(case, what) for case in CASES)] for what in ("profile", "measure"))
    parser.add_argument("--profiles", nargs="+", choices=profiles, default=profiles)
    parser.add_argument("--measures", nargs="+", choices=measures, default=measures)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each way, in turn (default: 5)")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    cases = [case for case in CASES if case.profile in options.profiles and case.measure in options.measures]
    if not cases:
        parser.error("--measures: none of them is measured for these profiles")
    prepare("uml")
    print(HEADER, end="", file=sys.stderr, flush=True)
    for case in cases:
        found = measured(case, options.rounds)
        for run in found["runs"]:
            print(json.dumps({"profile": case.profile, "path": case.path, "memory": case.memory, **run}), flush=True)
        runs = {way: [run["figures"] for run in found["runs"] if run["way"] == way] for way in case.ways}
        print(table(case, runs, found["limits"]), end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
