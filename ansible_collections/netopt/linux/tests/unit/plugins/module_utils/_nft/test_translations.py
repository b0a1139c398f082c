# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which flows a rule has translated, for the rules as nft 0.9.8 and newer list them."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._netlink.flow import (
    IPS_DST_NAT,
    IPS_SRC_NAT,
    Entry,
    Tuple,
)
from ansible_collections.netopt.linux.plugins.module_utils._nft.round_trip import interfaces_in
from ansible_collections.netopt.linux.plugins.module_utils._nft.translations import parse, removed

OWN = {"eth0": {ip_address("192.0.2.1"), ip_address("2001:db8::1")}, "eth1": {ip_address("198.51.100.1")}}
NUMBERS = {"tcp": 6, "udp": 17}
TABLE = "table inet netopt {{\n\tchain nat_prerouting {{\n\t\ttype nat hook prerouting priority -105;\n{}\t}}\n}}\n"


def flow(sent: str, answered: str, status: int, protocol: str = "udp") -> Entry:
    """Return a flow from ``SRC PORT DST PORT`` of both directions."""
    found = []
    for text in (sent, answered):
        src, sport, dst, dport = text.split()
        found.append(Tuple(NUMBERS[protocol], ip_address(src), ip_address(dst), int(sport), int(dport)))
    return Entry(found[0], found[1], status, b"")


DNAT = ("203.0.113.5 40000 192.0.2.1 514", "10.0.0.5 514 203.0.113.5 40000", IPS_DST_NAT)
MOVED = ("203.0.113.5 40000 192.0.2.1 514", "192.0.2.1 1514 203.0.113.5 40000", IPS_DST_NAT)
LEAVING = ("10.0.0.9 40000 203.0.113.5 443", "203.0.113.5 443 192.0.2.1 40000", IPS_SRC_NAT)
SIX = ("2001:db8:9::9 40000 2001:db8::1 80", "2001:db8:5::5 8080 2001:db8:9::9 40000", IPS_DST_NAT, "tcp")


@pytest.mark.parametrize(
    ("rule", "entry", "expected"),
    [
        ('iifname "eth0" meta nfproto ipv4 udp dport 514 dnat ip to 10.0.0.5', DNAT, True),
        ('iifname "eth0" udp dport 514 dnat ip to 10.0.0.5', DNAT, True),
        ('iifname "eth0" meta nfproto ipv4 dnat ip to 10.0.0.5', DNAT, True),
        ("udp dport 500-600 dnat ip to 10.0.0.5:514", DNAT, True),
        ("udp dport { 500-520, 600 } dnat ip to 10.0.0.5:510-520", DNAT, True),
        ("meta l4proto { tcp, udp } th dport 514 dnat ip to 10.0.0.5", DNAT, True),
        ("ip saddr 203.0.113.0/24 udp dport 514 dnat ip to 10.0.0.5", DNAT, True),
        ("udp dport 515 dnat ip to 10.0.0.5", DNAT, False),
        ("tcp dport 514 dnat ip to 10.0.0.5", DNAT, False),
        ("udp dport 514 dnat ip to 10.0.0.6", DNAT, False),
        ("udp dport 514 dnat ip to 10.0.0.5:80", DNAT, False),
        ("ip saddr 198.51.100.0/24 udp dport 514 dnat ip to 10.0.0.5", DNAT, False),
        ("ip daddr 192.0.2.9 udp dport 514 dnat ip to 10.0.0.5", DNAT, False),
        ("udp dport 514 redirect to :514", DNAT, False),
        ("udp dport 514 redirect to :1514", MOVED, True),
        ("meta l4proto udp redirect to :1514", MOVED, True),
        ("udp dport 514 dnat ip to 10.0.0.5", (*DNAT[:2], 0), False),
        ('oifname "eth0" meta nfproto ipv4 masquerade', LEAVING, True),
        ('oifname { "eth0", "eth2" } ip saddr 10.0.0.0/8 masquerade', LEAVING, True),
        ('oifname "eth1" masquerade', LEAVING, False),
        ("ip saddr 172.16.0.0/12 masquerade", LEAVING, False),
        ("udp dport 443 snat ip to 192.0.2.1", LEAVING, True),
        ("udp dport 443 snat ip to 192.0.2.2", LEAVING, False),
        ("ip daddr 203.0.113.0/24 snat ip to 192.0.2.1", LEAVING, True),
        ("tcp dport 80 dnat ip6 to [2001:db8:5::5]:8080", SIX, True),
        ("tcp dport 80 dnat ip6 to 2001:db8:5::5", SIX, True),
        ("ip6 saddr 2001:db8:9::/64 tcp dport 80 dnat ip6 to [2001:db8:5::5]:8080", SIX, True),
        ("meta nfproto ipv4 tcp dport 80 redirect to :8080", SIX, False),
        ("tcp dport 80 dnat ip to 10.0.0.5", SIX, False),
    ],
)
def test_a_flow_is_told_by_what_the_rule_says(rule: str, entry: Any, *, expected: bool) -> None:
    """Protocol, ports, addresses, interface, and where it leads to."""
    assert parse(rule).has_translated(flow(*entry), OWN) is expected


