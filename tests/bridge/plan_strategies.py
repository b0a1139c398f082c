# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hypothesis strategies: plans that are valid under the shipped policy, and data that may be anything."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)

MBIT = st.integers(1, 1000) | st.floats(1, 1000).map(lambda rate: round(rate, 3))
PORT = st.integers(1, 65535)
PORTS = (
    PORT
    | PORT.map(str)
    | st.tuples(PORT, PORT).map(lambda ends: f"{min(ends)}-{max(ends)}")
    | st.lists(PORT, min_size=1, max_size=4)
)
DSCP = st.integers(0, 63) | st.sampled_from(["EF", "ef", "AF41", "Cs6", "LE", "DF"])
V4 = st.sampled_from(["192.0.2.0/24", "10.0.0.0/8", "198.51.100.7"])
PORT_PROTOCOL = st.sampled_from(["tcp", "udp", "TCP"])


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with any of the given keys."""
    return st.fixed_dictionaries({}, optional=fields)


QDISC = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("fq"), "params": optional(limit=st.integers(100, 10_000), pacing=st.booleans())}
    ),
    st.fixed_dictionaries({"type": st.just("fq_codel")}),
    st.fixed_dictionaries({"type": st.just("cake"), "params": optional(bandwidth_mbit=MBIT, nat=st.booleans())}),
    st.fixed_dictionaries({"type": st.just("pfifo"), "params": optional(limit=st.integers(10, 1000))}),
)

MATCH = optional(proto=PORT_PROTOCOL, sports=PORTS, dports=PORTS, src=V4, dst=V4)

SYSCTL = optional(
    **{
        "net.core.rmem_max": st.integers(65_536, 16_777_216) | st.sampled_from(["0x100000", " 1048576 "]),
        "net.ipv4.tcp_rmem": st.sampled_from(
            ["4096 131072 6291456", "4096\t131072\t6291456", "0x1000  131072 6291456"]
        ),
        "net.ipv4.tcp_congestion_control": st.sampled_from(["bbr", "cubic", "reno"]),
        "net.ipv4.tcp_fin_timeout": st.integers(10, 60) | st.integers(10, 60).map(str),
    }
)


PERCENT = st.floats(0, 5).map(lambda share: round(share, 2))
NETEM = st.one_of(
    optional(
        delay_ms=st.integers(1, 100),
        loss_pct=PERCENT,
        rate_mbit=MBIT,
        direction=st.sampled_from(["egress", "Ingress"]),
        match=MATCH.filter(bool),
    ).filter(lambda netem: netem.keys() - {"match", "direction"}),
    st.fixed_dictionaries({"duplicate_pct": st.integers(1, 5)}, optional={"duplicate_correlation_pct": PERCENT}),
    st.fixed_dictionaries(
        {"delay_ms": st.integers(5, 100), "delay_jitter_ms": st.integers(1, 5)},
        optional={
            "delay_correlation_pct": PERCENT,
            "distribution": st.sampled_from(["uniform", "Normal", "pareto", "paretonormal"]),
        },
    ),
    st.fixed_dictionaries(
        {
            "loss_model": st.one_of(
                st.fixed_dictionaries({"type": st.just("gemodel"), "p_pct": PERCENT, "r_pct": st.integers(20, 90)}),
                st.fixed_dictionaries({"type": st.just("state"), "p13_pct": PERCENT}),
            )
        }
    ),
)


@st.composite
def mq(draw: st.DrawFn) -> dict[str, Any]:
    """Return a queue, or a tree of classes, for each TX queue."""
    tree = draw(htb())
    whole = {"type": "htb", "htb_classes": tree["htb_classes"], "default_class": tree["default_class"]}
    return {"type": "mq", **draw(optional(per_queue=QDISC | st.just(whole)))}


@st.composite
def htb(draw: st.DrawFn) -> dict[str, Any]:
    """Return changes with a tree of classes."""
    count = draw(st.integers(1, 4))
    classes = []
    for number in range(count):
        rate = draw(st.integers(1, 100))
        entry: dict[str, Any] = {"classid": f"1:{number + 10}", "rate_mbit": rate}
        entry |= draw(
            optional(ceil_mbit=st.just(rate * 2), priority=st.integers(0, 7), burst=st.sampled_from(["15k", 1600]))
        )
        if draw(st.booleans()):
            entry["match"] = [{"dports": draw(PORTS), "proto": "udp"}]
        if draw(st.booleans()):
            entry["leaf"] = draw(QDISC)
        classes.append(entry)
    return {"qdisc": {"type": "htb"}, "htb_classes": classes, "default_class": "10"}


def routes(segments: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Return routes, each destination once, with a window of these sizes and maybe more."""
    one = st.fixed_dictionaries(
        {"dst": st.sampled_from(["default", "10.0.0.0/8", "fd00::/8"]), "initcwnd": segments},
        optional={"quickack": st.booleans(), "rto_min_ms": st.integers(1, 200), "congctl": st.just("bbr")},
    )
    return st.lists(one, min_size=1, max_size=3, unique_by=lambda each: str(each["dst"]))


