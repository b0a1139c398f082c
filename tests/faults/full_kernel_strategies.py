# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hypothesis strategies: states of a host that only a distribution's kernel can hold, as shell scripts.

A line that the kernel at hand refuses is left out where these are run; nearly all of them are taken. Packets are sent
to a device that leads nowhere: over the peer of the interface they would come back to it, for ever.
"""

from __future__ import annotations

from hypothesis import strategies as st

from tests.faults.state_strategies import FORWARDING, LINK, NFT, QUEUES, SYSCTL, htb

RATE = st.integers(1, 900).map(lambda rate: f"{rate}mbit")
MS = st.integers(1, 300)
HANDLES = st.integers(2, 0x7FFF)


def some(*words: str) -> st.SearchStrategy[str]:
    """Return any of the words, in their order, or none."""
    return st.tuples(*(st.sampled_from(["", word]) for word in words)).map(
        lambda chosen: " ".join(filter(None, chosen))
    )


CAKE = st.builds(
    "cake bandwidth {} {} {} rtt {}ms overhead {} mpu {} {} {}".format,
    RATE,
    st.sampled_from(["besteffort", "precedence", "diffserv3", "diffserv4", "diffserv8"]),
    st.sampled_from(
        ["flowblind", "srchost", "dsthost", "hosts", "flows", "dual-srchost", "dual-dsthost", "triple-isolate"]
    ),
    MS,
    st.integers(-60, 200),
    st.integers(0, 200),
    st.sampled_from(["noatm", "atm", "ptm"]),
    some("nat", "wash", "ingress", "ack-filter", "no-split-gso", "memlimit 2mb", "fwmark 0xff"),
)
NETEM = st.builds(
    "netem limit {} delay {}ms {} {} {}".format,
    st.integers(10, 9000),
    MS,
    st.sampled_from(["", "3ms", "3ms 25%", "4ms distribution normal", "9ms 10% distribution pareto"]),
    st.sampled_from(["", "loss 1%", "loss 2% 25%", "loss gemodel 1% 10% 70% 0.1%", "loss state 1% 20% 5% 50% 2%"]),
    some("duplicate 1%", "corrupt 0.2%", "reorder 25% 50%", "rate 9mbit 10 20 30", "ecn"),
)
CLASSLESS = st.one_of(
    CAKE,
    NETEM,
    st.builds("fq limit {} flow_limit {} {}".format, st.integers(100, 9000), st.integers(5, 99), some("nopacing")),
    st.builds("fq maxrate {} quantum {} refill_delay 9ms".format, RATE, st.integers(1514, 9000)),
    st.builds("fq_codel limit {} flows {} target {}ms".format, st.integers(9, 9000), st.sampled_from([4, 64]), MS),
    st.builds("codel limit {} target {}ms interval 400ms {}".format, st.integers(9, 9000), MS, some("ecn")),
    st.builds("pie limit {} target {}ms {}".format, st.integers(9, 9000), MS, some("ecn", "bytemode")),
    st.builds("fq_pie limit {} flows 64 target {}ms".format, st.integers(99, 9000), MS),
    st.builds("sfq limit {} perturb {} quantum 3000".format, st.integers(9, 120), st.integers(0, 60)),
    st.builds("sfq headdrop depth 30 flows {} limit 200 ecn redflowlimit 40000 min 5000 max 16000".format, st.just(99)),
    st.builds("red limit 400000 min 30000 max 90000 avpkt 1000 burst 55 bandwidth {} {}".format, RATE, some("ecn")),
    st.builds("choke limit {} bandwidth {}".format, st.integers(200, 900), RATE),
    st.builds("tbf rate {} burst {} latency {}ms".format, RATE, st.integers(9000, 90_000), MS),
    st.builds("tbf rate 5mbit burst 20k limit {} peakrate 9mbit minburst 3000".format, st.integers(20_000, 90_000)),
    st.sampled_from(
        ["hhf", "skbprio limit 77", "sfb", "pfifo_head_drop limit 9", "plug", "gred setup DPs 3 default 1"]
    ),
    st.builds("pfifo limit {}".format, st.integers(1, 900)),
)
ACTION = st.sampled_from(
    [
        "",
        "action drop",
        "action pass",
        "action mirred egress redirect dev sink0",
        "action mirred egress mirror dev ifb9",
        "action police rate 1mbit burst 10k drop",
        "action police rate 3mbit burst 20k peakrate 9mbit mtu 2k conform-exceed pipe/drop",
        "action police pkts_rate 3000 pkts_burst 100 conform-exceed drop",
        "action skbedit priority 1:7",
        "action skbedit mark 9 action mirred egress mirror dev sink0",
        "action pedit ex munge ip ttl set 9 pipe action csum ip",
        "action nat egress 10.0.0.0/8 192.0.2.1",
        "action vlan push id 5 priority 3",
        "action gact drop random determ ok 5",
        "action connmark",
        "action ct commit zone 7 mark 0x5/0xff",
        "action simple sdata hello",
    ]
)
U32 = st.one_of(
    st.integers(0, 0xFFFF).map(lambda port: f"protocol ip u32 match ip dport {port} 0xffff"),
    st.sampled_from(
        [
            "protocol ip u32 match ip src 10.0.0.0/8 match ip protocol 6 0xff",
            "protocol ipv6 u32 match ip6 dst 2001:db8::/32",
            "protocol all u32 match u32 0 0 at 0",
            "protocol ip u32 match mark 7 0xff",
        ]
    ),
)
FILTER = st.one_of(
    U32,
    st.sampled_from(
        [
            "protocol all matchall",
            "protocol ip flower dst_ip 10.0.0.0/8 ip_proto tcp dst_port 80-90",
            "protocol 802.1q flower vlan_id 5",
            "protocol ipv6 flower src_ip 2001:db8::/32 ip_tos 0x10/0xfc",
            "protocol ip flower ct_state +trk+est",
            "protocol ip handle 0x7/0xff fw",
            "protocol ip basic match 'cmp(u8 at 9 layer network eq 17)'",
            "protocol ip handle 5 flow hash keys src,dst divisor 16",
            "protocol ip bpf bytecode '1,6 0 0 4294967295,'",
        ]
    ),
)


@st.composite
def hfsc(draw: st.DrawFn) -> list[str]:
    """Return the commands of an hfsc tree."""
    lines = ["tc qdisc add dev eth0 root handle 1: hfsc default 12"]
    lines.append(f"tc class add dev eth0 parent 1: classid 1:1 hfsc ls rate {draw(RATE)} ul rate 950mbit")
    for minor in range(11, 11 + draw(st.integers(2, 4))):
        curve = draw(
            st.sampled_from(["sc umax 1500b dmax 30ms rate 5mbit", "rt m1 9mbit d 10ms m2 3mbit ls rate 5mbit"])
        )
        lines.append(f"tc class add dev eth0 parent 1:1 classid 1:{minor} hfsc {curve}")
    lines.append(f"tc qdisc add dev eth0 parent 1:11 handle 110: {draw(CLASSLESS)}")
    return lines


@st.composite
def bands(draw: st.DrawFn) -> list[str]:
    """Return the commands of a qdisc with bands or classes other than htb's, and what hangs in them."""
    head, places = draw(
        st.sampled_from(
            [
                ("prio bands 4 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 3", ["1:1", "1:4"]),
                ("ets bands 4 strict 2 quanta 3000 2000 priomap 3 3 3 0 1 2", ["1:1", "1:3"]),
                ("multiq", ["1:1", "1:2"]),
                ("drr", []),
                ("qfq", []),
                ("netem delay 3ms limit 500", ["1:1"]),
                ("tbf rate 9mbit burst 30k latency 50ms", ["1:1"]),
                ("mq", ["1:1", "1:2", "1:4"]),
                ("mqprio num_tc 2 map 0 1 queues 2@0 2@2 hw 0", ["1:1", "1:3"]),
            ]
        )
    )
    lines = [f"tc qdisc add dev eth0 root handle 1: {head}"]
    if head in {"drr", "qfq"}:
        for minor in (1, 2):
            word = f"quantum {1500 * minor}" if head == "drr" else f"weight {minor * 3} maxpkt 2048"
            lines.append(f"tc class add dev eth0 parent 1: classid 1:{minor} {head} {word}")
        lines.append("tc filter add dev eth0 parent 1: prio 9 protocol all matchall flowid 1:1")
        places = ["1:1", "1:2"]
    if draw(st.booleans()):
        place = draw(st.sampled_from(places))
        lines.append(f"tc qdisc replace dev eth0 parent {place} handle {draw(HANDLES):x}: {draw(CLASSLESS)}")
    return lines


