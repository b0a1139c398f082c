# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the maps by which packets find their classes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._lockout.walk import lockout
from ansible_collections.netopt.linux.plugins.module_utils._nft import subsystem as nft_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._nft.class_maps import lookups, suffix
from ansible_collections.netopt.linux.plugins.module_utils._tc import subsystem as tc_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._tc.intent import MAP_FROM

MANAGEMENT = {
    "local_port": 22,
    "remote_addr": "192.0.2.9",
    "remote_port": 40000,
    "local_addr": "192.0.2.1",
    "arrives": ["eth0"],
    "leaves": ["eth0"],
}


def classes(count: int = MAP_FROM) -> list[dict[str, Any]]:
    """Return classes for one address each."""
    return [
        {"classid": f"1:{number + 16:x}", "rate_mbit": 1, "match": [{"dst": f"10.0.{number >> 8}.{number & 255}/32"}]}
        for number in range(count)
    ]


@pytest.mark.parametrize(("count", "by_map"), [(MAP_FROM - 1, False), (MAP_FROM, True)])
def test_threshold(count: int, *, by_map: bool) -> None:
    """So many matches are filters, one more and all of them are in a map; never both."""
    changes = {"htb_classes": classes(count)}
    tc, nft = (
        tc_subsystem.render(tc_subsystem.intent(changes, ("eth0",))),
        nft_subsystem.render(nft_subsystem.intent(changes, ("eth0",))),
    )
    assert ("map @classes_eth0_ip_daddr" in nft, "u32" in tc) == (by_map, not by_map)
    assert "tc -batch - <<'TC'" in tc
    assert "u32" in tc_subsystem.render(tc_subsystem.intent(changes, ("eth0",), alone=True))


MATCHES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an address": ({"dst": "10.0.0.1/32"}, ["ip daddr: 10.0.0.1"]),
    "a prefix": ({"src": "10.1.0.0/16"}, ["ip saddr & 255.255.0.0: 10.1.0.0"]),
    "an IPv6 prefix": ({"dst": "2001:db8::/32"}, ["ip6 daddr & ffff:ffff::: 2001:db8::"]),
    "ports": ({"dports": ["53"]}, [f"meta l4proto . th dport: {proto} . 53" for proto in ("tcp", "udp", "sctp")]),
    "a protocol": ({"proto": "icmpv6"}, ["meta l4proto: icmpv6"]),
    "a prefix stands first": (
        {"src": "10.0.0.1/32", "dst": "10.2.0.0/16", "proto": "tcp", "sports": ["22"]},
        ["ip daddr & 255.255.0.0 . meta l4proto . ip saddr . th sport: 10.2.0.0 . tcp . 10.0.0.1 . 22"],
    ),
    "a mark": ({"fwmark": 5}, ["meta mark: 0x00000005"]),
    "two prefixes": ({"src": "10.0.0.0/8", "dst": "10.2.0.0/16"}, []),
    "a range": ({"dports": ["1-5"]}, []),
    "a code point": ({"dscp": 46}, []),
    "everything": ({}, []),
}


@pytest.mark.parametrize("name", MATCHES)
def test_keys(name: str) -> None:
    """Each match has its key and elements, or is a rule by itself."""
    wanted, expected = MATCHES[name]
    found = lookups([{"classid": "1:10", "match": [wanted]}], ["eth0"])
    assert [f"{' . '.join(one.key)}: {each}" for one in found for each in one.elements] == expected
    assert all(one.name or one.words for one in found)


def test_first_match_keeps_the_element() -> None:
    """The class that names an address first gets it; ids are told as nft tells them."""
    matches = [{"dst": "10.0.0.1/32"}]
    found = lookups([{"classid": "1:0A", "match": matches}, {"classid": "1:b", "match": matches}], ["eth0"])
    assert found[0].elements == {"10.0.0.1": "1:a"}


def test_mixtures_are_refused() -> None:
    """IPv4 and IPv6 in one match are told by the match's path."""
    with pytest.raises(NetoptError, match=r"htb_classes\[0\]\.match\[0\]"):
        lookups([{"classid": "1:1", "match": [{"src": "10.0.0.1/32", "dst": "2001:db8::1/128"}]}], ["eth0"])


def test_names_fit() -> None:
    """Interfaces give maps their names, however they are called and however many they are."""
    assert suffix(["eth0", "eth1"]) == "eth0_eth1"
    assert suffix(["wan:1"]) != suffix(["wan:2"])
    assert len(suffix([f"interface{number}" for number in range(16)])) == 12


STARVING: list[tuple[dict[str, Any], list[str]]] = [
    ({"dst": "192.0.2.9/32"}, ["changes.htb_classes[257]"]),
    ({"dst": "192.0.2.0/24"}, ["changes.htb_classes[257]"]),
    ({"proto": "tcp", "sports": ["22"]}, ["changes.htb_classes[257]"]),
    ({"sports": ["20-30"]}, ["changes.htb_classes[257]"]),
    ({"dst": "192.0.2.8/32"}, []),
    ({"proto": "udp", "sports": ["22"]}, []),
    ({"fwmark": 7}, []),
]


@pytest.mark.parametrize(("match", "paths"), STARVING)
def test_management_walks_through_the_maps(match: dict[str, Any], paths: list[str]) -> None:
    """The class that the controller's answers find in a map must not starve them."""
    many = [*classes(), {"classid": "1:5000", "rate_mbit": 0.01, "match": [match]}]
    found = lockout({"htb_classes": many}, ["eth0"], MANAGEMENT)
    assert [one["path"] for one in found] == paths


def test_elements_change_by_themselves() -> None:
    """Two tables that differ in elements alone are one short transaction apart."""
    texts = [
        "table inet netopt {\n\tmap classes_eth0_ip_daddr {\n\t\ttype ipv4_addr : classid\n"
        f"\t\telements = {{ {each} }}\n\t}}\n}}\n"
        for each in ("10.0.0.1 : 1:2, 10.0.0.2 : 1:3", "10.0.0.1 : 1:2, 10.0.0.2 : 1:4, 10.0.0.3 : 1:5")
    ]
    now, then = ({"present": True, "listing": text, "text": text} for text in texts)
    [operation] = nft_subsystem.operations(now, then)
    assert operation.payload.text.splitlines() == [
        "delete element inet netopt classes_eth0_ip_daddr { 10.0.0.2 : 1:3 }",
        "add element inet netopt classes_eth0_ip_daddr { 10.0.0.2 : 1:4, 10.0.0.3 : 1:5 }",
    ]
    assert [(one.before, one.after) for one in nft_subsystem.diff(now, then)] == [("1:3", "1:4"), (None, "1:5")]
