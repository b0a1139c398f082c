# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fitting a profile's values to a host."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._transaction.adapt_profile import adapt, holds

FACTS = {
    "memory_mb": 2048,
    "cpus": 4,
    "kernel_version": [6, 1],
    "virtualization": "kvm",
    "initial_netns": True,
    "interfaces": {
        "eth0": {"type": "ethernet", "speed_mbit": 10000},
        "eth1": {"type": "ethernet", "speed_mbit": 1000},
        "wlan0": {"type": "wireless", "speed_mbit": None},
    },
    "sysctl": {"net.ipv4.tcp_rmem": "4096\t131072\t33554432", "net.core.somaxconn": "4096"},
}

CHANGES = {
    "sysctl": {"net.core.rmem_max": "16777216", "net.ipv4.tcp_rmem": "4096 87380 16777216"},
    "qdisc": {"type": "fq", "params": {"limit": 10000}},
    "connection_tracking": {"max_connections": 1000000},
}

WHENS = [
    ({}, "eth0", True),
    ({"memory_mb": {"lt": 4096}}, "eth0", True),
    ({"memory_mb": {"ge": 4096}}, "eth0", False),
    ({"memory_mb": {"gt": 1024, "le": 2048}}, "eth0", True),
    ({"memory_mb": {"lt": 4096}, "cpus": {"gt": 4}}, "eth0", False),
    ({"kernel_version": {"lt": "6.6"}}, "eth0", True),
    ({"kernel_version": {"ge": [4, 20]}}, "eth0", True),
    ({"kernel_version": {"lt": "6.1"}}, "eth0", False),
    ({"virtualization": {"in": ["kvm", "qemu"]}}, "eth0", True),
    ({"virtualization": {"ne": "none"}}, "eth0", True),
    ({"initial_netns": {"eq": False}}, "eth0", False),
    ({"link.speed_mbit": {"ge": 10000}}, "eth0", True),
    ({"link.speed_mbit": {"ge": 10000}}, ("eth0", "eth1"), False),
    ({"link.speed_mbit": {"ge": 1000}}, ("eth0", "eth1"), True),
    ({"link.type": {"eq": "wireless"}}, "wlan0", True),
    ({"link.speed_mbit": {"lt": 100}}, "wlan0", False),  # unknown speed
    ({"link.speed_mbit": {"ne": 100}}, "wlan0", False),
    ({"link.speed_mbit": {"lt": 100}}, "gone0", False),  # unknown interface
    ({"link.type": {"eq": "ethernet"}}, (), False),
    ({"nothing.known": {"eq": 1}}, "eth0", False),
    ({"virtualization": {"lt": 5}}, "eth0", False),  # no order between text and numbers
]


@pytest.mark.parametrize(("when", "iface", "expected"), WHENS)
def test_holds(when: dict[str, Any], iface: Any, expected: Any) -> None:
    """A condition holds when every comparison does, and never over an unknown fact."""
    ifaces = (iface,) if isinstance(iface, str) else iface
    assert holds(when, FACTS, ifaces) is expected


