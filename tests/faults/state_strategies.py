# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hypothesis strategies: what somebody may have done to a host by hand, as shell scripts that make it.

Most of it NetOpt itself could not have made.
"""

from __future__ import annotations

from hypothesis import strategies as st

from tests.waiting import ENDS_ARE_UP

RATE = st.integers(1, 900).map(lambda rate: f"{rate}mbit")
HANDLE = st.integers(1, 0x7FFF).map(lambda number: f"{number:x}")
LEAF = st.one_of(
    st.integers(1, 5000).map(lambda limit: f"pfifo limit {limit}"),
    st.integers(2000, 500_000).map(lambda limit: f"bfifo limit {limit}"),
    st.builds("tbf rate {} burst {} latency {}ms".format, RATE, st.integers(4000, 90_000), st.integers(1, 300)),
)
MATCH = st.one_of(
    st.integers(0, 0xFFFF).map(lambda port: f"ip protocol 6 0xff match ip dport {port} 0xffff"),
    st.sampled_from(["ip src 10.0.0.0/8", "ip dst 192.0.2.7/32", "u8 0x11 0xff at 9", "u32 0 0 at 0"]),
    st.integers(0, 63).map(lambda dscp: f"ip tos {dscp * 4:#x} 0xfc"),
)
STAB = st.sampled_from(["", "", "", "stab overhead 20 linklayer atm ", "stab mtu 1600 tsize 512 overhead -4 "])
ACTION = st.sampled_from(["", "", "action mirred egress mirror dev peer0", "action mirred egress redirect dev peer0"])


@st.composite
def htb(draw: st.DrawFn) -> list[str]:
    """Return the commands that make a tree of classes, up to four deep, with filters at several places."""
    handle = draw(HANDLE)
    more = draw(st.sampled_from(["", " r2q 7", " direct_qlen 99"]))
    lines = [f"tc qdisc add dev eth0 root handle {handle}: {draw(STAB)}htb default {draw(st.integers(0, 99))}{more}"]
    inner = [f"{handle}:"]
    leaves: list[str] = []
    for number in range(draw(st.integers(1, 7))):
        parent, minor = draw(st.sampled_from(inner[-4:])), number + 1
        extra = draw(
            st.sampled_from(
                [
                    "",
                    " prio 5",
                    " quantum 4000",
                    " burst 30k cburst 3k",
                    " ceil 950mbit",
                    " overhead 8 mpu 64 linklayer atm",
                ]
            )
        )
        lines.append(f"tc class add dev eth0 parent {parent} classid {handle}:{minor:x} htb rate {draw(RATE)}{extra}")
        if draw(st.booleans()) and len(inner) < 4:
            inner.append(f"{handle}:{minor:x}")
        else:
            leaves.append(f"{handle}:{minor:x}")
    taken = {handle}
    for leaf in leaves:
        own = draw(HANDLE)
        if draw(st.booleans()) and own not in taken:
            taken.add(own)
            lines.append(f"tc qdisc add dev eth0 parent {leaf} handle {own}: {draw(LEAF)}")
        elif draw(st.booleans()):
            lines.append(f"tc qdisc add dev eth0 parent {leaf} {draw(LEAF)}")  # the kernel picks the handle
    targets = leaves or [f"{handle}:1"]
    for number in range(draw(st.integers(0, 4))):
        place = draw(st.sampled_from(inner))
        words = f"protocol ip prio {number + draw(st.integers(1, 3)) * 10} u32 match {draw(MATCH)}"
        lines.append(
            f"tc filter add dev eth0 parent {place} {words} flowid {draw(st.sampled_from(targets))} {draw(ACTION)}"
        )
    return lines


BUCKETS = [
    "tc filter add dev eth0 parent 6: prio 77 handle 9: protocol ip u32 divisor 16",
    "tc filter add dev eth0 parent 6: prio 77 handle 9:3:5 protocol ip u32 ht 9:3: match ip src 10.0.0.3 flowid 6:2",
    (
        "tc filter add dev eth0 parent 6: prio 77 protocol ip u32 ht 800: match ip src 10.0.0.0/8 link 9: "
        "hashkey mask 0xf at 12"
    ),
]
MULTIQUEUE = [  # as eth0 was made at first, but with four queues
    "ip link del eth0",
    (
        "ip link add eth0 address 02:00:00:00:00:01 numtxqueues 4 numrxqueues 4 type veth peer name peer0 address "
        "02:00:00:00:00:02 numtxqueues 4 numrxqueues 4"
    ),
    "ip addr add 192.0.2.1/24 dev eth0",
    "ip addr add 2001:db8::1/64 dev eth0",
    "ip link set eth0 up",
    "ip link set peer0 up",
    ENDS_ARE_UP,  # without addresses of their own: see hosts.py
]
QUEUES = st.sampled_from([[], [], MULTIQUEUE])
MQ = st.tuples(HANDLE, st.lists(LEAF, max_size=3)).map(
    lambda drawn: [
        f"tc qdisc add dev eth0 root handle {drawn[0]}: mq",
        *(f"tc qdisc replace dev eth0 parent {drawn[0]}:{place + 1} {leaf}" for place, leaf in enumerate(drawn[1])),
    ]
)
HASHED = st.just(
    [
        "tc qdisc add dev eth0 root handle 6: htb default 2",
        "tc class add dev eth0 parent 6: classid 6:2 htb rate 9mbit",
        *BUCKETS,
    ]
)
UNDER_TBF = st.tuples(HANDLE, LEAF).map(
    lambda drawn: [
        "tc qdisc add dev eth0 root handle 8000: tbf rate 90mbit burst 99k latency 9ms",
        f"tc qdisc add dev eth0 parent 8000:1 handle {drawn[0]}: {drawn[1]}",
    ]
)
TREES = st.one_of(
    st.just([]),
    htb(),
    htb(),
    HASHED,
    UNDER_TBF,
    st.builds("tc qdisc add dev eth0 root handle {}: {}".format, HANDLE, LEAF).map(lambda line: [line]),
)
ROOT = st.one_of(
    st.tuples(QUEUES, TREES),
    st.tuples(st.just(MULTIQUEUE), MQ),
).map(lambda parts: [*parts[0], *parts[1]])
IFB = [
    "ip link add ifb7 type ifb",
    "ip link set ifb7 up",
    "tc qdisc add dev ifb7 root handle 2: htb default 1",
    "tc class add dev ifb7 parent 2: classid 2:1 htb rate 77mbit",
]
INGRESS = st.one_of(
    st.just([]),
    st.just(
        [
            *IFB,
            "tc qdisc add dev eth0 handle ffff: ingress",
            (
                "tc filter add dev eth0 parent ffff: protocol all prio 1 u32 match u32 0 0 "
                "action mirred egress redirect dev ifb7"
            ),
        ]
    ),
    st.lists(st.tuples(st.sampled_from(["ingress", "egress"]), MATCH, ACTION), max_size=3).map(
        lambda filters: [
            "tc qdisc add dev eth0 clsact",
            *(
                f"tc filter add dev eth0 {way} protocol ip prio {place + 5} u32 match {match} flowid 1:1 {action}"
                for place, (way, match, action) in enumerate(filters)
            ),
        ]
    ),
    st.lists(st.tuples(MATCH, ACTION), max_size=2).map(
        lambda filters: [
            "tc qdisc add dev eth0 handle ffff: ingress",
            *(
                f"tc filter add dev eth0 parent ffff: protocol ip prio {place + 5} u32 match {match} flowid 1:1 "
                + action
                for place, (match, action) in enumerate(filters)
            ),
        ]
    ),
)
SYSCTL = st.dictionaries(
    st.sampled_from(["net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_max_syn_backlog"]),
    st.integers(20, 4000),
).map(lambda values: [f"sysctl -qw {key}={value}" for key, value in values.items()])
FORWARDING = st.sampled_from(
    [
        [],
        ["sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.eth0.accept_redirects=1"],
        ["sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.conf.eth0.accept_ra=2"],
        ["sysctl -qw net.ipv4.conf.eth0.forwarding=1 net.ipv4.tcp_rmem='5000 90000 900000'"],
    ]
)
LINK = st.lists(
    st.one_of(
        st.integers(1280, 9000).map(lambda mtu: f"ip link set eth0 mtu {mtu}"),
        st.builds(
            "ethtool -K eth0 {} {} >/dev/null 2>&1 || :".format,  # one may need another that is off
            st.sampled_from(["gso", "tso", "gro", "sg", "tx-udp-segmentation"]),
            st.sampled_from(["on", "off"]),
        ),
        st.integers(1, 250).map(lambda last: f"ip addr replace 203.0.113.{last}/25 dev eth0"),
        st.integers(1, 0xFFF).map(lambda last: f"ip addr replace 2001:db8:5::{last:x}/64 dev eth0"),
        st.integers(1, 250).map(lambda net: f"ip route replace 10.{net}.0.0/16 via 192.0.2.9 dev eth0 metric {net}"),
        st.integers(1, 5000).map(lambda length: f"ip link set eth0 txqueuelen {length}"),
        st.builds(
            "ip route change 192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.1 initcwnd {} {}".format,
            st.integers(1, 50),
            st.sampled_from(["advmss 1200", "mtu lock 1400 rtt 20ms", "quickack 1 rto_min 9ms", "congctl lock reno"]),
        ),
        st.integers(1, 50).map(
            lambda size: f"ip -6 route change 2001:db8::/64 dev eth0 proto kernel metric 256 initcwnd {size}"
        ),
    ),
    max_size=4,
)
TABLES = (
    """table ip shop {
  map ports { type inet_service : verdict; elements = { 80 : accept, 443 : drop }; }
  chain in {
    type filter hook input priority 7; policy accept;
    tcp dport vmap @ports
    ip saddr 203.0.113.0/24 counter packets 5 bytes 60 drop
  }
}""",
    """table inet netopt {
  set mine { type ipv4_addr; elements = { 192.0.2.77 }; }
  chain input {
    type filter hook input priority -150; policy accept;
    ip saddr @mine counter packets 9 bytes 900 comment "by hand } {"
  }
  chain loose {
    meta mark set 0x7
  }
}""",
    """table bridge low { chain one {
    ether type arp accept
  }
}""",
    "table netdev edge { }",
)
NFT = st.lists(st.sampled_from(TABLES), max_size=3, unique=True).map(
    lambda tables: ["nft -f - <<'END'\n" + "\n".join(tables) + "\nEND"] if tables else []
)
STATES = st.tuples(ROOT, LINK, SYSCTL, FORWARDING, INGRESS, NFT).map(
    lambda parts: "\n".join(line for part in parts for line in part)
)
"""Shell scripts, each of which a host as ``hosts.host`` makes it takes without an error."""
