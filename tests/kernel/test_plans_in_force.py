# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several plans on one host: each stays what it is, whatever comes and goes beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from tests.kernel.transaction_host import IFACE, Host, transaction_host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

BACKLOG = "net.core.somaxconn"
MARKS = {"dscp": [{"match": {"proto": "udp", "dports": [3478]}, "dscp": 46}]}
LIMITS = {"connection_limits": [{"protocol": "tcp", "port": 443, "limit": 100}]}
NAT = {"sysctl": {"net.ipv4.ip_forward": "1"}, "nat_rules": [{"type": "masquerade"}]}
HTB = {"qdisc": {"type": "htb", "params": {}}}
MANY = {
    "htb_classes": [
        {"classid": f"1:{one:x}", "rate_mbit": 1, "match": [{"dst": f"198.51.{one >> 8}.{one & 255}/32"}]}
        for one in range(1, 259)
    ]
}


def with_wan(host: Host) -> Host:
    """Give a host a second interface."""
    host.run("sh", "-c", "ip link add wan0 type veth peer name wan1 && ip link set wan0 up")
    return host


@pytest.fixture(params=[True, False], ids=["rehearsed", "unrehearsed"])
def either(request: pytest.FixtureRequest) -> Iterator[Host]:
    """A host with two interfaces, with and without a place to rehearse in."""
    with transaction_host(may_make_namespaces=request.param) as made:
        yield with_wan(made)


@pytest.fixture
def host() -> Iterator[Host]:
    """A host with two interfaces and a place to rehearse in."""
    with transaction_host() as made:
        yield with_wan(made)


def plan(changes: dict[str, Any], iface: str | list[str] = IFACE, name: str | None = None) -> dict[str, Any]:
    """Return a plan."""
    return {**({"name": name} if name else {}), "iface": iface, "changes": changes}


