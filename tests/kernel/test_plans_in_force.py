# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several plans on one host: each stays what it is, whatever comes and goes beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernel.plans_host import (
    BACKLOG,
    HTB,
    LIMITS,
    MANY,
    MARKS,
    apply,
    drift,
    plan,
    remove,
    report_of,
    table,
    two_interfaces,
)
from tests.kernel.transaction_host import IFACE, Host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

NAT = {"sysctl": {"net.ipv4.ip_forward": "1"}, "nat_rules": [{"type": "masquerade"}]}


@pytest.fixture(params=[True, False], ids=["rehearsed", "unrehearsed"])
def either(request: pytest.FixtureRequest) -> Iterator[Host]:
    """A host with two interfaces, with and without a place to rehearse in."""
    with two_interfaces(may_make_namespaces=request.param) as made:
        yield made


@pytest.fixture
def host() -> Iterator[Host]:
    """A host with two interfaces and a place to rehearse in."""
    with two_interfaces() as made:
        yield made


def test_rules_of_several_plans_stand_side_by_side(either: Host) -> None:
    """Each comes and goes with its name, says whose it is, and takes nothing of the other away."""
    before = either.view()
    assert apply(either, plan(MARKS, name="calls")) == "applied"
    assert apply(either, plan({**LIMITS, **NAT}, "wan0", name="edge")) == "applied"
    assert apply(either, plan(MARKS, name="calls")) == "unchanged"
    assert 'comment "calls: dscp[0]"' in table(either)
    assert 'comment "edge: connection_limits[0]"' in table(either)
    assert drift(either) == []
    assert remove(either, "calls") == "applied"
    assert "dscp" not in table(either)
    assert 'oifname "wan0" masquerade' in table(either).replace("meta nfproto ipv4 ", "")
    assert drift(either) == []
    assert remove(either, "edge") == "applied"
    assert either.view() == before
    assert drift(either) == []


def test_a_plan_without_a_name_leaves_what_it_does_not_name(either: Host) -> None:
    """A second plan takes no rules of the first one away, on its interface and on others."""
    apply(either, plan(MARKS))
    apply(either, plan({**LIMITS, "mtu": 1400}))
    apply(either, plan(NAT, "wan0"))
    for words in ("dscp set", "connection_limits", "masquerade"):
        assert words in table(either)
    assert apply(either, plan(MARKS)) == "unchanged"
    assert drift(either) == []


def test_null_and_empty_lists_take_away(host: Host) -> None:
    """What is taken away reads as it did before netopt; the rest stays."""
    before = host.view()
    apply(host, plan({"sysctl": {BACKLOG: "2000"}, "mtu": 1400, "offloads": {"gro": False}, **MARKS, **LIMITS, **HTB}))
    assert apply(host, plan({"mtu": None, "dscp": [], "sysctl": {BACKLOG: None}})) == "applied"
    assert "mtu 1500" in host.shell(f"ip link show {IFACE}")
    assert "dscp" not in table(host)
    assert "connection_limits" in table(host)
    assert apply(host, plan({"mtu": None, "dscp": []})) == "unchanged"
    assert apply(host, plan({"offloads": {"gro": None}, "connection_limits": None, "qdisc": None})) == "applied"
    assert host.view() == before
    assert drift(host) == []


def test_a_plan_with_a_name_is_the_whole_truth_of_it(host: Host) -> None:
    """What its earlier version set and this one does not goes; others' stays."""
    apply(host, plan({"sysctl": {BACKLOG: "2000"}}, name="base"))
    apply(host, plan({"sysctl": {"net.ipv4.tcp_fin_timeout": "20"}, "mtu": 1400, **MARKS}, name="web"))
    apply(host, plan(LIMITS, "wan0", name="web"))
    assert "mtu 1500" in host.shell(f"ip link show {IFACE}")
    assert host.shell("sysctl -n net.ipv4.tcp_fin_timeout net.core.somaxconn").split() == ["60", "2000"]
    assert "dscp" not in table(host)
    assert 'iifname "wan0" tcp dport 443' in table(host)


