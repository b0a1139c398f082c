# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints what comes of the scripts of ``docs/coming-from.md``, for a kernel of its own that has all qdiscs.

Each is adopted; then it is run itself on an interface, and the plan is made on another. What tc shows of both is told.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.netopt.linux.plugins.module_utils._tc import subsystem as tc_subsystem
from mcp_bridge.adopt.sandbox import run as sandbox
from mcp_bridge.cli.main import main as netopt
from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate
from tests.coming_from_page import scripts
from tests.kernel.tc_namespace import IFACE, in_namespace, left, make_interface, resolved, run

QUEUES = 4
# Commands that each make one qdisc, and what a plan says of it.
QDISCS: dict[str, dict[str, Any]] = {
    "fq": {},
    "fq limit 5000 flow_limit 50 quantum 4000 initial_quantum 20000 maxrate 10mbit buckets 512 nopacing": {
        "limit": 5000,
        "flow_limit": 50,
        "quantum": 4000,
        "initial_quantum": 20000,
        "maxrate_mbit": 10,
        "buckets": 512,
        "pacing": False,
    },
    "fq refill_delay 20ms low_rate_threshold 1mbit ce_threshold 5ms timer_slack 20us horizon 5s horizon_cap": {
        "refill_delay_us": 20000,
        "low_rate_threshold_kbit": 1000,
        "ce_threshold_us": 5000,
        "timer_slack_ns": 20000,
        "horizon_ms": 5000,
        "horizon_drop": False,
    },
    "fq_codel": {},
    "fq_codel limit 2000 flows 512 target 20ms interval 200ms quantum 300 noecn ce_threshold 1ms memory_limit 4mb": {
        "limit": 2000,
        "flows": 512,
        "target_us": 20000,
        "interval_us": 200000,
        "quantum": 300,
        "ecn": False,
        "ce_threshold_us": 1000,
        "memory_limit_bytes": 4 << 20,
    },
    "cake": {},
    "cake bandwidth 512kbit diffserv8 flows nat wash ack-filter no-split-gso rtt 30ms overhead -4 mpu 64 ptm": {
        "bandwidth_mbit": 0.512,
        "diffserv": "diffserv8",
        "isolation": "flows",
        "nat": True,
        "wash": True,
        "ack_filter": "yes",
        "split_gso": False,
        "rtt_ms": 30,
        "overhead": -4,
        "mpu": 64,
        "atm": "ptm",
    },
    "cake besteffort flowblind ingress ack-filter-aggressive overhead 0": {
        "diffserv": "besteffort",
        "isolation": "flowblind",
        "ingress": True,
        "ack_filter": "aggressive",
        "overhead": 0,
    },
    "sfq": {},
    "sfq perturb 10 quantum 3000 limit 1000 depth 64 flows 512 divisor 2048 headdrop": {
        "perturb_s": 10,
        "quantum": 3000,
        "limit": 1000,
        "depth": 64,
        "flows": 512,
        "divisor": 2048,
        "headdrop": True,
    },
    "tbf rate 2mbit burst 16kb limit 100kb peakrate 4mbit mtu 2000": {
        "rate_mbit": 2,
        "burst_bytes": 16384,
        "limit_bytes": 102400,
        "peakrate_mbit": 4,
        "mtu_bytes": 2000,
    },
    "pfifo limit 50": {"limit": 50},
    "bfifo limit 50000b": {"limit_bytes": 50000},
    "pfifo_fast": {},
}
# What filters lead to a class, and what a plan says of it; a text is what the line says of a filter that no plan has.
IPV4, IPV6 = {"src": "0.0.0.0/0"}, {"src": "::/0"}
FILTERS: dict[str, dict[str, Any] | str] = {
    "protocol ip u32 match ip protocol 17 0xff match ip dport 53 0xffff": {"proto": "udp", "dports": ["53"], **IPV4},
    "protocol ip u32 match ip sport 1024 0xfc00": {"sports": ["1024-2047"], **IPV4},
    "protocol ip u32 match ip src 192.0.2.0/25 match ip dst 198.51.100.7": {
        "src": "192.0.2.0/25",
        "dst": "198.51.100.7/32",
    },
    "protocol ip u32 match ip dsfield 0xb8 0xfc": {"dscp": 46, **IPV4},
    "protocol ip u32 match ip protocol 1 0xff": {"proto": "icmp"},
    "protocol ip u32 match u16 0x0000 0xff80 at 2": {"max_length": 127, **IPV4},
    "protocol ip u32 match u8 0x02 0x02 at 33": {"tcp_flags": ["syn"], **IPV4},
    "protocol ip u32 match mark 6 0xff": {"fwmark": "0x6/0xff", **IPV4},
    "protocol ip u32 match u32 0 0": IPV4,
    "protocol ipv6 u32 match ip6 src 2001:db8::/32 match ip6 dport 443 0xffff": {
        "src": "2001:db8::/32",
        "dports": ["443"],
    },
    "protocol ipv6 u32 match ip6 priority 0xb8 0xfc match ip6 protocol 58 0xff": {"dscp": 46, "proto": "icmpv6"},
    "protocol ipv6 matchall": IPV6,
    "protocol ip handle 6 fw": {"fwmark": 6, **IPV4},
    "protocol all handle 6/0xf fw": {"fwmark": "0x6/0xf"},
    "basic match 'meta(priority eq 6)'": {"skb_priority": 6},
    "protocol ip basic match 'meta(nf_mark mask 0xff eq 6)'": {"fwmark": "0x6/0xff", **IPV4},
    "basic match 'meta(priority eq 6) and meta(nf_mark eq 1)'": {"skb_priority": 6, "fwmark": 1},
    "basic match 'meta(priority eq 6) or meta(priority eq 2)'": "but for priority and nf_mark",
    "basic match 'not meta(priority eq 6)'": "but for priority and nf_mark",
    "basic match 'meta(priority gt 6)'": "but for priority and nf_mark",
    "basic match 'meta(pkt_len eq 60)'": "but for priority and nf_mark",
    "protocol ip u32 match u8 1 0xff at 8": "No plan leads the field ttl",
    "protocol ip u32 match ip tos 0x08 0x1e": "No plan leads the field tos",
    "protocol ip u32 match ip protocol 1 0xff match ip icmp_type 8 0xff": "bytes of the header of icmp",
    "protocol ip u32 match ip src 192.0.0.1 match u8 1 1 at 99": "No plan leads bytes at offset 96",
    "protocol ip u32 match tcp dst 80 0xffff": "No plan leads the field length",
    "protocol ip u32 match ip dst 192.0.2.1 indev lo": "the interface that they came by",
    "protocol ip handle 6 fw indev lo": "the interface that they came by",
    "protocol ip u32 match ip dport 0 0xffff": "No plan leads packets of the port 0.",
    "protocol ip u32 match u16 0 0xffff at 2": "ip packets that are shorter than their header",
    "protocol all handle 6/3 fw": "packets by a mark that none has",
    "protocol arp u32 match u32 0 0": "frames of the protocol arp",
    "protocol ip flower ip_proto tcp": "by a filter of the kind flower",
    "protocol ip u32 match ip dst 192.0.2.1 police rate 1mbit burst 10k drop": "more, or less",
    "protocol ip u32 match ip dst 192.0.2.1 action skbedit queue_mapping 1": "No plan chooses the transmit queue",
}
# Commands that lead to what no plan has, and a line on that.
IDLE = "tc qdisc add dev {0} root netem limit 50"
CAKE_OF_LINK = "tc qdisc add dev {0} root stab overhead 44 mpu 64 linklayer atm cake bandwidth 6mbit"
NO_TABLE = "by a table that other filters lead to"
ONE_CLASS = (
    "tc qdisc add dev {0} root handle 1: htb default 1; tc class add dev {0} parent 1: classid 1:1 htb rate 9mbit"
)
UNSAID = {
    CAKE_OF_LINK: "The plan says it, but by cake's own words",
    IDLE: "It impairs nothing: a plan has a pfifo of its length there.",
    "tc qdisc add dev {0} root handle 1: hfsc default 1": "No plan has the qdisc hfsc here, but",
    "tc qdisc add dev {0} root handle 1: hfsc default 1; "
    "tc class add dev {0} parent 1: classid 1:1 hfsc sc m1 9mbit d 10ms m2 5mbit": "No plan has the qdisc hfsc here",
    "tc qdisc add dev {0} root handle 1: netem delay 9ms; tc qdisc add dev {0} parent 1:1 netem delay 5ms": (
        "No plan has the qdisc netem here."
    ),
    "tc qdisc add dev {0} root handle 1: tbf rate 9mbit burst 9k limit 9k; "
    "tc qdisc add dev {0} parent 1:1 tbf rate 10mbit burst 5k limit 9k": "No plan has tbf at this place.",
    "tc qdisc add dev {0} root handle 1: ets strict 1": "all packets wait in one of its bands",
    "tc qdisc add dev {0} root handle 1: ets strict 1 quanta 2000 3000": "The kernel of this machine lacks it",
    "tc qdisc add dev {0} root handle 1: prio; tc qdisc add dev {0} parent 1:1 netem delay 9ms": "netem in some bands",
    "tc qdisc add dev {0} ingress; tc filter add dev {0} ingress matchall action drop": "Of what arrives, a plan",
    "tc qdisc add dev {0} clsact; tc filter add dev {0} egress matchall action drop": "Of what arrives, a plan",
    "tc qdisc add dev {0} root handle 1: htb; tc class add dev {0} parent 1: classid 1:1 htb rate 1gbit burst 500": (
        "A plan's burst is 1500 bytes at least, and not 496."
    ),
    "tc qdisc add dev {0} root handle 1: htb; tc class add dev {0} parent 1: classid 1:1 htb rate 9mbit quantum 300": (
        "A plan's quantum is 1000 bytes at least, and not 300."
    ),
    "tc qdisc add dev {0} root handle 1: tbf rate 9mbit burst 9k limit 9k; tc qdisc add dev {0} parent 1:1 fq_codel": (
        "No plan has fq_codel at this place."
    ),
    "tc qdisc add dev {0} root netem delay 9ms slot 5ms 10ms": "No plan has slot of netem.",
    "tc qdisc add dev {0} root cake bandwidth 9mbit autorate-ingress": "No plan has autorate-ingress",
    "tc qdisc add dev {0} root sfq redflowlimit 99999 min 8000 max 60000 avpkt 1000": "No plan has redflowlimit",
    f"{ONE_CLASS}; tc filter add dev {{0}} parent 1: prio 5 handle 2: protocol ip u32 divisor 1; "
    "tc filter add dev {0} parent 1: prio 5 protocol ip u32 ht 2:0: match ip dport 80 0xffff flowid 1:1": NO_TABLE,
    f"{ONE_CLASS}; tc filter add dev {{0}} parent 1: prio 5 protocol ip u32 divisor 1; "
    "tc filter add dev {0} parent 1: prio 5 protocol ip u32 ht 801:0: match ip dport 80 0xffff flowid 1:1": NO_TABLE,
    "ip link add ifb8 type ifb; tc qdisc add dev ifb8 root fq_codel; tc qdisc add dev {0} ingress; "
    "tc filter add dev {0} ingress matchall action mirred egress mirror dev ifb8": "Of what arrives, a plan",
    "tc qdisc add dev {0} root stab overhead 44 linklayer atm netem rate 1mbit": "No plan has stab of this qdisc.",
    "tc qdisc add dev {0} root tbf rate 1mbit burst 5k limit 10k overhead 44 linklayer atm": "overhead 44 and mpu 0",
    f"{ONE_CLASS.replace('1:', '2:')}": "what names one as a packet's priority",
    "tc qdisc add dev {0} root handle 1: netem delay 50ms; tc qdisc add dev {0} parent 1: handle 2: htb default 1; "
    "tc class add dev {0} parent 2: classid 2:1 htb rate 9mbit; tc qdisc add dev {0} parent 2:1 netem loss 1%": (
        "A plan has one netem: that at the root."
    ),
    "tc qdisc add dev {0} root stab overhead 4 linklayer ethernet fq_codel": "No plan has stab of this qdisc.",
}
# Commands that lead to what a plan says otherwise, what it says, and a line on the difference.
HFSC = "tc class add dev {0} parent 1:{1} classid 1:{2} hfsc {3}"
PRIO = "tc qdisc add dev {0} root handle 1: prio; tc qdisc add dev {0} parent 1:1 handle 10: netem loss 5%"
TO_ONE = "tc filter add dev {0} protocol ip parent 1: prio 1 u32 match ip dst 192.0.2.1 flowid 1:1"
INGRESS = "tc qdisc add dev {0} ingress; tc filter add dev {0} ingress matchall action mirred egress redirect dev ifb7"
DELAYED = (
    "tc qdisc add dev ifb6 root handle 1: netem delay 9ms; tc qdisc add dev ifb6 parent 1: handle 2: htb default 10; "
    "tc class add dev ifb6 parent 2: classid 2:10 htb rate 9mbit; tc qdisc add dev ifb6 parent 2:10 pfifo limit 50"
)
UNBOUND = {"classid": "1:1", "rate_mbit": 400000}
BAND = {"parent": "1:1", "rate_mbit": 0.008, "ceil_mbit": 400000}
BELOW = {"parent": "1:10", "rate_mbit": 0.008, "ceil_mbit": 9}
BANDED = (
    "tc qdisc add dev {0} root handle 1: htb default 10; tc class add dev {0} parent 1: classid 1:10 htb rate 9mbit; "
    "tc qdisc add dev {0} parent 1:10 handle 2: ets bands 3 strict 3; tc qdisc add dev {0} parent 2:1 handle 3: prio; "
    "tc filter add dev {0} parent 2: prio 1 handle 6 fw flowid 2:1; tc qdisc add dev {0} parent 2:3 sfq"
)
OTHERWISE: dict[str, tuple[dict[str, Any], str]] = {
    "tc qdisc add dev {0} root handle 1: netem limit 100; tc qdisc add dev {0} parent 1:1 sfq": (
        {"qdisc": {"type": "sfq"}},
        "a plan has the qdisc below it alone",
    ),
    "; ".join(
        (
            "tc qdisc add dev {0} root handle 1: hfsc default 20",
            HFSC.format("{0}", "", 1, "ls m2 90mbit ul m2 90mbit"),
            HFSC.format("{0}", 1, 10, "sc m2 25mbit"),
            HFSC.format("{0}", 1, 20, "sc rate 65mbit ul rate 80mbit"),
            HFSC.format("{0}", 1, 30, "rt m2 1mbit"),
        )
    ): (
        {
            "qdisc": {"type": "htb"},
            "htb_classes": [
                {"classid": "1:1", "rate_mbit": 90},
                {"classid": "1:10", "parent": "1:1", "rate_mbit": 25, "ceil_mbit": 90},
                {"classid": "1:20", "parent": "1:1", "rate_mbit": 65, "ceil_mbit": 80},
                {"classid": "1:30", "parent": "1:1", "rate_mbit": 1},
            ],
            "default_class": "1:20",
        },
        "Its curves are straight",
    ),
    "tc qdisc add dev {0} root handle 1: htb default 9; tc class add dev {0} parent 1: classid 1:1 htb rate 9mbit": (
        {"qdisc": {"type": "htb"}, "htb_classes": [{"classid": "1:1", "rate_mbit": 9}]},
        "Packets wait in no class 1:9",
    ),
    "tc qdisc add dev {0} root handle 1: netem delay 9ms; tc qdisc add dev {0} parent 1:1 netem loss 2% 10%": (
        {"netem": {"delay_ms": 9, "loss_pct": 2, "loss_correlation_pct": 10, "limit": 1000}},
        "In a plan one netem does what both do.",
    ),
    "tc qdisc add dev {0} root handle 1: tbf rate 9mbit burst 9000b limit 90000b; "
    "tc qdisc add dev {0} parent 1:1 tbf rate 9mbit burst 3000b limit 60000b": (
        {"qdisc": {"type": "tbf", "params": {"rate_mbit": 9, "burst_bytes": 3000, "limit_bytes": 60000}}},
        "as narrow or narrower",
    ),
    f"{PRIO}; tc qdisc add dev {{0}} parent 1:2 sfq; {TO_ONE}; "
    "tc filter add dev {0} protocol all parent 1: prio 2 u32 match u32 0 0 flowid 1:2": (
        {"netem": {"loss_pct": 5, "limit": 1000, "match": {"dst": "192.0.2.1/32"}}, "qdisc": {"type": "sfq"}},
        "In a plan sfq is where packets wait below the netem as well.",
    ),
    f"ip link add ifb6 type ifb; {INGRESS.replace('ifb7', 'ifb6')}; {DELAYED}": (
        {
            "netem": {"delay_ms": 9, "limit": 1000, "direction": "ingress"},
            "ingress": {
                "qdisc": {"type": "htb"},
                "htb_classes": [
                    {"classid": "1:10", "rate_mbit": 9, "leaf": {"type": "pfifo", "params": {"limit": 50}}}
                ],
                "default_class": "1:10",
            },
        },
        "",
    ),
    "tc qdisc add dev {0} root handle 1: prio": ({"qdisc": {"type": "pfifo_fast"}}, "those of pfifo_fast"),
    "printf 'qdisc add dev {0} root handle 1: ets strict 3 priomap 2 0\\nqdisc add dev {0} parent 1:2 fq\\n' | tc -b -"
    "; tc filter add dev {0} protocol all parent 1: prio 1 handle 6 fw flowid 1:2": (
        {
            "qdisc": {"type": "htb"},
            "htb_classes": [
                UNBOUND,
                {"classid": "1:4", **BAND, "priority": 2},
                {"classid": "1:3", **BAND, "priority": 1, "leaf": {"type": "fq"}, "match": [{"fwmark": 6}]},
                {"classid": "1:2", **BAND, "match": [{"skb_priority": 1}]},
            ],
            "default_class": "1:4",
        },
        "In a plan its bands are classes of htb",
    ),
    BANDED: (
        {
            "qdisc": {"type": "htb"},
            "htb_classes": [
                {"classid": "1:10", "rate_mbit": 9},
                {"classid": "1:14", **BELOW, "priority": 3, "leaf": {"type": "sfq"}},
                {
                    "classid": "1:11",
                    **BELOW,
                    "match": [{"skb_priority": 6, "fwmark": 6}, {"skb_priority": 7, "fwmark": 6}],
                },
                {
                    "classid": "1:13",
                    **BELOW,
                    "priority": 2,
                    "match": [{"skb_priority": each, "fwmark": 6} for each in (1, 2, 3, 5)],
                },
                {"classid": "1:12", **BELOW, "priority": 1, "match": [{"fwmark": 6}]},
            ],
            "default_class": "1:14",
        },
        "In a plan its bands are classes of htb",
    ),
    f"ip link add ifb7 type ifb; {INGRESS}": ({"ingress": {"qdisc": {"type": "pfifo_fast"}}}, "Nothing holds it back"),
}
NETEMS: dict[str, dict[str, Any]] = {
    "delay 20ms": {"delay_ms": 20},
    "delay 0.5ms 100us 30%": {"delay_ms": 0.5, "delay_jitter_ms": 0.1, "delay_correlation_pct": 30},
    "delay 20ms 4ms distribution pareto": {"delay_ms": 20, "delay_jitter_ms": 4, "distribution": "pareto"},
    "loss 0.3% 25% duplicate 1% corrupt 0.01%": {
        "loss_pct": 0.3,
        "loss_correlation_pct": 25,
        "duplicate_pct": 1,
        "corrupt_pct": 0.01,
    },
    "loss state 1% 20% 5% 90% 2%": {
        "loss_model": {"type": "state", "p13_pct": 1, "p31_pct": 20, "p32_pct": 5, "p23_pct": 90, "p14_pct": 2}
    },
    "delay 10ms reorder 25%": {"delay_ms": 10, "reorder_pct": 25},
    "delay 10ms reorder 25% 50% duplicate 3% 10% corrupt 2% 5%": {
        "delay_ms": 10,
        "reorder_pct": 25,
        "reorder_correlation_pct": 50,
        "duplicate_pct": 3,
        "duplicate_correlation_pct": 10,
        "corrupt_pct": 2,
        "corrupt_correlation_pct": 5,
    },
    "rate 5500kbit limit 770": {"rate_mbit": 5.5, "limit": 770},
}
NUMBERED = (
    (re.compile(r"^(qdisc \S+) \S+ "), r"\1 "),
    (re.compile(r" (?:parent )?[0-9a-f]+:(?=[0-9a-f]+)"), " :"),
    (re.compile(r" leaf \S+|parent :(?= )| parent [0-9a-f]+:(?= )| refcnt \d+| direct_packets_stat \d+| ver \S+"), ""),
    (re.compile(r"(default) 0x"), r"\1 "),
    (re.compile(r" (?:offloaded|seed \d+)"), ""),
)