RULES = [
    pytest.param(
        {"cap": {"sysctl": {"net.core.rmem_max": 4194304, "net.ipv4.tcp_rmem": "4096 87380 4194304"}}},
        {"sysctl": {"net.core.rmem_max": "4194304", "net.ipv4.tcp_rmem": "4096 87380 4194304"}},
        id="cap, field by field",
    ),
    pytest.param(
        {"cap": {"sysctl": {"net.ipv4.tcp_rmem": 65536}}},
        {"sysctl": {"net.core.rmem_max": "16777216", "net.ipv4.tcp_rmem": "4096 65536 65536"}},
        id="one bound for every field",
    ),
    pytest.param(
        {"cap": {"sysctl": {"net.core.rmem_max": 999999999}}}, {"sysctl": CHANGES["sysctl"]}, id="cap above: as it was"
    ),
    pytest.param(
        {"cap": {"sysctl": {"net.core.wmem_max": 5}, "shaper": {"egress_mbit": 5}}}, CHANGES, id="cap adds nothing"
    ),
    pytest.param(
        {"raise": {"sysctl": {"net.core.rmem_max": 67108864}, "connection_tracking": {"max_connections": 5}}},
        {
            "sysctl": {"net.core.rmem_max": "67108864", "net.ipv4.tcp_rmem": "4096 87380 16777216"},
            "connection_tracking": {"max_connections": 1000000},
        },
        id="raise",
    ),
    pytest.param(
        {"cap": {"qdisc": {"type": "fq", "params": {"limit": 1000, "flow_limit": 5}}}},
        {"qdisc": {"type": "fq", "params": {"limit": 1000}}},
        id="parameter of the same qdisc",
    ),
    pytest.param(
        {"cap": {"qdisc": {"type": "fq_codel", "params": {"limit": 1000}}}}, CHANGES, id="parameter of another qdisc"
    ),
    pytest.param(
        {"set": {"qdisc": {"type": "fq_codel", "params": {}}}, "drop": {"changes": ["connection_tracking"]}},
        {"qdisc": {"type": "fq_codel", "params": {}}, "connection_tracking": None},
        id="another qdisc takes the place of the whole",
    ),
    pytest.param(
        {"set": {"sysctl": {"net.core.busy_poll": 50, "net.core.rmem_max": 5}}},
        {
            "sysctl": {
                "net.core.busy_poll": "50",
                "net.core.rmem_max": "5",
                "net.ipv4.tcp_rmem": "4096 87380 16777216",
            }
        },
        id="set adds and replaces; sysctl values are text",
    ),
    pytest.param(
        {"drop": {"sysctl": ["net.core.rmem_max", "net.ipv4.tcp_rmem"]}}, {"sysctl": None}, id="nothing left of sysctl"
    ),
    pytest.param(
        {"keep_higher": {"sysctl": ["net.ipv4.tcp_rmem", "net.core.somaxconn", "net.core.rmem_max"]}},
        {"sysctl": {"net.core.rmem_max": "16777216", "net.ipv4.tcp_rmem": "4096 131072 33554432"}},
        id="the host's higher fields are kept, keys the profile lacks are not added",
    ),
]


@pytest.mark.parametrize(("rule", "expected"), RULES)
def test_adapt(rule: dict[str, Any], expected: Any) -> None:
    """One rule changes what it names, and nothing of what it was given."""
    before = copy.deepcopy(CHANGES)

    adapted = adapt(CHANGES, [{"id": "rule", "message": "why", "when": {}, **rule}], FACTS, "eth0")

    wanted = {field: value for field, value in {**CHANGES, **expected}.items() if value is not None}
    assert adapted.changes == wanted
    assert before == CHANGES


def test_notes_say_what_and_why() -> None:
    """A note names the rule, its reason and every value that differs."""
    rule = {
        "id": "small_memory",
        "message": "Little memory",
        "when": {"memory_mb": {"lt": 4096}},
        "cap": {"sysctl": {"net.core.rmem_max": 4194304}, "connection_tracking": {"max_connections": 65536}},
    }
    adapted = adapt(CHANGES, [rule, {**rule, "id": "again"}], FACTS, "eth0")

    note = (
        "small_memory: Little memory (connection_tracking.max_connections: 1000000 -> 65536;"
        " net.core.rmem_max: 16777216 -> 4194304)"
    )
    assert adapted.notes == (note,)
    assert adapted.skipped == ()


def test_drops_are_reported_as_skipped() -> None:
    """What is dropped is named with its reason; what was not there is not."""
    rule = {
        "id": "namespace",
        "message": "Only the initial namespace has it",
        "when": {"initial_netns": {"eq": True}},
        "drop": {"sysctl": ["net.core.rmem_max", "net.core.netdev_budget"], "changes": ["qdisc", "mtu"]},
    }
    adapted = adapt(CHANGES, [rule], FACTS, "eth0")

    assert [entry["key"] for entry in adapted.skipped] == ["net.core.rmem_max", "qdisc"]
    assert {entry["reason"] for entry in adapted.skipped} == {"Only the initial namespace has it"}
    assert adapted.notes == ()


def test_rules_apply_in_order() -> None:
    """A later rule sees what an earlier one left."""
    first = {"id": "a", "message": "m", "set": {"sysctl": {"net.core.rmem_max": 100}}}
    second = {"id": "b", "message": "m", "raise": {"sysctl": {"net.core.rmem_max": 50}}}
    assert adapt(CHANGES, [first, second], FACTS, "eth0").changes["sysctl"]["net.core.rmem_max"] == "100"


def test_adapting_twice_changes_nothing_more() -> None:
    """Caps, raises and the host's own values are final at once."""
    rules = [
        {"id": "a", "message": "m", "cap": {"sysctl": {"net.core.rmem_max": 4194304}}},
        {"id": "b", "message": "m", "keep_higher": {"sysctl": ["net.ipv4.tcp_rmem"]}},
    ]
    once = adapt(CHANGES, rules, FACTS, "eth0")
    twice = adapt(once.changes, rules, FACTS, "eth0")
    assert twice.changes == once.changes
    assert twice.notes == ()
