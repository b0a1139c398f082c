# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was there before a plan is back after it, text for text, also what this project could not have made."""

from __future__ import annotations

import re
import subprocess

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._tc import kernel as tc_kernel
from ansible_collections.netopt.linux.plugins.module_utils._tc import subsystem as tc_subsystem
from tests.kernel.tc_namespace import (
    IFACE,
    SCOPE,
    in_namespace,
    lead,
    left,
    links,
    make_interface,
    missing,
    once_like,
    resolved,
    run,
    told,
)
from tests.waiting import until

HTB = """
tc qdisc add dev eth0 root handle 1: htb default 30 r2q 7
tc class add dev eth0 parent 1: classid 1:1 htb rate 10mbit
tc class add dev eth0 parent 1:1 classid 1:30 htb rate 1mbit prio 3
tc class add dev eth0 parent 1:1 classid 1:40 htb rate 2mbit ceil 9mbit burst 20k
tc class add dev eth0 parent 1:1 classid 1:2 htb rate 2mbit overhead 12
tc class add dev eth0 parent 1:2 classid 1:fffe htb rate 5gbit
tc class add dev eth0 parent 1:2 classid 1:100 htb rate 40gbit quantum 1514
tc qdisc add dev eth0 parent 1:40 handle 40: tbf rate 5mbit burst 5000 latency 50ms
tc qdisc add dev eth0 parent 1:30 handle 4000: pfifo limit 33
"""
# Each: the qdiscs it needs, how many queues, and raw commands that make the starting state.
STARTS: dict[str, tuple[list[str], int, str]] = {
    "nothing": ([], 1, "true"),
    "nothing on many queues": ([], 4, "true"),
    "a root with a handle": (["pfifo"], 1, "tc qdisc add dev eth0 root handle 5: pfifo limit 9"),
    "a root without a handle": (["bfifo"], 1, "tc qdisc add dev eth0 root bfifo limit 9000"),
    "nested htb": (["htb", "tbf"], 1, HTB),
    "nested htb on many queues": (["htb", "tbf"], 4, HTB),
    "u32 at several preferences": (
        ["htb", "tbf"],
        1,
        HTB
        + """
tc filter add dev eth0 parent 1: protocol ip pref 1 u32 match ip sport 80 0xffff flowid 1:30
tc filter add dev eth0 parent 1: protocol ip pref 5 u32 match ip sport 81 0xffff flowid 1:30
tc filter add dev eth0 parent 1: protocol ipv6 pref 7 u32 match ip6 sport 81 0xffff flowid 1:40
tc filter add dev eth0 parent 1: protocol all pref 8 u32 match u8 0x11 0xff at 9 flowid 1:30
tc filter del dev eth0 parent 1: pref 5
tc filter add dev eth0 parent 1: protocol ip pref 7777 u32 match ip src 10.0.0.0/8 flowid 1:30
tc filter add dev eth0 parent 1:1 protocol ip pref 2 u32 match ip sport 82 0xffff flowid 1:40
""",
    ),
    "u32 hash tables": (
        ["htb", "tbf"],
        1,
        HTB
        + """
tc filter add dev eth0 parent 1: protocol ip pref 3 u32 match ip dst 192.0.2.1 flowid 1:40
tc filter add dev eth0 parent 1: protocol ip pref 9 handle 2: u32 divisor 16
tc filter add dev eth0 parent 1: protocol ip pref 9 handle 3: u32 divisor 256
tc filter add dev eth0 parent 1: protocol ip pref 9 u32 ht 2:3: match ip sport 81 0xffff flowid 1:30
tc filter add dev eth0 parent 1: protocol ip pref 9 u32 ht 2:f: match ip sport 81 0xffff link 3:
tc filter add dev eth0 parent 1: protocol ip pref 9 u32 match ip sport 8 0xff link 2: hashkey mask 0x0000000f at 12
""",
    ),
    "mirred and a BPF classifier": (
        ["htb", "tbf"],
        1,
        HTB
        + """
ip link add mirror type ifb; ip link set mirror up
tc filter add dev eth0 parent 1: protocol ip pref 1 u32 match ip sport 80 0xffff flowid 1:30 \
  action mirred egress mirror dev mirror
tc filter add dev eth0 parent 1: protocol all pref 4 bpf bytecode '1,6 0 0 4294967295,' flowid 1:40
tc filter add dev eth0 parent 1: protocol all pref 4 bpf bytecode '1,6 0 0 0,' flowid 1:30
""",
    ),
    "ingress to an ifb of the same name as ours": (
        ["htb"],
        1,
        """
ip link add ifb-eth0 numtxqueues 2 type ifb; ip link set ifb-eth0 mtu 1400 txqueuelen 77 up
tc qdisc add dev ifb-eth0 root handle 9: htb default 1
tc class add dev ifb-eth0 parent 9: classid 9:1 htb rate 3mbit
tc qdisc add dev eth0 ingress
tc filter add dev eth0 ingress protocol ip pref 10 u32 match ip src 10.0.0.0/8 \
  action mirred egress redirect dev ifb-eth0
tc filter add dev eth0 ingress protocol all pref 20 u32 match u32 0 0 action mirred egress redirect dev ifb-eth0
""",
    ),
    "mq with children": (
        ["pfifo", "tbf"],
        4,
        """
tc qdisc add dev eth0 root handle 7: mq
tc qdisc add dev eth0 parent 7:1 handle 71: pfifo limit 11
tc qdisc add dev eth0 parent 7:3 handle 73: tbf rate 5mbit burst 5000 latency 50ms
""",
    ),
    "sizes on the wire": (
        ["tbf"],
        1,
        (
            "tc qdisc add dev eth0 root handle 1: stab overhead 20 linklayer atm mpu 60 "
            "tbf rate 5mbit burst 5000 latency 50ms"
        ),
    ),
    "a queue length of zero": (["pfifo"], 1, "tc qdisc add dev eth0 root pfifo; ip link set eth0 txqueuelen 0"),
    "prio with actions": (
        ["prio", "sfq", "flower", "matchall"],
        1,
        """
tc qdisc add dev eth0 root handle 1: prio bands 4 priomap 3 2 1 0 3 2 1 0 3 2 1 0 3 2 1 0
tc qdisc add dev eth0 parent 1:2 handle 20: sfq perturb 10 divisor 512
tc qdisc add dev eth0 parent 1:4 handle 40: fq_codel flows 64 ecn
tc filter add dev eth0 parent 1: protocol ip pref 2 flower ip_proto tcp dst_port 80 classid 1:2
tc filter add dev eth0 parent 1: protocol ip pref 2 flower ip_proto udp dst_port 53 classid 1:4 action gact ok
tc filter add dev eth0 parent 1: protocol all pref 3 handle 7 fw classid 1:3
tc filter add dev eth0 parent 1: protocol all pref 9 matchall classid 1:1 action police rate 3mbit burst 20k drop
""",
    ),
    "times that the kernel rounds": (
        ["fq_codel", "prio", "codel", "sfq", "pie"],
        1,
        """
tc qdisc add dev eth0 root handle 1: prio bands 5
tc qdisc add dev eth0 parent 1:1 handle 10: fq_codel
tc qdisc add dev eth0 parent 1:2 handle 20: fq_codel target 4001us interval 77777us ce_threshold 3ms
tc qdisc add dev eth0 parent 1:3 handle 30: codel target 6ms
tc qdisc add dev eth0 parent 1:4 handle 40: sfq
tc qdisc add dev eth0 parent 1:5 handle 50: pie target 15ms
""",
    ),
    "hfsc": (
        ["hfsc"],
        1,
        """
tc qdisc add dev eth0 root handle 1: hfsc default 20
tc class add dev eth0 parent 1: classid 1:1 hfsc sc rate 10mbit ul rate 12mbit
tc class add dev eth0 parent 1:1 classid 1:10 hfsc rt umax 1500b dmax 10ms rate 1mbit ls rate 2mbit
tc class add dev eth0 parent 1:1 classid 1:20 hfsc ls rate 8mbit
""",
    ),
    "clsact with u32 and mirred": (
        ["clsact"],
        1,
        """
tc qdisc add dev eth0 clsact
tc filter add dev eth0 egress protocol all pref 2 u32 match u32 0 0 action mirred ingress mirror dev lo
tc filter add dev eth0 ingress protocol ip pref 3 u32 match ip sport 80 0xffff action mirred egress redirect dev peer
""",
    ),
    "clsact": (
        ["clsact", "flower", "matchall"],
        1,
        """
tc qdisc add dev eth0 clsact
tc filter add dev eth0 ingress protocol ip pref 1 flower src_ip 10.0.0.0/8 action drop
tc filter add dev eth0 egress protocol all pref 2 matchall action pass
tc filter add dev eth0 egress protocol ip pref 3 u32 match ip sport 80 0xffff action police rate 1mbit burst 9k drop
""",
    ),
    "chains without filters": (
        ["clsact"],
        1,
        """
tc qdisc add dev eth0 clsact
tc chain add dev eth0 ingress chain 7
tc chain add dev eth0 egress chain 0
tc filter add dev eth0 ingress chain 9 protocol ip pref 3 u32 match ip sport 80 0xffff \
  action mirred egress redirect dev peer
""",
    ),
    "a chain below the root": (["htb", "tbf"], 1, HTB + "tc chain add dev eth0 parent 1: chain 3"),
    "chains with templates": (
        ["clsact", "flower"],
        1,
        """
tc qdisc add dev eth0 clsact
tc chain add dev eth0 ingress chain 4 protocol ip flower dst_ip 0.0.0.0/24 ip_proto tcp
tc filter add dev eth0 ingress chain 4 protocol ip pref 1 flower dst_ip 10.0.0.0/24 ip_proto tcp action drop
tc chain add dev eth0 egress chain 5 protocol ip flower src_mac 00:00:00:00:00:00/ff:ff:ff:00:00:00
""",
    ),
    "hash tables alone": (
        ["ingress"],
        1,
        """
tc qdisc add dev eth0 ingress
tc filter add dev eth0 ingress pref 99 handle 42: u32 divisor 256
tc filter add dev eth0 ingress pref 99 handle 43: u32 divisor 16
tc filter add dev eth0 ingress pref 3 handle 44: u32 divisor 1
""",
    ),
    "a leaf with the handle of the hooks": (
        ["htb", "tbf"],
        1,
        HTB + "tc qdisc replace dev eth0 parent 1:30 handle ffff: pfifo limit 3",
    ),
    "a root with the handle of the hooks": (["bfifo"], 1, "tc qdisc add dev eth0 root handle ffff: bfifo limit 9000"),
    "classes of a root with the handle of the hooks": (
        ["htb"],
        1,
        """
tc qdisc add dev eth0 root handle ffff: htb default 1
tc class add dev eth0 parent ffff: classid ffff:1 htb rate 3mbit
tc filter add dev eth0 parent ffff: protocol ip pref 1 u32 match ip sport 80 0xffff flowid ffff:1
""",
    ),
    "actions of mpls": (
        ["clsact", "matchall", "act_mpls"],
        1,
        """
tc qdisc add dev eth0 clsact
tc filter add dev eth0 ingress protocol ip pref 1 matchall action mpls dec_ttl pipe
tc filter add dev eth0 ingress protocol mpls_uc pref 2 matchall action mpls modify label 20 ttl 3
tc filter add dev eth0 egress protocol ip pref 1 matchall action mpls push protocol mpls_mc label 123 tc 3 ttl 64
tc filter add dev eth0 egress protocol mpls_uc pref 2 matchall action mpls pop protocol ip
""",
    ),
    "an action that two filters share": (
        ["clsact", "act_skbedit"],
        1,
        """
tc qdisc add dev eth0 clsact
tc actions add action skbedit priority 5 index 77
tc filter add dev eth0 ingress protocol ip pref 1 u32 match u32 0 0 action skbedit index 77
tc filter add dev eth0 egress protocol ip pref 2 u32 match u32 0 0 action skbedit index 77
""",
    ),
    "mqprio in software": (
        ["mqprio", "pfifo"],
        4,
        """
tc qdisc add dev eth0 root handle 7: mqprio num_tc 2 map 0 0 1 1 queues 2@0 2@2 hw 0
tc qdisc add dev eth0 parent 7:2 handle 72: pfifo limit 11
""",
    ),
    "taprio": (
        ["taprio"],
        4,
        (
            "tc qdisc add dev eth0 root handle 100: taprio num_tc 2 map 0 1 queues 2@0 2@2 base-time 1000 "
            "sched-entry S 01 300000 sched-entry S 02 500000 clockid CLOCK_TAI"
        ),
    ),
    "cake": (
        ["cake"],
        1,
        "tc qdisc add dev eth0 root handle 8: cake bandwidth 30mbit diffserv8 nat overhead 44 mpu 84",
    ),
    "netem above fq": (
        ["netem", "fq"],
        1,
        (
            "tc qdisc add dev eth0 root handle 1: netem delay 10ms 2ms loss 1% rate 5mbit; "
            "tc qdisc add dev eth0 parent 1:1 handle 2: fq maxrate 5mbit flow_limit 50"
        ),
    ),
    "netem with a loss model": (
        ["netem"],
        1,
        "tc qdisc add dev eth0 root netem delay 1ms loss gemodel 1% 10% 70% 0.1%",
    ),
}
PLANS = {
    "both ways": {"shaper": {"egress_mbit": 50, "ingress_mbit": 20}},
    "classes in an htb of the same handle": {
        "htb_classes": [
            {"classid": "1:30", "rate_mbit": 3, "match": [{"dports": ["80"]}]},
            {"classid": "1:1", "rate_mbit": 8, "match": [{"src": "2001:db8::/32"}]},
        ],
        "default_class": "1:30",
    },
    "a plain root": {"qdisc": {"type": "bfifo", "params": {"limit_bytes": 9999}}},
}


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("start", STARTS)
def test_a_plan_comes_and_goes(start: str, plan: str) -> None:
    """After apply and restore, tc and ip say what they said before, and nothing is left to be done."""
    kinds, queues, script = STARTS[start]
    if missing(kinds):
        pytest.skip(missing(kinds))

    def look() -> list[list[str]]:
        return [told(), told("ifb-eth0"), links()]

    def there_and_back() -> tuple[list[list[str]], int, list[str], list[str], list[list[str]]]:
        make_interface(queues)
        run("set -e\n" + script)
        before = look()
        current, wanted = resolved(PLANS[plan])
        steps = lead(wanted)
        still = left(wanted)
        lead(current)
        return before, steps, still, left(current), once_like(before, look)

    before, steps, still, unrestored, after = in_namespace(there_and_back)
    assert steps > 0
    assert still == []
    assert unrestored == []
    assert after == before


