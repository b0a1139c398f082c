# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""States that are hard to bring back: a plan leads there and back, or is refused before anything is touched.

``make tc-testing`` does the same with the hundreds of states of the kernel's own tests.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.tc_testing.cases import Case
from tests.tc_testing.judge import Found
from tests.tc_testing.run_cases import run_cases

STATES = {
    "an action that dumps what it refuses": (
        "tc qdisc add dev dummy1 clsact",
        "tc filter add dev dummy1 ingress protocol ip prio 1 matchall action mpls dec_ttl pipe",
    ),
    "a chain without filters": ("tc qdisc add dev dummy1 clsact", "tc chain add dev dummy1 ingress chain 7"),
    "a template of a chain": (
        "tc qdisc add dev dummy1 clsact",
        "tc chain add dev dummy1 egress chain 3 protocol ip flower dst_ip 10.0.0.0/8",
    ),
    "a hash table alone": (
        "tc qdisc add dev dummy1 ingress",
        "tc filter add dev dummy1 ingress prio 99 handle 42: u32 divisor 256",
    ),
    "a leaf with the handle of the hooks": (
        "tc qdisc add dev dummy1 root handle 1: htb default 1",
        "tc class add dev dummy1 parent 1: classid 1:1 htb rate 1mbit",
        "tc qdisc add dev dummy1 parent 1:1 handle ffff: pfifo limit 3",
    ),
    "a root with the handle of the hooks": ("tc qdisc add dev dummy1 root handle ffff: bfifo",),
    "queues by priority in software": (
        "tc qdisc add dev eth0 root handle 1: mqprio num_tc 2 map 0 0 1 1 queues 1@0 1@1 hw 0",
    ),
    "an action that filters share": (
        "tc actions add action police rate 1mbit burst 10k index 7",
        "tc qdisc add dev dummy1 ingress",
        "tc filter add dev dummy1 ingress prio 1 protocol ip matchall action police index 7",
        "tc filter add dev dummy1 ingress prio 2 protocol ipv6 matchall action police index 7",
    ),
    "a tree without its queue": (
        "tc qdisc add dev dummy1 root handle 1: tbf rate 1mbit burst 5k latency 50ms",
        "tc qdisc add dev dummy1 parent 1:1 handle 2: pfifo limit 3",
        "tc qdisc del dev dummy1 parent 1:1 handle 2:",
    ),
    "queues of a device without one of them": (
        "tc qdisc add dev eth0 root handle 1: mq",
        "tc qdisc add dev eth0 parent 1:2 handle 2: pfifo limit 3",
        "tc qdisc del dev eth0 parent 1:2 handle 2:",
    ),
    "a schedule with a place without its queue": (
        (
            "tc qdisc add dev eth0 root handle 1: taprio num_tc 2 map 0 1 queues 1@0 1@1 base-time 0"
            " sched-entry S 01 300000 sched-entry S 02 20000000 clockid CLOCK_TAI"
        ),
        "tc qdisc add dev eth0 parent 1:2 handle 2: pfifo limit 3",
        "tc qdisc del dev eth0 parent 1:2 handle 2:",
    ),
    "several options of a tunnel": (
        "tc qdisc add dev dummy1 clsact",
        (
            "tc filter add dev dummy1 egress protocol ip prio 1 matchall action tunnel_key set src_ip 192.0.2.1"
            " dst_ip 192.0.2.2 id 42 dst_port 6081 geneve_opts 0102:80:00880022,0408:42:0040007611223344"
        ),
        (
            "tc filter add dev dummy1 ingress protocol ip prio 2 flower enc_key_id 42 geneve_opts"
            " 0102:80:00880022/ffff:ff:ffffffff,0408:42:0040007611223344/ffff:ff:ffffffffffffffff action pass"
        ),
    ),
    "an action that a filter may take by its number alone": (
        "tc actions add action skbedit queue_mapping 3 index 7",
        "tc qdisc add dev dummy1 clsact",
        "tc filter add dev dummy1 ingress protocol ip prio 1 matchall action skbedit index 7",
    ),
    "filters in a table of another preference": (
        "tc qdisc add dev dummy1 ingress",
        "tc filter add dev dummy1 ingress protocol ip prio 99 handle 43: u32 divisor 1",
        "tc filter add dev dummy1 ingress protocol ip prio 98 u32 ht 43: match tcp src 22 0xffff classid 1:3",
    ),
    "a tree with filters and actions": (
        "tc qdisc add dev dummy1 root handle 1: prio bands 3",
        "tc qdisc add dev dummy1 parent 1:2 handle 20: netem delay 10ms",
        "tc filter add dev dummy1 parent 1: protocol ip prio 4 flower ip_proto udp action skbedit mark 3 classid 1:2",
    ),
}
QUEUES = 4
PLANS = {"egress_mbit", "ingress_mbit", "egress_mbit+ingress_mbit"}
# what make test shows of the others' kinds: chains, actions, the hooks' handle, a tree with all of these
SHOWN = (
    "an action that dumps what it refuses",
    "a chain without filters",
    "a leaf with the handle of the hooks",
    "a tree with filters and actions",
)
MAY_BE_REFUSED = {"a leaf with the handle of the hooks", "a root with the handle of the hooks"}


@pytest.fixture(scope="module")
def found(kernel: None, request: pytest.FixtureRequest) -> Mapping[str, list[Found]]:
    """What came of all states that are asked for, in one kernel."""
    del kernel
    asked = {
        item.callspec.params["name"]
        for item in request.session.items
        if hasattr(item, "callspec") and item.path == request.path
    }
    cases = [Case(id=name, name=name, setup=lines, queues=QUEUES) for name, lines in STATES.items() if name in asked]
    came = run_cases(cases)
    return {name: [one for one in came if one["id"] == name] for name in asked}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in SHOWN else pytest.mark.long) for name in STATES]
)
def test_there_and_back_or_refused(found: Mapping[str, list[Found]], name: str) -> None:
    """Each plan that displaces the state is exact, there and back and broken halfway, or refused in words."""
    assert {one["plan"].partition(" ")[2] for one in found[name]} & PLANS
    bad = [one for one in found[name] if one["result"] not in {"exact", "refused"}]
    assert not bad
    assert all(one["message"] for one in found[name] if one["result"] == "refused")
    assert name in MAY_BE_REFUSED or {one["result"] for one in found[name]} == {"exact"}