CONFLICTS = {
    "kernel parameter": ({"sysctl": {BACKLOG: "1000"}}, {"sysctl": {BACKLOG: "2000"}}, "sysctl.net.core.somaxconn"),
    "MTU": ({"mtu": 1400}, {"mtu": 1450}, "mtu"),
    "offload by two names": ({"offloads": {"gro": True}}, {"offloads": {"gro": False}}, "offloads."),
    "queue": (HTB, {"qdisc": {"type": "pfifo", "params": {"limit": 9}}}, "qdisc"),
    "tracking": (
        {"connection_tracking": {"drop_invalid": True}},
        {"connection_tracking": {"drop_invalid": False}},
        "connection_tracking.drop_invalid",
    ),
    "acceptance": (
        {**LIMITS, "connection_tracking": {"accept_established": False}},
        {"rate_limits": [{"rate": "9/second"}]},
        "connection_tracking.accept_established",
    ),
}


@pytest.mark.parametrize(("first", "second", "path"), CONFLICTS.values(), ids=CONFLICTS.keys())
def test_conflict(host: Host, first: dict[str, Any], second: dict[str, Any], path: str) -> None:
    """Two plans that want different values are refused, one after the other and together, with both names."""
    apply(host, plan(first, name="one"))
    before = host.view()
    for name in ("two", None):
        report = report_of(host, plan(second, name=name))
        assert (report["status"], report["changed"], report["operations"]) == ("failed", False, [])
        assert report["error"]["key"].startswith(f"changes.{path}")
        assert "plan one" in report["error"]["message"]
        assert f"plan {name}" if name else "without a name" in report["error"]["message"]
    assert host.view() == before
    assert remove(host, "one") == "applied"
    assert report_of(host, plan(first, name="one"), plan(second, name="two"))["status"] == "failed"
    assert apply(host, plan(second, name="two")) == "applied"


def test_the_same_value_of_two_plans_stays_until_both_are_gone(host: Host) -> None:
    """A value that two plans want is given back with the second one."""
    before = host.view()
    for name in ("one", "two"):
        assert apply(host, plan({"sysctl": {BACKLOG: "1000"}, "mtu": 1400}, name=name)) == "applied"
    assert remove(host, "one") == "applied"
    assert host.shell(f"sysctl -n {BACKLOG}").strip() == "1000"
    assert remove(host, "two") == "applied"
    assert host.view() == before


def test_one_tree_out_of_several_plans(host: Host) -> None:
    """A shaper of one plan, classes of another and the MTU of a third make one tree; each goes by itself."""
    before = host.view()
    classes = {"htb_classes": [{"classid": "1:10", "rate_mbit": 5, "match": [{"proto": "tcp", "dports": [443]}]}]}
    apply(host, plan({"shaper": {"egress_mbit": 20}}, name="line"))
    apply(host, plan(classes, name="web"))
    apply(host, plan({"mtu": 1400}, name="path"))
    shown = host.shell(f"tc class show dev {IFACE}")
    assert "class htb 1:10 parent 1:1" in shown
    assert drift(host) == []
    assert remove(host, "line") == "applied"
    assert "class htb 1:10 root" in host.shell(f"tc class show dev {IFACE}")
    assert remove(host, "web", "path") == "applied"
    assert host.view() == before


def test_what_stood_there_before_comes_back(host: Host) -> None:
    """A tree and settings that an operator had made are there again once no plan says anything of them."""
    host.shell(
        f"tc qdisc add dev {IFACE} root handle 7: prio bands 4; tc qdisc add dev {IFACE} parent 7:2 pfifo limit 33;"
        f"sysctl -qw {BACKLOG}=777; ip link set {IFACE} mtu 1450"
    )
    before = host.view()
    apply(host, plan({**HTB, "sysctl": {BACKLOG: "1000"}, "mtu": 1400}, name="one"))
    apply(host, plan({"shaper": {"egress_mbit": 9, "ingress_mbit": 5}}, name="two"))
    assert remove(host, "one") == "applied"
    assert remove(host, "two") == "applied"
    assert host.view() == before