@pytest.mark.parametrize("start", [name for name, (kinds, _queues, _script) in STARTS.items() if kinds])
def test_absent_gives_the_default_back(start: str) -> None:
    """State absent leaves the kernel's own root, and restoring brings back what was there."""
    kinds, queues, script = STARTS[start]
    if missing(kinds):
        pytest.skip(missing(kinds))

    def away_and_back() -> tuple[list[str], list[str], list[str]]:
        make_interface(queues)
        run("set -e\n" + script)
        before = told()
        current, wanted = resolved({}, absent=True)
        lead(wanted)
        root = [line for line in told() if line.startswith("qdisc") and " root" in line]
        lead(current)
        return before, root, once_like(before, told)

    before, root, after = in_namespace(away_and_back)
    assert [line.split()[4:7] for line in root] == [["qdisc", "noqueue", "0:"]]
    assert after == before


REDIRECTED = """
ip link add mirror type ifb; ip link set mirror up
tc qdisc add dev eth0 ingress
tc filter add dev eth0 ingress protocol all pref 1 u32 match u32 0 0 action mirred egress redirect dev mirror
"""


def await_actions_gone() -> None:
    """Wait until the actions of filters that were removed are gone, and their numbers free."""

    def numbers(said: str) -> set[str]:
        return set(re.findall(r"\bindex (\d+)", said))

    until(
        lambda: numbers(run_and_read("tc", "actions", "list", "action", "mirred")) == numbers(" ".join(told())),
        10,
        "the actions of removed filters are gone",
    )


