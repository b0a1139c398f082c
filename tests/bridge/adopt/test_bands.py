# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bands of prio and ets as hosts dump them become classes of a plan; tests/kernel has the same of scripts."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._netlink.messages import attribute
from mcp_bridge.adopt.tc.led import Led, both, covers
from mcp_bridge.collection.kernel_state import TcObject
from tests.bridge.adopt.dumped import IP, IPV6, ets, htb, mark, prio, qdisc, read, rest


def bands(changes: dict[str, Any], above: str = "1:1") -> dict[str, tuple[int, int | None, list[Any]]]:
    """Return the priority, the quantum and the matches of the classes below one."""
    below = [one for one in changes["htb_classes"] if one.get("parent") == above]
    assert {one["rate_mbit"] for one in below} == {0.008}
    found = {one["classid"]: (one.get("priority", 0), one.get("quantum"), one.get("match", [])) for one in below}
    return dict(sorted(found.items()))


def priorities(*numbers: int) -> list[dict[str, int]]:
    """Return the matches of packets of some priorities."""
    return [{"skb_priority": number} for number in numbers]


@pytest.mark.parametrize(
    ("tree", "wanted", "default"),
    [
        (ets(1, 2, priomap=(1, 0)), {"1:2": (0, None, priorities(1)), "1:3": (1, None, [])}, "1:3"),
        (ets(1, 8, priomap=(7, *[6] * 15)), {"1:2": (0, None, priorities(*range(1, 16))), "1:3": (1, None, [])}, "1:3"),
        (
            ets(1, 1, 3000, 1514, priomap=(2, 0, *[1] * 14)),
            {"1:2": (0, None, priorities(1)), "1:3": (1, 3000, priorities(*range(2, 16))), "1:4": (1, 1514, [])},
            "1:4",
        ),
        (
            ets(1, 0, 300, 100, priomap=(0, 0)),
            {"1:2": (0, 3000, []), "1:3": (0, 1000, priorities(*range(2, 16)))},
            "1:2",
        ),
        (ets(1, 1, 300, priomap=(1, 0)), {"1:2": (0, None, priorities(1)), "1:3": (1, None, [])}, "1:3"),
        (prio(1, 2, (1, 0, *[1] * 14)), {"1:2": (0, None, priorities(1)), "1:3": (1, None, [])}, "1:3"),
    ],
)
def test_bands_at_the_root(tree: dict[str, Any], wanted: dict[str, Any], default: str) -> None:
    """They are classes below one without a bound: strict ones by priority, the others by quanta of the same shares."""
    changes, told = read(tree)
    assert bands(changes) == wanted
    assert changes["default_class"] == default
    assert (changes["htb_classes"][0]["classid"], changes["htb_classes"][0]["rate_mbit"]) == ("1:1", 400000)
    assert list(told) == ["qdisc root"]
    assert "differs: In a plan its bands are classes of htb" in told["qdisc root"]


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        ([ets(1, 8)], "all packets wait in one of its bands"),
        ([ets(1, 1)], "all packets wait in one of its bands"),
        ([ets(1, 0, 1, 20000, priomap=(0,))], "quanta as far apart as 1 and 20000"),
        ([ets(1, 9, priomap=tuple(range(9)))], "more than 8 bands"),
        (
            [ets(1, 1, 3000, 3000, priomap=(0, 1)), prio(2, parent=0x10002)],
            "bands below one that shares what the strict bands leave",
        ),
        ([{**ets(1, 2, priomap=(1, 0)), "stab": attribute(1, bytes(28)).hex()}], "No plan has stab of this qdisc."),
    ],
)
def test_bands_that_no_plan_has(tree: list[dict[str, Any]], reason: str) -> None:
    """What no plan has says why."""
    _changes, told = read(*tree)
    assert "unsaid: " in told["qdisc root"]
    assert reason in told["qdisc root"]


def test_what_is_below_bands_that_no_plan_has() -> None:
    """It has its line, and a class keeps its place without it."""
    changes, told = read(
        *htb((0x10, 9, 9, 0), default=0x10),
        ets(2, 9, priomap=tuple(range(9)), parent=0x10010),
        qdisc("pfifo_fast", 3, 0x20001),
        mark(2, 6, 0x20001),
    )
    assert [one["classid"] for one in changes["htb_classes"]] == ["1:10"]
    assert told == {
        "qdisc 2:": "unsaid: No plan has more than 8 bands that packets get to, one before the other.",
        "qdisc 3:": "unsaid: No plan has pfifo_fast at this place.",
        "filter parent 2: protocol all pref 6 handle 0x6": "unsaid: No plan has filters at ets.",
    }