def test_the_classes_of_another_interface_stay(host: Host) -> None:
    """The maps of a tree stay with a plan for rules elsewhere, and a plan for another tree."""
    before = host.view()
    apply(host, plan(MANY, name="big"))
    apply(host, plan({**MARKS, **MANY}, "wan0", name="other"))
    apply(host, plan(LIMITS, "wan0", name="small"))
    assert {f"chain classify_{iface}" in table(host) for iface in (IFACE, "wan0")} == {True}
    assert remove(host, "small") == "applied"
    assert remove(host, "big") == "applied"
    assert "chain classify_wan0" in table(host)
    assert f"chain classify_{IFACE}" not in table(host)
    assert drift(host) == []
    assert remove(host, "other") == "applied"
    assert host.view() == before


def test_netem_is_in_force_until_its_end(host: Host) -> None:
    """An impairment beside a shaper ends by itself, is no drift then, and the shaper stays."""
    apply(host, plan({"shaper": {"egress_mbit": 20}}, name="line"))
    shaped = host.view()
    impaired = {"netem": {"delay_ms": 5, "duration_s": 2, "limit": 1000}}
    report = report_of(host, plan(impaired, name="test"), labels=["netem"], checkpoint_id="n")
    if report["error"] and "kind is unknown" in report["error"]["message"]:
        pytest.skip("this kernel has no netem")
    assert report["error"] is None, report["error"]
    host.wait_for_guards(there=False)
    assert host.view() == shaped
    assert drift(host) == []
    assert host.ask(remove=["test"])["status"] == "skipped"


def test_what_arrives_is_one_plans_and_its_rate_another_plans(host: Host) -> None:
    """Classes for what arrives stand below the rate of another plan, and go without it."""
    before = host.view()
    classes = {"ingress": {"htb_classes": [{"classid": "1:10", "rate_mbit": 1, "match": [{"dscp": 46}]}]}}
    assert apply(host, plan({"shaper": {"ingress_mbit": 20}}, name="line")) == "applied"
    assert apply(host, plan(classes, name="calls")) == "applied"
    assert "class htb 1:10 parent 1:1" in host.shell(f"tc class show dev ifb-{IFACE}")
    assert drift(host) == []
    assert remove(host, "line") == "applied"
    assert "class htb 1:10 root" in host.shell(f"tc class show dev ifb-{IFACE}")
    assert remove(host, "calls") == "applied"
    assert host.view() == before
    assert drift(host) == []


FORWARD, OF_ALL, OF_ONE = "net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding", "net.ipv4.conf.wan0.forwarding"


def sysctl(value: str, key: str, name: str) -> dict[str, Any]:
    """Return a plan that sets one kernel parameter."""
    return plan({"sysctl": {key: value}}, name=name)


def test_two_names_of_one_kernel_parameter(host: Host) -> None:
    """Plans that set one number by two of its names conflict, and so does a plan with itself."""
    before = host.view()
    assert apply(host, sysctl("1", FORWARD, "router")) == "applied"
    other = report_of(host, sysctl("0", OF_ALL, "server"))
    assert other["error"]["message"] == f"changes.sysctl.{FORWARD}: plan server wants 0, plan router 1"
    both = report_of(host, plan({"sysctl": {FORWARD: "1", OF_ALL: "0"}}, name="both"))
    assert "disagree: they are one setting" in both["error"]["message"]
    assert apply(host, sysctl("1", OF_ALL, "server")) == "applied"
    remove(host, "router")
    assert drift(host) == []
    remove(host, "server")
    assert host.view() == before


@pytest.mark.parametrize("first", [FORWARD, OF_ONE])
@pytest.mark.parametrize("gone", ["host", "one"])
def test_what_one_plan_resets_another_one_holds(host: Host, first: str, gone: str) -> None:
    """A switch that the kernel copies to all interfaces leaves the one that another plan holds, whoever comes first."""
    before = host.view()
    plans = [sysctl("1", FORWARD, "host"), sysctl("0", OF_ONE, "one")]
    for one in plans if first == FORWARD else reversed(plans):
        apply(host, one)
        assert drift(host) == []
    assert host.shell(f"sysctl -n {OF_ONE}").strip() == "0"
    remove(host, gone)
    assert drift(host) == []
    remove(host, *({"host", "one"} - {gone}))
    assert host.view() == before
