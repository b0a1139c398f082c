# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan that is refused costs no more than one that is taken, whatever it is made of."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate

TOP = Path(__file__).parents[3]
CPU_S = 60  # ample for what grows with the plan; with its square, or worse, it would be hours


@pytest.mark.long
def test_processor_time() -> None:
    """The largest plans that are refused are refused in time."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bridge.validator.refused_plans_program"],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S)),
    )
    assert done.returncode == 0, f"ended at {done.stdout.splitlines()[-1:]}: {done.stderr}"


def test_places_stay_true() -> None:
    """What is wrong is told at its place in the plan as it was given, also after other entries were taken out."""
    marks = [{"match": {}, "dscp": "zz"}, {"match": {}, "dscp": 1}, {"bogus": 1}, {"match": {}, "dscp": 900}]
    found = validate({"iface": "eth0", "changes": {"dscp": marks, "mtu": 1}}, load_policy())
    paths = {issue.path for issue in found.issues if issue.severity == "error"}
    assert paths >= {"changes.dscp[0].dscp", "changes.dscp[2].bogus", "changes.dscp[3].dscp", "changes.mtu"}
    assert not [path for path in paths if path.startswith("changes.dscp[1]")]
