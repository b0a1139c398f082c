# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters and classes that a script makes become those of a plan, or it is told what becomes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bridge.adopt.adopted import TAKES_NAMESPACES, adopted, changes

pytestmark = TAKES_NAMESPACES

HTB = """tc qdisc add dev eth0 root handle 1: htb default 20
tc class add dev eth0 parent 1: classid 1:10 htb rate 1mbit
tc class add dev eth0 parent 1: classid 1:20 htb rate 1mbit
"""


def test_both_families_and_the_order(tmp_path: Path) -> None:
    """The same for both families is one match; classes come in the order of their filters, or it is told."""
    mark = "tc filter add dev eth0 parent 1: protocol {0} prio {1} u32 match {2} 0xb8 0xfc flowid 1:20\n"
    net = "tc filter add dev eth0 parent 1: protocol ip prio {0} u32 match ip dst 192.0.2.{1} flowid 1:{2}\n"
    text = HTB.replace("default 20", "default 30") + "tc class add dev eth0 parent 1: classid 1:30 htb rate 1mbit\n"
    text += mark.format("ip", 1, "ip dsfield") + mark.format("ipv6", 2, "ip6 priority")
    text += net.format(3, "0/24", 10) + net.format(4, "128/25", 20) + net.format(5, "7/32", 10)
    ((plan,), left_out) = adopted(tmp_path, text)
    assert [(one["classid"], one.get("match")) for one in plan["changes"]["htb_classes"]] == [
        ("1:30", None),
        ("1:20", [{"dscp": 46}, {"dst": "192.0.2.128/25"}]),
        ("1:10", [{"dst": "192.0.2.0/24"}, {"dst": "192.0.2.7/32"}]),
    ]
    assert list(left_out.values()) == ["A plan asks all matches of a class together: this one before those of 1:10."]


def test_filters_behind_one_for_all(tmp_path: Path) -> None:
    """Of a family that a filter matches whole, no later one is asked; of the other they are."""
    line = "tc filter add dev eth0 parent 1: protocol {0} prio {1} u32 match {2} flowid 1:10\n"
    text = HTB + line.format("ip", 1, "u32 0 0") + line.format("ip", 2, "ip dport 53 0xffff")
    text += line.format("ipv6", 3, "ip6 dport 53 0xffff")
    ((plan,), left_out) = adopted(tmp_path, text)
    matches = [one["match"] for one in plan["changes"]["htb_classes"] if "match" in one]
    assert matches == [[{"dports": ["53"], "src": "::/0"}, {"src": "0.0.0.0/0"}]]
    assert [(line[:2], reason[:20]) for line, reason in left_out.items()] == [("5:", "It is never asked: a")]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("tc class change dev eth0 classid 1:10 htb rate 1mbit ceil 2mbit", "At the root nobody lends"),
        ("tc class add dev eth0 parent 1:10 classid 1:11 htb rate 3mbit", "are promised 3 Mbit/s together"),
    ],
)
def test_trees_that_a_plan_changes(tmp_path: Path, lines: str, reason: str) -> None:
    """Where the plan leads to another tree than the script, that is told."""
    (_plans, left_out) = adopted(tmp_path, f"{HTB}{lines}\n")
    assert [reason in told for told in left_out.values()] == [True]


def test_a_tree_stands_together(tmp_path: Path) -> None:
    """Where the policy refuses classes, the plan has no root that would be nothing without them."""
    text = HTB.replace("rate 1mbit", "rate 100bit") + "ethtool -K eth0 gro off\n"
    assert changes(tmp_path, text) == {"offloads": {"gro": False}}
