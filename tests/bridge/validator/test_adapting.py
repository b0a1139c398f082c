# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A shaper that adapts: what it needs, and what hosts are told to ping."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate

ADAPT: dict[str, Any] = {"reflectors": ["192.0.2.1"], "egress_min_mbit": 5}
FIRST = "changes.shaper.adapt"
CLASSES = [{"classid": "1:10", "rate_mbit": 5}]
CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "fits": ({}, []),
    "both ways": ({"adapt": {"ingress_min_mbit": 20, "ingress_max_mbit": 200}}, []),
    "nothing adapts": ({"adapt": {"egress_min_mbit": None}}, [FIRST]),
    "above the rate": ({"adapt": {"egress_min_mbit": 21}}, [f"{FIRST}.egress_min_mbit"]),
    "most below the rate": ({"adapt": {"egress_max_mbit": 19}}, [f"{FIRST}.egress_max_mbit"]),
    "most alone": ({"adapt": {"ingress_max_mbit": 200}}, [f"{FIRST}.ingress_max_mbit"]),
    "no such direction": ({"ingress_mbit": None, "adapt": {"ingress_min_mbit": 2}}, [f"{FIRST}.ingress_min_mbit"]),
    "no whole kbit/s": ({"adapt": {"egress_min_mbit": 5.0001}}, [f"{FIRST}.egress_min_mbit"]),
    "another ceiling": ({"ceil_mbit": 30}, [f"{FIRST}.egress_min_mbit"]),
    "no reflector": ({"adapt": {"reflectors": []}}, [f"{FIRST}.reflectors"]),
    "a name": ({"adapt": {"reflectors": ["example.org"]}}, [f"{FIRST}.reflectors[0]"]),
    "itself": ({"adapt": {"reflectors": ["192.0.2.1", "127.0.0.1"]}}, [f"{FIRST}.reflectors[1]"]),
    "too often": ({"adapt": {"interval_ms": 150}}, [f"{FIRST}.interval_ms"]),
    "too small a delay": ({"adapt": {"delay_ms": 1}}, [f"{FIRST}.delay_ms"]),
}


def errors(changes: dict[str, Any]) -> list[str]:
    """Return where changes are wrong."""
    found = validate({"iface": "eth0", "changes": changes}, load_policy())
    return [issue.path for issue in found.issues if issue.severity == "error"]


def changes(shaper: dict[str, Any]) -> dict[str, Any]:
    """Return changes whose shaper is another in some words."""
    both = {"egress_mbit": 20, "ingress_mbit": 100, **shaper, "adapt": {**ADAPT, **shaper.get("adapt", {})}}
    return {"qdisc": {"type": "cake", "params": {}}, "shaper": both}


@pytest.mark.parametrize(("shaper", "paths"), CASES.values(), ids=CASES.keys())
def test_shaper(shaper: dict[str, Any], paths: list[str]) -> None:
    """What cannot be is an error at its own path."""
    assert errors(changes(shaper)) == paths


@pytest.mark.parametrize(
    "more",
    [
        {"qdisc": {"type": "pfifo", "params": {}}},
        {"qdisc": {"type": "htb", "params": {}}, "htb_classes": CLASSES},
        {"netem": {"delay_ms": 10, "duration_s": 60}},
    ],
    ids=["no fair queue", "classes", "cake below netem"],
)
def test_tree(more: dict[str, Any]) -> None:
    """Pings wait behind a queue that is not fair, classes are guaranteed what would not adapt, cake is not the root."""
    assert errors({**changes({}), **more}) == [f"{FIRST}.egress_min_mbit"]


def test_who_is_pinged_is_told() -> None:
    """The addresses that hosts ping are a note of their own."""
    found = validate({"iface": "eth0", "changes": changes({})}, load_policy())
    (note,) = (issue for issue in found.issues if issue.path == f"{FIRST}.reflectors")
    assert (note.severity, "192.0.2.1" in note.message) == ("warning", True)
