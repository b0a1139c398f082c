# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The script that a plan's queueing comes to, for every kind that may be asked for; no kernel is needed."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._tc import subsystem as tc_subsystem


def qdisc(kind: str, **params: Any) -> dict[str, Any]:
    """Return changes that ask for a queueing discipline."""
    return {"qdisc": {"type": kind, "params": params}}


SCRIPTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "fq": (
        qdisc("fq", limit=100, flow_limit=20, quantum=3000, maxrate_mbit=50, pacing=False, ce_threshold_us=500),
        ["fq", "limit 100", "flow_limit 20", "maxrate 50mbit", "nopacing", "ce_threshold 500us"],
    ),
    "fq_codel": (
        qdisc("fq_codel", limit=100, flows=64, target_us=5000, interval_us=100000, ecn=False, memory_limit_bytes=4096),
        ["fq_codel", "limit 100", "flows 64", "target 5000us", "interval 100000us", "noecn", "memory_limit 4096"],
    ),
    "cake": (
        qdisc("cake", bandwidth_mbit=20, diffserv="diffserv4", isolation="dual-srchost", nat=True, wash=True, rtt_ms=9),
        ["cake", "bandwidth 20mbit", "diffserv4", "dual-srchost", "nat", "wash", "rtt 9"],
    ),
    "cake for a thin line": (
        qdisc("cake", bandwidth_mbit=2, ack_filter="aggressive", split_gso=False, overhead=44, mpu=84, atm="atm"),
        ["ack-filter-aggressive", "no-split-gso", "overhead 44", "mpu 84", "atm"],
    ),
    "sfq": (
        qdisc("sfq", perturb_s=10, quantum=3000, limit=100, depth=60, flows=64, divisor=512, headdrop=True),
        ["sfq", "perturb 10", "quantum 3000", "limit 100", "depth 60", "flows 64", "divisor 512", "headdrop"],
    ),
    "tbf": (
        qdisc("tbf", rate_mbit=10, burst_bytes=5000, limit_bytes=10000, peakrate_mbit=20, mtu_bytes=2000),
        ["tbf", "rate 10mbit", "burst 5000", "limit 10000", "peakrate 20mbit", "mtu 2000"],
    ),
    "first in, first out": (qdisc("bfifo", limit_bytes=3000), ["bfifo", "limit 3000"]),
    "netem alone": (
        {"netem": {"delay_ms": 20, "delay_jitter_ms": 5, "loss_pct": 1.5, "duplicate_pct": 0.5, "corrupt_pct": 0.1}},
        ["netem", "delay 20", "loss 1.5%", "duplicate 0.5%", "corrupt 0.1%", "limit 10000"],
    ),
    "netem above a classless one": ({**qdisc("fq_codel"), "netem": {"delay_ms": 20}}, ["netem", "fq_codel"]),
    "netem below a shaper": ({"shaper": {"egress_mbit": 5}, "netem": {"delay_ms": 20}}, ["htb", "netem"]),
    "a shaper with fq_codel in its class": (
        {**qdisc("fq_codel"), "shaper": {"egress_mbit": 5, "ceil_mbit": 8}},
        ["rate 8mbit ceil 8mbit", "fq_codel"],
    ),
    "cake shapes by itself, both ways": (
        {**qdisc("cake"), "shaper": {"egress_mbit": 5, "ingress_mbit": 20}},
        ["cake", "bandwidth 5mbit", "bandwidth 20mbit", "mirred", "ifb-eth0"],
    ),
    "classes with what falls into them": (
        {
            **qdisc("htb", default=10, r2q=5),
            "htb_classes": [
                {"classid": "1:10", "rate_mbit": 5, "ceil_mbit": 9, "priority": 2, "burst": "15k"},
                {
                    "classid": "1:20",
                    "rate_mbit": 3,
                    "match": [
                        {"proto": "udp", "sports": ["53"], "dports": ["1024-2047"]},
                        {"src": "2001:db8::/32", "dst": "2001:db8:1::/48"},
                        {"dscp": 46},
                        {"fwmark": 7},
                    ],
                },
            ],
        },
        ["default 10", "prio 2", "burst 15k", "1:20", "u32", "2001:db8::/32", "mark"],
    ),
}


@pytest.mark.parametrize(("changes", "words"), SCRIPTS.values(), ids=SCRIPTS.keys())
def test_the_script_says_what_was_asked(changes: dict[str, Any], words: list[str]) -> None:
    """Every parameter is there in tc's own words, and every line is for tc or ip."""
    script = tc_subsystem.render(tc_subsystem.intent(changes, ("eth0",)))
    missing = [word for word in words if word not in script]
    assert missing == [], script
    assert {line.split()[0] for line in script.splitlines()} <= {"set", "if", "ip", "tc"}


def test_handles_of_queues_stay_below_those_of_the_kernel() -> None:
    """Classes at the upper end of the numbers give their queues handles that there are, each one once."""
    minors = ("384", "fffd", "153", "4cf0", "1ce", "fffe", "ffff")
    classes = [{"classid": f"1:{minor}", "rate_mbit": 10} for minor in minors]
    changes = {"htb_classes": classes, "default_class": "1:384", "qdisc": {"type": "pfifo", "params": {}}}
    words = [line.split() for line in tc_subsystem.render(tc_subsystem.intent(changes, ("eth0",))).splitlines()]
    handles = [line[line.index("handle") + 1] for line in words if "add" in line and "handle" in line]
    assert len(handles) == len(set(handles)) == len(minors)
    assert all(1 < int(handle.rstrip(":"), 16) < 0xFFFF for handle in handles)