def test_a_rule_that_only_moved_is_not_removed() -> None:
    """Comments, which number the entries of a plan, and places do not count; what is wanted no more does."""
    rules = [f'\t\tudp dport {port} dnat ip to 10.0.0.5 comment "nat_rules[{port}]"\n' for port in (1, 2, 3)]
    again = [rules[2].replace("[3]", "[0]"), rules[0]]
    assert removed(TABLE.format("".join(rules)), TABLE.format("".join(again))) == ["udp dport 2 dnat ip to 10.0.0.5"]
    assert removed(TABLE.format("\t\tudp dport 2 drop\n"), "") == []


@pytest.mark.parametrize(
    "rule",
    [
        "jump dnat",
        "ip saddr 10.0.0.0/8 goto masquerade",
        "tcp dport vmap { 80 : jump redirect, 81 : goto snat }",
        "jump my.redirect",
        "ip saddr @snat drop",
        "ct status dnat accept",
        "ct status snat,dnat accept",
        'log prefix "dnat to a.1 " drop',
        'log prefix "redirect " accept',
    ],
)
def test_a_rule_that_only_names_a_translation_is_none(rule: str) -> None:
    """Chains, sets and the state of a flow may be called so: no flow goes with such a rule."""
    assert removed(TABLE.format(f"\t\t{rule}\n"), "") == []


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ('log prefix "snat to x.1 " dnat ip to 10.0.0.5', "dnat"),
        ("ct status dnat masquerade random,persistent", "masquerade"),
        ("dnat ip addr . port to tcp dport map { 81 : 10.0.0.1 . 80 }", "dnat"),
        ("snat ip prefix to ip saddr map { 10.0.0.0/24 : 192.0.2.0/24 }", "snat"),
        ("dnat to 10.0.0.1-10.0.0.9:1000-2000", "dnat"),
        ("redirect", "redirect"),
    ],
)
def test_every_form_of_a_translation_is_known(rule: str, word: str) -> None:
    """The statement counts, whatever stands before it."""
    (found,) = removed(TABLE.format(f"\t\t{rule}\n"), "")
    assert parse(found).word == word


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('\t\tiif "lo" accept comment "x"\n', []),
        ('\t\tiifname "eth0" accept\n', []),
        ('\t\tiif "eth0" accept comment "nobody"\n', ["eth0"]),
        ('\t\toif { "eth0", "eth1" } accept\n', ["eth0", "eth1"]),
        ('\t\ttype filter hook ingress device "eth0" priority filter; policy accept;\n', ["eth0"]),
        ("\t\tdevices = { eth0, eth1 }\n", ["eth0", "eth1"]),
        ('\t\ttype iface_index : verdict\n\t\telements = { "eth7" : drop }\n', ["eth7"]),
    ],
)
def test_interfaces_that_rules_hold_by_number(text: str, names: list[str]) -> None:
    """Names in comments and matches by name need no interface."""
    assert interfaces_in(text) == names
