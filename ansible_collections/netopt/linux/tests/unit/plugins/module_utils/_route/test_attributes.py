# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes in messages and in words: what is read is given back bit by bit, but for what a plan sets."""

from __future__ import annotations

import re
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netopt.linux.plugins.module_utils._netlink import messages as rt
from ansible_collections.netopt.linux.plugins.module_utils._netlink.interfaces import RTMSG
from ansible_collections.netopt.linux.plugins.module_utils._route import attributes, words
from ansible_collections.netopt.linux.plugins.module_utils._route.attributes import message, metrics_of, read

ETH0 = rt.u32(attributes.RTA_OIF, 3)
GATEWAY = rt.attribute(attributes.RTA_GATEWAY, bytes([192, 0, 2, 254]))
GATEWAY6 = rt.attribute(attributes.RTA_GATEWAY, bytes.fromhex("fe80" + "00" * 13 + "fe"))
METRIC = rt.u32(attributes.RTA_PRIORITY, 100)
NOWHERE = f"{'0' * 32} 00"  # as the kernel's list of IPv6 routes has it
V4, V6 = attributes.AF_INET, attributes.AF_INET6


def body(family: int, *parts: bytes, bits: int = 0, metrics: dict[int, bytes] | None = None, **head: int) -> bytes:
    """Return a route as the kernel dumps it."""
    one = {"tos": 0, "table": 254, "protocol": 16, "scope": 0, "kind": 1, "flags": 0, **head}
    nested = b"".join(rt.attribute(number, payload) for number, payload in (metrics or {}).items())
    fixed = RTMSG.pack(family, bits, 0, *(one[name] for name in ("tos", "table", "protocol", "scope", "kind", "flags")))
    return fixed + b"".join(parts) + (rt.attribute(attributes.RTA_METRICS, nested) if nested else b"")


def number(value: int) -> bytes:
    """Return the payload of a metric."""
    return struct.pack("=I", value)


