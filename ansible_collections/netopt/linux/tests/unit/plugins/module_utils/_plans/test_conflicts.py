# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans that cannot be in force together."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._plans.conflicts import (
    refuse_conflicts,
    refuse_other_acceptance,
)
from ansible_collections.netopt.linux.plugins.module_utils._plans.record import InForce, sections_of

ETH0, WAN0, BOTH = ("eth0",), ("wan0",), ("eth0", "wan0")
KEY = "net.core.somaxconn"
MARK = {"match": {"proto": "udp", "dports": ["53"]}, "dscp": 46}
LIMIT = {"protocol": "tcp", "port": 443, "limit": 9}
Plan = tuple[str, tuple[str, ...], dict[str, Any]]


def record(*plans: Plan) -> InForce:
    """Return plans in force: ``(name, interfaces, changes)`` each."""
    return InForce(tuple(one for name, ifaces, changes in plans for one in sections_of(changes, ifaces, name)))


AGREE = {
    "the same value": (("a", ETH0, {"mtu": 1400}), ("b", ETH0, {"mtu": 1400})),
    "the same text": (("a", ETH0, {"sysctl": {KEY: "1 2"}}), ("b", ETH0, {"sysctl": {KEY: "1\t2"}})),
    "other interfaces": (("a", ETH0, {"mtu": 1400}), ("b", WAN0, {"mtu": 1300})),
    "rules": (("a", ETH0, {"dscp": [MARK]}), ("b", ETH0, {"dscp": [{**MARK, "dscp": 8}]})),
    "other fields of tracking": (
        ("a", ETH0, {"connection_tracking": {"max_connections": 9}}),
        ("b", ETH0, {"connection_tracking": {"drop_invalid": True}}),
    ),
}
DIFFER = {
    "kernel parameter": (
        ("a", ETH0, {"sysctl": {KEY: "1"}}),
        ("b", WAN0, {"sysctl": {KEY: "2"}}),
        f"changes.sysctl.{KEY}: plan b wants 2, plan a 1",
    ),
    "one of two interfaces": (
        ("", BOTH, {"mtu": 1400}),
        ("b", WAN0, {"mtu": 1300}),
        "changes.mtu of wan0: plan b wants 1300, the plan without a name 1400",
    ),
    "tracking": (
        ("a", ETH0, {"connection_tracking": {"max_connections": 9, "drop_invalid": True}}),
        ("b", ETH0, {"connection_tracking": {"max_connections": 8, "drop_invalid": True}}),
        "changes.connection_tracking.max_connections of eth0: plan b wants 8, plan a 9",
    ),
    "a long value": (
        ("a", ETH0, {"sysctl": {KEY: "1" * 90}}),
        ("b", ETH0, {"sysctl": {KEY: "2"}}),
        f"changes.sysctl.{KEY}: plan b wants 2, plan a {'1' * 80} ...",
    ),
    "one class of several": (
        ("a", ETH0, {"htb_classes": [{"classid": "1:1", "rate_mbit": 1}, {"classid": "1:2", "rate_mbit": 5}]}),
        ("b", ETH0, {"htb_classes": [{"classid": "1:1", "rate_mbit": 1}, {"classid": "1:2", "rate_mbit": 6}]}),
        "changes.htb_classes[1].rate_mbit of eth0: plan b wants 6, plan a 5",
    ),
    "a qdisc below mq": (
        ("a", ETH0, {"qdisc": {"type": "mq", "params": {}, "per_queue": {"type": "fq", "params": {}}}}),
        ("b", ETH0, {"qdisc": {"type": "mq", "params": {}, "per_queue": {"type": "sfq", "params": {"limit": 9}}}}),
        (
            'changes.qdisc.per_queue of eth0: plan b wants {"type": "sfq", "params": {"limit": 9}}, '
            'plan a {"type": "fq", "params": {}}'
        ),
    ),
    "a field that one does not have": (
        ("a", ETH0, {"shaper": {"egress_mbit": 5, "mpu": 64}}),
        ("b", ETH0, {"shaper": {"egress_mbit": 5}}),
        "changes.shaper.mpu of eth0: plan b wants nothing, plan a 64",
    ),
}


@pytest.mark.parametrize("plans", AGREE.values(), ids=AGREE)
def test_plans_that_agree(plans: tuple[Plan, Plan]) -> None:
    """Two plans may set the same thing to the same, and have rules each."""
    refuse_conflicts(record(*plans))


@pytest.mark.parametrize(("first", "second", "said"), DIFFER.values(), ids=DIFFER)
def test_plans_that_differ(first: Plan, second: Plan, said: str) -> None:
    """The error names both plans, both values and the interfaces that they share."""
    with pytest.raises(NetoptError) as raised:
        refuse_conflicts(record(first, second))
    assert raised.value.message == said
    assert raised.value.stage == "plan"
    assert raised.value.key == said.partition(":")[0].partition(" ")[0]


def test_many_conflicts() -> None:
    """The first ones are said, and how many more there are."""
    values = {f"net.core.a{number}": "1" for number in range(7)}
    with pytest.raises(NetoptError, match=r"; and 2 more$"):
        refuse_conflicts(record(("a", ETH0, {"sysctl": values}), ("b", ETH0, {"sysctl": dict.fromkeys(values, "2")})))


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        ({"rate_limits": [{"rate": "5/second"}]}, {"connection_limits": [LIMIT]}, False),
        ({"dscp": [MARK]}, {"connection_limits": [LIMIT]}, False),
        ({"connection_tracking": {"accept_established": True}}, {"connection_limits": [LIMIT]}, False),
        ({"connection_tracking": {"accept_established": False}}, {"dscp": [MARK]}, False),
        ({"connection_tracking": {"accept_established": False}}, {"connection_limits": [LIMIT]}, True),
    ],
)
def test_established_connections(first: dict[str, Any], second: dict[str, Any], *, refused: bool) -> None:
    """One rule decides for all plans whether established connections meet the limits."""
    found = record(("a", ETH0, first), ("b", ETH0, second))
    if refused:
        with pytest.raises(NetoptError, match="plan a has established connections meet its limits, and plan b lets"):
            refuse_other_acceptance(found)
    else:
        refuse_other_acceptance(found)
