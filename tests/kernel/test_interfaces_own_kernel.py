# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Interfaces of every kind, named as what they are, on a kernel of its own that has them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.tc_testing.run_cases import prepare
from tests.tc_testing.uml import Kernel

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="user-mode Linux needs root")]
SILENT_S = 120


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what ``interfaces_program`` prints there."""
    try:
        prepare("uml")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"user-mode Linux cannot be had: {error}")
    folder: Path = tmp_path_factory.mktemp("interfaces")
    kernel = Kernel(folder, sys.executable, "-m", "tests.kernel.interfaces_program")
    out = folder / "out"
    status = kernel.wait(SILENT_S, lambda: out.stat().st_size if out.exists() else 0)
    assert status == 0, kernel.said()
    answer: dict[str, Any] = json.loads(out.read_text().splitlines()[-1])
    return answer


def test_kinds(found: dict[str, Any]) -> None:
    """Each interface is called what the kernel calls it."""
    assert found["kinds"] == {}


def test_plans(found: dict[str, Any]) -> None:
    """A plan is for the interfaces of a kind, and for both of a route with two ways."""
    assert found["plans"] == {}
