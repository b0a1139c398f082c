# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan says of what arrives is judged as what it says of what leaves, at its own paths."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate

IN = "changes.ingress.htb_classes[0]"


def classes(**more: Any) -> dict[str, Any]:
    """Return changes with one class for what arrives."""
    return {"shaper": {"ingress_mbit": 20}, "ingress": {"htb_classes": [{"classid": "1:10", "rate_mbit": 9, **more}]}}


CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a class": (classes(match=[{"dscp": "ef"}]), []),
    "a qdisc": ({"ingress": {"qdisc": {"type": "fq_codel"}}}, []),
    "nothing": ({"ingress": {"default_class": "1:1"}}, ["changes.ingress"]),
    "the shaper's class": (classes(classid="1:1"), [f"{IN}.classid"]),
    "a rate out of range": (classes(rate_mbit=0.001), [f"{IN}.rate_mbit"]),
    "a ceiling below the rate": (classes(ceil_mbit=1), [f"{IN}.ceil_mbit"]),
    "a parent that is not there": (classes(parent="1:99"), [f"{IN}.parent"]),
    "a user": (classes(match=[{"uid": 0}]), [f"{IN}.match[0].uid"]),
    "a mark": (classes(match=[{"fwmark": 1}]), [f"{IN}.match[0].fwmark"]),
    "a default that is not there": (
        {"ingress": {"htb_classes": [{"classid": "1:10", "rate_mbit": 9}], "default_class": "1:20"}},
        ["changes.ingress.default_class"],
    ),
    "classes without htb": (
        {"ingress": {"htb_classes": [{"classid": "1:10", "rate_mbit": 9}], "qdisc": {"type": "cake"}}},
        ["changes.ingress.htb_classes"],
    ),
    "a parameter out of range": ({"ingress": {"qdisc": {"type": "sfq", "params": {"depth": 99}}}}, []),
}


@pytest.mark.parametrize(("changes", "paths"), CASES.values(), ids=CASES.keys())
def test_ingress(changes: dict[str, Any], paths: list[str]) -> None:
    """What is wrong is an error where it stands."""
    found = validate({"iface": "eth0", "changes": changes}, load_policy())
    assert [issue.path for issue in found.issues if issue.severity == "error"] == paths