@st.composite
def at_hooks(draw: st.DrawFn) -> list[str]:
    """Return the commands of an ingress or clsact qdisc with filters and actions of all kinds."""
    hook = draw(st.sampled_from(["ingress", "clsact"]))
    lines = [f"tc qdisc add dev eth0 {hook}"]
    ways = ["ingress"] if hook == "ingress" else ["ingress", "egress"]
    for place in range(draw(st.integers(0, 3))):
        way = draw(st.sampled_from(ways))
        lines.append(f"tc filter add dev eth0 {way} prio {place * 10 + 5} {draw(FILTER)} {draw(ACTION)}")
    return lines


IFB = st.one_of(
    st.just([]),
    CLASSLESS.map(
        lambda qdisc: [
            "ip link add ifb8 type ifb",
            "ip link set ifb8 up",
            f"tc qdisc add dev ifb8 root handle 1: {qdisc}",
            "tc qdisc add dev eth0 ingress",
            "tc filter add dev eth0 ingress prio 1 protocol all matchall action mirred egress redirect dev ifb8",
        ]
    ),
)


@st.composite
def filtered_htb(draw: st.DrawFn) -> list[str]:
    """Return an htb tree with leaves and filters of all kinds."""
    table = draw(st.sampled_from(["", "stab overhead 20 linklayer atm "]))
    lines = [
        f"tc qdisc add dev eth0 root handle 1: {table}htb default 20",
        f"tc class add dev eth0 parent 1: classid 1:1 htb rate {draw(RATE)} ceil 950mbit",
        f"tc class add dev eth0 parent 1:1 classid 1:10 htb rate 5mbit ceil {draw(RATE)} overhead 8 linklayer atm",
        "tc class add dev eth0 parent 1:1 classid 1:20 htb rate 2mbit quantum 3000",
        f"tc qdisc add dev eth0 parent 1:10 handle 100: {draw(CLASSLESS)}",
    ]
    return lines + [
        f"tc filter add dev eth0 parent 1: prio {place * 10 + 1} {draw(FILTER)} flowid 1:10 {draw(ACTION)}"
        for place in range(draw(st.integers(0, 3)))
    ]


ROOT = st.one_of(
    htb(),
    filtered_htb(),
    hfsc(),
    bands(),
    bands(),
    st.builds("tc qdisc add dev eth0 root handle {:x}: {}".format, HANDLES, CLASSLESS).map(lambda line: [line]),
    st.builds("tc qdisc add dev eth0 root handle {:x}: {}".format, HANDLES, CAKE).map(lambda line: [line]),
)
STATES = st.tuples(
    QUEUES,
    st.just(["ip link add ifb9 type ifb", "ip link add sink0 type dummy", "ip link set sink0 up"]),
    LINK,
    SYSCTL,
    FORWARDING,
    ROOT,
    st.one_of(at_hooks(), IFB, st.just([])),
    NFT,
).map(lambda parts: "\n".join(line for part in parts for line in part))
"""Shell scripts for a host as ``hosts.host`` makes it."""
