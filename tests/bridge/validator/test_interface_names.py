# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An interface that rules cannot name is refused ahead of rendering."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate

ODD = "e'\"$"
RATE = {"rate_limits": [{"rate": "5/second", "protocol": "udp"}]}
NAT = {"type": "masquerade", "src": "fd00::/64"}
FORWARD = {"sysctl": {"net.ipv6.conf.all.forwarding": 1}}
CLASS = {"classid": "1:10", "rate_mbit": 5}
CASES = {
    "rates": (ODD, RATE, ["iface"]),
    "one of several": (["eth0", ODD, "e\\"], RATE, ["iface[1]", "iface[2]"]),
    "nobody's rules": (ODD, {"mtu": 1400}, []),
    "a rule with a name of its own": (ODD, {**FORWARD, "nat_rules": [{**NAT, "iface": "eth0"}]}, []),
    "its own name is odd": ("eth0", {**FORWARD, "nat_rules": [{**NAT, "iface": "e*"}]}, ["changes.nat_rules[0].iface"]),
    "classes by sender": (ODD, {"htb_classes": [{**CLASS, "match": [{"src": "10.0.0.1"}]}]}, ["iface"]),
    "classes by filters": (ODD, {"htb_classes": [{**CLASS, "match": [{"dst": "10.0.0.1"}]}]}, []),
    "quotes of the shell": ("e'$", RATE, []),
}


@pytest.mark.parametrize(("iface", "changes", "paths"), CASES.values(), ids=CASES.keys())
def test_names(iface: str | list[str], changes: dict[str, Any], paths: list[str]) -> None:
    """What nft cannot write is an error where rules are for it, and none where they are not."""
    found = validate({"iface": iface, "changes": changes}, load_policy())
    assert [issue.path for issue in found.issues if issue.severity == "error"] == paths
    assert found.ok is not bool(paths)
