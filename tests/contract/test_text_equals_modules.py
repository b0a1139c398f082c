# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan's text, run by hand with bash in an empty namespace, and its modules lead to the same kernel state."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.bridge import plan_strategies as plans
from tests.contract.text_and_modules import by_hand, by_module, example, look
from tests.kernel.transaction_host import Host, transaction_host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

INITIAL_ONLY = {"net.core.rmem_max", "net.ipv4.tcp_congestion_control"}  # and congestion controls that are modules


def without(plan: dict[str, Any], *fields: str, keys: frozenset[str] | set[str] = frozenset()) -> dict[str, Any]:
    """Return a plan without some fields of its changes and without some sysctl keys."""
    changes = {name: value for name, value in plan["changes"].items() if name not in fields}
    changes["sysctl"] = {key: value for key, value in changes["sysctl"].items() if key not in keys}
    return {**plan, "changes": changes}


def plan(iface: str | list[str] = "eth0", **changes: Any) -> dict[str, Any]:
    """Return a plan of its own."""
    return {"iface": iface, "changes": changes}


VOICE = {
    "classid": "1:10",
    "rate_mbit": 10,
    "ceil_mbit": 40,
    "priority": 0,
    "burst": "15k",
    "match": [{"proto": "udp", "dports": "5060-5070"}, {"dscp": "EF"}, {"src": "2001:db8::/32", "dports": [53]}],
}
BULK = {"classid": "1:20", "rate_mbit": 5, "leaf": {"type": "bfifo", "params": {"limit_bytes": 70000}}}
INNER = {"classid": "1:21", "parent": "1:20", "rate_mbit": 2, "leaf": {"type": "pfifo", "params": {"limit": 20}}}
FORWARD = {"net.ipv4.ip_forward": 1}