def run_and_read(*words: str) -> str:
    """Run a command and return what it says."""
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def test_a_filter_is_not_bound_to_the_action_of_one_just_removed() -> None:
    """The kernel keeps an action for a moment; when ours has got the number of theirs, theirs still comes back."""

    def there_and_back() -> tuple[list[str], list[str]]:
        make_interface()
        run("set -e\n" + REDIRECTED)
        before = told()
        current, wanted = resolved(PLANS["both ways"])
        for operation in tc_subsystem.operations(current, wanted):
            tc_kernel.perform(operation, Tools())
            await_actions_gone()
        assert "index 1 " in " ".join(told())
        lead(current)
        return before, told()

    before, after = in_namespace(there_and_back)
    assert after == before


def test_a_number_that_another_action_has_now_is_not_taken() -> None:
    """A filter whose action's number was given away gets its own action back under another one."""

    def there_and_back() -> tuple[list[str], list[str], list[str], list[str]]:
        make_interface()
        run("set -e\n" + REDIRECTED)
        before = told(numbered=False)
        current, wanted = resolved(PLANS["both ways"])
        lead(wanted)
        await_actions_gone()
        run("tc actions add action mirred egress mirror dev lo index 1")
        lead(current)
        after = told(numbered=False)
        return before, after, left(current), run_and_read("tc", "actions", "list", "action", "mirred").splitlines()

    before, after, unrestored, others = in_namespace(there_and_back)
    assert after == before
    assert unrestored == []
    assert any("Egress Mirror to device lo" in line for line in others)


