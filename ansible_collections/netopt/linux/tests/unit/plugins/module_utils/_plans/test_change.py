# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of the plans in force, and what leads there."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._nft.subsystem import ABSENT
from ansible_collections.netopt.linux.plugins.module_utils._plans.change import Fitted, PlansChange, plans_change
from ansible_collections.netopt.linux.plugins.module_utils._plans.compose import Part
from ansible_collections.netopt.linux.plugins.module_utils._plans.lead import with_origins
from ansible_collections.netopt.linux.plugins.module_utils._plans.record import InForce

KEY, OTHER = "net.core.somaxconn", "net.ipv4.tcp_fin_timeout"
MARKS = {"dscp": [{"match": {"proto": "udp", "dports": ["53"]}, "dscp": 46}]}
QUEUE = {"qdisc": {"type": "pfifo", "params": {"limit": 9}}}
SHAPER = {"shaper": {"egress_mbit": 20}}
LINK = {"mtu": 1500, "requested": {}, "active": {"generic-receive-offload": True}, "groups": {}}
STATE: dict[str, Any] = {
    "sysctl": {"values": {KEY: "128", OTHER: "60"}},
    "link": {"links": {"eth0": LINK, "wan0": LINK}},
    "tc": {"interfaces": {name: {"default": True, "objects": []} for name in ("eth0", "wan0")}},
    "nft": ABSENT,
}


def fitted(name: str, changes: dict[str, Any], *ifaces: str) -> Fitted:
    """Return a plan as it fits a host."""
    set_ones = {key: value for key, value in changes.items() if value is not None}
    plan = {**({"name": name} if name else {}), "changes": changes}
    return Fitted(plan, None, set_ones, ifaces or ("eth0",))


def changed(before: InForce, *asked: Fitted, remove: str = "", present: tuple[str, ...] = ("eth0", "wan0")) -> Any:
    """Return the change that plans make."""
    about = {"checkpoint": "c", "since": "", "by": None}
    gone = [remove] if remove else []
    return plans_change(before, asked, gone, present, about, persist=False, skippable={}, modules={})


def held(change: PlansChange) -> InForce:
    """Return the record once a change is made on a host that was as ``STATE``."""
    return with_origins(change.after, change.before, change.led, STATE)


def test_two_plans_in_one_change() -> None:
    """Both are in force, and what they say of one tree stands together in what is judged."""
    change = changed(InForce(), fitted("a", {**SHAPER, **MARKS}), fitted("b", QUEUE))
    assert change.after.names() == ["a", "b"]
    tree = {"qdisc": QUEUE["qdisc"], "shaper": SHAPER["shaper"]}
    assert change.parts == [Part("a", ("eth0",), {**MARKS, **tree}), Part("b", ("eth0",), tree)]
    assert change.led.intents["tc"].qdisc == QUEUE["qdisc"]
    assert change.led.intents["tc"].egress_mbit == 20


def test_parts_without_a_tree() -> None:
    """A plan that has nothing to do with trees is judged as it is."""
    before = held(changed(InForce(), fitted("a", SHAPER)))
    assert changed(before, fitted("b", {"mtu": 1400}, "eth0", "wan0")).parts == [
        Part("b", ("eth0", "wan0"), {"mtu": 1400})
    ]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((fitted("a", MARKS), fitted("a", QUEUE)), "Two of the plans have the name a"),
        (
            (fitted("", {"mtu": 1400}), fitted("", {"mtu": 1300})),
            "changes.mtu: two of the plans without a name set it, to 1400 and 1300",
        ),
        (
            (fitted("a", {"mtu": 1400}), fitted("b", {"mtu": 1300})),
            "changes.mtu of eth0: plan b wants 1300, plan a 1400",
        ),
    ],
)
def test_refused(asked: tuple[Fitted, ...], said: str) -> None:
    """Two plans of one change that do not go together are refused with what each wants."""
    with pytest.raises(NetoptError) as raised:
        changed(InForce(), *asked)
    assert raised.value.message == said


