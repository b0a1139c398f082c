# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Families of keys, keys of a plan's interfaces, and the order in which keys that bound one another are written."""

from __future__ import annotations

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._sysctl.ipv6_given import own_address
from ansible_collections.netopt.linux.plugins.module_utils._sysctl.keys import family, for_interfaces
from ansible_collections.netopt.linux.plugins.module_utils._sysctl.side_effects import resets, write_sequence

LOW, HIGH = "net.ipv4.ipfrag_low_thresh", "net.ipv4.ipfrag_high_thresh"


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("net.ipv4.conf.all.rp_filter", "net.ipv4.conf.{iface}.rp_filter"),
        ("net.ipv4.conf.eth0/100.rp_filter", "net.ipv4.conf.{iface}.rp_filter"),
        ("net.ipv6.neigh.default.gc_stale_time", "net.ipv6.neigh.{iface}.gc_stale_time"),
        ("net.ipv4.conf.{iface}.tag", "net.ipv4.conf.{iface}.tag"),
        ("net.ipv4.tcp_rmem", None),
        ("net.core.somaxconn", None),
    ],
)
def test_family(key: str, expected: str | None) -> None:
    """A key of an interface, of all or of default belongs to its family; others to none."""
    assert family(key) == expected


def test_keys_of_the_interfaces() -> None:
    """{iface} becomes each interface, a dot in its name a slash; other keys stay."""
    given = {"net.ipv4.conf.{iface}.rp_filter": "1", "net/ipv4/tcp_sack": "1"}
    assert for_interfaces(given, ("eth0", "eth0.100")) == {
        "net.ipv4.conf.eth0.rp_filter": "1",
        "net.ipv4.conf.eth0/100.rp_filter": "1",
        "net.ipv4.tcp_sack": "1",
    }


@pytest.mark.parametrize(
    ("given", "ifaces", "problem"),
    [
        ({"net.ipv4.conf.{iface}.tag": "1"}, (), "there are none here"),
        ({"net.ipv4.conf.{iface}.tag": "1", "net.ipv4.conf.eth0.tag": "2"}, ("eth0",), "given twice"),
    ],
)
def test_keys_without_or_against_the_interfaces(given: dict[str, str], ifaces: tuple[str, ...], problem: str) -> None:
    """No interface to put, or two values for one, is an error that says so."""
    with pytest.raises(NetoptError, match=problem):
        for_interfaces(given, ifaces)


@pytest.mark.parametrize(
    ("now", "wanted", "order"),
    [
        (("100", "200"), ("300", "400"), [HIGH, LOW]),
        (("300", "400"), ("100", "200"), [LOW, HIGH]),
        (("100", "400"), ("200", "300"), [HIGH, LOW]),
    ],
)
def test_keys_that_bound_one_another(now: tuple[str, str], wanted: tuple[str, str], order: list[str]) -> None:
    """At no moment is the lower one above the upper one."""
    assert write_sequence([LOW, HIGH], dict(zip((LOW, HIGH), now)), dict(zip((LOW, HIGH), wanted))) == order


def test_default_neighbours_are_copied_with_their_finer_views() -> None:
    """What default of a neighbour table is copied to is written down, in its finer view as well."""
    assert resets("net.ipv4.neigh.default.base_reachable_time") == [
        "net.ipv4.neigh.*.base_reachable_time",
        "net.ipv4.neigh.*.base_reachable_time_ms",
    ]
    assert resets("net.ipv4.neigh.eth0.gc_stale_time") == []


def test_own_address() -> None:
    """The link-local address of a hardware address is that of RFC 4291; without one there is none."""
    assert own_address(bytes.fromhex("525400123456")) == "fe80000000000000505400fffe123456"
    assert own_address(b"") == ""