PLANS: dict[str, dict[str, Any]] = {
    "gaming without what the first namespace alone has": without(example("gaming"), "qdisc", keys=INITIAL_ONLY),
    "server protection without the size of the table": without(example("server-protection"), "connection_tracking"),
    "sysctl": plan(
        sysctl={
            "net.ipv4.tcp_rmem": "4096 131072 33554432",
            "net.ipv4.tcp_congestion_control": "reno",
            "net.ipv4.ip_local_port_range": "10240 60999",
            "net.core.somaxconn": 8192,
            "net.ipv4.tcp_low_latency": 1,
        }
    ),
    "forwarding, which resets other keys": plan(
        sysctl={**FORWARD, "net.ipv6.conf.all.forwarding": 1}, nat_rules=[{"type": "masquerade"}]
    ),
    "offloads and MTU": plan(offloads={"gro": False, "tso": False, "gso": False, "sg": False}, mtu=1400),
    "MTU of two interfaces": plan(["eth0", "eth1"], mtu=9000, shaper={"egress_mbit": 5}),
    "queues": plan(
        nic={"channels": {"rx": 1, "tx": "max"}, "txqueuelen": 5000, "promisc": True},
        steering={"rps_cpus": "all", "rps_flow_cnt": 1000, "xps_cpus": "0"},
    ),
    "pfifo": plan(qdisc={"type": "pfifo", "params": {"limit": 77}}),
    "bfifo": plan(qdisc={"type": "bfifo", "params": {"limit_bytes": 99999}}),
    "pfifo_fast": plan(qdisc={"type": "pfifo_fast"}),
    "tbf": plan(qdisc={"type": "tbf", "params": {"rate_mbit": 7, "burst_bytes": 9000, "latency_ms": 30}}),
    "tbf with a peak rate and an MTU": plan(
        qdisc={
            "type": "tbf",
            "params": {
                "rate_mbit": 7,
                "burst_bytes": 9000,
                "limit_bytes": 60000,
                "peakrate_mbit": 14,
                "mtu_bytes": 3000,
            },
        },
        mtu=1500,
    ),
    "htb": plan(
        qdisc={"type": "htb", "params": {"r2q": 20, "direct_qlen": 50}},
        htb_classes=[VOICE, BULK, INNER],
        default_class="1:21",
    ),
    "shaper both ways with classes": plan(
        shaper={"egress_mbit": 100, "ingress_mbit": 50, "ceil_mbit": 120},
        htb_classes=[VOICE, BULK],
        default_class="20",
    ),
    "a link, and what arrives by itself": plan(
        shaper={"egress_mbit": 0.2, "ingress_mbit": 0.512, "overhead_bytes": 44, "mpu": 64, "linklayer": "atm"},
        ingress={
            "htb_classes": [{**VOICE, "rate_mbit": 0.1, "match": [{"max_length": 100, "tcp_flags": ["ack", "!syn"]}]}],
            "default_class": VOICE["classid"],
            "qdisc": {"type": "htb", "params": {"r2q": 5}},
        },
    ),
    "classes by rules": plan(
        htb_classes=[
            {**VOICE, "cburst": "9k", "quantum": 3000, "match": [{"uid": 7}, {"skb_priority": 6, "fwmark": "1/3"}]}
        ],
        shaper={"egress_mbit": 90},
    ),
    "limits of some": plan(
        connection_limits=[{"protocol": "tcp", "port": 22, "limit": 5, "src": ["10.0.0.0/8", "fd00::/8"]}],
        rate_limits=[
            {"rate": "9/second", "src": ["10.0.0.0/8", "10.1.0.0/16", "fd00::/8"], "except": ["10.2.0.0/16"]},
            {"rate": "9/second", "protocol": "icmp", "icmp_type": "echo-request", "per_source": True},
        ],
    ),
    "limits of several ports": plan(
        connection_limits=[
            {"protocol": "tcp", "ports": [80, 443, "8000-8100"], "limit": 5},
            {"protocol": "tcp", "limit": 150, "mask": 24},
        ],
        rate_limits=[
            {"rate": "9/second", "ports": [80, 443], "per": "packets"},
            {"rate": "9/second", "protocol": "tcp", "ports": [80, 443], "src": ["10.0.0.0/8", "fd00::/8"]},
            {"rate": "9/minute", "protocol": "udp", "ports": ["5000-5100", 53], "per_source": True},
        ],
    ),
    "shaper with a leaf": plan(shaper={"egress_mbit": 1.5}, qdisc={"type": "pfifo", "params": {"limit": 5}}),
    "marks": plan(
        dscp=[
            {"match": {"proto": "udp", "dports": "1000-2000"}, "dscp": "EF"},
            {"match": {"src": "10.0.0.0/8", "sports": [80, 443]}, "dscp": "af41"},
            {"match": {"dst": "2001:db8::/32"}, "dscp": 0},
            {"match": {}, "dscp": "LE"},
        ]
    ),
    "limits": plan(
        connection_limits=[
            {"protocol": "tcp", "port": 22, "limit": 5, "mask": 32},
            {"protocol": "tcp", "port": 80, "limit": 100, "mask": 24, "action": "drop"},
            {"protocol": "udp", "port": 53, "limit": 7, "mask": 16},
        ],
        rate_limits=[
            {"rate": "1000/second", "burst": 50},
            {"rate": "10/minute", "protocol": "tcp", "port": 443, "per_source": True},
            {"rate": "5000/hour", "protocol": "udp", "per": "packets"},
        ],
    ),
    "connection tracking": plan(
        connection_tracking={
            "tcp_timeout_established": 7200,
            "tcp_timeout_close_wait": 30,
            "accept_established": True,
            "drop_invalid": True,
        }
    ),
    "NAT": plan(
        sysctl=FORWARD,
        nat_rules=[
            {"type": "snat", "src": "10.1.0.0/16", "to_addr": "192.0.2.1"},
            {"type": "dnat", "protocol": "tcp", "port": 8080, "to_addr": "192.0.2.9", "to_port": 80},
            {"type": "masquerade", "iface": "eth0", "src": "10.2.0.0/16"},
        ],
    ),
}
PLANS["routes"] = plan(
    routes=[
        {"dst": "default", "initcwnd": 20, "initrwnd": 20, "quickack": True, "rto_min_ms": 40, "congctl": "reno"},
        {"dst": "192.0.2.0/24", "initcwnd": 30},
    ]
)
QUEUED = {
    "type": "htb",
    "params": {"r2q": 20},
    "htb_classes": [VOICE, {**BULK, "ceil_mbit": 9}],
    "default_class": "1:20",
}
PLANS["mq"] = plan("eth1", qdisc={"type": "mq"})
PLANS["mq with a queue each"] = plan(
    "eth1", qdisc={"type": "mq", "per_queue": {"type": "bfifo", "params": {"limit_bytes": 70000}}}, mtu=9000
)
PLANS["mq with a tree each, and what arrives"] = plan(
    "eth1", qdisc={"type": "mq", "per_queue": QUEUED}, shaper={"ingress_mbit": 50}
)
PLANS["nearly everything"] = plan(
    **{
        **PLANS["offloads and MTU"]["changes"],
        **PLANS["sysctl"]["changes"],
        **PLANS["shaper both ways with classes"]["changes"],
        **PLANS["limits"]["changes"],
        **PLANS["marks"]["changes"],
        **PLANS["connection tracking"]["changes"],
        **PLANS["routes"]["changes"],
    }
)


