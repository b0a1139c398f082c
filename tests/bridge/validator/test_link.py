# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a shaper says of the link has to be what its qdisc can reckon with."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate

CAKE = {"type": "cake", "params": {"overhead": 22}}
CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "ptm without cake": ({"shaper": {"egress_mbit": 9, "linklayer": "PTM"}}, ["changes.shaper.linklayer"]),
    "ptm with cake": ({"qdisc": CAKE, "shaper": {"egress_mbit": 9, "linklayer": "ptm"}}, []),
    "the same twice": ({"qdisc": CAKE, "shaper": {"egress_mbit": 9, "overhead_bytes": 22}}, []),
    "two overheads": (
        {"qdisc": CAKE, "shaper": {"egress_mbit": 9, "overhead_bytes": 40}},
        ["changes.qdisc.params.overhead"],
    ),
    "beyond what cake has": ({"shaper": {"egress_mbit": 9, "mpu": 300}}, ["changes.shaper.mpu"]),
}


@pytest.mark.parametrize(("changes", "paths"), CASES.values(), ids=CASES.keys())
def test_link(changes: dict[str, Any], paths: list[str]) -> None:
    """What cannot hold is an error at its own path."""
    found = validate({"iface": "eth0", "changes": changes}, load_policy())
    assert [issue.path for issue in found.issues if issue.severity == "error"] == paths