def test_plans_without_a_name_that_go_together() -> None:
    """Several of them in one change may say the same, or be for other interfaces."""
    change = changed(InForce(), fitted("", {"mtu": 1400}), fitted("", {"mtu": 1400}), fitted("", {"mtu": 1300}, "wan0"))
    assert [(one.ifaces, one.value) for one in change.after.sections] == [(("eth0",), 1400), (("wan0",), 1300)]


def test_null_takes_away() -> None:
    """A plan without a name lets go of what it calls null, and that is given back."""
    before = held(changed(InForce(), fitted("", {"mtu": 1400, "sysctl": {KEY: "9"}, **MARKS})))
    change = changed(before, fitted("", {"mtu": None, "sysctl": {KEY: None}}))
    assert [one.field for one in change.after.sections] == ["dscp"]
    assert change.led.intents["link"].former == {"mtu": 1500}
    assert change.led.intents["sysctl"].former["values"] == {KEY: "128"}
    assert "nft" not in change.led.intents
    assert change.led.gone == {
        "sysctl": {KEY},
        "link": {"eth0 mtu"},
        "route": set(),
        "tc": set(),
        "nft": set(),
        "adapt": set(),
    }


def test_origins_stay_those_of_the_first_plan() -> None:
    """A second plan that claims the same finds what there was before the first; what is given back is forgotten."""
    first = held(changed(InForce(), fitted("a", {"mtu": 1400})))
    second = changed(first, fitted("b", {"mtu": 1400, "sysctl": {KEY: "9"}}))
    moved = {**STATE, "link": {"links": {"eth0": {**LINK, "mtu": 1400}}}}
    record = with_origins(second.after, first, second.led, moved)
    assert record.origins["link"] == {"eth0 mtu": {"mtu": 1500}}
    one_left = changed(record, remove="a")
    assert one_left.led.gone["link"] == set()  # plan b wants it still
    none_left = changed(held(one_left), remove="b")
    assert held(none_left).origins == {}
    assert held(none_left).names() == []


def test_removed_rules() -> None:
    """Rules of others stay where one plan goes; with the last the table is as before."""
    both = held(changed(InForce(), fitted("a", MARKS), fitted("b", MARKS, "wan0")))
    one_left = changed(both, remove="a")
    assert [part.plan for part in one_left.led.intents["nft"].parts] == ["b"]
    none_left = changed(held(one_left), remove="b")
    assert [part.former for part in none_left.led.intents["nft"].parts] == [ABSENT]


def test_a_tree_that_goes_takes_what_finds_its_classes() -> None:
    """The root is as before, and of the table what is for the interface is cleared; rules stay."""
    before = held(changed(InForce(), fitted("a", {**SHAPER, **MARKS}), fitted("b", MARKS, "wan0")))
    change = changed(before, remove="a")
    assert change.led.intents["tc"].former_root == {"default": True, "objects": []}
    assert [(part.plan, part.ifaces) for part in change.led.intents["nft"].parts] == [("b", ("wan0",)), ("", ("eth0",))]


def test_what_is_not_known_is_told() -> None:
    """Where nobody kept how a setting was, it stays as it is, and that is said."""
    record = InForce(held(changed(InForce(), fitted("a", {"mtu": 1400, **QUEUE}))).sections)
    change = changed(record, remove="a")
    assert change.led.unknown == {"eth0 mtu", "eth0 root"}
    assert change.led.intents.keys() & {"link"} == set()


def test_interfaces_that_are_gone() -> None:
    """A plan can be taken away whose interface is not there any more: nothing is asked of it."""
    before = held(changed(InForce(), fitted("a", {"mtu": 1400, **QUEUE}, "wan0")))
    change = changed(before, remove="a", present=("eth0",))
    assert change.led.unknown == set()
    assert not {"link", "tc"} & set(change.led.intents)
    assert held(change).origins == {}
