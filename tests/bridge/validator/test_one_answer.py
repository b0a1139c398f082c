# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A number out of bounds gets one answer, the policy's, also where the structure of a plan has bounds of its own."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_bridge.models import Issue
from mcp_bridge.policy import Policy, load_policy
from mcp_bridge.validator import validate

HTB: dict[str, Any] = {"qdisc": {"type": "htb", "params": {}}}
CLASS: dict[str, Any] = {"classid": "1:10", "rate_mbit": 5}
# changes with a number to fill in, by the name of its range in limits.yaml
PLACES: dict[str, Any] = {
    "routes.initcwnd": lambda it: {"routes": [{"dst": "default", "initcwnd": it}]},
    "routes.rto_min_ms": lambda it: {"routes": [{"dst": "default", "rto_min_ms": it}]},
    "mtu": lambda it: {"mtu": it},
    "shaper.egress_mbit": lambda it: {"shaper": {"egress_mbit": it}},
    "htb_classes.burst": lambda it: {**HTB, "htb_classes": [{**CLASS, "burst": it}]},
    "htb_classes.rate_mbit": lambda it: {"ingress": {"htb_classes": [{"classid": "1:10", "rate_mbit": it}]}},
    "htb_classes.quantum": lambda it: {
        "qdisc": {"type": "mq", "per_queue": {"type": "htb", "htb_classes": [{**CLASS, "quantum": it}]}}
    },
    "qdisc.fq.limit": lambda it: {"qdisc": {"type": "fq", "params": {"limit": it}}},
    "qdisc.fq_codel.flows": lambda it: {
        **HTB,
        "htb_classes": [{**CLASS, "leaf": {"type": "fq_codel", "params": {"flows": it}}}],
    },
    "connection_limits.limit": lambda it: {"connection_limits": [{"protocol": "tcp", "port": 443, "limit": it}]},
    "rate_limits.burst": lambda it: {"rate_limits": [{"rate": "9/second", "burst": it}]},
    "connection_tracking.max_connections": lambda it: {"connection_tracking": {"max_connections": it}},
    "nic.rings.rx": lambda it: {"nic": {"rings": {"rx": it}}},
    "steering.rfs_entries": lambda it: {"steering": {"rfs_entries": it}},
    "netem.loss_pct": lambda it: {"netem": {"loss_pct": it, "duration_s": 5}},
}


@pytest.fixture(scope="module")
def policy() -> Policy:
    """The shipped policy."""
    return load_policy(None)


def issue(policy: Policy, name: str, value: object) -> Issue:
    """Return what is said first of a number in its place."""
    found: Issue = validate({"iface": "eth0", "changes": PLACES[name](value)}, policy).issues[0]
    return found


@pytest.mark.parametrize("name", PLACES)
def test_one_answer(policy: Policy, name: str) -> None:
    """Just outside and far outside, above and below: the message names the policy's bound, the hint both."""
    span = policy.limits.at(name)
    assert span is not None
    assert span.min is not None
    assert span.max is not None
    for value, words in (
        (int(span.min) - 1, f"Value is below minimum allowed: {span.min}"),
        (-(10**12), f"Value is below minimum allowed: {span.min}"),
        (int(span.max) + 1, f"Value exceeds maximum allowed: {span.max}"),
        (10**12, f"Value exceeds maximum allowed: {span.max}"),
    ):
        found = issue(policy, name, value)
        assert (found.message, found.severity) == (words, "error"), value
        assert found.hint is not None
        assert found.hint.startswith(f"Allowed: {span.min} to {span.max}"), value


@pytest.mark.parametrize("name", ["routes.initcwnd", "mtu"])
def test_no_number(policy: Policy, name: str) -> None:
    """What is no number at all is told the same bounds."""
    span = policy.limits.at(name)
    assert span is not None
    assert f"Allowed: {span.min} to {span.max}" in str(issue(policy, name, "x").hint)