def prepare(host: Host) -> Host:
    """Give a host a second interface, which has several queues, and default routes."""
    host.run("ip", "link", "add", "eth1", "numtxqueues", "3", "type", "veth", "peer", "name", "peer1")
    default = "default via 192.0.2.254 dev eth0 proto static src 192.0.2.1 metric 100 mtu lock 1400 rtt 20ms"
    host.run("ip", "route", "add", *default.split())
    host.run("ip", "-6", "route", "add", *"default via fe80::fe dev eth0 metric 512 hoplimit 64 pref high".split())
    return host


@pytest.fixture
def host() -> Iterator[Host]:
    """A host for the test alone."""
    with transaction_host() as made:
        yield prepare(made)


@pytest.mark.parametrize("wanted", PLANS.values(), ids=PLANS.keys())
def test_text_and_modules_agree(wanted: dict[str, Any]) -> None:
    """The text once, the text twice and the modules give one state; going back gives the state before.

    A host that was set up by hand with the text already holds the plan: it is written down, nothing else is done.
    """
    with transaction_host() as first, transaction_host() as second:
        agree(prepare(first), prepare(second), wanted)


def agree(with_text: Host, with_modules: Host, wanted: dict[str, Any]) -> None:
    """Hold a plan's text against its modules, and leave the modules' host as it was."""
    empty = look(with_modules)
    assert look(with_text) == empty

    by_hand(with_text, wanted)
    once = look(with_text)
    assert once != empty
    by_hand(with_text, wanted)
    assert look(with_text) == once, "running the text twice is not harmless"

    predicted = by_module(with_modules, wanted, check=True)
    assert predicted["status"] == "would_change", predicted["error"]
    assert look(with_modules) == empty, "check mode changed something"
    report = by_module(with_modules, wanted)
    assert report["status"] == "applied", report["error"]
    assert look(with_modules) == once, "text and modules differ"
    again = by_module(with_modules, wanted)
    assert (again["status"], again["diff"], again["operations"]) == ("unchanged", [], [])

    with_modules.checkpoint("restored", id=report["checkpoint_id"])
    assert look(with_modules) == empty, "the rollback is not exact"

    found = by_module(with_text, wanted)
    assert [entry["subsystem"] for entry in found["diff"]] == ["plan"], found["error"]
    assert look(with_text) == once
    assert by_module(with_text, wanted)["status"] == "unchanged"


