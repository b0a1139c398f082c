# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host tells of its interfaces and routes as plans: settings, who has set them, and what no plan says."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_bridge.adopt.hosts import UNREADABLE, from_host
from mcp_bridge.adopt.text import as_yaml
from mcp_bridge.policy import load_policy

POLICY = load_policy()
NETWORK = "198.51.100.0/24"
PFIFO = {"form": "qdisc", "kind": "pfifo", "handle": 0x80010000, "parent": 0xFFFFFFFF, "options": "32000000"}
ETH0_MTU = {"eth0": {"mtu": [1400, 1500, None]}}


def host(*names: str, trees: dict[str, list[Any]] | None = None, **told: Any) -> dict[str, Any]:
    """Return what a host tells that has interfaces; ``trees`` are objects of tc by interface."""
    found = {
        name: {"link": {"kind": "", "txqlen": 1000}, "objects": (trees or {}).get(name, [])}
        for name in names or ["eth0"]
    }
    return {
        "held": {},
        "tc": {"interfaces": found},
        "routes": {},
        "aside": [],
        "qdiscs": {},
        "plans": [],
        **told,
    }


def adopted(told: dict[str, Any], *, iface: str = "auto") -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the plans, and the reasons by what is left out."""
    plans, left_out = from_host({}, told, POLICY, iface=iface, name=None)
    return [each.plan for each in plans], {one.text: one.reason for one in left_out}


def route(**more: Any) -> dict[str, Any]:
    """Return a route as a host tells it."""
    return {"metrics": {"initcwnd": "20"}, "others": [], "refused": None, "owner": None, **more}


def test_all_of_an_interface() -> None:
    """Beside each setting stands what is usual, and who has set it where files of the host tell."""
    held = {
        "mtu": [9000, 1500, "by NetworkManager (/etc/x)"],
        "offloads.generic-receive-offload": [False, "on", None],
        "offloads.warp": [True, "off", None],
        "nic.rings.rx": [4096, None, "by systemd-udevd (/etc/y)"],
        "nic.rings.tx": [512, None, None],
        "nic.pause.rx": [True, None, None],
        "steering.rps_cpus": ["", "0-3", None],
        "steering.xps_cpus": [{"tx-0": "0", "tx-1": "1"}, "", None],
    }
    lines = route(metrics={"rto_min_ms": "lock 40", "quickack": "1", "congctl": "bbr"}, owner="dhcpcd")
    told = host(
        held={"eth0": held}, routes={"eth0": {NETWORK: [lines]}}, qdiscs={"eth0": "by you"}, trees={"eth0": [PFIFO]}
    )
    ((plan,), left_out) = from_host({}, told, POLICY, iface="auto", name="found")
    assert (
        as_yaml(plan)
        == f"""name: "found"
iface: "eth0"
changes:
  mtu: 9000  # by default 1500; set by NetworkManager (/etc/x)
  offloads:
    gro: false  # by default on
  nic:
    rings:
      rx: 4096  # by default unknown; set by systemd-udevd (/etc/y)
  steering:
    rps_cpus: "none"  # by default 0-3
  qdisc:  # by default none; set by you
    type: "pfifo"
    params:
      limit: 50
  routes:
    - {{dst: "{NETWORK}", rto_min_ms: 40, quickack: true, congctl: "bbr"}}  # by default none; set on a route of dhcpcd
