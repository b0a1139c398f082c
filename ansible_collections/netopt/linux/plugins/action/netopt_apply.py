# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of netopt_apply: it sends the plan, and confirms the change over a new connection.

Documented in ``plugins/modules/netopt_apply.py``.
"""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.netopt.linux.plugins.plugin_utils._courier import CourierAction

RETRY_S = 2.0
GRACE_S = 20.0  # for how long after its time is up a host that restored itself is asked how that went


class ActionModule(CourierAction):
    """Carries netopt_apply to the target, and its confirmation after it."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result, that of the confirmation included."""
        result = super().run(tmp, task_vars)
        waits = self.options["confirm"] == "auto" and self.options["confirm_timeout_s"] > 0
        if waits and not self._task.async_val and (result.get("report") or {}).get("status") == "applied":
            self._confirm(result, task_vars or {})
        return result

    def _confirm(self, result: dict[str, Any], variables: dict[str, Any]) -> None:
        """Confirm the change over a new connection; the old one may live on where new ones are kept out."""
        report = result["report"]
        options = {"state": "confirmed", "id": report["checkpoint_id"]}
        timeout = self.options["confirm_timeout_s"]
        deadline = time.monotonic() + timeout + GRACE_S
        while True:
            try:
                self._connection.reset()
                answer = self.ask("netopt_checkpoint", options, variables)
                break
            except AnsibleConnectionFailure as error:
                if time.monotonic() > deadline:
                    _fail(
                        result, status="unreachable", message=_unheard(timeout), after=str(error), hint=_console(report)
                    )
                    return
            time.sleep(RETRY_S)
        if answer.get("failed"):
            refusal = (answer.get("report") or {}).get("error") or {}
            back = refusal.get("after") == "rolled_back"
            message = (
                f"{_unheard(timeout)} and has done so" if back else answer.get("msg", "The change is not confirmed")
            )
            _fail(
                result,
                status="rolled_back" if back else "failed",
                message=message,
                after=refusal.get("after"),
                hint="The plan kept the controller out; look at its rules and routes." if back else refusal.get("hint"),
            )


def _unheard(timeout: float) -> str:
    return f"No new connection came about within {timeout:g} s of the change, upon which the host restores itself"


def _console(report: dict[str, Any]) -> str:
    folder = f"/var/lib/netopt/checkpoints/{report['checkpoint_id']}"
    return f"At the host's console: python3 {folder}/restore.pyz --list"


def _fail(result: dict[str, Any], *, status: str, message: str, after: str | None, hint: str | None) -> None:
    """Turn the result of an apply into that of one whose confirmation failed."""
    error = {"stage": "confirm", "key": "connection", "wanted": "a new connection", "before": None, "after": after}
    error.update({"message": message, "hint": hint})
    result["report"].update({"status": status, "changed": False, "error": error})
    result.update({"failed": True, "changed": False, "msg": message})
