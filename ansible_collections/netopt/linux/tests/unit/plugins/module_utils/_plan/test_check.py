# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is no plan is refused with its place, with what was wanted, and with what to do about it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._plan.check import check_structure

CLASS = {"classid": "1:10", "rate_mbit": 5}
PASS: dict[str, dict[str, Any]] = {
    "an interface alone": {"iface": "auto"},
    "several interfaces": {"iface": ["eth0", "eth1"], "rationale": ["why", "and why"]},
    "null for what is not set": {
        "iface": "eth0",
        "profile": None,
        "validate": None,
        "changes": {"mtu": None, "htb_classes": [{**CLASS, "leaf": None, "match": None}]},
    },
    "the other name of validate": {"iface": "eth0", "validation": {"targets": {"ping": ["192.0.2.1"]}}},
    "whole numbers for fractions": {"iface": "eth0", "changes": {"netem": {"delay_ms": 5, "loss_pct": 0.5}}},
    "ports in each form": {
        "iface": "eth0",
        "changes": {"dscp": [{"match": {"sports": 80, "dports": ["443", 8000, "1-9"]}, "dscp": "EF"}]},
    },
    "kernel parameters as numbers and text": {"iface": "eth0", "changes": {"sysctl": {"a.b": 1, "a.c": "1 2 3"}}},
    "a qdisc without parameters": {"iface": "eth0", "changes": {"qdisc": {"type": "fq"}}},
}
PARAMS = {"type": "cake", "params": {"ack_filter": False}}
REFUSED: dict[str, tuple[Any, str, str, str]] = {
    "no object": ([], "plan", "an object with keys", "Write an object"),
    "no interface": ({"changes": {}}, "iface", "text or an object with keys or a list", "Add iface."),
    "a selector's typo": ({"iface": {"typ": "bond"}}, "iface.typ", "one of driver, type, min_speed_mbit", "type"),
    "a selector's text": ({"iface": [{"min_speed_mbit": "9"}]}, "iface[0].min_speed_mbit", "a whole number", "quotes"),
    "a key at the top": ({"iface": "a", "change": {}}, "change", "one of name, iface,", "Did you mean changes?"),
    "a key that is no text": ({"iface": "a", 5: 1}, "5", "one of name, iface,", "The keys are name, iface, profile"),
    "a key with a line break": ({"iface": "a", "x\ny": 1}, "x\\ny", "one of name, iface,", "The keys are"),
    "a list's name": (
        {"iface": "a", "changes": {"rate_limit": []}},
        "changes.rate_limit",
        "one of sysctl,",
        "Did you mean rate_limits",
    ),
    "a port's name": (
        {"iface": "a", "changes": {"connection_limits": [{"protocol": "tcp", "prt": 5, "limit": 5}]}},
        "changes.connection_limits[0].prt",
        "one of protocol, port,",
        "Did you mean port",
    ),
    "a key of another qdisc": (
        {"iface": "a", "changes": {"qdisc": {"type": "pfifo", "params": {"flows": 5}}}},
        "changes.qdisc.params.flows",
        "one of limit",
        "The keys are limit.",
    ),
    "a key where there is none": (
        {"iface": "a", "changes": {"qdisc": {"type": "pfifo_fast", "params": {"limit": 5}}}},
        "changes.qdisc.params.limit",
        "no key",
        "leave it out",
    ),
    "no such qdisc": (
        {"iface": "a", "changes": {"qdisc": {"type": "fq-codel"}}},
        "changes.qdisc.type",
        "one of fq, fq_codel,",
        "Did you mean fq_codel?",
    ),
    "a qdisc without a type": ({"iface": "a", "changes": {"qdisc": {}}}, "changes.qdisc.type", "one of", "Add type."),
    "htb below a class": (
        {"iface": "a", "changes": {"htb_classes": [{**CLASS, "leaf": {"type": "htb"}}]}},
        "changes.htb_classes[0].leaf.type",
        "one of fq,",
        "Did you mean",
    ),
    "a word in capitals": (
        {"iface": "a", "changes": {"nat_rules": [{"type": "Masquerade"}]}},
        "changes.nat_rules[0].type",
        "one of snat, dnat, masquerade",
        "Did you mean masquerade?",
    ),
    "true for a number": ({"iface": "a", "changes": {"mtu": True}}, "changes.mtu", "a whole number", "Write a whole"),
    "digits in quotes": ({"iface": "a", "changes": {"mtu": "1400"}}, "changes.mtu", "a whole number", "| int"),
    "a fraction": ({"iface": "a", "changes": {"mtu": 1400.5}}, "changes.mtu", "a whole number", "without a fraction"),
    "no number": (
        {"iface": "a", "changes": {"shaper": {"egress_mbit": float("nan")}}},
        "changes.shaper.egress_mbit",
        "a number",
        "| float",
    ),
    "infinity": (
        {"iface": "a", "changes": {"netem": {"loss_pct": float("inf")}}},
        "changes.netem.loss_pct",
        "a number",
        "| float",
    ),
    "a class without quotes": (
        {"iface": "a", "changes": {"default_class": 70}},
        "changes.default_class",
        "text",
        "1:10 as well",
    ),
    "no without quotes": (
        {"iface": "a", "changes": {"qdisc": PARAMS}},
        "changes.qdisc.params.ack_filter",
        "one of no, yes, aggressive",
        "YAML reads yes and no",
    ),
    "text for a switch": (
        {"iface": "a", "changes": {"offloads": {"gro": "on"}}},
        "changes.offloads.gro",
        "true or false",
        "| bool",
    ),
    "one for a list": ({"iface": "a", "changes": {"nat_rules": {}}}, "changes.nat_rules", "a list", "Write a list."),
    "null in a list": (
        {"iface": "a", "validate": {"targets": {"ping": [None]}}},
        "validate.targets.ping[0]",
        "text",
        "Write text.",
    ),
    "null for what has a value": ({"iface": "a", "changes": None}, "changes", "an object", "Leave the key out"),
    "null for what must be there": (
        {"iface": None},
        "iface",
        "text or an object with keys or a list",
        "Give it a value.",
    ),
    "one thing under two names": (
        {"iface": "a", "validate": {}, "validation": {}},
        "validation",
        "one of the two",
        "Leave out validation.",
    ),
}


@pytest.mark.parametrize("plan", PASS.values(), ids=PASS.keys())
def test_passes(plan: dict[str, Any]) -> None:
    """What the schema of a plan accepts is accepted, and left as it is."""
    before = repr(plan)
    check_structure(plan)
    assert repr(plan) == before


@pytest.mark.parametrize(("plan", "key", "wanted", "hint"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(plan: Any, key: str, wanted: str, hint: str) -> None:
    """The error names the place, what belongs there, and what to do."""
    with pytest.raises(NetoptError) as caught:
        check_structure(plan)
    error = caught.value
    assert (error.stage, error.key) == ("plan", key)
    assert error.wanted is not None
    assert error.wanted.startswith(wanted)
    assert error.hint is not None
    assert hint in error.hint
    assert error.message.isprintable()


def test_several_problems_are_told_at_once() -> None:
    """The first problems stand in one message, the first of them in the fields of the error; a value is cut."""
    changes = {"mtu": "9" * 500, **{f"knob{number}": 1 for number in range(9)}}
    with pytest.raises(NetoptError) as caught:
        check_structure({"iface": "eth0", "changes": changes})
    assert caught.value.key == "changes.mtu"
    assert caught.value.message.count(";") == 4
    assert "changes.knob3 is no key of a plan" in caught.value.message
    assert len(caught.value.message) < 400
