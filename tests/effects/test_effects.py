# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a packet meets is what the plan says: the quick rows of the table, with real packets."""

from __future__ import annotations

import os

import pytest

from tests.effects.row import Row, judge
from tests.effects.table import ROWS

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]


def test_rows_have_names_of_their_own() -> None:
    """No two rows of the table are called the same."""
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS if row.quick])
def test_effect(row: Row) -> None:
    """The packets of a row fare as it says."""
    assert judge(row) == []
