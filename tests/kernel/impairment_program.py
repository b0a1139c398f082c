# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints how plans with netem and mq are made, left and drift, as JSON: for a kernel of its own that has all qdiscs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._tc import subsystem as tc_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._tc.netem_tables import FOLDERS, FOLDERS_BY_MACHINE
from tests.kernel.tc_namespace import IFACE, in_namespace, lead, left, make_interface, resolved, run, told

QUEUES = 2
JITTER = {"delay_ms": 20, "delay_jitter_ms": 4}
CLASSES = [
    {"classid": "1:10", "rate_mbit": 5, "match": [{"proto": "udp", "dports": ["5060"]}]},
    {"classid": "1:20", "rate_mbit": 5},
]
TREE = {"type": "htb", "params": {}, "htb_classes": CLASSES, "default_class": "1:20"}
MATCH = {"dst": "192.0.2.0/24"}
PLANS: dict[str, dict[str, Any]] = {
    "correlations and a rate": {
        "netem": {**JITTER, "delay_correlation_pct": 25, "loss_pct": 1, "loss_correlation_pct": 30, "rate_mbit": 5.5}
    },
    "correlations of shares": {
        "netem": {
            "delay_ms": 20,
            "duplicate_pct": 2,
            "duplicate_correlation_pct": 20,
            "corrupt_pct": 1,
            "corrupt_correlation_pct": 5,
            "reorder_pct": 25,
            "reorder_correlation_pct": 50,
        }
    },
    "normal": {"netem": {**JITTER, "distribution": "normal"}},
    "pareto above fq_codel": {"netem": {**JITTER, "distribution": "pareto"}, "qdisc": {"type": "fq_codel"}},
    "paretonormal below tbf": {
        "netem": {**JITTER, "distribution": "paretonormal"},
        "qdisc": {"type": "tbf", "params": {"rate_mbit": 5}},
    },
    "normal in every class": {"netem": {**JITTER, "distribution": "normal"}, "htb_classes": CLASSES},
    "gemodel": {"netem": {"loss_model": {"type": "gemodel", "p_pct": 1, "r_pct": 20, "bad_loss_pct": 90}}},
    "state": {"netem": {"loss_model": {"type": "state", "p13_pct": 1, "p31_pct": 20, "p14_pct": 2}}},
    "a match": {"netem": {**JITTER, "match": MATCH}},
    "a match above fq_codel": {"netem": {**JITTER, "match": MATCH}, "qdisc": {"type": "fq_codel"}},
    "a match in classes": {"netem": {**JITTER, "match": MATCH, "distribution": "normal"}, "htb_classes": CLASSES},
    "a class": {"netem": {**JITTER, "classes": ["1:10"]}, "htb_classes": CLASSES, "default_class": "1:20"},
    "what arrives": {
        "netem": {**JITTER, "direction": "ingress", "distribution": "normal"},
        "qdisc": {"type": "fq_codel"},
    },
    "what arrives of a match": {"netem": {**JITTER, "direction": "ingress", "match": MATCH}},
    "what arrives below a shaper": {
        "netem": {**JITTER, "direction": "ingress"},
        "qdisc": {"type": "fq_codel", "params": {}},
        "shaper": {"egress_mbit": 5, "ingress_mbit": 20},
    },
    "what arrives in classes": {
        "netem": {**JITTER, "direction": "ingress", "classes": ["1:10"], "distribution": "normal"},
        "ingress": {"htb_classes": CLASSES, "default_class": "1:20"},
        "qdisc": {"type": "tbf", "params": {"rate_mbit": 5}},
    },
    "mq": {"netem": {**JITTER, "distribution": "pareto"}, "qdisc": {"type": "mq"}},
    "mq of fq_codel": {"netem": JITTER, "qdisc": {"type": "mq", "per_queue": {"type": "fq_codel", "params": {}}}},
    "mq of trees": {"netem": JITTER, "qdisc": {"type": "mq", "per_queue": TREE}},
    "mq of cake": {"qdisc": {"type": "mq", "per_queue": {"type": "cake", "params": {"bandwidth_mbit": 5}}}},
    "mq of fq": {"qdisc": {"type": "mq", "per_queue": {"type": "fq", "params": {"limit": 5000}}}},
    "cake for hosts both ways": {
        "qdisc": {"type": "cake", "params": {"isolation": "dual-srchost", "nat": True}},
        "shaper": {"egress_mbit": 20, "ingress_mbit": 90},
        "ingress": {"qdisc": {"type": "cake", "params": {"isolation": "dual-dsthost", "nat": True}}},
    },
}
BY_HAND = f"tc qdisc change dev {IFACE} parent 1:2 handle 6000: netem limit 10000 delay 30ms 4ms"


def look() -> list[str]:
    """Return what tc says of the interface and of what arrives, without numbers that are left to chance."""
    lines = [*told(numbered=False), *told(f"ifb-{IFACE}", numbered=False)]
    return [re.sub(r" seed \d+", "", line) for line in lines]


def made(changes: dict[str, Any]) -> dict[str, Any]:
    """Return what a plan leaves on a new interface, what a second run would do, and whether all goes back."""
    make_interface(QUEUES)
    before = look()
    current, wanted = resolved(changes)
    lead(wanted)
    found = {"state": look(), "left": left(resolved(changes)[1])}
    lead(current)
    return {**found, "back": look() == before}


def by_hand(changes: dict[str, Any]) -> list[list[str]]:
    """Return what a plan's text leaves there once it has run, and once it has run twice."""
    make_interface(QUEUES)
    states = []
    for _ in range(2):
        run(tc_subsystem.render(tc_subsystem.intent(changes, (IFACE,))))
        states.append(look())
    return states


def other_table() -> dict[str, Any]:
    """Return what is done where another table is wanted, and what is found once somebody has changed the delay."""
    make_interface(QUEUES)
    lead(resolved(PLANS["normal"])[1])
    wanted = resolved({"netem": {**JITTER, "distribution": "pareto"}})[1]
    found = {"other": left(wanted)}
    lead(wanted)
    found["then"] = left(wanted)
    lead(resolved(PLANS["normal"])[1])
    run(BY_HAND)
    found["drift"] = left(resolved(PLANS["normal"])[1])
    return found


def without_tables() -> str:
    """Return the refusal where the host lacks the tables; whatever is here is covered up for good."""
    make_interface(QUEUES)
    for folder in (*map(Path, FOLDERS), *Path(FOLDERS_BY_MACHINE[0]).glob(FOLDERS_BY_MACHINE[1])):
        if folder.exists():
            run(f"mount -t tmpfs none {folder}")
    try:
        resolved(PLANS["normal"])
    except NetoptError as error:
        return f"{error.message} {error.hint}"
    return ""


def main() -> None:
    """Print it all."""
    found: dict[str, Any] = {"plans": {}}
    for name, changes in PLANS.items():
        sys.stdout.write(f"{name}\n")  # who waits sees that something happens
        sys.stdout.flush()
        text = in_namespace(lambda changes=changes: by_hand(changes))
        found["plans"][name] = {**in_namespace(lambda changes=changes: made(changes)), "text": text}
    found["table"] = in_namespace(other_table)
    found["refusal"] = in_namespace(without_tables)
    found["tc"] = subprocess.run(["tc", "-V"], check=True, capture_output=True, text=True).stdout
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
