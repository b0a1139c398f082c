# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges what was measured with a profile against what was measured without, and writes the table."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from benchmarks.profiles_cases import DEFAULTS

if TYPE_CHECKING:
    from benchmarks.profiles_cases import Case

Runs = dict[str, list[dict[str, float]]]  # way -> the figures of its runs, in order
COLUMNS = (
    "profile",
    "what is measured",
    "path",
    "the machine carries",
    "way",
    "median",
    "lowest to highest",
    "verdict",
)
HEADER = f"| {' | '.join(COLUMNS)} |\n" + "| --- " * len(COLUMNS) + "|\n"
NO_WORSE = 0.05  # the share by which a way may be behind


def beats(case: Case, base: list[float], ours: list[float]) -> bool:
    """Return whether a way is better by more than chance or spread.

    Its worst run has to be better than the best of the defaults, and the medians have to differ by more than the runs
    of either way do among themselves.
    """
    sign = -1 if case.lower else 1
    gain = sign * (median(ours) - median(base))
    spread = max(max(runs) - min(runs) for runs in (base, ours))
    return min(sign * run for run in ours) > max(sign * run for run in base) and gain > spread


def behind(case: Case, base: list[float], ours: list[float]) -> bool:
    """Return whether a way's median or worst run is behind that of the defaults by more than hardly counts."""
    sign = -1 if case.lower else 1
    both = [(sign * median(runs), min(sign * run for run in runs)) for runs in (base, ours)]
    return any(mine < theirs - NO_WORSE * abs(theirs) for theirs, mine in zip(*both, strict=True))


def figures(case: Case, runs: list[dict[str, float]]) -> list[float]:
    """Return the figure by which the profile is judged, of each run."""
    return [run[case.figure] for run in runs]


def verdict(case: Case, measured: Runs, way: str) -> str:
    """Return a way's verdict in words; empty for the defaults."""
    if way == DEFAULTS:
        return ""
    base, ours = figures(case, measured[DEFAULTS]), figures(case, measured[way])
    if beats(case, base, ours):
        return "better"
    if not behind(case, base, ours):
        return "no worse"
    return "worse" if beats(case, ours, base) else "no clear difference"


def table(case: Case, measured: Runs, limits: dict[str, float]) -> str:
    """Return a case's rows of the Markdown table below ``HEADER``.

    Args:
        case: what was measured.
        measured: the figures.
        limits: what the machine carries without a bottleneck, and how late it wakes up (``profiles_program``).
    """
    rows = []
    machine = f"{limits['carried_mbit']:.0f} Mbit/s, within {limits['lateness_ms']:.1f} ms"
    for way, runs in measured.items():
        found = figures(case, runs)
        first = (case.profile, case.objective, case.described_path, machine) if way == DEFAULTS else ("",) * 4
        spread = f"{min(found):.{_digits(found)}f} to {max(found):.{_digits(found)}f}"
        middle = f"{median(found):.{_digits(found)}f} {case.unit}"
        rows.append("| " + " | ".join([*first, way, middle, spread, verdict(case, measured, way)]) + " |\n")
    return "".join(rows)


def _digits(found: list[float]) -> int:
    """Return how many places make sense behind the point."""
    return 0 if max(found) >= 20 else 1