def cacheinfo(ticks: int) -> bytes:
    """Return an attribute that says how long a route lives."""
    return rt.attribute(attributes.RTA_CACHEINFO, struct.pack("=IIiIIIII", 0, 0, ticks, 0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    "other",
    [
        body(V4, ETH0, table=255),
        body(V4, ETH0, rt.u32(attributes.RTA_TABLE, 1000), table=252),
        body(V4, kind=6),
        body(7, ETH0),
    ],
)
def test_other_tables_and_kinds_are_no_routes_of_ours(other: bytes) -> None:
    """The local table, others, blackholes and families that have no metrics are left out."""
    assert read(other) is None


def test_a_route_is_read() -> None:
    """What tells routes apart, what they may be refused for, and who made them."""
    found = read(body(V4, rt.u32(attributes.RTA_TABLE, 254), METRIC, GATEWAY, ETH0, tos=16, flags=4 | 16))
    assert found is not None
    assert (found.name, found.oif, found.protocol, found.hops) == ("0.0.0.0/0 tos 0x10 metric 100", 3, 16, ())
    assert RTMSG.unpack(found.head)[-1] == attributes.RTNH_F_ONLINK  # that the link is down is not for us to say
    hop = struct.pack("=HBBi", 8, 0, 0, 3) + struct.pack("=HBBi", 8, 0, 0, 4)
    several = read(body(V4, rt.attribute(attributes.RTA_MULTIPATH, hop)))
    assert several is not None
    assert (several.oif, several.hops) == (0, (3, 4))
    source = RTMSG.pack(V6, 48, 64, 0, 254, 4, 0, 1, 0) + ETH0
    source += rt.attribute(attributes.RTA_DST, bytes.fromhex("fd09" + "00" * 14))
    from_there = read(source + rt.attribute(attributes.RTA_SRC, bytes.fromhex("fd08" + "00" * 14)))
    assert from_there is not None
    assert from_there.name == "fd09::/48 from fd08::/64"


@pytest.mark.parametrize(("ticks", "seconds"), [(0, 0), (-5, 0), (1, 1), (179960, 1800), (49, 1)])
def test_how_long_it_lives(ticks: int, seconds: int) -> None:
    """Ticks of the kernel are hundredths of a second, and what lives never comes to live for ever."""
    found = read(body(V6, ETH0, cacheinfo(ticks)))
    assert found is not None
    assert found.expires_s == seconds
    assert (rt.u32(attributes.RTA_EXPIRES, seconds) in message(found)) is bool(seconds)


METRICS = {
    1: number(1 << 13 | 1 << 2),
    2: number(1400),
    4: number(160),
    11: number(10),
    13: number(40),
    16: b"reno\0",
}


def test_metrics_are_read_with_their_locks() -> None:
    """Numbers as text, an algorithm by its name, and nothing for what is not set."""
    found = read(body(V4, ETH0, metrics=METRICS))
    assert found is not None
    assert metrics_of(found) == {
        "initcwnd": "10",
        "initrwnd": None,
        "quickack": None,
        "rto_min_ms": "lock 40",
        "congctl": "reno",
    }


CHOICES = st.fixed_dictionaries(
    {},
    optional={
        **{
            word: st.one_of(st.none(), st.builds("{}{}".format, st.sampled_from(["", "lock "]), st.integers(1, 2**31)))
            for word in ("initcwnd", "initrwnd", "quickack", "rto_min_ms")
        },
        "congctl": st.sampled_from([None, "bbr", "lock cubic"]),
    },
)


@given(CHOICES, CHOICES, st.sampled_from([{}, METRICS]))
def test_metrics_change_and_nothing_else(first: Any, second: Any, metrics: Any) -> None:
    """What a message sets is read from it; all else is as before; and back leads to the very same message."""
    start = read(body(V4, METRIC, GATEWAY, ETH0, metrics=metrics))
    assert start is not None
    one = read(message(start, first))
    assert one is not None
    two = read(message(one, second))
    assert two is not None
    assert metrics_of(two) == {**metrics_of(start), **first, **second}
    assert attributes.same_but_metrics(start, two)
    back = read(message(two, metrics_of(start)))
    assert back is not None
    assert message(back) == message(start)


@pytest.mark.parametrize(
    "other",
    [
        body(V4, METRIC, GATEWAY, ETH0, scope=253),
        body(V4, METRIC, ETH0),
        body(V4, METRIC, GATEWAY, ETH0, metrics={2: number(1)}),
        body(V4, METRIC, GATEWAY, ETH0, metrics={1: number(1 << 2)}),
        body(V4, METRIC, GATEWAY, ETH0, cacheinfo(500)),
    ],
)
def test_another_route_is_not_the_same(other: bytes) -> None:
    """A scope, a gateway, another metric, a lock or an end that was not there is noticed."""
    mine, theirs = read(body(V4, METRIC, GATEWAY, ETH0)), read(other)
    assert mine is not None
    assert theirs is not None
    assert not attributes.same_but_metrics(mine, theirs)


COMMANDS = {
    "a lease": (
        body(V4, METRIC, GATEWAY, ETH0, metrics=METRICS),
        (
            "ip -4 route change 0.0.0.0/0 via 192.0.2.254 dev eth0 proto 16 scope 0 metric 100 mtu lock 1400 rtt 20ms"
            " initcwnd 20 rto_min 40ms congctl reno"
        ),
        "/proc/net/route eth0 00000000 FE0200C0 [0-9A-F]+ [0-9]+ [0-9]+ 100 00000000 .*",
    ),
    "advertised": (
        body(V6, METRIC, GATEWAY6, ETH0, rt.attribute(attributes.RTA_PREF, b"\1"), metrics={10: number(64)}),
        "ip -6 route change ::/0 via fe80::fe dev eth0 proto 16 metric 100 pref high hoplimit 64 initcwnd 20",
        f"/proc/net/ipv6_route {NOWHERE} {NOWHERE} fe80{'0' * 26}fe 00000064{' [0-9a-f]{8}' * 3} +eth0",
    ),
    "by IPv6": (
        body(V4, rt.attribute(attributes.RTA_VIA, b"\12\0" + bytes.fromhex("fe80" + "00" * 13 + "09")), ETH0, flags=4),
        "ip -4 route change 0.0.0.0/0 via inet6 fe80::9 dev eth0 proto 16 scope 0 onlink initcwnd 20",
        "/proc/net/route eth0 00000000 00000000 [0-9A-F]+ [0-9]+ [0-9]+ 0 00000000 .*",
    ),
}


@pytest.mark.parametrize(("dumped", "command", "there"), COMMANDS.values(), ids=COMMANDS.keys())
def test_a_route_in_words(dumped: bytes, command: str, there: str) -> None:
    """Everything of a route has its word, and the kernel's list has one line for it."""
    assert " ".join(words.command(dumped.hex(), "eth0", {"initcwnd": "20"})) == command
    assert " ".join(words.there(dumped.hex(), "eth0")).replace("[[:space:]]", " ") == there
    assert words.sayable(dumped.hex())


@pytest.mark.parametrize(
    "dumped",
    [
        body(V4, ETH0, rt.u32(11, 7)),
        body(V4, ETH0, metrics={12: number(1)}),
        body(V4, ETH0, metrics={13: number(40)}),
        body(V4, ETH0, metrics={4: number(161)}),
    ],
)
def test_what_has_no_words(dumped: bytes) -> None:
    """A realm, features, a rto_min that is not locked, parts of a millisecond: no command gives them back."""
    assert not words.sayable(dumped.hex())


def test_an_interface_is_not_taken_for_another() -> None:
    """A dot in its name stands for itself, and a longer name does not match."""
    _file, pattern = words.there(body(V6, GATEWAY6, ETH0).hex(), "eth0.1")
    line = f"{'0' * 32} 00 {'0' * 32} 00 fe80{'0' * 26}fe 00000000 00000001 00000000 00000003 "
    assert re.fullmatch(pattern, line + "  eth0.1")
    assert not re.fullmatch(pattern, line + "  eth0x1")
    assert not re.fullmatch(pattern, line + "  eth0.10")
