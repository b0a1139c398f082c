# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan says of netem and of the queues below mq is judged where it stands."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate

CLASSES = [{"classid": f"1:{number}", "rate_mbit": 1} for number in range(10, 60)]
JITTER = {"delay_ms": 20, "delay_jitter_ms": 4}
PER_QUEUE = "changes.qdisc.per_queue"


def netem(**fields: Any) -> dict[str, Any]:
    """Return changes that impair."""
    return {"netem": fields}


def mq(per_queue: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return changes with mq."""
    return {"qdisc": {"type": "mq", **({"per_queue": per_queue} if per_queue else {})}, **more}


def tree(**fields: Any) -> dict[str, Any]:
    """Return changes with a tree of one class below each queue."""
    return mq({"type": "htb", "htb_classes": [{"classid": "1:10", "rate_mbit": 9, **fields}]})


CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "all of netem": (
        netem(
            **JITTER,
            delay_correlation_pct=25,
            distribution="Normal",
            loss_pct=1,
            loss_correlation_pct=30,
            rate_mbit=0.5,
            match={"proto": "TCP", "dports": 443},
        ),
        [],
    ),
    "a model": (netem(loss_model={"type": "gemodel", "p_pct": 1, "r_pct": 10}), []),
    "an unknown distribution": (netem(**JITTER, distribution="experimental"), ["changes.netem.distribution"]),
    "an unknown model": (netem(loss_model={"type": "random"}), ["changes.netem.loss_model.type"]),
    "a chance of the other model": (
        netem(loss_model={"type": "state", "p13_pct": 1, "r_pct": 1}),
        ["changes.netem.loss_model.r_pct"],
    ),
    "a chance out of range": (
        netem(loss_model={"type": "state", "p13_pct": 101}),
        ["changes.netem.loss_model.p13_pct"],
    ),
    "a model that loses most": (
        netem(loss_model={"type": "gemodel", "p_pct": 2, "r_pct": 1}),
        ["changes.netem.loss_model"],
    ),
    "a table without jitter": (netem(delay_ms=1, distribution="pareto"), ["changes.netem"]),
    "a match of nothing": (netem(delay_ms=1, match={}), ["changes.netem"]),
    "a match of two families": (netem(delay_ms=1, match={"src": "10.0.0.0/8", "dst": "::1"}), ["changes.netem.match"]),
    "classes": ({**netem(delay_ms=1, classes=["1:10"]), "htb_classes": CLASSES}, []),
    "classes of queues": ({**netem(delay_ms=1, classes=["1:10"]), **tree()}, []),
    "classes of what arrives": (
        {**netem(delay_ms=1, direction="INGRESS", classes=["1:10"]), "ingress": {"htb_classes": CLASSES}},
        [],
    ),
    "classes of what leaves for what arrives": (
        {**netem(delay_ms=1, direction="ingress", classes=["1:10"]), "htb_classes": CLASSES},
        ["changes.netem.classes[0]"],
    ),
    "an unknown direction": (netem(delay_ms=1, direction="both"), ["changes.netem.direction"]),
    "a correlation of no duplicates": (netem(delay_ms=1, duplicate_correlation_pct=5), ["changes.netem"]),
    "a class that is not there": (
        {**netem(delay_ms=1, classes=["1:99"]), "htb_classes": CLASSES},
        ["changes.netem.classes[0]"],
    ),
    "a match in many classes": (
        {**netem(delay_ms=1, match={"proto": "udp"}), "htb_classes": CLASSES},
        ["changes.netem.match"],
    ),
    "mq": (mq(), []),
    "mq with a queue each": (mq({"type": "fq"}), []),
    "mq with a tree each": (tree(match=[{"dscp": "ef"}], leaf={"type": "fq_codel"}), []),
    "mq in mq": (mq({"type": "mq"}), [f"{PER_QUEUE}.type"]),
    "mq for what arrives": ({"ingress": {"qdisc": {"type": "mq"}}}, ["changes.ingress.qdisc.type"]),
    "a parameter out of range below mq": (
        mq({"type": "pfifo", "params": {"limit": 0}}),
        [f"{PER_QUEUE}.params.limit"],
    ),
    "a rate out of range below mq": (tree(rate_mbit=0.001), [f"{PER_QUEUE}.htb_classes[0].rate_mbit"]),
    "a ceiling below the rate below mq": (tree(ceil_mbit=1), [f"{PER_QUEUE}.htb_classes[0].ceil_mbit"]),
    "a user below mq": (tree(match=[{"uid": 0}]), [f"{PER_QUEUE}.htb_classes[0].match[0].uid"]),
    "a default below mq that is not there": (
        mq({"type": "htb", "htb_classes": [{"classid": "1:10", "rate_mbit": 9}], "default_class": "1:20"}),
        [f"{PER_QUEUE}.default_class"],
    ),
    "many classes below mq": (
        mq({"type": "htb", "htb_classes": [{"classid": f"1:{n:x}", "rate_mbit": 1} for n in range(16, 273)]}),
        [f"{PER_QUEUE}.htb_classes"],
    ),
    "a rate for all queues": (mq(shaper={"egress_mbit": 9}), ["changes.shaper.egress_mbit"]),
    "classes beside mq": (mq(htb_classes=CLASSES), ["changes.htb_classes"]),
}


def test_netem_is_no_queue_of_a_class() -> None:
    """Who writes netem as a leaf is told where it goes, since there it ends by itself."""
    classes = [{"classid": "1:10", "rate_mbit": 9, "leaf": {"type": "netem", "params": {"delay_ms": 9}}}]
    (issue,) = validate({"iface": "eth0", "changes": {"htb_classes": classes}}, load_policy()).issues
    assert issue.path == "changes.htb_classes[0].leaf.type"
    assert "changes.netem" in (issue.hint or "")


@pytest.mark.parametrize(("changes", "paths"), CASES.values(), ids=CASES.keys())
def test_judged_at_its_place(changes: dict[str, Any], paths: list[str]) -> None:
    """What is wrong is an error where it stands, and a plan without errors can be rendered."""
    found = validate({"iface": "eth0", "changes": changes}, load_policy())
    assert [issue.path for issue in found.issues if issue.severity == "error"] == paths
