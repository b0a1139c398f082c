# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How benchmarks/profiles.py judges what it measured; measuring itself takes a virtual machine and minutes."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mcp_bridge.policy import load_policy

if TYPE_CHECKING:
    from types import ModuleType

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks"


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module that judges, which lies beside the command and not in a package."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("profiles_table")


def test_every_profile_is_measured(judge: ModuleType) -> None:
    """No profile of the policy goes without a measurement of what it promises."""
    cases: dict[str, Any] = importlib.import_module("profiles_cases").CASES
    assert judge.__name__ == "profiles_table"
    assert set(cases) == set(load_policy().profiles)


@pytest.mark.parametrize(
    ("profile", "base", "ours", "expected"),
    [
        pytest.param("gaming", [500, 520], [120, 100], "better", id="less delay"),
        pytest.param("gaming", [100, 120], [520, 500], "worse", id="more delay"),
        pytest.param("gaming", [500, 110], [120, 100], "no clear difference", id="the best without is among them"),
        pytest.param("gaming", [500, 300], [290, 200], "no clear difference", id="less apart than their own spread"),
        pytest.param("bulk_transfer", [1.0, 1.2], [6.0, 5.5], "better", id="a higher rate"),
        pytest.param("bulk_transfer", [1.0, 1.2], [1.2, 1.0], "no clear difference", id="the same rate"),
        pytest.param("server", [0, 0], [100, 100], "better", id="no spread at all"),
        pytest.param("server", [100, 100], [100, 100], "no clear difference", id="nothing to tell apart"),
    ],
)
def test_verdict(judge: ModuleType, profile: str, base: list[float], ours: list[float], expected: str) -> None:
    """A profile is better only by more than the runs differ among themselves."""
    case = importlib.import_module("profiles_cases").CASES[profile]
    runs = {way: [{case.figure: figure} for figure in found] for way, found in (("defaults", base), ("profile", ours))}
    assert judge.verdict(case, runs, "profile") == expected
    assert judge.verdict(case, runs, "defaults") == ""
    assert judge.table(case, runs).count("\n") == 2  # a row for each way
