# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets that wait together in a tree wait together in the plan that is adopted, or its lines tell otherwise.

The trees are made at random: htb, hfsc and prio, in one another, with filters at any place and to any class.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.own_kernel import answer_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="user-mode Linux needs root")]

LEAST_SHARE = 0.25  # of the trees that a plan has wholly: filters at random are often in an order that no plan has


@pytest.mark.parametrize(("first", "count"), [(100, 12), pytest.param(1000, 200, marks=pytest.mark.long)])
def test_packets_wait_together(tmp_path: Path, first: int, count: int) -> None:
    """Each plan is valid, and leads the packets as the kernel does, where no line says that it has less."""
    trees = answer_of("tests.kernel.adopt_packets_program", tmp_path, str(first), str(count))["trees"]
    assert [each["issues"] for each in trees] == [[]] * count
    as_here = [each for each in trees if each["as_here"]]
    assert len(as_here) > count * LEAST_SHARE
    assert [each for each in as_here if each["here"] != each["plan"]] == []
