# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What netopt_apply takes and does, for the module and for the transport.

The controller reads the options here too, so what does the work is imported when there is work.
"""

from __future__ import annotations

from typing import Any

ARGUMENT_SPEC: dict[str, Any] = {
    "plan": {"type": "dict"},
    "plans": {"type": "list", "elements": "dict"},
    "remove": {"type": "list", "elements": "str"},
    "judged": {"type": "list", "elements": "dict"},
    "by": {"type": "str"},
    "digest": {"type": "str"},
    "adaptations": {"type": "list", "elements": "dict", "default": []},
    "skippable": {"type": "dict", "default": {}},
    "modules": {"type": "dict", "default": {}},
    "link": {
        "type": "dict",
        "options": {
            "up_mbit": {"type": "float", "required": True},
            "down_mbit": {"type": "float", "required": True},
            "overhead_bytes": {"type": "int"},
        },
    },
    "labels": {"type": "list", "elements": "str", "default": []},
    "allowlist": {"type": "dict"},
    "checkpoint_id": {"type": "str"},
    "checkpoint_label": {"type": "str"},
    "check_policy": {"type": "bool", "default": False},
    "from_variables": {"type": "bool", "default": False},
    "confirm": {"type": "str", "choices": ["auto", "manual"], "default": "auto"},
    "confirm_timeout_s": {"type": "float", "default": 120},
    "persist": {"type": "bool", "default": False},
    "without_bounds": {"type": "bool", "default": False},
}
# the policy and its bounds are there, and so are the variables and whoever confirms
OF_THE_CONTROLLER = frozenset({"check_policy", "confirm", "from_variables", "without_bounds"})
CONSTRAINTS: dict[str, Any] = {
    "mutually_exclusive": [("plan", "plans", "remove")],
    "required_one_of": [("plan", "plans", "remove")],
}


def run(options: dict[str, Any], *, check: bool, diff: bool) -> dict[str, Any]:
    """Apply the plan and return the module's result."""
    from .._checkpoint.model import CONFIRM_TIMEOUT_S  # noqa: PLC0415 - see above
    from .._common.errors import NetoptError  # noqa: PLC0415
    from .._common.report import FAILED, HostReport, as_result  # noqa: PLC0415
    from .._transaction.request import request_of  # noqa: PLC0415
    from .._transaction.transaction import Transaction  # noqa: PLC0415

    shortest, longest = CONFIRM_TIMEOUT_S
    timeout = options["confirm_timeout_s"]
    if timeout and not shortest <= timeout <= longest:
        report = HostReport()
        wanted = f"{shortest} to {longest} s, or 0 to keep the change at once"
        problem = f"confirm_timeout_s is {timeout:g}, wanted {wanted}"
        report.fail(FAILED, NetoptError(problem, stage="plan", key="confirm_timeout_s", wanted=wanted))
        return as_result(report, diff_mode=diff)
    asked = {name: value for name, value in options.items() if name not in OF_THE_CONTROLLER}
    return as_result(Transaction(request_of({**asked, "check": check})).run(), diff_mode=diff)
