# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns what the runs took into medians, ratios and a table."""

from __future__ import annotations

from dataclasses import fields
from statistics import median
from typing import Any

from usage import Usage

KINDS = ("cold", "unchanged")
OURS = "netopt"
COLUMNS = "CPU here, s | on hosts, s | machine, s | ratio"


def summarise(
    hosts: int, connections: str, measured: tuple[dict[str, str], dict[str, dict[int, tuple[Usage, Usage]]]]
) -> tuple[dict[str, Any], str]:
    """Return the figures of one fleet size as a JSON-able dict and as a Markdown table.

    Args:
        hosts: the size.
        connections: ``new`` or ``kept``.
        measured: each way's title, and its runs by round.
    """
    titles, rounds = measured
    line: dict[str, Any] = {"hosts": hosts, "connections": connections, "ways": {}}
    rows = [
        f"| hosts: {hosts} | rounds | " + " | ".join(f"{kind}, s | {COLUMNS}" for kind in KINDS) + " |",
        "| --- |" + " ---: |" * 11,
    ]
    for name, runs in rounds.items():
        way: dict[str, Any] = {"rounds": len(runs)}
        cells = [titles[name], str(len(runs))]
        for index, kind in enumerate(KINDS):
            figures = {
                field.name: median(getattr(run[index], field.name) for run in runs.values()) for field in fields(Usage)
            }
            ratio = median(rounds[OURS][number][index].wall_s / run[index].wall_s for number, run in runs.items())
            way[kind] = {**{key: round(value, 3) for key, value in figures.items()}, "netopt_ratio": round(ratio, 3)}
            cells += [f"{figure:.1f}" for figure in figures.values()]
            cells.append("" if name == OURS else f"{ratio:.2f}")
        line["ways"][name] = way
        rows.append("| " + " | ".join(cells) + " |")
    return line, "\n".join(rows) + "\n"
