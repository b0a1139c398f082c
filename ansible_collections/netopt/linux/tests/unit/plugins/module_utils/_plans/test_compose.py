# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans in force composed into what a host shall hold."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._plans.compose import (
    Part,
    Touched,
    intents,
    links,
    of_present,
    rules,
    settings,
    touched,
    trees,
)
from ansible_collections.netopt.linux.plugins.module_utils._plans.record import InForce, sections_of

ETH0, WAN0, BOTH = ("eth0",), ("wan0",), ("eth0", "wan0")
KEY, OTHER = "net.core.somaxconn", "net.ipv4.tcp_fin_timeout"
MAX = "net.netfilter.nf_conntrack_max"
MARK = {"match": {"proto": "udp", "dports": ["53"]}, "dscp": 46}
LIMIT = {"protocol": "tcp", "port": 443, "limit": 9}
CLASSES = {"htb_classes": [{"classid": "1:10", "rate_mbit": 5}]}
Plan = tuple[str, tuple[str, ...], dict[str, Any]]


def record(*plans: Plan) -> InForce:
    """Return plans in force: ``(name, interfaces, changes)`` each."""
    return InForce(tuple(one for name, ifaces, changes in plans for one in sections_of(changes, ifaces, name)))


def everything(found: InForce) -> Touched:
    """Return a change that is about all plans."""
    return touched(InForce(), found, found.sections)


@pytest.mark.parametrize(
    ("before", "after", "named", "expected"),
    [
        ({}, {"sysctl": {KEY: "1"}}, {}, Touched({KEY}, set(), set(), table=False)),
        ({"sysctl": {KEY: "1"}}, {"sysctl": {KEY: "1"}}, {}, Touched(set(), set(), set(), table=False)),
        ({"mtu": 1400}, {"mtu": 1400}, {"mtu": 1400}, Touched(set(), {("eth0", "mtu")}, set(), table=False)),
        ({"mtu": 1400}, {}, {}, Touched(set(), {("eth0", "mtu")}, set(), table=False)),
        (
            {},
            {"offloads": {"gro": True}},
            {},
            Touched(set(), {("eth0", "generic-receive-offload")}, set(), table=False),
        ),
        ({}, {"shaper": {"egress_mbit": 1}}, {}, Touched(set(), set(), {"eth0"}, table=False)),
        (CLASSES, {}, {}, Touched(set(), set(), {"eth0"}, table=False)),
        ({}, {"dscp": [MARK]}, {}, Touched(set(), set(), set(), table=True)),
        ({}, {"connection_tracking": {"drop_invalid": True}}, {}, Touched(set(), set(), set(), table=True)),
        (
            {},
            {"connection_tracking": {"tcp_timeout_established": 600}},
            {},
            Touched({"net.netfilter.nf_conntrack_tcp_timeout_established"}, set(), set(), table=False),
        ),
    ],
)
def test_touched(before: dict[str, Any], after: dict[str, Any], named: dict[str, Any], expected: Touched) -> None:
    """A change is about what its plans name, and about what is in force on one side alone."""
    found = touched(record(("a", ETH0, before)), record(("a", ETH0, after)), sections_of(named, ETH0, "a"))
    assert found == expected


def test_interfaces_that_are_not_there() -> None:
    """Nothing is asked of them."""
    about = Touched({KEY}, {("eth0", "mtu"), ("wan0", "mtu")}, {"eth0", "wan0"}, table=True)
    assert of_present(about, {"wan0"}) == Touched({KEY}, {("wan0", "mtu")}, {"wan0"}, table=True)


def test_settings() -> None:
    """Kernel parameters that are touched are set, those of connection tracking among them; others are left."""
    found = record(
        ("a", ETH0, {"sysctl": {KEY: "1", OTHER: "2"}}),
        ("b", ETH0, {"connection_tracking": {"max_connections": 9}}),
        ("c", ETH0, {"connection_tracking": {"tcp_timeout_established": 600}}),
    )
    about = Touched({KEY, MAX}, set(), set(), table=False)
    assert settings(found, about) == {"sysctl": {KEY: "1"}, "connection_tracking": {"max_connections": 9}}
    asked = intents(found, about, skippable={}, modules={})["sysctl"]
    assert asked.values == {MAX: "9", KEY: "1"}
    assert asked.floors == {}  # the buckets are not touched


def test_links() -> None:
    """What is touched of interfaces is set, out of several plans; equal interfaces stand together."""
    found = record(
        ("a", BOTH, {"mtu": 1400}),
        ("b", ETH0, {"offloads": {"gro": False}}),
        ("c", WAN0, {"offloads": {"gro": False, "tso": True}}),
    )
    gro, tso = "generic-receive-offload", "tcp-segmentation-offload"
    part = Part("", BOTH, {"mtu": 1400, "offloads": {gro: False}})
    about = Touched(set(), {(iface, name) for iface in BOTH for name in ("mtu", gro)}, set(), table=False)
    assert links(found, about) == [part]
    about = Touched(set(), {("wan0", tso)}, set(), table=False)
    assert links(found, about) == [Part("", WAN0, {"offloads": {tso: True}})]


def test_trees_of_several_plans() -> None:
    """A tree is made of the sections of all plans, with the MTU that any of them sets; an MTU alone makes none."""
    queue = {"qdisc": {"type": "pfifo", "params": {"limit": 9}}}
    found = record(
        ("a", BOTH, {"shaper": {"egress_mbit": 20}}),
        ("b", ETH0, {**CLASSES, "default_class": "1:10"}),
        ("", ETH0, queue),
        ("", BOTH, {"mtu": 1400}),
        ("c", ("mtu0",), {"mtu": 1400}),
    )
    shaper = {"shaper": {"egress_mbit": 20}, "mtu": 1400}
    assert trees(found, [*BOTH, "mtu0"]) == [
        Part("", ETH0, {**shaper, **CLASSES, "default_class": "1:10", **queue}),
        Part("", WAN0, shaper),
    ]
    assert trees(found, ["none0"]) == []


def test_rules_in_the_order_of_names() -> None:
    """Rules stand by their plans' names, the plan without a name first, whatever came first."""
    found = record(
        ("web", ETH0, {"dscp": [MARK], "connection_tracking": {"drop_invalid": True}}),
        ("base", WAN0, {"connection_limits": [LIMIT]}),
        ("", ETH0, {"dscp": [MARK]}),
        ("web", WAN0, {"nat_rules": [{"type": "masquerade"}]}),
    )
    parts = rules(found)
    assert [(one.plan, one.ifaces, sorted(one.changes)) for one in parts] == [
        ("", ETH0, ["dscp"]),
        ("base", WAN0, ["connection_limits"]),
        ("web", ETH0, ["connection_tracking", "dscp"]),
        ("web", WAN0, ["nat_rules"]),
    ]
    asked = intents(found, everything(found), skippable={}, modules={})
    assert [one.plan for one in asked["nft"].parts] == ["", "base", "web", "web"]


def test_a_change_without_rules_leaves_the_table() -> None:
    """Only what a change touches is asked for; a plan's rules are not where it is about an MTU."""
    found = record(("a", ETH0, {"dscp": [MARK], "mtu": 1400, "sysctl": {KEY: "1"}}))
    about = Touched(set(), {("eth0", "mtu")}, set(), table=False)
    assert list(intents(found, about, skippable={}, modules={})) == ["link"]
    assert intents(InForce(), everything(found), skippable={}, modules={}) == {}
