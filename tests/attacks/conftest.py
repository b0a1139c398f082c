# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the attacks share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attacks.stage import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """An installation of the test's own: hosts w1 and w2 in the group web, d1 in db."""
    return Stage.set(tmp_path)
