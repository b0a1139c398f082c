# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What netem spares, and the class of what leaves by a VLAN, on a kernel of its own that has both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.effects.netem_program import FRAMES, PLANS, SENT
from tests.tc_testing.run_cases import prepare
from tests.tc_testing.uml import Kernel

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="user-mode Linux needs root")]
SILENT_S = 120


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what ``netem_program`` prints there."""
    try:
        prepare("uml")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"user-mode Linux cannot be had: {error}")
    folder: Path = tmp_path_factory.mktemp("netem")
    kernel = Kernel(folder, sys.executable, "-m", "tests.effects.netem_program")
    out = folder / "out"
    status = kernel.wait(SILENT_S, lambda: out.stat().st_size if out.exists() else 0)
    assert status == 0, kernel.said()
    answer: dict[str, Any] = json.loads(out.read_text().splitlines()[-1])
    return answer


@pytest.mark.parametrize("name", PLANS)
def test_netem_spares_ssh_alone(found: dict[str, Any], name: str) -> None:
    """Where all packets are lost, the answers of ssh arrive, with a tag as well, and nothing else does."""
    assert found["netem"][name] == {kind: SENT if "ssh" in kind else 0 for kind in FRAMES}


def test_a_vlan_on_top_meets_the_class(found: dict[str, Any]) -> None:
    """What leaves by a VLAN on top of the interface falls into the class of its port."""
    assert found["vlan"]["1:10"] == SENT
