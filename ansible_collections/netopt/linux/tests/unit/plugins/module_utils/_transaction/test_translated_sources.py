# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of which rules give packets another source before a class sees them."""

from __future__ import annotations

import json
import os
import subprocess
from ipaddress import ip_network
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._host.scratch_namespace import in_scratch_namespace
from ansible_collections.netopt.linux.plugins.module_utils._plans.compose import Part
from ansible_collections.netopt.linux.plugins.module_utils._transaction.translated_sources import (
    is_met,
    of_host,
    of_plans,
    sources,
    translated_sources,
)

RULES: dict[str, tuple[str, set[str]]] = {
    "everything": ("masquerade", {"a", "b", "six"}),
    "an interface": ("oifname eth0 masquerade", {"a", "b", "six"}),
    "another interface": ("oifname eth1 masquerade", set()),
    "all other interfaces": ("oifname != eth0 masquerade", set()),
    "a network": ("ip saddr 10.0.0.0/8 masquerade", {"a"}),
    "a part of it": ("ip saddr 10.1.2.0/24 oifname { eth0, eth2 } snat ip to 192.0.2.1", {"a"}),
    "an address": ("ip saddr { 10.1.0.1, 10.3.0.0/16 } masquerade", {"a"}),
    "all but a network": ("ip saddr != 10.1.0.0/16 masquerade", {"a", "b"}),
    "IPv6 alone": ("meta nfproto ipv6 masquerade", {"six"}),
    "IPv4 alone": ("meta nfproto ipv4 masquerade", {"a", "b"}),
    "a source in IPv6": ("ip6 saddr fd00::/8 masquerade", {"six"}),
    "no translation": ("ip saddr 10.0.0.0/8 accept", set()),
}
SOURCES = {"a": "10.1.0.0/16", "b": "172.16.0.0/12", "six": "fd00:1::/64"}


def listed(rule: str) -> dict[str, Any]:
    """Return what nft says of a rule."""

    def made() -> str:
        table = f"table inet others {{\nchain post {{\ntype nat hook postrouting priority srcnat\n{rule}\n}}\n}}\n"
        subprocess.run(["nft", "-f", "-"], input=table, text=True, check=True)
        return Tools().run(["nft", "-j", "-t", "list", "ruleset"], stage="test").stdout

    found: dict[str, Any] = json.loads(in_scratch_namespace(made))
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
@pytest.mark.parametrize(("rule", "met"), RULES.values(), ids=RULES)
def test_rules_of_others(rule: str, met: set[str]) -> None:
    """A rule gives another source to packets of its family and network that leave by its interface."""
    found = list(of_host(listed(rule)))
    names = {name for name, text in SOURCES.items() if any(is_met(one, ip_network(text), ("eth0",)) for one in found)}
    assert names == met


def test_rules_of_iptables() -> None:
    """Nft lists a target of iptables as it is, with the conditions that it knows."""
    chain = {"family": "ip", "table": "nat", "name": "POSTROUTING", "type": "nat", "hook": "postrouting"}
    source = {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "10.1.0.9"}}
    rule = {"family": "ip", "table": "nat", "chain": "POSTROUTING"}
    target = {"xt": {"type": "target", "name": "MASQUERADE"}}
    (found,) = of_host({"nftables": [{"chain": chain}, {"rule": {**rule, "expr": [source, target]}}]})
    assert is_met(found, ip_network(SOURCES["a"]), ("eth0",))
    assert not is_met(found, ip_network(SOURCES["b"]), ("eth0",))
    assert "table ip nat, chain POSTROUTING" in found.whose


def test_rules_of_a_plan() -> None:
    """A plan's own masquerade is for IPv4 unless it names IPv6, by its own interface unless it names another."""
    rules = [{"type": "masquerade"}, {"type": "dnat"}, {"type": "snat", "iface": "eth1", "to_addr": "fd00::1"}]
    first, second = of_plans([Part("", ("eth0",), {"nat_rules": rules})])
    assert (first.families, first.ifaces, second.families, second.ifaces) == ((4,), ["eth0"], (6,), ["eth1"])


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_told_once_for_each_match_and_not_without_end() -> None:
    """The first matches are told with what to do; the host's own address is not told, nor what has no source."""
    matches = [{"dst": "10.9.0.0/16"}, {"src": "127.0.0.1/32"}, *({"src": f"10.{n}.0.0/16"} for n in range(5))]
    own = {"type": "htb", "htb_classes": [{"classid": "1:10", "match": matches}]}
    changes = {"qdisc": {"type": "mq", "per_queue": own}, "nat_rules": [{"type": "masquerade"}]}

    def run() -> list[str]:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return translated_sources([Part("", ("eth0",), changes)], {}, Tools())

    *first, last = in_scratch_namespace(run)
    assert ["Mark them with dscp in a plan for eth0" in told for told in first] == [True] * 3
    assert [f"per_queue.htb_classes[0].match[{number}].src" in told for number, told in enumerate(first, 2)] == [
        True
    ] * 3
    assert "2 more" in last


CLASSES = [{"classid": "1:10", "match": [{"src": "10.1.0.0/16"}]}]
BY_RULE = [*CLASSES, {"classid": "1:20", "match": [{"uid": 0}]}]
ASKED: dict[str, tuple[dict[str, Any], list[str], list[list[str]]]] = {
    "classes, which rules find": ({"htb_classes": CLASSES}, [], []),
    "classes, of a VLAN on top": ({"htb_classes": CLASSES}, ["eth0.5"], [["eth0.5"]]),
    "classes without filters, of a VLAN on top": ({"htb_classes": BY_RULE}, ["eth0.5"], []),
    "classes of queues": ({"qdisc": {"type": "mq", "per_queue": {"htb_classes": CLASSES}}}, [], [["eth0"]]),
    "netem": ({"netem": {"match": {"src": "10.1.0.0/16"}}}, ["br0"], [["eth0", "br0"]]),
    "netem for all": ({"netem": {"delay_ms": 1}}, ["br0"], []),
}


@pytest.mark.parametrize(("changes", "upper", "expected"), ASKED.values(), ids=ASKED)
def test_what_filters_see_as_it_leaves(changes: dict[str, Any], upper: list[str], expected: list[list[str]]) -> None:
    """Only matches that filters ask, of packets that no rule has seen, are about a source that may be another."""
    found = sources(changes, ["eth0"], {"eth0": {"upper": dict.fromkeys(upper, "vlan")}})
    assert [list(one.ifaces) for one in found] == expected