def test_every_stop_on_the_way_leads_back() -> None:
    """Stopped after any number of operations, the state from before can still be reached exactly."""
    start = STARTS["u32 at several preferences"][2]

    def stops() -> list[tuple[list[str], list[str]]]:
        make_interface()
        run("set -e\n" + start)
        before = sorted(told())
        current, wanted = resolved(PLANS["classes in an htb of the same handle"])
        differing = []
        count = lead(wanted)
        lead(current)
        for stop in range(1, count):
            _lead_until(wanted, stop)
            lead(current)
            if sorted(told()) != before:
                differing.append((before, sorted(told())))
        return differing

    assert in_namespace(stops) == []


def _lead_until(wanted: dict[str, object], stop: int) -> None:
    """Carry out only the first operations towards a State."""
    for operation in tc_subsystem.operations(tc_kernel.observe(SCOPE, Tools()), wanted)[:stop]:
        tc_kernel.perform(operation, Tools())


def test_one_changed_class_is_one_message() -> None:
    """A class whose rate differs is changed in place, alone, and its neighbours' counters stay."""

    def change() -> tuple[int, list[str]]:
        make_interface()
        classes = [{"classid": f"1:{minor:x}", "rate_mbit": 1} for minor in range(16, 80)]
        lead(resolved({"htb_classes": classes})[1])
        classes[7]["rate_mbit"] = 2
        wanted = resolved({"htb_classes": classes})[1]
        return lead(wanted), [line for line in told() if "rate 2Mbit" in line]

    count, changed = in_namespace(change)
    assert count == 1
    assert len(changed) == 1
    assert "class htb 1:17" in changed[0]
    assert IFACE in changed[0]
