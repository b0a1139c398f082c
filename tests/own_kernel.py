# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a program of the tests on a kernel of its own, and reads what it answers."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.tc_testing.run_cases import prepare
from tests.tc_testing.uml import Kernel

if TYPE_CHECKING:
    from pathlib import Path

SILENT_S = 120


def ask(program: str, folder: Path, *words: str, first: bool = False) -> dict[str, Any]:
    """Run a module under user-mode Linux and return its last line, read as JSON.

    Args:
        program: the module's name.
        folder: an empty folder, which the kernel shares.
        words: its arguments.
        first: whether it runs ahead of the machine's other processes, where that is allowed.

    Raises:
        subprocess.CalledProcessError: there is no such kernel here.
    """
    prepare("uml")
    kernel = Kernel(folder, sys.executable, "-m", program, *words, first=first)
    out = folder / "out"
    status = kernel.wait(SILENT_S, lambda: out.stat().st_size if out.exists() else 0)
    assert status == 0, kernel.said()
    answer: dict[str, Any] = json.loads(out.read_text().splitlines()[-1])
    return answer


def answer_of(program: str, folder: Path, *words: str, first: bool = False) -> dict[str, Any]:
    """Return the answer of a module under user-mode Linux, as ``ask`` does; skip where there is no such kernel."""
    try:
        return ask(program, folder, *words, first=first)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"user-mode Linux cannot be had: {error}")
