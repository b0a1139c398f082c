# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel that these tests run in is fetched once; where it cannot be had they are skipped with the reason."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.tc_testing.run_cases import prepare


@pytest.fixture(scope="session")
def kernel() -> None:
    """Have user-mode Linux in the cache's folder."""
    if os.geteuid() != 0:
        pytest.skip("user-mode Linux needs root, whom the files of its root belong to")
    try:
        prepare("uml")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"user-mode Linux cannot be had: {error}")
