# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hypothesis strategies: what is asked of a host, wider than the plans that the controller's own tests try."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate
from tests.bridge.plan_strategies import CHANGES, DSCP, MATCH, PORT, PORT_PROTOCOL, optional, routes

MBIT = st.integers(1, 2000)
RARE = ("fq", "fq_codel", "cake", "sfq", "netem")  # kinds that a kernel may lack; the virtual machines have them
NOT_IN_A_NAMESPACE = {"net.core.rmem_max"}
THERE = {"default": "192.0.2.0/24", "fd00::/8": "2001:db8::/64"}  # routes that every host of the tests has


def kind(name: str, required: dict[str, Any] | None = None, **params: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Return qdiscs of a kind, with any of the parameters and all of the required ones."""
    return st.fixed_dictionaries(
        {"type": st.just(name), "params": st.fixed_dictionaries(required or {}, optional=params)}
    )


COMMON = st.one_of(
    kind("pfifo", limit=st.integers(1, 5000)),
    kind("bfifo", limit_bytes=st.integers(2000, 900_000)),
    kind("pfifo_fast"),
    kind(
        "tbf",
        {"rate_mbit": MBIT, "burst_bytes": st.integers(20_000, 300_000)},
        latency_ms=st.integers(5, 400),
    ),
)
FULL = st.one_of(
    COMMON,
    kind(
        "fq",
        limit=st.integers(100, 20_000),
        flow_limit=st.integers(10, 500),
        quantum=st.integers(1514, 20_000),
        maxrate_mbit=MBIT,
        pacing=st.booleans(),
        buckets=st.sampled_from([64, 1024, 4096]),
    ),
    kind(
        "fq_codel",
        limit=st.integers(100, 20_000),
        flows=st.sampled_from([16, 1024]),
        target_us=st.integers(1000, 20_000),
        interval_us=st.integers(20_000, 200_000),
        quantum=st.integers(300, 9000),
        ecn=st.booleans(),
    ),
    kind(
        "cake",
        bandwidth_mbit=MBIT,
        diffserv=st.sampled_from(["besteffort", "precedence", "diffserv3", "diffserv4", "diffserv8"]),
        isolation=st.sampled_from(
            ["flowblind", "srchost", "dsthost", "hosts", "flows", "dual-srchost", "dual-dsthost"]
        ),
        nat=st.booleans(),
        wash=st.booleans(),
        ack_filter=st.sampled_from(["no", "yes", "aggressive"]),
        split_gso=st.booleans(),
        rtt_ms=st.integers(1, 500),
        overhead=st.integers(0, 100),
        mpu=st.integers(0, 100),
        atm=st.sampled_from(["noatm", "atm", "ptm"]),
        ingress=st.booleans(),
    ),
    kind("sfq", perturb_s=st.integers(0, 60), limit=st.integers(10, 120), headdrop=st.booleans()),
)
NAT = st.sampled_from(
    [
        {"type": "masquerade", "iface": "eth0"},
        {"type": "snat", "iface": "eth0", "src": "10.0.0.0/8", "to_addr": "192.0.2.1"},
        {"type": "dnat", "protocol": "tcp", "port": 8080, "to_addr": "10.0.0.9", "to_port": 80},
    ]
)


@st.composite
def trees(draw: st.DrawFn, leaf: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    """Return changes with nested classes, with leaves, matches and a shaper at will."""
    classes: list[dict[str, Any]] = []
    inner: list[str] = []
    for number in range(draw(st.integers(1, 7))):
        rate = draw(st.integers(1, 40))
        entry: dict[str, Any] = {"classid": f"1:{number + 10}", "rate_mbit": rate, "ceil_mbit": rate * 3}
        if inner and draw(st.booleans()):
            entry["parent"] = draw(st.sampled_from(inner))
        if draw(st.booleans()) and len(inner) < 2:
            inner.append(entry["classid"])
        else:
            if draw(st.booleans()):
                entry["leaf"] = draw(leaf)
            if draw(st.booleans()):
                entry["match"] = [draw(st.one_of(MATCH.filter(bool), st.fixed_dictionaries({"dscp": DSCP})))]
        if draw(st.booleans()):
            entry["priority"] = draw(st.integers(0, 7))
        classes.append(entry)
    found: dict[str, Any] = {"htb_classes": classes}
    parents = {entry.get("parent") for entry in classes}
    leaves = [entry["classid"] for entry in classes if entry["classid"] not in parents]
    if draw(st.booleans()):
        found["default_class"] = draw(st.sampled_from(leaves))
    if draw(st.booleans()):
        found["shaper"] = {"egress_mbit": draw(st.integers(300, 2000))}
    return found


def rest(qdisc: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return changes of everything but classes."""
    return optional(
        sysctl=optional(
            **{
                "net.ipv4.ip_forward": st.sampled_from([0, 1]),
                "net.ipv4.tcp_fin_timeout": st.integers(10, 60),
                "net.ipv4.tcp_wmem": st.sampled_from(["4096 65536 4194304", "8192 16384 1000000"]),
                "net.ipv4.tcp_syncookies": st.sampled_from([0, 1, 2]),
                "net.core.somaxconn": st.integers(256, 9000),
                "net.ipv4.ip_local_port_range": st.sampled_from(["1024 65000", "20000 60999"]),
            }
        ),
        qdisc=qdisc,
        shaper=optional(egress_mbit=MBIT, ingress_mbit=MBIT).filter(bool),
        netem=st.fixed_dictionaries(
            {"duration_s": st.just(3600)},
            optional={
                "delay_ms": st.integers(1, 300),
                "loss_pct": st.integers(1, 20),
                "duplicate_pct": st.integers(1, 10),
                "corrupt_pct": st.integers(1, 10),
                "limit": st.integers(100, 5000),
            },
        ),
        dscp=st.lists(st.fixed_dictionaries({"match": MATCH, "dscp": DSCP}), max_size=3),
        nat_rules=st.lists(NAT, max_size=2, unique_by=str),
        rate_limits=st.lists(
            st.fixed_dictionaries(
                {
                    "rate": st.sampled_from(["1000/second", "50/minute", "9/hour"]),
                    "protocol": PORT_PROTOCOL,
                    "port": PORT,
                },
                optional={"burst": st.integers(1, 100), "per_source": st.booleans()},
            ),
            max_size=2,
        ),
        connection_tracking=optional(drop_invalid=st.booleans(), accept_established=st.booleans()),
        offloads=optional(gro=st.booleans(), tso=st.booleans(), gso=st.booleans(), sg=st.booleans()),
        mtu=st.integers(1280, 9000),
        routes=routes(st.integers(1, 100)),
    )


def possible(offloads: dict[str, bool]) -> dict[str, bool]:
    """Return offloads that can be together: nothing is segmented without scatter-gather."""
    return {name: on and not (name in {"tso", "gso"} and offloads.get("sg") is False) for name, on in offloads.items()}


def in_a_namespace(changes: dict[str, Any]) -> dict[str, Any]:
    """Return changes without what can only be set in the first namespace, as near as can be to those given."""
    found = dict(changes)
    values = {key: value for key, value in found.get("sysctl", {}).items() if key not in NOT_IN_A_NAMESPACE}
    if values.get("net.ipv4.tcp_congestion_control") == "bbr":
        values["net.ipv4.tcp_congestion_control"] = "reno"
    if found.get("nat_rules"):
        values["net.ipv4.ip_forward"] = 1  # else there is nothing to translate, and the host refuses
    found["sysctl"] = values
    found["offloads"] = possible(found.get("offloads", {}))
    found["routes"] = [
        {**one, "dst": THERE[one["dst"]], **({"congctl": "reno"} if "congctl" in one else {})}
        for one in found.get("routes", [])
        if one["dst"] in THERE
    ]
    if found.get("qdisc", {}).get("type") == "mq":
        del found["qdisc"]  # the device of these hosts has one queue
    settable = ("drop_invalid", "accept_established")
    tracking = {key: value for key, value in found.get("connection_tracking", {}).items() if key in settable}
    found["connection_tracking"] = tracking
    return {name: value for name, value in found.items() if value not in ({}, [])}


def common(changes: dict[str, Any]) -> dict[str, Any]:
    """Return changes that any kernel can make, as near as can be to those that are given."""
    found = {name: value for name, value in changes.items() if name != "netem"}
    if found.get("qdisc", {}).get("type") in RARE:
        found["qdisc"] = {"type": "pfifo", "params": {"limit": 100}}
    if "htb_classes" in found:
        found["htb_classes"] = [
            {**one, "leaf": {"type": "pfifo"}} if one.get("leaf", {}).get("type") in RARE else one
            for one in found["htb_classes"]
        ]
    return found


def as_sent(changes: dict[str, Any]) -> dict[str, Any] | None:
    """Return changes in their normal form, as they reach a host; ``None`` where policy refuses them."""
    plan = {"iface": "eth0", "profile": "server", "changes": changes, "rationale": ["a test"]}
    found = validate(plan, load_policy()).normalized_plan
    sent: dict[str, Any] | None = found.dump()["changes"] if found else None
    return sent


def sent(changes: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return those changes that the policy lets through, as they reach a host in a namespace."""
    return changes.map(in_a_namespace).filter(bool).map(as_sent).filter(bool)


COMMON_CHANGES = sent(st.one_of(CHANGES.map(common), trees(COMMON), rest(COMMON).map(common)))
"""Changes that a kernel with htb, tbf and the simple queues can make."""
FULL_CHANGES = sent(st.one_of(CHANGES, trees(FULL), rest(FULL)))
"""Changes that take a distribution's kernel."""