def adopted(path: Path) -> dict[str, Any]:
    """Return what ``netopt adopt`` prints of a script, and its status."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = netopt(["adopt", str(path), "--iface", IFACE])
    return {"status": status, "plan": out.getvalue(), "told": err.getvalue()}


def held(devices: list[str]) -> dict[str, list[str]]:
    """Return the qdiscs and classes of the interface, and of the device for what arrives, without their handles."""
    found = {}
    for way, device in zip(("leaving", "arriving"), devices, strict=True):
        lines = []
        for form in ("qdisc", "class"):
            done = subprocess.run(
                ["tc", "-d", form, "show", "dev", device], check=False, capture_output=True, text=True
            )
            lines += [line.strip() for line in done.stdout.splitlines() if line.startswith(form)]
        for pattern, words in NUMBERED:
            lines = [pattern.sub(words, line) for line in lines]
        kept = [line.strip() for line in lines if not re.match(r"qdisc ingress|class (?:fq_codel|cake|sfq|mq) ", line)]
        found[way] = sorted(kept)
    return found


def of_script(path: Path) -> dict[str, list[str]]:
    """Return what a script itself leaves on a new interface."""
    make_interface(QUEUES)
    text = path.read_text(encoding="utf-8")
    device = "ifb4eth0" if "ifb4eth0" in text else "ifb0"
    if device == "ifb0":
        run("ip link add ifb0 type ifb; ip link set ifb0 up")
    run(f"iptables() {{ :; }}; {text}")
    return held([IFACE, device])


def of_plan(changes: dict[str, Any]) -> dict[str, Any]:
    """Return what the plan's text leaves on a new interface, and what an apply would still do there."""
    make_interface(QUEUES)
    run(tc_subsystem.render(tc_subsystem.intent(changes, (IFACE,))))
    return {**held([IFACE, f"ifb-{IFACE}"]), "left": left(resolved(changes)[1])}