def report_of(host: Host, *plans: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Apply plans, together where there are several, and return the report."""
    found: dict[str, Any] = host.ask(**({"plan": plans[0]} if len(plans) == 1 else {"plans": list(plans)}), **options)
    return found


def apply(host: Host, *plans: dict[str, Any], **options: Any) -> str:
    """Apply plans that have to be possible, and return the status."""
    report = report_of(host, *plans, **options)
    assert report["error"] is None, report["error"]
    return str(report["status"])


def remove(host: Host, *names: str, **options: Any) -> str:
    """Take plans away, which has to be possible, and return the status."""
    report = host.ask(remove=list(names), **options)
    assert report["error"] is None, report["error"]
    return str(report["status"])


def drift(host: Host) -> list[dict[str, Any]]:
    """Return what is not as the plans in force say."""
    found: list[dict[str, Any]] = host.checkpoint("verified")["drift"]
    return found


def table(host: Host) -> str:
    """Return our table as nft prints it."""
    return host.shell("nft list table inet netopt")


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


def test_several_plans_are_one_change(host: Host) -> None:
    """Both hold or none; a rollback undoes both."""
    before = host.view()
    bad = plan({"sysctl": {"net.core.rmem_max": "5"}, "mtu": 17}, name="bad")
    assert report_of(host, plan(MARKS, name="good"), bad)["status"] == "failed"
    assert host.view() == before
    assert apply(host, plan(MARKS, name="one"), plan({"mtu": 1400}, name="two"), checkpoint_id="both") == "applied"
    assert apply(host, plan(MARKS, name="one"), plan({"mtu": 1400}, name="two")) == "unchanged"
    host.checkpoint("restored", id="both")
    assert host.view() == before
    assert host.ask(remove=["one"])["status"] == "skipped"


def test_a_rollback_brings_back_which_plans_were_in_force(host: Host) -> None:
    """After it, the plan that was replaced is the one in force again."""
    apply(host, plan({"mtu": 1400}, name="one"), checkpoint_id="a")
    apply(host, plan({"sysctl": {BACKLOG: "1000"}}, name="one"), checkpoint_id="b")
    assert remove(host, "one", checkpoint_id="c") == "applied"
    host.checkpoint("restored", id="b")
    assert apply(host, plan({"mtu": 1400}, name="one")) == "unchanged"
    assert drift(host) == []


@pytest.mark.parametrize("by", ["by a person", "by its guard"])
def test_a_change_that_is_not_kept_leaves_the_record_as_it_was(host: Host, by: str) -> None:
    """What was rolled back is not in force, whoever rolled it back."""
    apply(host, plan({"mtu": 1400}, name="one"))
    apply(host, plan({"mtu": 1400, **MARKS}, name="two"), checkpoint_id="late", confirm_timeout_s=5)
    if by == "by a person":
        host.checkpoint("restored", id="late")
    else:
        host.wait_for("late", "rolled_back")
    assert apply(host, plan({"mtu": 1400}, name="one")) == "unchanged"
    assert host.ask(remove=["two"])["status"] == "skipped"


def test_removed_checkpoints_leave_their_plans_in_force(host: Host) -> None:
    """The record outlives the checkpoints, and goes with the rollback of an older one."""
    before = host.view()
    apply(host, plan({"mtu": 1400}, name="one"), checkpoint_id="a")
    apply(host, plan({**MARKS, **MANY}, name="two"), checkpoint_id="b")
    assert apply(host, plan({"mtu": 1410}, name="one"), checkpoint_id="c") == "applied"
    kept = "/var/lib/netopt/checkpoints/{b,c}/plans.*.json"
    assert set(host.run("bash", "-c", f"stat -c %h {kept}").split()) == {"2"}  # a large value is written once
    host.checkpoint("restored", id="c")
    host.checkpoint("absent", id="b")
    host.checkpoint("absent", id="a")
    assert apply(host, plan({**MARKS, **MANY}, name="two")) == "unchanged"
    assert remove(host, "one") == "applied"
    assert remove(host, "two") == "applied"
    assert host.view() == before


def test_what_was_done_by_hand_is_drift(host: Host) -> None:
    """A table that was flushed differs from what the plans say, and comes back with either of them."""
    apply(host, plan(MARKS, name="one"))
    apply(host, plan(LIMITS, name="two"))
    host.shell("nft delete table inet netopt")
    assert {one["subsystem"] for one in drift(host)} == {"nft"}
    assert apply(host, plan(LIMITS, name="two")) == "applied"
    assert "dscp set" in table(host)
    assert drift(host) == []


def test_what_the_host_held_already_is_compared(host: Host) -> None:
    """A plan that changes nothing, or only a part, is compared whole from then on; a value given back is not."""
    host.run("ethtool", "-K", IFACE, "gro", "off")
    assert apply(host, plan({"offloads": {"gro": True}}, name="base")) == "applied"
    assert remove(host, "base") == "applied"
    assert apply(host, plan({"sysctl": {BACKLOG: "31"}, "offloads": {"gro": False}}, name="web")) == "applied"
    assert drift(host) == []
    host.run("ethtool", "-K", IFACE, "gro", "on")
    (found,) = drift(host)
    assert (found["key"], found["wanted"], found["found"]) == (f"{IFACE} generic-receive-offload", "off", "on")
    assert found["checkpoint_id"] != ""
    host.run("sysctl", "-w", f"{BACKLOG}=4096")
    host.run("ethtool", "-K", IFACE, "gro", "off")
    assert remove(host, "web") == "applied"
    assert apply(host, plan({"sysctl": {BACKLOG: host.run("sysctl", "-n", BACKLOG).strip()}})) == "applied"
    host.run("sysctl", "-w", f"{BACKLOG}=77")
    assert [one["key"] for one in drift(host)] == [BACKLOG]
    for one in host.checkpoint("listed")["checkpoints"]:
        host.checkpoint("absent", id=one["id"])
    assert [one["key"] for one in drift(host)] == [BACKLOG]  # also by what removed checkpoints leave


def test_a_plan_for_an_interface_that_is_gone_can_be_removed(host: Host) -> None:
    """What it set elsewhere goes, and the record forgets it."""
    apply(host, plan({"mtu": 1400, **HTB, **MARKS, "sysctl": {BACKLOG: "1000"}}, ["wan0", IFACE], name="one"))
    host.shell("ip link del wan0")
    assert remove(host, "one") == "applied"
    assert "mtu 1500" in host.shell(f"ip link show {IFACE}")
    assert "No such file" in table(host)
    assert drift(host) == []


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


def test_plans_whose_checkpoint_was_removed(host: Host) -> None:
    """They stay in force, what was taken away before stays away, and nothing of that counts as drift."""
    apply(host, plan({"sysctl": {BACKLOG: "2000"}}, name="base"), checkpoint_id="one")
    apply(host, plan({"mtu": 1400, **MARKS}, name="web"), checkpoint_id="two")
    remove(host, "web", checkpoint_id="three")
    host.checkpoint("absent", id="three")
    assert list(host.statuses()) == ["one", "two"]
    assert drift(host) == []
    assert apply(host, plan({"sysctl": {BACKLOG: "2000"}}, name="base")) == "unchanged"
    assert apply(host, plan({"mtu": 1400, **MARKS}, name="web")) == "applied"


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


def test_what_removed_checkpoints_had_set_is_still_compared(host: Host) -> None:
    """Whichever checkpoints are gone, by hand or by retention: nothing counts as drift, and what drifts is told."""
    apply(host, plan({"sysctl": {BACKLOG: "2000"}, **MARKS}, name="one"), checkpoint_id="a")
    apply(host, plan({"mtu": 1400, **LIMITS}, name="two"), checkpoint_id="b")
    apply(host, plan({"mtu": 1420}, "wan0", name="three"), checkpoint_id="c")
    for gone in ("b", "a"):
        host.checkpoint("absent", id=gone)
        assert drift(host) == []
    host.shell(f"sysctl -qw {BACKLOG}=9; ip link set {IFACE} mtu 1300; nft delete table inet netopt")
    assert {(one["subsystem"], one["checkpoint_id"]) for one in drift(host)} == {
        (name, "(removed)") for name in ("sysctl", "link", "nft")
    }
    assert apply(host, plan({"sysctl": {BACKLOG: "2000"}, **MARKS}, name="one")) == "applied"
    assert remove(host, "two") == "applied"
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


def test_a_check_of_going_back_blames_nobody_for_later_changes(host: Host) -> None:
    """What later changes set is undone first, and is no hand's work; what a hand has changed is still told."""
    apply(host, plan({"sysctl": {BACKLOG: "300"}, "mtu": 1400, **LIMITS}, name="base"), checkpoint_id="first")
    apply(host, plan({"mtu": 1400}, "wan0"), checkpoint_id="second")
    apply(host, plan({"sysctl": {BACKLOG: "400"}, **MARKS}, name="base"), checkpoint_id="third")
    remove(host, "base", checkpoint_id="fourth")

    def blamed() -> list[str]:
        told = host.checkpoint("restored", id="first", check=True)["report"]["warnings"]
        return [line for line in told if "changed by somebody else" in line]

    assert blamed() == []
    host.shell(f"sysctl -qw {BACKLOG}=555")
    (line,) = blamed()
    assert BACKLOG in line


def test_an_mtu_below_another_plans_mtu(host: Host) -> None:
    """The kernel lowers what stands on an interface with it; so it would take another plan's MTU away: refused."""
    host.shell("ip link add top0 link wan0 type macvlan")
    before = host.view()
    assert apply(host, plan({"mtu": 1400}, "top0", name="top")) == "applied"
    for check in (True, False):
        below = report_of(host, plan({"mtu": 1300}, "wan0", name="base"), check=check)
        assert below["error"]["message"] == (
            "changes.mtu of top0: plan top wants 1400, and plan base 1300 for wan0 below it"
        )
    assert drift(host) == []
    assert apply(host, plan({"mtu": 1400}, "wan0", name="base"), plan({"mtu": 1300}, "top0", name="top")) == "applied"
    assert drift(host) == []
    remove(host, "base", "top")
    assert host.view() == before


STACK = {"low": ({"mtu": 1400}, "wan0"), "one": ({"mtu": 1300}, "top0"), "two": ({"mtu": 1350}, "top1")}
ORDERS = [*permutations(STACK)]


@pytest.mark.parametrize("gone", ORDERS, ids="-".join)
def test_mtus_that_follow_one_another(host: Host, gone: tuple[str, ...]) -> None:
    """However three plans on one stack come and go, what stays holds, and in the end all is as in the beginning."""
    host.shell("for n in 0 1 2; do ip link add top$n link wan0 type macvlan && ip link set top$n up; done")
    host.shell("ip -6 addr add 2001:db8::1/64 dev top1; ip -6 route add 2001:db8:1::/64 dev top1 mtu 1450")
    host.shell("ip -6 route add 2001:db8:2::/64 dev top1 mtu lock 1450; echo 1440 >/proc/sys/net/ipv6/conf/top1/mtu")
    before = host.view()
    for name in ORDERS[ORDERS.index(gone) - 1]:
        assert apply(host, plan(*STACK[name], name=name)) == "applied"
    left = dict(STACK)
    for name in gone:
        assert remove(host, name) == "applied"
        del left[name]
        assert drift(host) == []
        for changes, iface in left.values():
            assert f"mtu {changes['mtu']} " in host.shell(f"ip link show {iface}")
    assert host.view() == before


def test_a_plan_stays_above_what_is_given_back(host: Host) -> None:
    """A plan that had room above a former smaller MTU is not lowered silently when that one comes back."""
    host.shell("ip link set wan0 mtu 1300; ip link add top0 link wan0 type macvlan")
    before = host.view()
    apply(host, plan({"mtu": 1500}, "wan0", name="low"))
    apply(host, plan({"mtu": 1400}, "top0", name="high"))
    error = host.ask(remove=["low"])["error"]
    assert "wan0 would get its former MTU 1300 back, and a plan wants 1400 for top0" in error["message"]
    assert drift(host) == []
    assert remove(host, "low", "high") == "applied"
    assert host.view() == before


@pytest.mark.parametrize("mtu", [1400, 1600])
def test_mtus_of_ipv6_come_back(host: Host, mtu: int) -> None:
    """A rollback brings back the MTU that IPv6 had of its own on an interface and on its routes."""
    host.shell(f"ip -6 addr add 2001:db8::1/64 dev {IFACE}; echo 1440 >/proc/sys/net/ipv6/conf/{IFACE}/mtu")
    for number, metric in enumerate(("mtu 1450", "mtu lock 1450", "mtu 1300")):
        host.shell(f"ip -6 route add 2001:db8:{number + 1}::/64 dev {IFACE} {metric}")
    before = host.view()
    apply(host, plan({"mtu": mtu}), checkpoint_id="one")
    assert host.view() != before
    assert host.checkpoint("restored", id="one")["report"]["error"] is None
    assert host.view() == before