"""
    )
    assert {one.text: one.reason.partition(".")[0] for one in left_out} == {
        "eth0 warp on": "No plan sets the feature warp",
        "eth0 rings.tx 512, pause.rx on": left_out[-1].reason.partition(".")[0],
        "eth0 xps_cpus tx-0 0, tx-1 1": "A plan has the same for all queues of an interface",
    }
    assert "what you have set, put into the plan" in left_out[-1].reason


@pytest.mark.parametrize(
    ("routes", "reason"),
    [
        ([route(), route(metrics={})], "the same metrics"),
        ([route(refused="it has several next hops")], "it has several next hops"),
        ([route(metrics={"rto_min_ms": "40"})], "A plan locks rto_min"),
        ([route(metrics={"initcwnd": "lock 20"})], "A plan locks rto_min"),
        ([route(metrics={}, others=["mtu", "1300"])], "No plan has these metrics"),
    ],
)
def test_metrics_that_no_plan_has(routes: list[dict[str, Any]], reason: str) -> None:
    """They have a line each."""
    plans, left_out = adopted(host(routes={"eth0": {NETWORK: routes}}))
    assert plans == []
    assert [reason in why for why in left_out.values()] == [True]


def test_interfaces_that_are_alike() -> None:
    """They are in one plan, and the host's own settings with them where there is one plan alone."""
    both = {name: {"mtu": [9000, 1500, None]} for name in ("eth0", "eth1")}
    told = host("eth0", "eth1", "eth2", held=both)
    assert adopted(told)[0] == [{"iface": ["eth0", "eth1"], "changes": {"mtu": 9000}}]
    sysctl = {"net.ipv4.tcp_fin_timeout": ("23", "60", None)}
    ((one,), _none) = from_host(sysctl, told, POLICY, iface="auto", name=None)
    assert one.plan["iface"] == ["eth0", "eth1"]
    assert one.plan["changes"] == {"mtu": 9000, "sysctl": {"net.ipv4.tcp_fin_timeout": "23"}}
    told["held"]["eth2"] = {"mtu": [1400, 1500, None]}
    found, _none = from_host(sysctl, told, POLICY, iface="auto", name="found")
    assert [(each.plan["name"], each.plan["iface"]) for each in found] == [
        ("found-1", "auto"),
        ("found-2", ["eth0", "eth1"]),
        ("found-3", "eth2"),
    ]
    assert [plan["iface"] for plan in adopted(told, iface="eth2")[0]] == ["eth2"]
    assert adopted(told, iface="lo")[0] == []


def test_what_is_not_looked_into() -> None:
    """Ends of containers' links, and devices that nothing is redirected to, are told of where they hold anything."""
    told = host("ifb0", "ifb1", "veth1", "veth2", trees={"ifb0": [PFIFO], "veth1": [PFIFO]}, aside=["veth1", "veth2"])
    for name in ("ifb0", "ifb1"):
        told["tc"]["interfaces"][name]["link"]["kind"] = "ifb"
    plans, left_out = adopted(told)
    assert plans == []
    assert list(left_out) == ["tc qdisc show dev ifb0: pfifo 8001:", "tc qdisc show dev veth1: pfifo 8001:"]


@pytest.mark.parametrize(
    ("sections", "kept"),
    [
        ([], {"mtu", "qdisc", "offloads", "routes"}),
        ([("mtu", ["eth0"])], {"qdisc", "offloads", "routes"}),
        ([("mtu", ["eth1"])], {"mtu", "qdisc", "offloads", "routes"}),
        ([("htb_classes", ["eth0"])], {"mtu", "offloads", "routes"}),
        ([("offloads.generic-receive-offload", ["eth0"])], {"mtu", "qdisc", "routes"}),
        ([(f"routes.{NETWORK} initcwnd", ["eth0"])], {"mtu", "qdisc", "offloads"}),
    ],
)
def test_what_a_plan_in_force_sets(sections: list[tuple[str, list[str]]], kept: set[str]) -> None:
    """It is told as that plan's, and not adopted; a tree of tc is one plan's as a whole."""
    parts = [{"path": path, "ifaces": ifaces} for path, ifaces in sections]
    held = {"eth0": {"mtu": [1400, 1500, None], "offloads.gro": [False, "on", None]}}
    told = host(held=held, routes={"eth0": {NETWORK: [route()]}}, trees={"eth0": [PFIFO]})
    told["plans"] = [{"name": "edge", "since": "2026-01-01T00:00:00Z", "sections": parts}]
    ((plan,), left_out) = adopted(told)
    assert set(plan["changes"]) == kept
    gone = {"mtu", "qdisc", "offloads", "routes"} - kept
    assert list(left_out.values()) == ["The plan edge sets it, in force here since 2026-01-01T00:00:00Z."] * len(gone)


@pytest.mark.parametrize(
    "broken",
    [
        {"held": {"eth0": {"mtu": 3}}},
        {"held": []},
        {"tc": {"interfaces": {"eth0": {"link": {"kind": "", "txqlen": 1}, "objects": [{"form": "qdisc"}]}}}},
        {"tc": {"interfaces": {"eth0": {"link": {"kind": "", "txqlen": 1}, "objects": [{**PFIFO, "options": "zz"}]}}}},
        {"routes": {"eth0": {NETWORK: [{}]}}},
        {"plans": [{}]},
        {"aside": None},
    ],
)
def test_a_host_may_send_anything(broken: dict[str, Any]) -> None:
    """What cannot be read is an error of that host, of a kind that is caught."""
    with pytest.raises(UNREADABLE):
        adopted({**host(held=ETH0_MTU), **broken})
