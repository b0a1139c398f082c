# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters lead packets in a plan to where the kernel lets them wait; tests/kernel counts them."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._netlink.messages import attribute
from mcp_bridge.adopt.tc import arriving
from mcp_bridge.collection.kernel_state import INGRESS, ROOT
from tests.bridge.adopt.dumped import IP, IPV6, MBIT, dport, htb, mark, prio, qdisc, read, rest

TBF = attribute(1, struct.pack("=8xI8xIIII", MBIT, 0, 9000, 100000, 0))
LEAVES = ((0x10, 1, 1, 0), (0x20, 2, 2, 0))


def matches(changes: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the matches of the classes that have some."""
    return {one["classid"]: one["match"] for one in changes["htb_classes"] if "match" in one}


def inner(*leaves: int, default: int) -> list[dict[str, Any]]:
    """Return an htb 1: with a class 1:1 and others below it."""
    tree = htb((1, 9, 9, 0), *((number, 1, 9, 0) for number in leaves), default=default)
    return [one if number < 2 else {**one, "parent": 0x10001} for number, one in enumerate(tree)]


@pytest.mark.parametrize("target", [0x20010, 0x10, 0x10030])
def test_a_class_that_is_not_there(target: int) -> None:
    """What is led to a class of another qdisc, or to none, waits where those do that no filter matches."""
    changes, told = read(*htb(*LEAVES, default=0x20), mark(1, 6, target), mark(1, 7, 0x10010))
    assert matches(changes) == {"1:20": [{"fwmark": 6}], "1:10": [{"fwmark": 7}]}
    assert list(told) == ["filter parent 1: protocol all pref 6 handle 0x6"]
    assert "but where those do that no filter matches" in next(iter(told.values()))
    changes, told = read(*htb(*LEAVES, default=0x20), rest(1, target))
    assert (changes["default_class"], told) == ("1:20", {})


@pytest.mark.parametrize("target", [0x10000, 0x10030])
def test_packets_that_pass_by(target: int) -> None:
    """Where they are led to the qdisc itself, or no class is for the rest, no plan has it for some packets."""
    default = 0x20 if target == 0x10000 else 0x40
    changes, told = read(*htb(*LEAVES, default=default), mark(1, 6, target))
    assert matches(changes) == {}
    words = told["filter parent 1: protocol all pref 6 handle 0x6"]
    assert words.startswith("unsaid: Packets wait in no class 1:")
    changes, _told = read(*htb(*LEAVES, default=default), rest(1, target))
    assert "default_class" not in changes


def test_filters_at_classes() -> None:
    """Packets that are led to a class with others below are led on by its filters, else wait with the rest."""
    changes, told = read(
        *inner(0x10, 0x20, 0x30, default=0x30),
        mark(1, 6, 0x10001),
        mark(1, 7, 0x10020),
        {**mark(1, 6, 0x10010), "parent": 0x10001},
        {**mark(1, 9, 0x10020), "parent": 0x10001},
        {**mark(1, 8, 0x10010), "parent": 0x10020},
    )
    assert matches(changes) == {"1:10": [{"fwmark": 6}], "1:20": [{"fwmark": 7}]}
    assert told == {
        "filter parent 1:20 protocol all pref 8 handle 0x8": "differs: It is never asked: packets wait in this class."
    }
    changes, told = read(
        *inner(0x10, 0x20, 0x30, default=0x30), rest(1, 0x10001), {**rest(1, 0x10020, protocol=IP), "parent": 0x10001}
    )
    assert matches(changes) == {"1:20": [{"src": "0.0.0.0/0"}]}
    assert changes["default_class"] == "1:30"


def test_filters_at_classes_that_lead_in_a_circle() -> None:
    """They end where the kernel would go on without end."""
    circle = [{**rest(1, 0x10001), "parent": 0x10001}, mark(1, 6, 0x10001)]
    changes, _told = read(*inner(0x10, 0x20, default=0x20), *circle)
    assert matches(changes) == {"1:20": [{"fwmark": 6}]}


def test_filters_of_hfsc_point_downwards() -> None:
    """What a filter at a class leads to one that is as high waits where the rest does."""
    curve = attribute(2, struct.pack("=III", 9 * MBIT, 0, 9 * MBIT))
    root = qdisc("hfsc", 1, ROOT, struct.pack("=H", 0x20))
    places = ((1, 0x10000), (2, 0x10000), (0x20, 0x10001), (0x30, 0x10002))
    classes = [
        {"form": "class", "kind": "hfsc", "handle": 0x10000 | number, "parent": above, "options": curve.hex()}
        for number, above in places
    ]
    on = [{**rest(1, target), "parent": place} for place, target in ((0x10001, 0x10002), (0x10002, 0x10030))]
    changes, _told = read(root, *classes, mark(1, 6, 0x10001), mark(1, 7, 0x10002), *on)
    assert matches(changes) == {"1:20": [{"fwmark": 6}], "1:30": [{"fwmark": 7}]}


def test_more_filters_than_a_plan_has() -> None:
    """Many filters with many below them are told, and not joined one by one."""
    at_root = [mark(1, number, 0x10001) for number in range(1, 200)]
    at_class = [{**mark(1, number, 0x10010), "parent": 0x10001} for number in range(1, 200)]
    changes, told = read(*inner(0x10, 0x20, default=0x20), *at_root, *at_class)
    assert matches(changes) == {}
    assert "No plan leads packets by 199 filters with 200 below them." in told["qdisc root"]


def test_fields_that_ports_need() -> None:
    """Without ports, what they need is told: a plan's match looks past it."""
    one = dport(1, 1, 0x10010, 0x05000000, 0x0F000000)
    key = (struct.pack(">II", 0x0F000000, 0x05000000) + struct.pack("=ii", 0, 0)).hex()
    options = bytes.fromhex(one["options"])
    changes, told = read(*htb(*LEAVES, default=0x20), {**one, "options": options[:-16].hex() + key})
    assert matches(changes) == {"1:10": [{"src": "0.0.0.0/0"}]}
    assert "but for packets with options" in next(iter(told.values()))


def test_a_device_that_two_interfaces_share() -> None:
    """What is one rate for both here is one for each in a plan, and that is told."""
    redirect = struct.pack("=IIIII", 0, 0, 4, 1, 1) + struct.pack("=iI", 1, 7)
    action = attribute(1, attribute(1, b"mirred\0") + attribute(2, attribute(2, redirect)))
    hook = {"form": "qdisc", "kind": "ingress", "handle": 0xFFFF0000, "parent": INGRESS, "options": ""}
    filter_ = {**rest(1, 0), "parent": 0xFFFF0000, "ingress": True, "devices": ["ifb0"]}
    arrives = [hook, {**filter_, "options": attribute(2, action).hex()}]
    shaped = [qdisc("tbf", 1, ROOT, TBF)]
    state = {
        "interfaces": {
            name: {"link": {"kind": "ifb" if name == "ifb0" else "", "txqlen": 1000}, "objects": found}
            for name, found in (("eth0", arrives), ("eth1", arrives), ("ifb0", shaped))
        }
    }
    readings = arriving.read_all(state, state["interfaces"])
    assert set(readings) == {"eth0", "eth1"}
    for reading in readings.values():
        assert reading.changes["ingress"]["qdisc"]["type"] == "tbf"
        assert any("goes by ifb0 as well" in each.reason for each in reading.unsaid)
    del state["interfaces"]["eth1"]
    (reading,) = arriving.read_all(state, state["interfaces"]).values()
    assert not any("goes by ifb0 as well" in each.reason for each in reading.unsaid)


def test_queues_that_are_not_alike() -> None:
    """Of mq, queues that nothing was set for, and those that were taken away, have a line."""
    mq = qdisc("mq", 1, ROOT)
    own = [{**qdisc("fq", number + 16, 0x10000 | number), "options": ""} for number in (1, 2)]
    plain = [{"form": "qdisc", "kind": "pfifo_fast", "handle": 0, "parent": 0x10003}]
    changes, told = read(mq, *own, *plain)
    assert changes["qdisc"]["per_queue"]["type"] == "fq"
    assert "1 of its queues have what a device has by itself" in told["qdisc root"]
    _changes, told = read({**mq, "emptied": [3]}, *own)
    assert told["qdisc root"] == "unsaid: The queue of 1:3 was taken away: it drops all."


@pytest.mark.parametrize(
    ("elsewhere", "wanted"),
    [(0x10020, [{"fwmark": 5, "src": "0.0.0.0/0"}, {"fwmark": 5, "src": "::/0"}]), (0x10010, [{"fwmark": 5}])],
)
def test_both_families(elsewhere: int, wanted: list[dict[str, Any]]) -> None:
    """The same for both families is one match, unless a filter between leads some of the packets elsewhere."""
    twins = [mark(1, 5, 0x10010, protocol=family, place=place) for place, family in ((1, IP), (9, IPV6))]
    changes, _told = read(*htb(*LEAVES, default=0x20), *twins, mark(1, 5, elsewhere, place=2, mask=0xF))
    assert [each for each in matches(changes)["1:10"] if each != {"fwmark": "0x5/0xf"}] == wanted


@pytest.mark.parametrize(("first", "is_told"), [(mark(1, 1, 0x10020, mask=1), False), (mark(1, 2, 0x10020), True)])
def test_the_order_of_matches(first: dict[str, Any], *, is_told: bool) -> None:
    """It is told where packets come to another class by it, not where an earlier match takes them all."""
    behind = mark(1, 0x3, 0x10010, place=7), mark(1, 0x3, 0x10020, place=8, mask=0xF)
    _changes, told = read(*htb(*LEAVES, default=0x20), first, *behind)
    assert any("asks all matches of a class together" in each for each in told.values()) is is_told


def test_a_netem_in_a_band() -> None:
    """Filters that lead packets past it, and the order of the bands, are told."""
    netem = qdisc("netem", 10, 0x10001, struct.pack("=IIIIII", 0, 1000, 1 << 28, 0, 0, 0))
    filters = dport(1, 1, 0x10002, 53), dport(1, 2, 0x10001, 0, 0xFF00), dport(1, 3, 0x10002, 80)
    changes, told = read(prio(1), netem, *filters)
    assert changes["netem"]["match"] == {"dports": ["1-255"], "src": "0.0.0.0/0"}
    past = [name for name, why in told.items() if "past the netem" in why]
    assert past == ["filter parent 1: protocol ip pref 1 handle 800::801"]
    assert "no band is asked before another" in told["qdisc root"]
    changes, told = read(prio(1), netem, dport(1, 2, 0x10001, 80), rest(1, 0x10001))
    assert changes == {}
    assert "but for one that filters lead packets to" in told["qdisc root"]
