# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts hold that were set up by hand, on a kernel that has all qdiscs: adopted, and applied to the same host."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.kernel.adopt_hosts_program import TREES
from tests.own_kernel import answer_of

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0, reason="user-mode Linux needs root"),
]

FQ_CODEL = {"type": "fq_codel"}
CLASSES = [
    {"classid": "1:1", "rate_mbit": 20, "burst": 1600, "cburst": 1600},
    {"classid": "1:10", "parent": "1:1", "rate_mbit": 5, "ceil_mbit": 20, "priority": 1, "cburst": 1600},
    {"classid": "1:20", "parent": "1:1", "rate_mbit": 10, "ceil_mbit": 20, "priority": 2, "cburst": 1600},
]
LEAVES = {
    "1:10": {"type": "fq_codel", "params": {"limit": 500}},
    "1:20": {"type": "sfq", "params": {"perturb_s": 10}},
}
MATCH = {"1:10": [{"dports": ["443"], "src": "0.0.0.0/0"}]}
CAKE_EACH = {"type": "cake", "params": {"diffserv": "diffserv4"}}
BAND = {"parent": "1:1", "rate_mbit": 0.008, "ceil_mbit": 400000}
BELOW = {"parent": "1:20", "rate_mbit": 0.008, "ceil_mbit": 10}
ADOPTED: dict[str, dict[str, Any]] = {
    "htb": {
        "qdisc": {"type": "htb"},
        "htb_classes": [
            {**one, **({"leaf": LEAVES[one["classid"]]} if one["classid"] in LEAVES else {})} for one in CLASSES
        ],
        "default_class": "1:20",
    },
    "htb-elsewhere": {
        "qdisc": {"type": "htb"},
        "htb_classes": [{"classid": "1:20", "rate_mbit": 10}],
        "default_class": "1:20",
    },
    "htb-filters": {
        "qdisc": {"type": "htb"},
        "htb_classes": [CLASSES[0], CLASSES[2], {**CLASSES[1], "match": MATCH["1:10"]}],
        "default_class": "1:20",
    },
    "htb-prio": {
        "qdisc": {"type": "htb"},
        "htb_classes": [
            {"classid": "1:20", "rate_mbit": 10},
            {"classid": "1:22", **BELOW, "priority": 1, "leaf": FQ_CODEL},
            {"classid": "1:21", **BELOW, "match": MATCH["1:10"]},
        ],
        "default_class": "1:22",
    },
    "prio": {
        "qdisc": {"type": "htb"},
        "htb_classes": [
            {"classid": "1:1", "rate_mbit": 400000},
            {"classid": "1:3", **BAND, "priority": 1, "leaf": FQ_CODEL},
            {"classid": "1:2", **BAND, "match": MATCH["1:10"]},
        ],
        "default_class": "1:3",
    },
    "cake": {"qdisc": {"type": "cake", "params": {"bandwidth_mbit": 20, "nat": True, "overhead": 18, "mpu": 64}}},
    "fq": {"qdisc": {"type": "fq", "params": {"maxrate_mbit": 100}}},
    "tbf": {"qdisc": {"type": "tbf", "params": {"rate_mbit": 5, "burst_bytes": 32768, "limit_bytes": 64018}}},
    "policer": {"qdisc": FQ_CODEL},
    "ifb": {
        "qdisc": {"type": "cake", "params": {"bandwidth_mbit": 6}},
        "ingress": {"qdisc": {"type": "cake", "params": {"bandwidth_mbit": 20, "diffserv": "besteffort"}}},
    },
    "mq": {"qdisc": {"type": "mq", "per_queue": FQ_CODEL}},
    "mq-htb": {
        "qdisc": {
            "type": "mq",
            "per_queue": {
                "type": "htb",
                "htb_classes": [
                    {"classid": "1:1", "rate_mbit": 1000, "burst": 1600, "cburst": 1600},
                    {
                        "classid": "1:2",
                        "parent": "1:1",
                        "rate_mbit": 250,
                        "ceil_mbit": 1000,
                        "burst": 1600,
                        "cburst": 1600,
                        "leaf": CAKE_EACH,
                    },
                ],
                "default_class": "1:2",
            },
        }
    },
    "netem": {"netem": {"delay_ms": 20, "delay_jitter_ms": 5, "loss_pct": 1, "limit": 1000}},
    "all-else": {
        "sysctl": {"net.ipv4.tcp_fin_timeout": "23"},
        "mtu": 1400,
        "offloads": {"tso": False, "gro": True},
        "nic": {"txqueuelen": 500},
        "routes": [{"dst": "198.51.100.0/24", "initcwnd": 20, "quickack": True}],
    },
}
# In which netopt makes the tree anew: filters and classes by its numbers, its device for what arrives, and netem.
REMADE = ("htb-elsewhere", "htb-filters", "htb-prio", "prio", "ifb", "netem")
LEFT_OUT = {
    "htb-elsewhere": ["Its classes are 7:N here, 1:N in a plan"],
    "htb-prio": ["In a plan its bands are classes of htb"],
    "prio": ["In a plan its bands are classes of htb"],
    "policer": ["Of what arrives, a plan shapes all"],
    "netem": ["ends by itself", "No kernel shows the table"],
    "all-else": ["No plan has these metrics."],
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what ``adopt_hosts_program`` prints there."""
    return answer_of("tests.kernel.adopt_hosts_program", tmp_path_factory.mktemp("hosts"))


@pytest.mark.parametrize("name", TREES)
def test_what_was_set_by_hand_is_adopted(found: dict[str, Any], name: str) -> None:
    """One plan says it, for the interface that has it, and what no plan says has its line."""
    (plan,) = found[name]["plans"]
    assert (plan["iface"], plan["changes"]) == ("many" if "many" in TREES[name] else "eth0", ADOPTED[name])
    said = [reason for _text, reason in found[name]["left_out"]]
    assert len(said) == len(LEFT_OUT.get(name, []))
    for reason, words in zip(said, LEFT_OUT.get(name, []), strict=True):
        assert words in reason


@pytest.mark.parametrize("name", TREES)
def test_applied_to_the_same_host(found: dict[str, Any], name: str) -> None:
    """The plan is written down and nothing else, but where its tree has a form of its own; nothing has drifted then."""
    came = found[name]
    assert (came["status"], came["again"], came["drift"]) == ("applied", "unchanged", []), came["error"]
    if name in REMADE:
        assert came["diff"] == ["tc"]
    else:
        assert (came["diff"], came["gone"], came["new"]) == (["plan"], [], [])
    assert (came["removed"], came["back"]) == ("rolled_back" if name == "netem" else "applied", [])


@pytest.mark.parametrize("name", TREES)
def test_what_a_plan_in_force_sets_is_not_adopted(found: dict[str, Any], name: str) -> None:
    """It is told as that plan's."""
    assert found[name]["adopted_again"] == []
    assert found[name]["told_as_ours"]
