# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An uplink of 5 Mbit/s up and 20 down, full both ways: how long pings wait, on a kernel of its own that has cake.

Held against the kernel's defaults in the same run, since a busy machine adds to every delay. ``benchmarks/profiles.py``
has the figures.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict
from typing import Any

import pytest

from benchmarks.profiles_cases import CASES, DEFAULTS, PROFILE, WITHOUT_CAKE
from tests.own_kernel import answer_of

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0, reason="user-mode Linux needs root"),
    pytest.mark.skipif(shutil.which("iperf3") is None, reason="takes iperf3"),
]
CASE = next(case for case in CASES if case.link)
UP, DOWN = CASE.path["rate_mbit"], CASE.path["down_mbit"]
ASKED = {"case": asdict(CASE), "rounds": 1, "seconds": 4}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return each way's run; the program sees to it that a second apply is unchanged, and a rollback exact."""
    folder = tmp_path_factory.mktemp("uplink")
    found = answer_of("benchmarks.profiles_program", folder, json.dumps(ASKED), first=True)
    return {run["way"]: run for run in found["runs"]}


@pytest.mark.parametrize("way", [PROFILE, WITHOUT_CAKE])
def test_stays_quick_while_it_is_full(runs: dict[str, dict[str, Any]], way: str) -> None:
    """The load adds a quarter at most of what it adds by the kernel's defaults, in truth a hundredth."""
    usual, ours = (runs[one]["figures"]["added_ms"] for one in (DEFAULTS, way))
    assert usual > 100, runs
    assert ours < usual / 4, runs


@pytest.mark.parametrize("way", [PROFILE, WITHOUT_CAKE])
def test_is_used(runs: dict[str, dict[str, Any]], way: str) -> None:
    """What is shaped is nearly all that the uplink carries, and no more, both ways."""
    figures = runs[way]["figures"]
    assert 0.75 * UP < figures["up_mbit"] < UP, figures
    assert 0.6 * DOWN < figures["down_mbit"] < DOWN, figures


def test_says_what_it_fell_back_to(runs: dict[str, dict[str, Any]]) -> None:
    """Where the kernel has no cake, the report says what does its work; where it has, there is nothing to say."""
    said = {way: " ".join(run["said"]) for way, run in runs.items()}
    assert "no_cake: The kernel has no cake" in said[WITHOUT_CAKE]
    assert "no_cake" not in said[PROFILE]