CHANGES = st.one_of(
    htb(),
    optional(
        sysctl=SYSCTL,
        qdisc=QDISC | mq(),
        shaper=optional(ingress_mbit=MBIT).filter(bool),
        netem=NETEM,
        dscp=st.lists(st.fixed_dictionaries({"match": MATCH, "dscp": DSCP}), max_size=3),
        connection_limits=st.lists(
            st.builds(
                lambda limit, ports: {**limit, **ports},
                st.fixed_dictionaries(
                    {"protocol": PORT_PROTOCOL, "limit": st.integers(1, 1000)},
                    optional={"mask": st.integers(8, 32), "action": st.sampled_from(["reject", "drop"])},
                ),
                st.fixed_dictionaries({"port": PORT}) | optional(ports=PORTS),
            ),
            max_size=2,
        ),
        rate_limits=st.lists(
            st.fixed_dictionaries({"rate": st.sampled_from(["1000/second", "50/Minute"])}, optional={"ports": PORTS}),
            max_size=2,
        ),
        connection_tracking=optional(max_connections=st.integers(65_536, 1_000_000), drop_invalid=st.booleans()),
        offloads=optional(gro=st.booleans(), tso=st.booleans()),
        nic=optional(
            rings=optional(rx=st.integers(0, 65536) | st.sampled_from(["max", "512"]), tx=st.just("max")),
            coalesce=optional(adaptive_rx=st.booleans(), rx_usecs=st.integers(0, 100_000)),
            channels=optional(combined=st.just("max")),
            pause=optional(autoneg=st.booleans()),
            txqueuelen=st.integers(0, 1_000_000),
            promisc=st.booleans(),
        ),
        steering=optional(
            rps_cpus=st.sampled_from(["0-3,8", "8,0", "all", "numa", "none"]), rfs_entries=st.integers(0, 1 << 29)
        ),
        mtu=st.integers(1280, 9000),
        routes=routes(st.integers(1, 100)),
    ),
)


@st.composite
def alike(draw: st.DrawFn, rule: st.SearchStrategy[dict[str, Any]], **fields: st.SearchStrategy[Any]) -> list[Any]:
    """Return rules of which many differ from the one before them in one of ``fields`` alone, or not at all."""
    rules = [draw(rule)]
    for _ in range(draw(st.integers(0, 20))):
        name = draw(st.sampled_from([*fields, None, *fields]))
        number = rules[-1].get(name)
        counted = isinstance(number, int) and draw(st.booleans()) and number < 1000
        rules.append({**rules[-1], **({name: number + 1 if counted else draw(fields[name])} if name else {})})
    return rules


def any_of(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return plans with any of these changes."""
    return optional(**fields).map(lambda changes: {"iface": "eth0", "changes": {"mtu": 1500, **changes}})


LIMIT = st.integers(1, 1_000_000)
RULES = any_of(
    connection_limits=alike(
        st.fixed_dictionaries({"protocol": PORT_PROTOCOL, "port": PORT, "limit": LIMIT}), port=PORT, limit=LIMIT
    ),
    rate_limits=alike(
        st.fixed_dictionaries({"rate": st.just("9/second"), "port": PORT, "per_source": st.booleans()}),
        port=PORT,
        burst=LIMIT,
        per_source=st.booleans(),
        rate=LIMIT.map("{}/hour".format),
    ),
    nat_rules=alike(
        st.fixed_dictionaries(
            {"type": st.just("dnat"), "protocol": PORT_PROTOCOL, "port": PORT, "to_addr": st.just("192.0.2.7")}
        ),
        port=PORT,
        to_port=PORT,
        to_addr=st.sampled_from(["203.0.113.66", "192.0.2.8"]),
        iface=st.sampled_from(["eth0", "a,b|c", "a&b", "1-3", "x=1"]),
    ),
    dscp=alike(
        st.fixed_dictionaries({"match": st.fixed_dictionaries({"dports": PORTS}), "dscp": DSCP}),
        match=MATCH,
        dscp=DSCP,
    ),
)
"""Plans with many rules that are alike; most of them valid."""

NOTHING: st.SearchStrategy[Any] = st.sampled_from([None, []])
AWAY = optional(
    sysctl=st.dictionaries(st.sampled_from(["net.core.busy_poll", "net/ipv4/tcp_sack"]), st.none(), min_size=1),
    offloads=st.just({"lro": None}),
    routes=NOTHING | routes(st.integers(1, 100) | st.none()),
    shaper=st.none(),
    connection_limits=NOTHING,
    nat_rules=NOTHING,
    dscp=NOTHING,
    connection_tracking=st.sampled_from([None, {}]),
    mtu=st.none(),
    nic=st.sampled_from([None, {"rings": None}, {"rings": {"rx": None}, "pause": {"rx": True}}]),
    steering=st.sampled_from([None, {"xps_cpus": None}]),
)
"""Changes that take something away."""
TAKING_AWAY = st.tuples(AWAY, CHANGES).map(lambda parts: {**parts[0], **parts[1]})

PLANS = st.fixed_dictionaries(
    {
        "iface": st.sampled_from(["eth0", "auto", ["eth0"], ["eth0", "eth1"], "en*", {"type": "bond"}]),
        "profile": st.sampled_from(["gaming", "server"]),
    },
    optional={
        "changes": CHANGES | TAKING_AWAY,
        "name": st.just("web"),
        "validate": st.fixed_dictionaries(
            {"targets": optional(tcp=st.just(["db:5432"]), iperf=st.just("db")).map({"ping": ["192.0.2.1"]}.__or__)},
            optional={"objectives": optional(loss_pct=st.integers(0, 5))},
        ),
        "rationale": st.sampled_from(["why", ["one", "two"]]),
    },
)
"""Plans in many spellings, all of them valid."""
