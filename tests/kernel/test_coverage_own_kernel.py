# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much of the commands of public configurations ``netopt adopt`` makes a plan of, on a kernel with all qdiscs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from benchmarks.coverage import SYSCTLS, Covered, covered, covered_lines, covered_others, figures, joined, share
from mcp_bridge.policy import load_policy

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0, reason="user-mode Linux needs root"),
]

LEAST = {False: 0.94, True: 0.9}  # by whether they are held out


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Covered]:
    """Return what is said of each configuration."""
    try:
        return covered_lines(tmp_path_factory.mktemp("coverage"))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"user-mode Linux cannot be had: {error}")


@pytest.mark.parametrize("held_out", LEAST)
def test_as_much_as_ever(found: list[Covered], *, held_out: bool) -> None:
    """The share does not sink."""
    some = [one for one in found if one.held_out is held_out]
    assert share(some) >= LEAST[held_out], [one for one in some if one.refused]


def test_each_line_is_judged(found: list[Covered]) -> None:
    """A command that no plan says has its reason, and none is said twice."""
    assert len(found) > 35
    assert all(one.settings for one in found)
    assert all(reason for one in found for reason in one.refused.values())


def test_the_figures_of_the_page(found: list[Covered]) -> None:
    """What ``benchmarks/README.md`` says is what is counted."""
    policy = load_policy()
    page = (Path(__file__).parents[2] / "benchmarks/README.md").read_text(encoding="utf-8")
    for some in (covered(SYSCTLS, policy), joined([*found, *covered_others(policy)])):
        for group, percent, settings, configurations, _differ in figures(some):
            assert f"| {group} | {percent} % | {settings} | {configurations} |" in page
