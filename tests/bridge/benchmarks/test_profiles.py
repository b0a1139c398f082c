# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How benchmarks/profiles.py judges what it measured; measuring takes an hour, tests/effects has a part of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import pytest

from benchmarks.profiles_cases import CASES, DEFAULTS, Case
from benchmarks.profiles_guest.world import Path
from benchmarks.profiles_program import MEASURES
from benchmarks.profiles_table import HEADER, table, verdict
from mcp_bridge.policy import load_policy

DELAY = next(case for case in CASES if case.lower)
RATE = next(case for case in CASES if not case.lower)
LIMITS = {"carried_mbit": 812.4, "lateness_ms": 0.42}


def test_every_profile_is_measured_on_two_paths() -> None:
    """No profile of the policy goes without two measurements of each of its objectives."""
    assert {case.profile for case in CASES} == set(load_policy().profiles)
    assert min(Counter((case.profile, case.measure) for case in CASES).values()) >= 2


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.profile}, {case.described_path}, {case.measure}")
def test_cases_can_be_measured(case: Case) -> None:
    """A case reaches the kernel as JSON; its path and its measurement are there, and a link has rates for both ways."""
    assert Case(**asdict(case)) == case
    assert Path(**case.path).rtt_ms > 0
    assert case.measure in MEASURES
    assert not case.link or case.path["down_mbit"] > 0
    assert case.ways[0] == DEFAULTS


@pytest.mark.parametrize(
    ("case", "base", "ours", "expected"),
    [
        pytest.param(DELAY, [500, 520], [120, 100], "better", id="less delay"),
        pytest.param(DELAY, [100, 120], [520, 500], "worse", id="more delay"),
        pytest.param(DELAY, [500, 110], [120, 100], "no worse", id="the best without is among them"),
        pytest.param(DELAY, [100, 300], [280, 200], "no clear difference", id="a fifth behind, within the spread"),
        pytest.param(DELAY, [100, 100], [104, 104], "no worse", id="a little more delay"),
        pytest.param(RATE, [1.0, 1.2], [6.0, 5.5], "better", id="a higher rate"),
        pytest.param(RATE, [1.0, 1.2], [1.2, 1.0], "no worse", id="the same rate"),
        pytest.param(RATE, [100, 100], [94, 94], "worse", id="more than a twentieth behind"),
        pytest.param(RATE, [0, 0], [100, 100], "better", id="no spread at all"),
        pytest.param(RATE, [100, 90], [120, 60], "no clear difference", id="no lower median, and a far lower run"),
        pytest.param(RATE, [0, 0], [0, 0], "no worse", id="nothing to tell apart"),
    ],
)
def test_verdict(case: Case, base: list[float], ours: list[float], expected: str) -> None:
    """A profile is better by more than the runs differ among themselves, no worse where it stays within a twentieth."""
    runs = {way: [{case.figure: figure} for figure in found] for way, found in (("defaults", base), ("profile", ours))}
    assert verdict(case, runs, "profile") == expected
    assert verdict(case, runs, "defaults") == ""


def test_table_has_a_row_for_each_way() -> None:
    """The first row says what was measured where and what the machine carries, the others what is different in them."""
    runs = {"defaults": [{DELAY.figure: 500.0}, {DELAY.figure: 480.0}], "profile": [{DELAY.figure: 25.0}] * 2}
    first, second = table(DELAY, runs, LIMITS).splitlines()
    assert first.count("|") == second.count("|") == HEADER.splitlines()[0].count("|")
    assert f"| {DELAY.described_path} | 812 Mbit/s, within 0.4 ms | defaults | 490 ms | 480 to 500 |  |" in first
    assert second == "|  |  |  |  | profile | 25 ms | 25 to 25 | better |"