def test_bands_of_pfifo_fast() -> None:
    """A prio that names no bands has those of pfifo_fast, but for what stands in them or leads to them."""
    assert read(prio(1))[0] == {"qdisc": {"type": "pfifo_fast"}}
    for more in (qdisc("fq", 2, 0x10001), mark(1, 6, 0x10001)):
        assert read(prio(1), more)[0]["qdisc"] == {"type": "htb"}


def test_bands_below_a_class() -> None:
    """Packets are led by the filters on their way together, the first one first; the class's priority is the bands'."""
    changes, told = read(
        *htb((0x10, 5, 9, 3), (0x20, 2, 2, 0), default=0x20),
        mark(1, 6, 0x10010),
        mark(1, 7, 0x10010),
        ets(2, 4, priomap=(1, 1), parent=0x10010),
        mark(2, 7, 0x20001),
        mark(2, 9, 0x20001),
        rest(2, 0x20003),
        qdisc("sfq", 5, 0x20003),
        qdisc("fq", 6, 0x20002),
    )
    assert bands(changes, "1:10") == {"1:11": (3, 62500, [{"fwmark": 7}]), "1:12": (4, 62500, [{"fwmark": 6}])}
    assert {one["classid"]: one.get("leaf") for one in changes["htb_classes"] if "leaf" in one} == {
        "1:12": {"type": "sfq"}
    }
    assert changes["default_class"] == "1:20"
    assert "each borrows by its own priority." in told["qdisc 2:"]
    assert "What is not IP" not in told["qdisc 2:"]
    assert told["qdisc 6:"].startswith("differs: No packet gets there")


def test_turns_of_bands() -> None:
    """Bands of a class that borrows do so in turns of its quantum; those that share have their own."""
    one, other = [0x10, 5, 9, 0, 3000], [0x20, 2, 9, 0]
    tree = htb(tuple(one), tuple(other), default=0x20)
    changes, _told = read(*tree, prio(2, parent=0x10010), ets(3, 1, 6000, 2000, priomap=(2, 1, 0), parent=0x10020))
    assert [quantum for _priority, quantum, _match in bands(changes, "1:10").values()] == [3000] * 3
    assert [quantum for _priority, quantum, _match in bands(changes, "1:20").values()] == [25000, 6000, 2000]
    assert "turns of its own quantum" in _told["qdisc 3:"]


@pytest.mark.parametrize(
    ("filters", "is_told"),
    [
        ([rest(2, 0x20001)], False),
        ([rest(2, 0x20001, protocol=IP), rest(2, 0x20001, protocol=IPV6)], True),
        ([rest(2, 0x20001, protocol=IP), rest(2, 0x20001, protocol=IPV6), rest(2, 0x20001)], False),
        ([rest(2, 0x20001, protocol=IP), rest(2, 0x20001, protocol=IPV6), rest(2, 0x20002)], True),
        ([mark(2, 6, 0x20001)], False),
    ],
)
def test_what_is_not_ip(filters: list[dict[str, Any]], *, is_told: bool) -> None:
    """It has a band of its own where filters lead all IP to one, unless one leads it there as well."""
    _changes, told = read(*htb((0x10, 9, 9, 0), default=0x10), prio(2, parent=0x10010), mark(2, 7, 0x20003), *filters)
    assert ("What is not IP has a band of its own" in told["qdisc 2:"]) is is_told


def test_an_htb_in_a_band() -> None:
    """No plan has it, nor its classes and filters: each has its line."""
    inner = [{**one, "handle": one["handle"] + 0x40000} for one in htb((0x10, 9, 9, 0), default=0x10)]
    changes, told = read(prio(1), {**inner[0], "parent": 0x10001}, {**inner[1], "parent": 0x50000}, mark(5, 6, 0x50010))
    assert len(changes["htb_classes"]) == 4
    assert {name: why for name, why in told.items() if name != "qdisc root"} == {
        "qdisc 5:": "unsaid: No plan has the qdisc htb here.",
        "class 5:10": "unsaid: It is nothing without the qdisc above it, which no plan has.",
        "filter parent 5: protocol all pref 6 handle 0x6": "unsaid: No plan has filters at htb.",
    }


