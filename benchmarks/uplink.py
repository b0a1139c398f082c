# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures delay on a full uplink, by the kernel's defaults and by profiles that know its rates; see docs/profiles.md.

.venv/bin/python -m benchmarks.uplink
.venv/bin/python -m benchmarks.uplink --profiles gaming --paths 5/20 --rounds 3

The kernel is user-mode Linux, an ordinary process that has cake. It runs ahead of other processes where that is
allowed, since whatever stops it for a while stands in the delays.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # the table's files are siblings, as for the other programs here

from profiles_cases import DEFAULTS, Case
from profiles_table import HEADER, table

from tests.tc_testing.run_cases import prepare
from tests.tc_testing.uml import Kernel

SILENT_S = 120
PATHS = {
    "5/20": {"rtt_ms": 20, "rate_mbit": 5, "down_mbit": 20, "queue_packets": 400},
    "20/100": {"rtt_ms": 40, "rate_mbit": 20, "down_mbit": 100, "queue_packets": 1000},
}
PROFILES = ("gaming", "video_calls", "streaming", "bulk_transfer", "server")
OBJECTIVES = {"video_calls": "95th percentile of a media stream's round trips while the uplink is full both ways"}
OF_PINGS = "95th percentile of pings while the uplink is full both ways"


def measured(profiles: list[str], path: dict[str, float], rounds: int) -> dict[str, Any]:
    """Run the measurements in a kernel of their own and return what ``uplink_program`` prints last."""
    asked = json.dumps({"profiles": profiles, "path": path, "rounds": rounds})
    with tempfile.TemporaryDirectory(prefix="netopt-bench-") as name:
        out = Path(name) / "out"
        kernel = Kernel(Path(name), sys.executable, "-m", "benchmarks.uplink_program", asked, first=True)
        if kernel.wait(SILENT_S, lambda: out.stat().st_size if out.exists() else 0) != 0:
            sys.exit(f"uplink.py: {kernel.said()}")
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8").splitlines()[-1])
        return found


def rows(profile: str, path: dict[str, float], runs: list[dict[str, Any]]) -> str:
    """Return a profile's rows of the table, and below them what the load added and carried."""
    case = Case(profile, OBJECTIVES.get(profile, OF_PINGS), "full", path, "p95_ms", "ms", lower=True)
    by_way: dict[str, list[dict[str, float]]] = {}
    for run in runs:
        by_way.setdefault(run["way"], []).append(run["figures"])
    ordered = {way: by_way[way] for way in sorted(by_way, key=lambda way: (way != DEFAULTS, way))}
    return table(case, ordered)


def main() -> None:
    """Measure; print each run as JSON, and the table on standard error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profiles", nargs="+", choices=PROFILES, default=list(PROFILES))
    parser.add_argument("--paths", nargs="+", choices=[*PATHS], default=[*PATHS], help="Mbit/s up/down")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each way, in turn (default: 5)")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    prepare("uml")
    text = HEADER
    for name in options.paths:
        found = measured(options.profiles, PATHS[name], options.rounds)
        limits = found["limits"]
        for run in found["runs"]:
            print(json.dumps({"path": name, **run}), flush=True)
        text += "".join(
            rows(profile, PATHS[name], [run for run in found["runs"] if run["profile"] == profile])
            for profile in options.profiles
        )
        idle = [run["figures"]["idle_p95_ms"] for run in found["runs"]]
        text += (
            f"\n{name}: without a bottleneck the kernel carries {limits['carried_mbit']:.0f} Mbit/s, 99 in 100 short "
            f"sleeps end within {limits['lateness_ms']:.1f} ms; idle 95th percentiles {min(idle):.1f} to "
            f"{max(idle):.1f} ms\n\n"
        )
        print(text, file=sys.stderr, flush=True)
        text = HEADER


if __name__ == "__main__":
    main()
