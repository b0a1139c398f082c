# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints what is adopted from hosts with trees made by hand, and what applying that does there, as JSON.

For a kernel of its own that has all qdiscs. Without arguments it tries all of ``TREES``, else those that are named.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate
from tests.kernel.adopted_host import adopted
from tests.kernel.transaction_host import Host, transaction_host

MANY = """ip link add many numtxqueues 2 type veth peer name many-peer
ip link set many up
ip addr add 203.0.113.1/24 dev many
"""
TREES = {
    "htb": """tc qdisc add dev eth0 root handle 1: htb default 20
tc class add dev eth0 parent 1: classid 1:1 htb rate 20mbit
tc class add dev eth0 parent 1:1 classid 1:10 htb rate 5mbit ceil 20mbit prio 1
tc class add dev eth0 parent 1:1 classid 1:20 htb rate 10mbit ceil 20mbit prio 2
tc qdisc add dev eth0 parent 1:10 fq_codel limit 500
tc qdisc add dev eth0 parent 1:20 handle 200: sfq perturb 10""",
    "htb-elsewhere": """tc qdisc add dev eth0 root handle 7: htb default 20
tc class add dev eth0 parent 7: classid 7:20 htb rate 10mbit""",
    "htb-filters": """tc qdisc add dev eth0 root handle 1: htb default 20
tc class add dev eth0 parent 1: classid 1:1 htb rate 20mbit
tc class add dev eth0 parent 1:1 classid 1:10 htb rate 5mbit ceil 20mbit prio 1
tc class add dev eth0 parent 1:1 classid 1:20 htb rate 10mbit ceil 20mbit prio 2
tc filter add dev eth0 parent 1: protocol ip prio 1 u32 match ip dport 443 0xffff flowid 1:10""",
    "htb-prio": """tc qdisc add dev eth0 root handle 1: htb default 20
tc class add dev eth0 parent 1: classid 1:20 htb rate 10mbit
tc qdisc add dev eth0 parent 1:20 handle 2: prio bands 2 priomap 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
tc qdisc add dev eth0 parent 2:2 fq_codel
tc filter add dev eth0 parent 2: protocol ip prio 1 u32 match ip dport 443 0xffff flowid 2:1""",
    "prio": """tc qdisc add dev eth0 root handle 1: prio bands 3 priomap 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
tc qdisc add dev eth0 parent 1:2 fq_codel
tc filter add dev eth0 parent 1: protocol ip prio 1 u32 match ip dport 443 0xffff flowid 1:1""",
    "cake": "tc qdisc add dev eth0 root cake bandwidth 20mbit nat docsis",
    "fq": "tc qdisc replace dev eth0 root fq maxrate 100mbit",
    "tbf": "tc qdisc add dev eth0 root tbf rate 5mbit burst 32k latency 50ms",
    "policer": """tc qdisc add dev eth0 root fq_codel ecn
tc qdisc add dev eth0 handle ffff: ingress
tc filter add dev eth0 parent ffff: protocol ip u32 match u32 0 0 police rate 10mbit burst 100k drop flowid :1""",
    "ifb": """ip link add ifb4eth0 type ifb
ip link set ifb4eth0 up
tc qdisc add dev eth0 root cake bandwidth 6mbit
tc qdisc add dev eth0 handle ffff: ingress
tc qdisc add dev ifb4eth0 root cake bandwidth 20mbit besteffort ingress
tc filter add dev eth0 parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev ifb4eth0""",
    "mq": MANY
    + """tc qdisc add dev many root handle 7: mq
tc qdisc add dev many parent 7:1 fq_codel
tc qdisc add dev many parent 7:2 fq_codel""",
    "mq-htb": MANY
    + """tc qdisc add dev many root handle 7fff: mq
for n in 1 2; do tc qdisc add dev many parent 7fff:$n handle $n: htb default 2
tc class add dev many parent $n: classid $n:1 htb rate 1gbit
tc class add dev many parent $n:1 classid $n:2 htb rate 250mbit ceil 1gbit
tc qdisc add dev many parent $n:2 cake diffserv4; done""",
    "netem": MANY + "tc qdisc add dev many root netem delay 20ms 5ms loss 1%",
    "all-else": """ip link set eth0 mtu 1400 txqueuelen 500
ethtool -K eth0 tso off gro on
ip route add 198.51.100.0/24 dev eth0 initcwnd 20 quickack 1 mtu 1300
sysctl -qw net.ipv4.tcp_fin_timeout=23""",
}
POLICY = load_policy()


def without_counts(view: str) -> str:
    """Return a view without the flows that happen to have queues."""
    return "\n".join(line for line in view.splitlines() if not re.match(r"class (fq_codel|cake|sfq) ", line))


def tried(host: Host, tree: str) -> dict[str, Any]:
    """Return what came of one tree."""
    host.run("sh", "-ec", tree)
    made = without_counts(host.view()).splitlines()
    plans, left_out = adopted(host, POLICY)
    checked = [validate(each.plan, POLICY).normalized_plan for each in plans]
    asked = [{**each.plan, "changes": one.changes.dump()} for each, one in zip(plans, checked, strict=True) if one]
    report = host.ask(plans=asked, labels=["netem"])
    now = without_counts(host.view()).splitlines()
    again = host.ask(plans=asked, labels=["netem"])["status"]
    drift = host.checkpoint("verified")["drift"]
    found, still_left = adopted(host, POLICY)
    if any("netem" in each["changes"] for each in asked):  # a running impairment is not removed, it is rolled back
        host.checkpoint("restored", id=report["checkpoint_id"])
        removed = host.statuses()[report["checkpoint_id"]]
    else:
        removed = host.ask(remove=[each["name"] for each in asked])["status"]
    back = without_counts(host.view()).splitlines()
    return {
        "plans": [each.plan for each in plans],
        "left_out": [[one.text, one.reason] for one in left_out],
        "status": report["status"],
        "error": report["error"],
        "diff": sorted({change["subsystem"] for change in report["diff"]}),
        "gone": [line for line in made if line not in now],
        "new": [line for line in now if line not in made],
        "again": again,
        "drift": drift,
        "adopted_again": [each.plan["changes"] for each in found],
        "told_as_ours": [one.text for one in still_left if "in force here since" in one.reason],
        "removed": removed,
        "back": sorted(set(made) ^ set(back)),
    }


def main() -> None:
    """Print it all."""
    found = {}
    for name in sys.argv[1:] or TREES:
        sys.stdout.write(f"{name}\n")  # who waits sees that something happens
        sys.stdout.flush()
        with transaction_host() as host:
            found[name] = tried(host, TREES[name])
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