def test_bands_below_bands() -> None:
    """They come one after the other in the place of the band that they are in; a missing band is that of priority 0."""
    changes, told = read(
        *htb((0x20, 2, 2, 0), default=0x20),
        ets(2, 3, priomap=(2, 1), parent=0x10020),
        mark(2, 6, 0x20001),
        mark(2, 7, 0x20009),
        prio(3, 2, (1,) * 16, parent=0x20002),
        mark(3, 8, 0x30001),
    )
    assert bands(changes, "1:20") == {
        "1:21": (0, None, [{"fwmark": 6}]),
        "1:22": (1, None, [{"skb_priority": 1, "fwmark": 8}]),
        "1:23": (2, None, priorities(1)),
        "1:24": (3, None, [{"fwmark": 7}]),
    }
    assert changes["default_class"] == "1:24"
    assert list(told) == ["qdisc 2:"]


def test_one_band_alone() -> None:
    """Where all packets of a class wait in one band, its queue is that of the class."""
    changes, told = read(*htb((0x20, 2, 2, 0), default=0x20), ets(2, 3, parent=0x10020), qdisc("sfq", 3, 0x20003))
    assert [one.get("leaf") for one in changes["htb_classes"]] == [{"type": "sfq"}]
    assert told == {
        "qdisc 2:": "differs: All packets wait in one of its bands: a plan has the queue of that one alone."
    }


@pytest.mark.parametrize(
    ("outer", "inner", "wanted"),
    [
        ({"dscp": 46}, {"proto": "udp"}, {"dscp": 46, "proto": "udp"}),
        ({"dst": "192.0.2.0/24"}, {"dst": "192.0.2.7/32"}, {"dst": "192.0.2.7/32"}),
        ({"dst": "192.0.2.7/32"}, {"dst": "192.0.0.0/16"}, {"dst": "192.0.2.7/32"}),
        ({"dst": "192.0.2.0/24"}, {"dst": "198.51.100.0/24"}, None),
        ({"dscp": 46}, {"dscp": 0}, None),
        ({"skb_priority": 1}, {"skb_priority": 2}, None),
        ({"proto": "icmp"}, {"dports": ["53"]}, None),
        ({"proto": "udp"}, {"tcp_flags": ["syn"]}, None),
        ({}, {"dscp": 0}, {"dscp": 0}),
        ({"dports": ["1-9"]}, {"dports": ["5-12"]}, {"dports": ["5-9"]}),
        ({"dports": ["5"]}, {"dports": ["1-9"]}, {"dports": ["5"]}),
        ({"sports": ["1-4"]}, {"sports": ["5-9"]}, None),
        ({"fwmark": "0x10/0xf0"}, {"fwmark": "0x1/0xf"}, {"fwmark": "0x11/0xff"}),
        ({"fwmark": "0x10/0xf0"}, {"fwmark": 16}, {"fwmark": 16}),
        ({"fwmark": "0x10/0xf0"}, {"fwmark": 32}, None),
        ({"tcp_flags": ["syn"]}, {"tcp_flags": ["!ack"]}, {"tcp_flags": ["syn", "!ack"]}),
        ({"tcp_flags": ["syn"]}, {"tcp_flags": ["!syn"]}, None),
        ({"max_length": 127}, {"max_length": 63}, {"max_length": 63}),
    ],
)
def test_two_filters_together(outer: dict[str, Any], inner: dict[str, Any], wanted: dict[str, Any] | None) -> None:
    """Packets that fit both have a match, or there are none."""
    one, other = (Led(TcObject("filter", "u32", 0, 0), "ip", match, 1) for match in (outer, inner))
    joined = both(one, other)
    assert (joined.match if joined else None) == wanted
    if joined:
        assert covers(one, joined)
        assert covers(other, joined)


def test_two_filters_of_other_families() -> None:
    """No packet is of two families; a range of ports covers one inside it, no other."""
    four, six = (Led(TcObject("filter", "u32", 0, 0), family, {}, 1) for family in ("ip", "ipv6"))
    assert both(four, six) is None
    assert not covers(four, six)
    wide, inside, beside = (Led(four.one, "ip", {"dports": [each]}, 1) for each in ("1-9", "5-7", "5-12"))
    assert covers(wide, inside)
    assert not covers(wide, beside)