def main() -> None:
    """Print it all."""
    policy = load_policy()
    found = {}
    for name, (text, _plan, _told) in scripts().items():
        sys.stdout.write(f"{name}\n")  # who waits sees that something happens
        sys.stdout.flush()
        path = Path("/tmp", name)  # noqa: S108 - of this kernel alone
        path.write_text(text, encoding="utf-8")
        found[name] = adopted(path)
        found[name]["script"] = in_namespace(lambda path=path: of_script(path))
        plans = [validate(plan, policy).normalized_plan for plan in yaml.safe_load_all(found[name]["plan"]) if plan]
        made = [in_namespace(lambda plan=plan: of_plan(plan.changes.dump())) for plan in plans if plan]
        found[name]["made"] = made
    sandbox.QUEUES = 1  # many interfaces are made here
    lines = [f"tc qdisc add dev d{number} root {words}" for number, words in enumerate(QDISCS)]
    lines += [f"tc qdisc add dev n{number} root netem {words}" for number, words in enumerate(NETEMS)]
    for number, words in enumerate(FILTERS):
        device = f"f{number}"
        lines += [f"tc qdisc add dev {device} root handle 1: htb default 2"]
        lines += [f"tc class add dev {device} parent 1: classid 1:{minor} htb rate 1mbit" for minor in (1, 2)]
        lines += [f"tc filter add dev {device} parent 1: prio 5 {words} classid 1:1"]
    lines += [words.format(f"u{number}") for number, words in enumerate(UNSAID)]
    lines += [words.format(f"o{number}") for number, words in enumerate(OTHERWISE)]
    path = Path("/tmp/each.sh")  # noqa: S108 - the same
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps({"scripts": found, "each": adopted(path)}) + "\n")


if __name__ == "__main__":
    main()
