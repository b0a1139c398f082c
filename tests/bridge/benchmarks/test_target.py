# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How benchmarks/target.py tells what it measured; measuring itself takes a lab and minutes."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks"


def test_costs_are_told_with_their_range(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell has the median and the range, a ratio is to the script of the same round."""
    monkeypatch.syspath_prepend(str(FOLDER))
    target = importlib.import_module("target")
    scripts = [target.Cost(cpu, 0, 5, 0, 0) for cpu in (0.1, 0.2, 0.1)]
    ours = [target.Cost(cpu, 26, 5, 1700, 3300) for cpu in (0.3, 0.4, 0.6)]
    _head, _line, script, cold = target.table("server", {"script": scripts, "cold": ours}).splitlines()
    assert script == "| the script alone | 0.10 (0.10 to 0.20) |  | 0 | 5 | 0 | 0 |"
    assert cold == "| `netopt apply`, cold | 0.40 (0.30 to 0.60) | 3.0 (2.0 to 6.0) | 26 | 5 | 1700 | 3300 |"