DRIFT = {
    "a sysctl key": ("sysctl", "sysctl -w net.ipv4.ip_local_port_range='20000 30000'", "net.ipv4.ip_local_port_range"),
    "a qdisc deleted": ("shaper both ways with classes", "tc qdisc delete dev eth0 root", "eth0"),
    "a qdisc of another kind": (
        "tbf",
        "tc qdisc replace dev eth0 root pfifo limit 3",
        "eth0",
    ),
    "a class changed": ("htb", "tc class change dev eth0 classid 1:20 htb rate 6mbit", "1:20"),
    "a class added": ("htb", "tc class add dev eth0 parent 1: classid 1:99 htb rate 1mbit", "1:99"),
    "the filters deleted": ("htb", "tc filter delete dev eth0 parent 1:", "eth0"),
    "a leaf changed": ("htb", "tc qdisc change dev eth0 parent 1:21 pfifo limit 9", "eth0"),
    "the ingress redirect deleted": ("shaper both ways with classes", "tc qdisc delete dev eth0 ingress", "eth0"),
    "the ifb device deleted": ("shaper both ways with classes", "ip link delete ifb-eth0", "ifb-eth0"),
    "a queue below mq changed": (
        "mq with a queue each",
        "tc qdisc replace dev eth1 parent 1:2 handle 11: bfifo limit 9000",
        "qdisc 11:",
    ),
    "a queue below mq deleted": ("mq with a queue each", "tc qdisc delete dev eth1 parent 1:3", "qdisc 12:"),
    "a class below mq changed": (
        "mq with a tree each, and what arrives",
        "tc class change dev eth1 classid 12:20 htb rate 6mbit",
        "12:20",
    ),
    "the table deleted": ("limits", "nft delete table inet netopt", "netopt"),
    "a rule added": ("limits", "nft insert rule inet netopt input tcp dport 1 drop", "netopt"),
    "a chain flushed": ("marks", "nft flush table inet netopt", "netopt"),
    "a rule of the same words elsewhere": ("nearly everything", "nft flush chain inet netopt input", "netopt"),
    "an offload": ("offloads and MTU", "ethtool -K eth0 gro on", "generic-receive-offload"),
    "a route": (
        "routes",
        "ip route change 192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.1",
        "192.0.2.0/24",
    ),
    "the queue length": ("queues", "ip link set eth0 txqueuelen 9", "txqueuelen"),
    "the steering": ("queues", "echo 0 >/sys/class/net/eth0/queues/rx-0/rps_cpus", "rps_cpus"),
    "the MTU": ("offloads and MTU", "ip link set eth0 mtu 1450", "mtu"),
}


@pytest.mark.parametrize(("name", "by", "key"), DRIFT.values(), ids=DRIFT.keys())
def test_a_change_by_hand_is_named_and_mended(host: Host, name: str, by: str, key: str) -> None:
    """Check mode names what a person changed with the system's tools, and applying again mends just that."""
    assert by_module(host, PLANS[name])["status"] == "applied"
    held = look(host)
    host.run("sh", "-c", by)
    drifted = look(host)
    assert drifted != held

    predicted = by_module(host, PLANS[name], check=True)
    assert predicted["status"] == "would_change", predicted["error"]
    assert look(host) == drifted
    named = [f"{change['key']}: {change['before']} -> {change['after']}" for change in predicted["diff"]]
    assert any(key in line for line in named), named

    mended = by_module(host, PLANS[name])
    assert (mended["status"], mended["diff"]) == ("applied", predicted["diff"])
    assert look(host) == held


