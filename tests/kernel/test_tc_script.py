# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rendered script, run by hand, and the module give the same kernel state, for every kind of plan."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ansible_collections.netopt.linux.plugins.module_utils._tc import subsystem as tc_subsystem
from tests.kernel.tc_namespace import IFACE, has, in_namespace, lead, left, make_interface, missing, resolved, run, told

VOICE = {"classid": "1:10", "rate_mbit": 10, "ceil_mbit": 20, "priority": 0, "match": [{"proto": "udp", "dscp": 46}]}
WEB = {"classid": "1:20", "rate_mbit": 5, "match": [{"dports": ["80", "443", "8000-8100"]}, {"src": "2001:db8::/32"}]}
BULK = {"classid": "1:30", "rate_mbit": 1, "burst": 3000, "leaf": {"type": "pfifo", "params": {"limit": 7}}}
CLASSES = [VOICE, WEB, BULK]

PLANS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "pfifo": (["pfifo"], {"qdisc": {"type": "pfifo", "params": {"limit": 77}}}),
    "bfifo": (["bfifo"], {"qdisc": {"type": "bfifo", "params": {"limit_bytes": 70000}}}),
    "pfifo_fast": (["pfifo_fast"], {"qdisc": {"type": "pfifo_fast", "params": {}}}),
    "tbf": (["tbf"], {"qdisc": {"type": "tbf", "params": {"rate_mbit": 7, "burst_bytes": 9000, "latency_ms": 30}}}),
    "tbf at its defaults": (["tbf"], {"qdisc": {"type": "tbf", "params": {"rate_mbit": 0.5}}}),
    "htb": (["htb"], {"qdisc": {"type": "htb", "params": {"r2q": 5, "direct_qlen": 9}}}),
    "egress": (["htb"], {"shaper": {"egress_mbit": 50}}),
    "egress with a ceiling": (["htb"], {"shaper": {"egress_mbit": 50, "ceil_mbit": 80}}),
    "a fast egress": (["htb"], {"shaper": {"egress_mbit": 40000}}),
    "ingress": (["htb"], {"shaper": {"ingress_mbit": 30}}),
    "both ways with leaves": (
        ["htb", "bfifo"],
        {"shaper": {"egress_mbit": 50, "ingress_mbit": 30}, "qdisc": {"type": "bfifo", "params": {}}},
    ),
    "classes": (["htb", "pfifo"], {"htb_classes": CLASSES, "default_class": "1:30"}),
    "classes below a shaper": (["htb", "pfifo"], {"htb_classes": CLASSES, "shaper": {"egress_mbit": 30}}),
    "nested classes": (
        ["htb", "tbf"],
        {
            "qdisc": {"type": "tbf", "params": {"rate_mbit": 3}},
            "htb_classes": [
                {"classid": "1:21", "parent": "1:2", "rate_mbit": 1},
                {"classid": "1:2", "rate_mbit": 3},
                {"classid": "1:22", "parent": "1:2", "rate_mbit": 2, "match": [{"proto": "icmpv6"}, {}]},
            ],
        },
    ),
    "fq": (["fq"], {"qdisc": {"type": "fq", "params": {"limit": 5000, "maxrate_mbit": 100, "pacing": False}}}),
    "fq_codel": (["fq_codel"], {"qdisc": {"type": "fq_codel", "params": {"target_us": 4000, "flows": 512}}}),
    "sfq": (["sfq"], {"qdisc": {"type": "sfq", "params": {"perturb_s": 10, "limit": 100}}}),
    "cake": (["cake"], {"qdisc": {"type": "cake", "params": {"diffserv": "diffserv4", "nat": True, "rtt_ms": 50}}}),
    "cake both ways": (
        ["cake"],
        {"qdisc": {"type": "cake", "params": {"ack_filter": "yes"}}, "shaper": {"egress_mbit": 20, "ingress_mbit": 90}},
    ),
    "netem": (["netem"], {"netem": {"delay_ms": 20, "delay_jitter_ms": 2, "loss_pct": 0.5, "reorder_pct": 1}}),
    "netem above fq_codel": (["netem", "fq_codel"], {"netem": {"loss_pct": 1}, "qdisc": {"type": "fq_codel"}}),
    "netem below tbf": (
        ["netem", "tbf"],
        {"netem": {"delay_ms": 5}, "qdisc": {"type": "tbf", "params": {"rate_mbit": 5}}},
    ),
    "netem in every leaf": (["netem", "htb"], {"netem": {"delay_ms": 5}, "htb_classes": CLASSES}),
    "mq": (["mq"], {"qdisc": {"type": "mq"}}),
    "mq with a queue each": (["mq", "bfifo"], {"qdisc": {"type": "mq", "per_queue": {"type": "bfifo", "params": {}}}}),
    "mq with a tree each": (
        ["mq", "htb", "pfifo"],
        {
            "qdisc": {"type": "mq", "per_queue": {"type": "htb", "htb_classes": CLASSES, "default_class": "1:30"}},
            "shaper": {"ingress_mbit": 5},
        },
    ),
    "netem in an htb without classes": (["netem", "htb"], {"netem": {"delay_ms": 5}, "qdisc": {"type": "htb"}}),
}


