# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which interfaces of a real host a plan is for, and what each of them gets: globs, selectors, default routes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernel.transaction_host import Host, transaction_host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

UPLINKS = (
    "ip link add lan0 type veth peer name lan1 && ip addr add 198.51.100.1/24 dev lan0 && ip link set lan0 up"
    " && ip link set lan1 up && ip link add br0 type bridge && ip link set br0 up"
    " && ip link add ifb9 type ifb && ip link add ifb-lan0 type ifb"
)
TWO_ROUTES = "ip route add default via 192.0.2.2 && ip route append default via 198.51.100.2"
MULTIPATH = "ip route add default nexthop via 192.0.2.2 nexthop via 198.51.100.2"
SIX = (
    "ip -6 addr add 2001:db8:1::1/64 dev eth0 nodad && ip -6 addr add 2001:db8:2::1/64 dev lan0 nodad"
    " && ip -6 route add default via 2001:db8:1::2 metric 7 && ip -6 route append default via 2001:db8:2::2 metric 7"
)


@pytest.fixture
def host() -> Iterator[Host]:
    """A host with two uplinks, a bridge, ifb devices, and ends of veth pairs that have no network."""
    with transaction_host() as made:
        made.run("sh", "-c", UPLINKS)
        yield made


def apply(host: Host, iface: Any, mtu: int = 1400, **more: Any) -> dict[str, Any]:
    """Apply an MTU, and return the report."""
    return host.ask(plan={"iface": iface, "changes": {"mtu": mtu}, **more.pop("plan", {})}, **more)


def with_mtu(host: Host, mtu: int = 1400) -> set[str]:
    """Return the interfaces with an MTU."""
    lines = host.run("ip", "-o", "link", "show").splitlines()
    return {line.split()[1].rstrip(":").partition("@")[0] for line in lines if f" mtu {mtu} " in line}


@pytest.mark.parametrize("routes", [TWO_ROUTES, SIX, MULTIPATH], ids=["two routes", "IPv6", "multipath"])
def test_all_equal_default_routes(host: Host, routes: str) -> None:
    """Auto is each interface of equal default routes, and the report says so; a rollback takes it from each."""
    if "RTNETLINK" in host.shell(f"{routes} 2>&1"):
        pytest.skip("this kernel has no routes by several ways")
    report = apply(host, "auto", checkpoint_id="both")
    assert report["error"] is None, report["error"]
    assert with_mtu(host) == {"eth0", "lan0"}
    assert [text for text in report["warnings"] if "auto is eth0, lan0, as 2 default routes" in text]
    assert apply(host, "auto")["status"] == "unchanged"
    assert host.checkpoint("verified")["drift"] == []
    host.checkpoint("restored", id="both")
    assert with_mtu(host) == set()


def test_the_better_route_alone(host: Host) -> None:
    """A route with a higher metric is none that auto means, and nothing is told."""
    host.run(
        "sh", "-c", "ip route add default via 192.0.2.2 metric 20; ip route add default via 198.51.100.2 metric 10"
    )
    report = apply(host, "auto")
    assert (report["status"], report["warnings"]) == ("applied", [])
    assert with_mtu(host) == {"lan0"}


@pytest.mark.parametrize(
    ("iface", "expected"),
    [
        ("*", {"br0", "eth0", "lan0"}),
        ("[el]*", {"eth0", "lan0"}),
        (["br0", "eth?"], {"br0", "eth0"}),
        ({"type": "bridge"}, {"br0"}),
        ({"driver": "bridge"}, {"br0"}),
        ({"driver": "veth"}, {"eth0", "lan0"}),
        ({"type": "veth", "min_speed_mbit": 1000}, {"eth0", "lan0", "lan1", "peer0"}),
        ({"type": "ifb"}, {"ifb9"}),
    ],
)
def test_patterns(host: Host, iface: Any, expected: set[str]) -> None:
    """A pattern takes what it describes; the loopback, ifb devices and ends without a network only where it says so."""
    report = apply(host, iface)
    assert report["error"] is None, report["error"]
    assert with_mtu(host) == expected
    assert apply(host, iface)["status"] == "unchanged"


@pytest.mark.parametrize(
    ("iface", "wanted"),
    [
        ("enp*", "no interface that matches enp*"),
        (["eth0", "enp3s0"], "no interface enp3s0"),
        ("l[!a]*", "no interface that matches l[!a]*"),
        ({"type": "wireless"}, "no interface with type wireless"),
        ("auto", "no default route"),
    ],
)
def test_nothing_there(host: Host, iface: Any, wanted: str) -> None:
    """What means nothing on a host is refused before anything is touched, with what there is."""
    report = apply(host, iface)
    assert report["status"] == "failed"
    assert wanted in report["error"]["message"]
    assert "eth0 (veth, 10000 Mbit/s)" in report["error"]["hint"]
    assert with_mtu(host) == set()


def test_what_comes_later(host: Host) -> None:
    """A plan with a name is for what matches when it is applied: another one comes in, a former one goes."""
    named = {"plan": {"name": "uplinks"}}
    assert apply(host, "lan*", **named)["status"] == "applied"
    host.run("sh", "-c", "ip link add lan2 type bridge && ip link set lan2 up")
    assert apply(host, "lan*", **named)["status"] == "applied"
    assert with_mtu(host) == {"lan0", "lan2"}
    assert apply(host, "lan2", **named)["status"] == "applied"
    assert with_mtu(host) == {"lan2"}


def test_changes_of_their_own(host: Host) -> None:
    """Each interface gets its own changes by plans of several names, side by side."""
    report = host.ask(
        plans=[
            {"name": "wan", "iface": "eth*", "changes": {"mtu": 1400}},
            {"name": "lan", "iface": {"type": "bridge"}, "changes": {"mtu": 1300}},
        ]
    )
    assert report["error"] is None, report["error"]
    assert (with_mtu(host), with_mtu(host, 1300)) == ({"eth0"}, {"br0"})
    assert host.ask(remove=["wan"])["error"] is None
    assert (with_mtu(host), with_mtu(host, 1300)) == (set(), {"br0"})


def test_a_rule_for_an_interface_that_is_not_there(host: Host) -> None:
    """A rule of address translation for an interface that the host does not have is told, and stands."""
    rules: dict[str, Any] = {
        "sysctl": {"net.ipv4.ip_forward": "1"},
        "nat_rules": [{"type": "masquerade", "iface": "ppp0"}],
    }
    report = host.ask(plan={"iface": "eth0", "changes": rules})
    assert report["error"] is None, report["error"]
    assert [text for text in report["warnings"] if "no interface ppp0" in text]
    assert "ppp0" in host.shell("nft list table inet netopt")
    refused = host.ask(
        plan={"iface": "eth0", "changes": {**rules, "nat_rules": [{"type": "masquerade", "iface": "p*"}]}}
    )
    assert refused["status"] == "failed"
    assert "a glob stands in the plan's own iface" in refused["error"]["hint"]
