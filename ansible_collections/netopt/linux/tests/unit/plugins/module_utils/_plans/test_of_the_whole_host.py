# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connection tracking is named with an interface, and most of it is of the whole host."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._plans.change import Fitted, plans_change
from ansible_collections.netopt.linux.plugins.module_utils._plans.record import InForce

TIMEOUT = "tcp_timeout_established"
PATH = f"changes.connection_tracking.{TIMEOUT}"


def plan(name: str, iface: str, **tracking: Any) -> Fitted:
    """Return a plan with connection tracking alone."""
    return Fitted({"name": name}, None, {"connection_tracking": tracking}, (iface,))


def after(before: InForce, *plans: Fitted) -> InForce:
    """Return what is in force once plans are applied together."""
    about = {"checkpoint": "c", "since": "", "by": None}
    ifaces = ["wan0", "lan0"]
    return plans_change(before, plans, (), ifaces, about, persist=False, skippable={}, modules={}).after


def said(record: InForce) -> dict[str, Any]:
    """Return what is said by interface."""
    return {",".join(one.ifaces): one.value for one in record.sections}


@pytest.mark.parametrize("at_once", [False, True])
def test_two_plans_on_two_interfaces_cannot_differ(at_once: bool) -> None:  # noqa: FBT001 - a case
    """The second value would hold for the first plan too: it is refused, with both names and both values."""
    one, other = plan("wan", "wan0", **{TIMEOUT: 1000}), plan("lan", "lan0", **{TIMEOUT: 2000})
    before = InForce() if at_once else after(InForce(), one)
    with pytest.raises(NetoptError, match=f"{PATH}: plan lan wants 2000, plan wan 1000") as refused:
        after(before, *([one, other] if at_once else [other]))
    assert refused.value.key == PATH


def test_rules_of_two_plans_on_two_interfaces_may_differ() -> None:
    """What becomes a rule for an interface is that interface's."""
    record = after(InForce(), plan("wan", "wan0", drop_invalid=True), plan("lan", "lan0", drop_invalid=False))
    assert said(record) == {"wan0": {"drop_invalid": True}, "lan0": {"drop_invalid": False}}


def test_without_names_the_later_value_is_the_only_one() -> None:
    """The earlier plan keeps its rules; a value that the later one sets is the later one's, on whichever interface."""
    first = after(InForce(), plan("", "wan0", drop_invalid=True, **{TIMEOUT: 1000}))
    second = after(first, plan("", "lan0", **{TIMEOUT: 2000}))
    assert said(second) == {"wan0": {"drop_invalid": True}, "lan0": {TIMEOUT: 2000}}
    again = after(second, plan("", "wan0", drop_invalid=True, **{TIMEOUT: 1000}))
    assert said(again) == {"wan0": {"drop_invalid": True, TIMEOUT: 1000}}


def test_without_names_one_change_says_one_value() -> None:
    """Two plans without a name in one change that set it differently are refused."""
    with pytest.raises(NetoptError, match="two of the plans without a name set it"):
        after(InForce(), plan("", "wan0", **{TIMEOUT: 1000}), plan("", "lan0", **{TIMEOUT: 2000}))