QDISC = st.one_of(
    st.fixed_dictionaries({"type": st.just("pfifo"), "params": plans.optional(limit=st.integers(10, 1000))}),
    st.fixed_dictionaries({"type": st.just("bfifo"), "params": plans.optional(limit_bytes=st.integers(20_000, 10**6))}),
    st.fixed_dictionaries(
        {
            "type": st.just("tbf"),
            "params": st.fixed_dictionaries(
                {
                    "rate_mbit": st.integers(1, 1000),
                    "burst_bytes": st.integers(20_000, 10**6),
                    "latency_ms": st.integers(10, 200),
                }
            ),
        }
    ),
)
SYSCTL = plans.optional(
    **{
        "net.ipv4.tcp_rmem": st.sampled_from(["4096 131072 6291456", "4096\t87380\t33554432"]),
        "net.ipv4.tcp_congestion_control": st.just("reno"),
        "net.ipv4.tcp_fin_timeout": st.integers(10, 60),
        "net.ipv4.tcp_syncookies": st.sampled_from([0, 1, 2, "0x1"]),
        "net.ipv4.ip_forward": st.just(1),
        "net.core.somaxconn": st.integers(4096, 65535),
    }
)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """Return changes with classes, at times below a shaper, at times nested."""
    classes: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 4))):
        rate = draw(st.integers(1, 50))
        one: dict[str, Any] = {"classid": f"1:{number + 10}", "rate_mbit": rate}
        one |= draw(plans.optional(ceil_mbit=st.just(rate * 2), priority=st.integers(0, 7)))
        if classes:  # the first one may get classes below it: packets do not wait in such a class
            one |= draw(plans.optional(leaf=QDISC, parent=st.just("1:10")))
        if classes and draw(st.booleans()):
            one["match"] = [{"proto": "udp", "dports": draw(plans.PORTS)}, {"dscp": draw(plans.DSCP)}]
        classes.append(one)
    changes: dict[str, Any] = {"htb_classes": classes, "default_class": classes[-1]["classid"]}
    if draw(st.booleans()):
        changes["shaper"] = {"egress_mbit": draw(st.integers(500, 1000))}
    return changes


FIREWALL = plans.optional(
    dscp=st.lists(st.fixed_dictionaries({"match": plans.MATCH, "dscp": plans.DSCP}), max_size=3),
    connection_limits=st.lists(
        st.fixed_dictionaries(
            {"protocol": st.sampled_from(["tcp", "udp"]), "port": plans.PORT, "limit": st.integers(1, 1000)},
            optional={"mask": st.integers(8, 32), "action": st.sampled_from(["reject", "drop"])},
        ),
        max_size=3,
        unique_by=lambda one: (one["protocol"], one["port"]),
    ),
    rate_limits=st.lists(
        st.fixed_dictionaries(
            {"rate": st.sampled_from(["1000/second", "50/Minute", "9/hour"])},
            optional={
                "burst": st.integers(1, 500),
                "protocol": st.sampled_from(["tcp", "udp"]),
                "per_source": st.booleans(),
            },
        ),
        max_size=2,
    ),
    connection_tracking=plans.optional(
        tcp_timeout_established=st.integers(600, 86400), drop_invalid=st.booleans(), accept_established=st.booleans()
    ).filter(bool),
)
OTHERS = plans.optional(
    sysctl=SYSCTL.filter(bool),
    qdisc=QDISC,
    shaper=plans.optional(egress_mbit=plans.MBIT, ingress_mbit=plans.MBIT).filter(bool),
    offloads=plans.optional(gro=st.booleans(), tso=st.booleans()).filter(bool),
    mtu=st.integers(1280, 9000),
)
GENERATED = (
    st.tuples(trees() | OTHERS, FIREWALL)
    .map(lambda both: {name: value for name, value in {**both[0], **both[1]}.items() if value})
    .filter(bool)
)


@pytest.mark.long
@pytest.mark.slow
@settings(max_examples=20, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(changes=GENERATED)
def test_text_and_modules_agree_on_any_plan(changes: dict[str, Any]) -> None:
    """Whatever this kernel can hold is the same by hand and by module."""
    note(str(changes))
    with transaction_host() as first, transaction_host() as second:
        by_hand(first, plan(**changes))
        once = look(first)
        by_hand(first, plan(**changes))
        assert look(first) == once, "running the text twice is not harmless"
        empty = look(second)
        report = by_module(second, plan(**changes))
        assert report["status"] in {"applied", "unchanged"}, report["error"]
        assert look(second) == once, "text and modules differ"
        assert by_module(second, plan(**changes))["status"] == "unchanged"
        if report["checkpoint_id"]:
            second.checkpoint("restored", id=report["checkpoint_id"])
        assert look(second) == empty
