# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a packet meets is what the plan says: the quick rows of the table, with real packets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.effects.judge import judge
from tests.effects.row import Row
from tests.effects.table import BATCHES, ROWS

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]
QUICK = [found for batch in BATCHES if (found := tuple(row for row in batch if row.quick))]


def test_rows_have_names_of_their_own() -> None:
    """No two rows of the table are called the same."""
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/plan.md"])
def test_pages_say_how_many_there_are(page: str) -> None:
    """The number of effects that a page names is that of the table."""
    assert f"{len(ROWS):,} effects" in (Path(__file__).parents[2] / page).read_text(encoding="utf-8")


def test_rows_that_share_a_lab_share_what_it_is() -> None:
    """Rows of one lab have one way to go, one arrangement of the host, and nothing that they refuse."""
    for batch in BATCHES:
        same = {(row.gone, row.arranged, row.labels, row.own_kernel, row.machine) for row in batch}
        assert len(same) == 1, batch[0].name
        assert len(batch) == 1 or not any(row.refused or row.earlier for row in batch), batch[0].name


@pytest.mark.parametrize("batch", [pytest.param(batch, id=batch[0].name) for batch in QUICK])
def test_effects(batch: tuple[Row, ...]) -> None:
    """The packets of rows fare as they say."""
    wrong = {row.name: found for row, found in zip(batch, judge(batch), strict=True) if found}
    assert wrong == {}
