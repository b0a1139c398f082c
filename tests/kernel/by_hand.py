# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody does by hand to the trees that plans make, and whether a host can be put right then.

Each row is one plan and one line of shell. ``QUICK`` needs what most kernels have, ``OTHER`` a kernel with all qdiscs.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.store import Store
from ansible_collections.netopt.linux.plugins.module_utils._drift.verify import verify
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._transaction.request import request_of
from ansible_collections.netopt.linux.plugins.module_utils._transaction.transaction import Transaction
from tests.faults.engine import restoring
from tests.faults.hosts import MOVING, Host, differences, host

SETTLES_S = 3.0  # the kernel is slow to count what refers to an action
ENDS_S = 6  # of an impairment whose end is waited for
TWO_QUEUES = """
ip link del eth0
ip link add eth0 address 02:00:00:00:00:01 numtxqueues 2 numrxqueues 2 type veth \
  peer name peer0 address 02:00:00:00:00:02 numtxqueues 2 numrxqueues 2
ip link set peer0 up
ip link set eth0 up
until ip link show eth0 | grep -q 'state UP' && ip link show peer0 | grep -q 'state UP'; do sleep 0.01; done
"""
LOOK = """
for device in $(ls /sys/class/net); do
  classes=$(tc class show dev $device | grep -E -v '^class (fq_codel|cake|sfq) ' | cut -d' ' -f3)
  { for form in qdisc class; do echo "$form show dev $device"; done
    for place in ingress egress; do echo "filter show dev $device $place"; echo "chain show dev $device $place"; done
    for place in $classes $(tc qdisc show dev $device | cut -d' ' -f3); do
      echo "filter show dev $device parent $place"
      echo "chain show dev $device parent $place"
      for table in 1 2 3; do
        echo "filter get dev $device parent $place protocol 802.1Q pref 3 handle $table::800 u32"
      done
    done
  } | sed "p; s/.*/qdisc show dev lo/" | tc -d -force -batch - 2>/dev/null
done
ip -d link show
"""
SPARED = {"proto": "tcp", "dports": ["5001"]}
NETEM = {"delay_ms": 20, "duration_s": 3000}
CLASSES: list[dict[str, Any]] = [
    {
        "classid": "1:10",
        "rate_mbit": 5,
        "match": [{"proto": "udp", "dports": ["5060"]}],
        "leaf": {"type": "pfifo", "params": {"limit": 50}},
    },
    {"classid": "1:20", "rate_mbit": 5, "ceil_mbit": 20},
]
ARRIVING = [
    {"classid": "1:10", "rate_mbit": 5, "match": [{"proto": "udp", "sports": ["5060"]}]},
    {"classid": "1:20", "rate_mbit": 5, "leaf": {"type": "pfifo", "params": {"limit": 50}}},
]
PLANS: dict[str, dict[str, Any]] = {
    "shaper": {"shaper": {"egress_mbit": 50, "ingress_mbit": 20}},
    "classes": {"htb_classes": CLASSES, "default_class": "1:20"},
    "classes below a shaper": {"shaper": {"egress_mbit": 50, "ceil_mbit": 80}, "htb_classes": CLASSES},
    "classes of what arrives": {"ingress": {"htb_classes": ARRIVING}, "shaper": {"ingress_mbit": 20}},
    "mq of trees": {
        "qdisc": {
            "type": "mq",
            "per_queue": {"type": "htb", "params": {}, "htb_classes": CLASSES, "default_class": "1:20"},
        }
    },
    "mq": {"qdisc": {"type": "mq", "per_queue": {"type": "pfifo", "params": {"limit": 50}}}},
    "tbf": {"qdisc": {"type": "tbf", "params": {"rate_mbit": 5, "burst_bytes": 5000, "latency_ms": 50}}},
    "cake": {"shaper": {"egress_mbit": 50, "ingress_mbit": 20}, "qdisc": {"type": "cake"}},
    "shaper of fq_codel": {"shaper": {"egress_mbit": 50}, "qdisc": {"type": "fq_codel"}},
    "fq": {"qdisc": {"type": "fq"}},
    "netem": {"netem": NETEM},
    "netem of some": {"netem": {**NETEM, "match": SPARED}},
    "netem of some above fq_codel": {"netem": {**NETEM, "match": SPARED}, "qdisc": {"type": "fq_codel"}},
    "netem in classes": {"netem": NETEM, "htb_classes": CLASSES, "default_class": "1:20"},
    "netem of some of a class": {
        "netem": {**NETEM, "match": SPARED, "classes": ["1:10"]},
        "htb_classes": CLASSES,
        "default_class": "1:20",
    },
    "netem in mq": {"qdisc": {"type": "mq"}, "netem": {**NETEM, "match": SPARED}},
}
MATCH_ALL = "u32 match u32 0 0"
QUICK = (
    ("shaper", "tc qdisc del dev eth0 root"),
    ("shaper", "tc class change dev eth0 parent 1: classid 1:1 htb rate 3mbit ceil 4mbit"),
    ("shaper", "tc filter del dev eth0 ingress"),
    ("shaper", f"tc filter add dev eth0 ingress protocol ip pref 7 {MATCH_ALL} flowid 1:1"),
    ("shaper", "tc qdisc del dev eth0 ingress"),
    ("shaper", "ip link del ifb-eth0"),
    ("shaper", "ip link set ifb-eth0 down mtu 1400"),
    ("shaper", "tc qdisc del dev ifb-eth0 root"),
    ("shaper", "ip link del ifb-eth0; tc qdisc del dev eth0 ingress; tc qdisc del dev eth0 root"),
    ("classes", "tc filter del dev eth0 parent 1:"),
    ("classes", "tc filter del dev eth0 parent 1: protocol ip pref 1"),
    ("classes", "tc filter del dev eth0 parent 1: protocol ipv6 pref 2"),
    ("classes", "tc filter del dev eth0 parent 1: pref 1; tc filter del dev eth0 parent 1: pref 2"),
    ("classes", "for p in 1 3 4; do tc filter del dev eth0 parent 1: pref $p; done"),
    ("classes", "tc filter del dev eth0 parent 1: protocol ip pref 1 handle 1::800 u32"),
    ("classes", f"tc filter add dev eth0 parent 1: protocol ip pref 77 {MATCH_ALL} flowid 1:10"),
    ("classes", "tc chain add dev eth0 parent 1: chain 5"),
    ("classes", "tc qdisc del dev eth0 parent 1:10"),
    ("classes", "tc qdisc replace dev eth0 parent 1:10 handle 77: pfifo limit 7"),
    ("classes", "tc qdisc replace dev eth0 parent 1:20 handle 77: htb"),
    ("classes", "tc class del dev eth0 classid 1:20"),
    ("classes", "tc filter del dev eth0 parent 1: && tc class del dev eth0 classid 1:10"),
    ("classes", "tc class add dev eth0 parent 1:20 classid 1:77 htb rate 1mbit"),
    ("classes", "tc qdisc replace dev eth0 root handle 9: pfifo limit 7"),
    ("classes", "tc qdisc del dev eth0 root && tc qdisc add dev eth0 root handle 1: htb"),
    ("classes below a shaper", "tc filter del dev eth0 parent 1: && tc class del dev eth0 classid 1:10"),
    ("classes of what arrives", "tc filter del dev ifb-eth0 parent 1: protocol ip pref 1"),
    ("classes of what arrives", "tc qdisc del dev ifb-eth0 parent 1:20"),
    ("classes of what arrives", "tc class del dev ifb-eth0 classid 1:20"),
    ("classes of what arrives", "ip link del ifb-eth0"),
    ("mq of trees", "tc qdisc del dev eth0 parent 1:1"),
    ("mq of trees", "tc filter del dev eth0 parent 10:; tc filter del dev eth0 parent 12: pref 1"),
    ("mq of trees", "tc qdisc del dev eth0 root"),
    ("mq", "tc qdisc replace dev eth0 parent 1:2 handle 77: tbf rate 1mbit burst 5k latency 50ms"),
    ("mq", "tc qdisc del dev eth0 parent 1:2"),
    ("tbf", "tc qdisc change dev eth0 root handle 1: tbf rate 3mbit burst 5k latency 20ms"),
)
OTHER = (
    ("shaper", "tc qdisc del dev eth0 ingress; tc qdisc add dev eth0 clsact; tc chain add dev eth0 egress chain 3"),
    ("cake", "tc qdisc change dev eth0 root handle 1: cake bandwidth 7mbit rtt 50ms"),
    ("cake", "tc qdisc del dev ifb-eth0 root"),
    ("shaper of fq_codel", "tc qdisc replace dev eth0 parent 1:1 handle 77: netem delay 5ms"),
    ("fq", "tc qdisc del dev eth0 root && tc qdisc add dev eth0 root handle 1: prio"),
    ("classes", "tc qdisc del dev eth0 root && tc qdisc add dev eth0 root handle 1: prio"),
    ("netem", "tc qdisc change dev eth0 parent 1:2 handle 20: netem delay 3ms"),
    ("netem of some", "tc filter del dev eth0 parent 1:"),
    ("netem of some", "tc filter del dev eth0 parent 1: protocol ip pref 1"),
    ("netem of some", "tc qdisc del dev eth0 parent 1:2"),
    ("netem of some", "tc qdisc change dev eth0 root handle 1: prio bands 4"),
    ("netem of some", "tc qdisc del dev eth0 root"),
    ("netem of some above fq_codel", "tc filter del dev eth0 parent 1: pref 1"),
    ("netem in classes", "tc filter del dev eth0 parent 1: pref 1"),
    ("netem of some of a class", "tc filter del dev eth0 parent 1: pref 1; tc qdisc del dev eth0 parent 1:10"),
    ("netem in mq", "tc qdisc del dev eth0 parent 1:1"),
)
ENDING = (  # an impairment that ends by itself all the same
    ("netem of some", "tc filter del dev eth0 parent 1: protocol ip pref 1"),
    ("netem of some of a class", "tc filter del dev eth0 parent 1: pref 1; tc qdisc del dev eth0 parent 1:10"),
)
Complaint = tuple[str, str]


