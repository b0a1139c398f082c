# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adopts scripts for tests, on machines where namespaces can be made."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.adopt.plans import from_files
from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate

POLICY = load_policy()
NAMESPACES = subprocess.run(["unshare", "-Urnmpf", "true"], check=False, capture_output=True).returncode == 0
TAKES_NAMESPACES = pytest.mark.skipif(not NAMESPACES, reason="namespaces of users cannot be made here")


def adopted(folder: Path, text: str, **options: Any) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the plans of a script, and the reasons by the line that is left out."""
    path = folder / "a.sh"
    path.write_text(text, encoding="utf-8")
    plans, left_out = from_files([path], POLICY, **{"iface": "eth0", "name": None, **options})
    for each in plans:
        assert validate(each.plan, POLICY).ok
    return [each.plan for each in plans], {f"{one.place.line}: {one.text}": one.reason for one in left_out}


def changes(folder: Path, text: str, **options: Any) -> dict[str, Any]:
    """Return what the one plan of a script changes."""
    ((plan,), _left_out) = adopted(folder, text, **options)
    found: dict[str, Any] = plan["changes"]
    return found
