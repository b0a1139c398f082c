# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The adjuster on a kernel that has cake, both ways."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.own_kernel import answer_of

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="user-mode Linux needs root")]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what ``adapt_program`` prints there."""
    return answer_of("tests.kernel.adapt_program", tmp_path_factory.mktemp("adapt"))


def test_cake_follows_the_uplink(found: dict[str, Any]) -> None:
    """A plan with cake is applied, what leaves goes up and down with the uplink, what arrives idle stays as it is."""
    assert found["applied"] == ["applied", None]
    leaving, arriving = found["slow"]
    assert (2000 <= leaving <= 4000, arriving) == (True, 20000)


def test_what_is_moved_is_the_plan_all_the_same(found: dict[str, Any]) -> None:
    """It is not drift, and the plan is unchanged; stopped it is left as the plan has it, rolled back as before it."""
    assert (found["drift"], found["again"]) == ([], "unchanged")
    assert (found["stopped"], found["left"]) == (0, [])
    assert (found["status"], found["back"]) == (["rolled_back"], [])
