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
    "a mark in hexadecimal": ({"fwmark": "0x125"}, ["meta mark: 0x00000125"]),
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


def test_a_few_matches_keep_their_order() -> None:
    """Of so few matches that filters would do, those between two on the same fields are asked between them."""
    matches = [{"src": "10.0.0.1/32"}, {"src": "10.0.0.2/32"}, {"dports": ["7"]}, {"src": "10.0.0.3/32"}, {"dscp": 1}]
    few = [{"classid": "1:10", "match": [*matches, {"src": "10.0.0.4/32"}]}]
    assert [(one.name, list(one.elements)[:2]) for one in lookups(few, ["eth0"])] == [
        ("classes_eth0_ip_saddr", ["10.0.0.1", "10.0.0.2"]),
        ("classes_eth0_l4proto_th_dport", ["tcp . 7", "udp . 7"]),
        ("classes_eth0_ip_saddr_no2", ["10.0.0.3"]),
        ("", []),
        ("", []),
        ("classes_eth0_ip_saddr_no3", ["10.0.0.4"]),
    ]
    many = [*few, *classes()]
    assert [one.name for one in lookups(many, ["eth0"])].count("classes_eth0_ip_saddr") == 1


SOURCE = {"classid": "1:10", "rate_mbit": 5, "match": [{"src": "10.0.0.1/32"}]}
RULES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "below a shaper": ({"shaper": {"egress_mbit": 9}}, ["1:fffe"]),
    "without a shaper": ({}, ["1:0"]),
    "a default of the plan's": ({"default_class": "1:10"}, ["1:10"]),
    "a default of the qdisc's": ({"qdisc": {"type": "htb", "params": {"default": "10"}}}, ["1:10"]),
    "a default that is no leaf": ({"shaper": {"egress_mbit": 9}, "default_class": "1:1"}, ["1:0"]),
    "netem, which spares ssh": ({"netem": {"delay_ms": 1}}, ["1:fffd", "1:fffe"]),
    "netem for some": ({"netem": {"delay_ms": 1, "classes": ["1:10"]}}, ["1:fffe"]),
}


@pytest.mark.parametrize(("more", "ends"), RULES.values(), ids=RULES)
def test_rules_by_sender(more: dict[str, Any], ends: list[str]) -> None:
    """Where a match names a source, rules ahead of translation give a class to all they see, and filters stay."""
    changes = {**more, "htb_classes": [SOURCE]}
    nft = nft_subsystem.render(nft_subsystem.intent(changes, ("eth0",)))
    assert "hook postrouting priority srcnat - 10;" in nft
    rules = [line for line in nft.splitlines() if "meta priority set" in line]
    *spared, by_source, rest = [line.partition("meta priority set ")[2].split()[0] for line in rules]
    assert ([*spared, rest], by_source) == (ends, "ip")
    assert "src 10.0.0.1/32 flowid 1:10" in tc_subsystem.render(tc_subsystem.intent(changes, ("eth0",)))


@pytest.mark.parametrize("match", [{"dst": "10.0.0.1/32"}, {"dports": ["53"]}, {"src": "::/0", "proto": "udp"}, {}])
def test_no_rules_where_no_source_is_named(match: dict[str, Any]) -> None:
    """A plan that names no source has filters alone: its host gets no table."""
    changes = {"shaper": {"egress_mbit": 9}, "htb_classes": [{**SOURCE, "match": [match]}]}
    assert nft_subsystem.render(nft_subsystem.intent(changes, ("eth0",))) == ""


@pytest.mark.parametrize(("key", "priority"), [("src", "srcnat - 10"), ("dst", "150")])
def test_many_matches_are_asked_where_a_few_are(key: str, priority: str) -> None:
    """Of more matches than filters do, maps are ahead of translation where one names a source, and filters are not."""
    changes = {"htb_classes": [*classes(), {**SOURCE, "classid": "1:5000", "match": [{key: "10.9.0.1/32"}]}]}
    nft = nft_subsystem.render(nft_subsystem.intent(changes, ("eth0",)))
    assert f"hook postrouting priority {priority};" in nft
    assert "u32" not in tc_subsystem.render(tc_subsystem.intent(changes, ("eth0",)))


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
