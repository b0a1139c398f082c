# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a host holds and whatever the plan, what is applied and rolled back leaves the host as it was.

``NETOPT_EXAMPLES`` says how many examples are tried; more than the few of an ordinary run take their time.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings

from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate
from tests.bridge.plan_strategies import CHANGES as ANY_CHANGES
from tests.faults.engine import apply, restoring
from tests.faults.hosts import host
from tests.faults.state_strategies import STATES

EXAMPLES = int(os.environ.get("NETOPT_EXAMPLES", "60"))
RARE = ("fq", "fq_codel", "cake", "sfq", "netem")  # kinds that a kernel may lack; the virtual machines have them
NOT_IN_A_NAMESPACE = {"net.core.rmem_max"}
STATUSES: Counter[str] = Counter()


def common(changes: dict[str, Any]) -> dict[str, Any]:
    """Return changes that any kernel can make in a namespace, as near as can be to those that are given."""
    found = {name: value for name, value in changes.items() if name != "netem"}
    if found.get("qdisc", {}).get("type") in RARE:
        found["qdisc"] = {"type": "pfifo", "params": {"limit": 100}}
    if "htb_classes" in found:
        found["htb_classes"] = [
            {**one, "leaf": {"type": "pfifo"}} if one.get("leaf", {}).get("type") in RARE else one
            for one in found["htb_classes"]
        ]
    values = {key: value for key, value in found.get("sysctl", {}).items() if key not in NOT_IN_A_NAMESPACE}
    if values.get("net.ipv4.tcp_congestion_control") == "bbr":
        values["net.ipv4.tcp_congestion_control"] = "reno"
    found["sysctl"] = values
    tracking = {key: value for key, value in found.get("connection_tracking", {}).items() if key == "drop_invalid"}
    found["connection_tracking"] = tracking
    return {name: value for name, value in found.items() if value not in ({}, [])}


def as_sent(changes: dict[str, Any]) -> dict[str, Any] | None:
    """Return changes in their normal form, as they reach a host; ``None`` where policy refuses them."""
    plan = {"iface": "eth0", "profile": "server", "changes": changes, "rationale": ["a test"]}
    found = validate(plan, load_policy()).normalized_plan
    sent: dict[str, Any] | None = found.dump()["changes"] if found else None
    return sent


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize="NETOPT_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
@given(state=STATES, changes=ANY_CHANGES.map(common).filter(bool).map(as_sent).filter(bool))
def check_roundtrip(state: str, changes: dict[str, Any]) -> None:
    """Apply changes to a host in a state, and roll them back."""
    with host(state) as made:
        before = made.dump()
        report = apply(made, changes, checkpoint_id="one").value
        STATUSES[report["status"]] += 1
        if report["status"] == "applied":
            again = apply(made, changes).value
            assert again["status"] == "unchanged", again
            assert made.run(restoring("one")).value == []
            assert made.status("one") == "rolled_back"
        else:
            assert report["status"] in {"unchanged", "failed"}, report
            assert report["operations"] == []
        made.wait_until_idle()
        made.check(before)


def test_any_state_comes_back_after_any_plan() -> None:
    """The tools read the same before an apply and after its rollback; most of the plans are indeed applied."""
    check_roundtrip()
    assert STATUSES["applied"] > sum(STATUSES.values()) / 2, STATUSES