def complaints(plan: str, command: str) -> list[Complaint]:
    """Return what does not go as it should on a new host with a plan and a change by hand: the step, and what is wrong.

    Verify sees the change; the plan applied again puts it right; without the plan all is as it was before. Each of
    these can be rolled back, and the plan itself too.
    """
    with host(TWO_QUEUES) as made:
        return list(_complaints(made, PLANS[plan], command))


def _complaints(made: Host, changes: dict[str, Any], command: str) -> Iterator[Complaint]:
    bare = _look(made)
    if wrong := _applied(made, changes, "one"):
        yield "apply", wrong
        return
    there = _look(made)
    said = made.shell(command)
    found = _look(made)
    if found == there or said:
        yield "by hand", said or "it changes nothing"
    if not made.run(_verifying).value:
        yield "verify", "it sees nothing"
    if "netem" in changes:  # which is not built upon while it runs
        wrong = _applied(made, changes, "two")
        if "The impairment of one runs" not in wrong:
            yield "again", f"{wrong or 'applied'} while the impairment runs"
    else:
        yield from _there_and_back(made, changes, "again", there, found)
        yield from _there_and_back(made, dict.fromkeys(changes), "without", bare, found)
    yield from _back(made, "one", bare)
    if "netem" in changes:
        yield from _there_and_back(made, changes, "anew", there, bare)