def _told() -> list[list[str]]:
    """Return what tc says about the interface and its ifb; the kernel numbers actions as it likes."""
    return [told(numbered=False), told("ifb-" + IFACE, numbered=False)]


def _queues(changes: dict[str, Any]) -> int:
    """Return how many TX queues a plan is tried with."""
    return 3 if (changes.get("qdisc") or {}).get("type") == "mq" else 1


def _by_script(changes: dict[str, Any], times: int) -> list[list[str]]:
    """Return what tc says about the interface and its ifb after the script has run so many times."""
    make_interface(_queues(changes))
    script = tc_subsystem.render(tc_subsystem.intent(changes, (IFACE,)))
    for _ in range(times):
        run(script)
    return _told()


def _by_module(changes: dict[str, Any]) -> tuple[list[list[str]], list[str]]:
    """Return (what tc says after the module's operations, what a second run would still do)."""
    make_interface(_queues(changes))
    _current, wanted = resolved(changes)
    lead(wanted)
    return _told(), left(resolved(changes)[1])


@pytest.mark.parametrize("name", PLANS)
def test_script_and_module_agree(name: str) -> None:
    """The script, the script run twice, and the module lead to one state, and the module then has nothing to do."""
    kinds, changes = PLANS[name]
    if missing(kinds):
        pytest.skip(missing(kinds))
    once = in_namespace(lambda: _by_script(changes, 1))
    state, still = in_namespace(lambda: _by_module(changes))
    assert once == in_namespace(lambda: _by_script(changes, 2))
    assert once == state
    assert still == []


LEAVES = ["pfifo", "bfifo", "pfifo_fast", "fq_codel", "sfq", "fq"]
RATES = st.integers(1, 20000) | st.floats(0.1, 900, allow_nan=False).map(lambda rate: round(rate, 3))
PORTS = st.tuples(st.integers(0, 65535), st.integers(0, 40)).map(lambda pair: f"{pair[0]}-{min(65535, sum(pair))}")
MATCHES = st.fixed_dictionaries(
    {},
    optional={
        "proto": st.sampled_from(["tcp", "udp"]),
        "dports": st.lists(PORTS, min_size=1, max_size=2),
        "src": st.sampled_from(["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/40"]),
        "dscp": st.integers(0, 63),
    },
)


@st.composite
def plans(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a plan from the kinds that this kernel has."""
    changes: dict[str, Any] = {}
    minors = draw(st.lists(st.integers(2, 0xFFFD), min_size=0, max_size=6, unique=True))
    if minors:
        classes = []
        for place, minor in enumerate(minors):
            above = draw(st.none() | st.sampled_from(minors[:place])) if place else None
            one: dict[str, Any] = {"classid": f"1:{minor:x}", "rate_mbit": draw(RATES)}
            one.update({"parent": f"1:{above:x}"} if above else {})
            one.update({"match": draw(st.lists(MATCHES, max_size=2))})
            classes.append(one)
        changes["htb_classes"] = classes
    if draw(st.booleans()) or not minors:
        changes["shaper"] = draw(
            st.fixed_dictionaries({"egress_mbit": RATES}, optional={"ingress_mbit": RATES})
            | st.fixed_dictionaries({"ingress_mbit": RATES})
        )
    if draw(st.booleans()):
        kind = draw(st.sampled_from([leaf for leaf in LEAVES if has(leaf)]))
        changes["qdisc"] = {"type": kind, "params": {}}
    return changes


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(first=plans(), second=plans())
def test_any_plan_after_any_other(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Applied on top of another plan, a plan gives what its script gives; going back gives the other plan's state."""

    def both() -> tuple[list[list[str]], list[list[str]], list[str], list[list[str]], list[str]]:
        make_interface()
        lead(resolved(first)[1])
        before = _told()
        current, wanted = resolved(second)
        lead(wanted)
        after, still = _told(), left(wanted)
        lead(current)
        return before, after, still, _told(), left(current)

    before, after, still, restored, unrestored = in_namespace(both)
    assert still == []
    assert unrestored == []
    assert [sorted(lines) for lines in before] == [sorted(lines) for lines in restored]
    roots = [tc_subsystem.intent(changes, (IFACE,)).shapes_egress for changes in (first, second)]
    if roots != [True, False]:  # then the script leaves the first plan's root alone
        sorted_script = [sorted(lines) for lines in in_namespace(lambda: _by_script(second, 1))]
        assert sorted_script == [sorted(lines) for lines in after]
