# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever somebody has done by hand to a tree of a plan, the host can be put right, and goes back exactly."""

from __future__ import annotations

import os

import pytest

from tests.kernel.by_hand import ENDING, OTHER, QUICK, complaints
from tests.own_kernel import answer_of

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]


FIRST = dict(reversed(QUICK))  # of each tree; the others take minutes
ROWS = [
    pytest.param(plan, command, marks=() if FIRST[plan] == command else pytest.mark.long) for plan, command in QUICK
]


@pytest.mark.parametrize(("plan", "command"), ROWS)
def test_put_right(plan: str, command: str) -> None:
    """Verify sees it, the plan again mends it, without the plan it is gone, and all of it can be rolled back."""
    assert complaints(plan, command) == []


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[list[str]]]]:
    """What ``by_hand_program`` prints on a kernel that has all qdiscs."""
    return answer_of("tests.kernel.by_hand_program", tmp_path_factory.mktemp("by-hand"))


@pytest.mark.long
@pytest.mark.parametrize(("plan", "command"), OTHER)
def test_put_right_where_all_qdiscs_are(found: dict[str, dict[str, list[list[str]]]], plan: str, command: str) -> None:
    """The same of other qdiscs; an impairment that runs keeps other plans out, and can be rolled back."""
    assert found["put right"][f"{plan}: {command}"] == []


@pytest.mark.long
@pytest.mark.parametrize(("plan", "command"), ENDING)
def test_an_impairment_ends_all_the_same(found: dict[str, dict[str, list[list[str]]]], plan: str, command: str) -> None:
    """At its end the tree is that of the plan without the impairment, whatever was done by hand."""
    assert found["end"][f"{plan}: {command}"] == []
