# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change of tc is tried there and back before anything is touched; what fails is refused by step and name."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._host.scratch_namespace import in_scratch_namespace
from ansible_collections.netopt.linux.plugins.module_utils._tc import round_trip
from ansible_collections.netopt.linux.plugins.module_utils._tc import subsystem as tc_subsystem
from tests.kernel.tc_namespace import IFACE, in_namespace, make_interface, resolved, run, told

PLAN = {"shaper": {"egress_mbit": 50, "ingress_mbit": 20}}
START = """set -e
tc qdisc add dev eth0 root handle 5: htb default 1
tc class add dev eth0 parent 5: classid 5:1 htb rate 10mbit
tc qdisc add dev eth0 clsact
tc chain add dev eth0 ingress chain 7
"""
UNKNOWN = "08006300deadbeef"  # an attribute of a number that no kernel has used yet


def refusal(state: str, form: str, **other: Any) -> dict[str, str | None]:
    """Return the error of a round trip in which the first object of a form, now or then, is not as a dump shows it."""

    def attempt() -> dict[str, str | None]:
        make_interface()
        run(START)
        before = told()
        intent = tc_subsystem.intent(PLAN, (IFACE,))
        try:
            states = dict(zip(("current", "wanted"), copy.deepcopy(resolved(PLAN)), strict=True))
            interface = states[state]["interfaces"][IFACE]
            next(one for one in interface["objects"] if one["form"] == form).update(other)
            in_scratch_namespace(
                lambda: round_trip.rehearse_round_trip(intent, states["current"], states["wanted"], Tools())
            )
        except NetoptError as error:
            assert told() == before
            return error.as_dict()
        return {}

    found: dict[str, str | None] = in_namespace(attempt)
    return found


@pytest.mark.parametrize(
    ("state", "form", "other", "step", "key"),
    [
        ("current", "qdisc", {"unknown": UNKNOWN}, round_trip.PRESENT, "eth0 qdisc root"),
        ("current", "class", {"options": "08000100"}, round_trip.PRESENT, "eth0 class 5:1"),
        ("current", "chain", {"kind": "no_such"}, round_trip.PRESENT, "eth0 chain ingress chain 7"),
        ("wanted", "class", {"unknown": UNKNOWN}, round_trip.THERE, "eth0 class 1:1"),
        ("wanted", "filter", {"kind": "no_such"}, round_trip.THERE, "eth0 filter ingress"),
    ],
)
def test_what_cannot_be_made_is_refused(state: str, form: str, other: dict[str, Any], step: str, key: str) -> None:
    """The refusal says which object it is and at which step; the interface itself is as before."""
    error = refusal(state, form, **other)
    assert str(error["message"]).startswith(step)
    assert str(error["key"]).startswith(key)
    assert error["stage"] == "rehearse"
    assert "Nothing was changed" in str(error["hint"])


def test_a_way_back_that_leads_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the last step leaves something else behind, the plan is refused with what that is."""
    lead = round_trip._lead

    def led(target: Any, step: str, present: Any, tools: Tools) -> None:
        lead(target, step, present, tools)
        if step == round_trip.THERE:  # from here on nothing is done any more
            monkeypatch.setattr(round_trip, "operations", lambda _found, _target: [])

    monkeypatch.setattr(round_trip, "_lead", led)
    error = refusal("current", "qdisc")
    assert str(error["message"]).startswith(round_trip.BACK)
    assert error["key"] == "ifb-eth0 link"
    assert error["after"] == "it reads ifb mtu 1500 txqueuelen 1000 up"


def test_what_is_possible_is_not_refused() -> None:
    """The same round trip without a change of its states is made to its end."""
    assert refusal("current", "qdisc") == {}


def test_what_the_plan_leaves_alone_is_not_made() -> None:
    """Filters that nobody can make again stand in no plan's way that does not touch them."""

    def attempt() -> str:
        make_interface()
        run(START)
        current, wanted = copy.deepcopy(resolved({"shaper": {"egress_mbit": 50}}))
        for each in (current, wanted):
            hook = next(one for one in each["interfaces"][IFACE]["objects"] if one["kind"] == "clsact")
            hook["unknown"] = UNKNOWN
        intent = tc_subsystem.intent({"shaper": {"egress_mbit": 50}}, (IFACE,))
        in_scratch_namespace(lambda: round_trip.rehearse_round_trip(intent, current, wanted, Tools()))
        return "made"

    assert in_namespace(attempt) == "made"
