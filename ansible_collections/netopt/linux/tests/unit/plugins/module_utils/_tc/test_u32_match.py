# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of u32 matches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._tc.u32_match import EXTENDED, port_masks, selectors

PORTS = st.integers(0, 65535)


@given(first=PORTS, last=PORTS, probe=PORTS)
def test_port_masks_match_exactly_the_range(first: int, last: int, probe: int) -> None:
    """A port is matched by exactly one pair when it is in the range, and by none when it is not."""
    first, last = min(first, last), max(first, last)
    pairs = port_masks(first, last)
    for port in (probe, first, last, max(0, first - 1), min(65535, last + 1)):
        hits = sum(port & mask == value for value, mask in pairs)
        assert hits == int(first <= port <= last)
    assert len(pairs) <= 30


def test_all_ports_are_one_pair() -> None:
    """The whole range needs one key that matches anything."""
    assert port_masks(0, 65535) == [(0, 0)]


FRAGMENT = "match u16 0x0000 0x1fff at 6"
DPORT = "match u16 0x0050 0xfffe at nexthdr+2"
SPORT = "match u16 0x0005 0xffff at nexthdr+0"
CASES = [
    ({}, [("ip", "match u32 0 0"), ("ipv6", "match u32 0 0"), (EXTENDED, "match u32 0 0")]),
    ({"src": "10.1.2.3"}, [("ip", "match ip src 10.1.2.3/32")]),
    ({"dst": "2001:db8::1/32"}, [(kind, "match ip6 dst 2001:db8::/32") for kind in ("ipv6", EXTENDED)]),
    ({"proto": "icmp"}, [("ip", "match ip protocol 1 0xff")]),
    ({"proto": "icmpv6"}, [("ipv6", "match ip6 protocol 58 0xff"), (EXTENDED, "match u8 58 0xff at 40")]),
    (
        {"dscp": 46},
        [
            ("ip", "match ip dsfield 0xb8 0xfc"),
            ("ipv6", "match ip6 priority 0xb8 0xfc"),
            (EXTENDED, "match ip6 priority 0xb8 0xfc"),
        ],
    ),
    (
        {"dscp": 0, "src": "::/0"},
        [(kind, "match ip6 src ::/0 match ip6 priority 0x00 0xfc") for kind in ("ipv6", EXTENDED)],
    ),
    ({"fwmark": 7, "src": "10.0.0.0/8"}, [("ip", "match ip src 10.0.0.0/8 match mark 7 0xffffffff")]),
    (
        {"proto": "tcp", "dports": ["80-81"], "src": "10.0.0.0/8"},
        [("ip", f"match ip protocol 6 0xff match ip src 10.0.0.0/8 {FRAGMENT} {DPORT}")],
    ),
    (
        {"sports": ["5"], "dst": "::1"},
        [("ipv6", f"match ip6 protocol {number} 0xff match ip6 dst ::1/128 {SPORT}") for number in (6, 17, 132)]
        + [(EXTENDED, f"match u8 {number} 0xff at 40 match ip6 dst ::1/128 {SPORT}") for number in (6, 17, 132)],
    ),
]


@pytest.mark.parametrize(("match", "expected"), CASES)
def test_selectors(match: dict[str, object], expected: list[tuple[str, str]]) -> None:
    """Each match becomes these filters."""
    assert [(family, " ".join(words)) for family, words in selectors(match)] == expected


@pytest.mark.parametrize(
    "match",
    [
        {"sports": ["x"]},
        {"sports": ["9-3"]},
        {"dports": ["65536"]},
        {"src": "10.0.0.1", "dst": "::1"},
        {"src": "10.0.0.1", "proto": "icmpv6"},
        {"src": "somewhere"},
        {"colour": "red"},
    ],
)
def test_matches_that_cannot_be(match: dict[str, object]) -> None:
    """What nothing can match is an error of the plan that says what to do."""
    with pytest.raises(NetoptError) as caught:
        selectors(match)
    assert caught.value.stage == "plan"
    assert caught.value.hint