def _there_and_back(made: Host, changes: dict[str, Any], name: str, there: str, before: str) -> Iterator[Complaint]:
    """Apply, and roll back to what a dead device lets come back."""
    if wrong := _applied(made, changes, name):
        yield name, wrong
        return
    if wrong := _unlike(made, there):
        yield name, wrong
    if drift := made.run(_verifying).value:
        yield f"verify {name}", str(drift)
    yield from _back(made, name, before)


def _back(made: Host, name: str, before: str) -> Iterator[Complaint]:
    failed = made.run(restoring(name)).value
    wrong = "; ".join(failed) or _unlike(made, before)
    if wrong:
        yield f"roll back {name}", wrong


def end(plan: str, command: str) -> list[Complaint]:
    """Return what differs from the host without the impairment once that has ended by itself after a change by hand."""
    changes = {**PLANS[plan], "netem": {**PLANS[plan]["netem"], "duration_s": ENDS_S}}
    calm = {field: value for field, value in changes.items() if field != "netem"}
    with host(TWO_QUEUES) as made:
        if calm:
            _applied(made, calm, "calm")
        wanted = _look(made)
        if calm:
            made.run(restoring("calm"))
        if wrong := _applied(made, changes, "one"):
            return [("apply", wrong)]
        made.shell(command, check=True)
        ends = time.monotonic() + 10 * ENDS_S
        while made.store.header("one").ends_at is not None and time.monotonic() < ends:
            time.sleep(0.1)
        wrong = _unlike(made, wanted)
        drift = made.run(_verifying).value
        return [*([("end", wrong)] if wrong else []), *([("verify", str(drift))] if drift else [])]


def _unlike(made: Host, wanted: str) -> str:
    """Return what differs from what is wanted, once the host has had time to settle.

    A filter that points at a device that is gone cannot be made again: it is not missed.
    """
    ends = time.monotonic() + SETTLES_S
    while (found := _look(made)) != wanted and time.monotonic() < ends:
        time.sleep(0.1)
    dead = "to device *" in wanted
    return differences(*((_without_filters(said) if dead else said) for said in (wanted, found)))


def _without_filters(said: str) -> str:
    """Return what is said of all else; a filter's further lines begin with a blank."""
    left, inside = [], False
    for line in said.splitlines():
        inside = line.startswith("filter ") or (inside and line[0].isspace())
        left += [] if inside or line.startswith("chain ") else [line]
    return "\n".join(left)


def _look(made: Host) -> str:
    """Return what tc and ip say, with what the kernel lists in the order in which it was made sorted."""
    said = made.shell(LOOK)
    for pattern, words in MOVING:
        said = pattern.sub(words, said)
    lines = [line for line in said.splitlines() if not re.match(r"qdisc \S+ 0: dev lo |\s*$", line)]
    unordered = [line for line in lines if re.match(r"class |chain ", line)]
    return "\n".join([*(line for line in lines if line not in unordered), *sorted(unordered)])


def _applied(made: Host, changes: dict[str, Any], identity: str) -> str:
    """Apply changes and return what was said where they were not; empty where they were."""
    report = made.run(_applying(changes, identity)).value
    error = report["error"] or {}
    return "" if report["status"] == "applied" else f"{report['status']}: {error.get('key')}: {error.get('message')}"


def _applying(changes: dict[str, Any], identity: str) -> Callable[[], dict[str, Any]]:
    def apply() -> dict[str, Any]:
        plan = {"iface": "eth0", "changes": changes}
        asked = request_of({"plan": plan, "checkpoint_id": identity, "labels": ["netem"]})
        return Transaction(asked).run().as_dict()

    return apply


def _verifying() -> list[dict[str, Any]]:
    return [one.as_dict() for one in verify(Store(), Tools()).drift]
