# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""There and back: a plan is applied to a host in a state, again, verified, rolled back, and broken halfway.

What came of it is one of these:

``exact``: every step went well, and the tools say afterwards what they said before.
``refused``: the plan was refused, and nothing was touched.
``broken``: the plan broke midway, and was undone.
``lost``: a rollback failed and said so.
``wrong``: something is not as it was, or as it should be, and nothing said so.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.store import Store
from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._drift.verify import verify
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._transaction.request import request_of
from ansible_collections.netopt.linux.plugins.module_utils._transaction.transaction import Transaction
from tests.faults.engine import restoring
from tests.faults.hosts import Host, differences
from tests.tc_testing.views import View, view

EGRESS = {"egress_mbit": 50}
INGRESS = {"ingress_mbit": 50}
MADE_TO_FAIL = "made to fail halfway"
SETTLES_S = 3.0  # the kernel is slow to count what refers to an action


@dataclass(frozen=True)
class Outcome:
    """What came of a journey.

    Attributes:
        result: one of the words above.
        stage: which step decided that.
        message: what was said, or what differs.
    """

    result: str
    stage: str = ""
    message: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return it for JSON."""
        return asdict(self)


def journey(host: Host, device: str, shaper: dict[str, int], before: View, wanted: str | None = None) -> Outcome:
    """Send a host there and back.

    Args:
        host: in the state that is to come back.
        device: which the plan is for.
        shaper: what the plan asks for.
        before: what the tools say of the host.
        wanted: what they say of the device once the plan holds and nothing else is left there; ``None`` to not ask.
    """
    name = "-".join([device, *shaper])
    report = host.run(_applying(device, shaper, name)).value
    if report["status"] != "applied":
        return _not_applied(host, report, before)
    now = there(host, device) if wanted is not None else None
    again = host.run(_applying(device, shaper, f"{name}-again")).value
    drift = host.run(_verifying).value
    failed = host.run(restoring(name)).value
    if failed or host.status(name) != "rolled_back":
        return Outcome("lost", "rollback", "; ".join(failed) or f"the checkpoint is {host.status(name)}")
    if differing := _differing(host, before):
        return Outcome("wrong", "rollback", differing)
    if unlike := _unlike(now, wanted, again, drift):
        return unlike
    half = host.run(_applying(device, shaper, f"{name}-half", fails_at=len(report["operations"]) // 2)).value
    return _halfway(host, half, before)


def _unlike(now: str | None, wanted: str | None, again: dict[str, Any], drift: list[Any]) -> Outcome | None:
    """Return what was not as it should be while the plan held."""
    if now != wanted:
        return Outcome("wrong", "apply", "not as on an empty host:\n" + differences(wanted or "", now or ""))
    if again["status"] != "unchanged":
        return Outcome("wrong", "again", f"{again['status']}: {again['error'] or again['diff']}")
    return Outcome("wrong", "verify", str(drift)) if drift else None


def there(host: Host, device: str) -> str:
    """Return what the tools say of a device, less the numbers of actions, which other devices count up."""
    return re.sub(r"\bindex \d+", "index", view(host).devices[device])


def led_to(host: Host, device: str, shaper: dict[str, int]) -> str:
    """Apply a plan to an empty host and return what the tools say of the device then."""
    report = host.run(_applying(device, shaper, "empty")).value
    assert report["status"] == "applied", report
    return there(host, device)


def _not_applied(host: Host, report: dict[str, Any], before: View) -> Outcome:
    message = _said(report)
    if report["status"] == "rollback_failed":
        return Outcome("lost", "apply", message)
    if differing := _differing(host, before):
        return Outcome("wrong", "apply", f"{report['status']}: {message}\n{differing}")
    if report["status"] == "failed" and not report["operations"]:
        return Outcome("refused", "apply", message)
    return Outcome("broken", "apply", f"{report['status']}: {message}")


def _halfway(host: Host, report: dict[str, Any], before: View) -> Outcome:
    """Return what came of an apply that was made to fail."""
    if report["status"] != "rolled_back" or MADE_TO_FAIL not in report["error"]["message"]:
        return Outcome("lost", "halfway", f"{report['status']}: {_said(report)}")
    differing = _differing(host, before)
    return Outcome("wrong", "halfway", differing) if differing else Outcome("exact")


def _said(report: dict[str, Any]) -> str:
    """Return all that a report complains of, in one line."""
    error = report["error"] or {}
    first = " | ".join(str(error[key]) for key in ("stage", "key", "message", "after") if error.get(key))
    return " || ".join([first, *report["warnings"]])


def _differing(host: Host, before: View) -> str:
    """Return what differs from before, once the host has had time to settle."""
    ends = time.monotonic() + SETTLES_S
    while (found := before.differs(view(host))) and time.monotonic() < ends:
        time.sleep(0.2)
    return found


def _applying(
    device: str, shaper: dict[str, int], identity: str, *, fails_at: int | None = None
) -> Callable[[], dict[str, Any]]:
    """Return the function that applies a plan, and fails ahead of one of its operations where asked."""

    def apply() -> dict[str, Any]:
        passed = iter(range(1 << 30))

        def on_operation(operation: Any) -> None:
            if next(passed) == fails_at:
                raise NetoptError(MADE_TO_FAIL, stage="apply", key=operation.key)

        plan = {"iface": device, "changes": {"shaper": shaper}}
        request = request_of({"plan": plan, "checkpoint_id": identity})
        return Transaction(request, on_operation=on_operation).run().as_dict()

    return apply


def _verifying() -> list[dict[str, Any]]:
    """Return what differs from the changes in force."""
    return [one.as_dict() for one in verify(Store(), Tools()).drift]
