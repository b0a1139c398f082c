# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks a plan against the policy on the controller; documented in ``plugins/modules/netopt_validate.py``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint import check_id
from ansible_collections.netopt.linux.plugins.module_utils._checkpoint_io import new_id
from ansible_collections.netopt.linux.plugins.module_utils._errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._host_report import FAILED, HostReport, as_result


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    """The action plugin."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the plan in its normal form with what the policy says of it, or all of its issues."""
        super().run(tmp, task_vars)
        _spec, options = self.validate_argument_spec(
            argument_spec={
                "plan": {"type": "dict", "required": True},
                "digest": {"type": "str"},
                "checkpoint_id": {"type": "str"},
                "policy_dir": {"type": "path"},
            }
        )
        try:
            # here, since ansible-playbook loads the action also for a play that skips it, and these take their time
            from mcp_bridge import planner  # noqa: PLC0415
            from mcp_bridge.errors import NetoptBridgeError, PlanError  # noqa: PLC0415
            from mcp_bridge.policy import load_policy  # noqa: PLC0415
        except ImportError as error:
            raise AnsibleActionFail(
                f"The Python package netopt is not installed beside ansible-core on the controller: {error}. "
                "Install it there with: pip install netopt"
            ) from None
        plan = json.loads(json.dumps(options["plan"]))  # plain values, without the marks of ansible-core's templating
        try:
            policy = load_policy(Path(options["policy_dir"]) if options["policy_dir"] else None)
            inputs = planner.target_inputs(plan, policy)
            identity = check_id(options["checkpoint_id"] or new_id())
        except PlanError as error:
            issues = [issue.model_dump() for issue in error.issues]
            return dict(_refusal(NetoptError(error.message, stage="plan", key="plan", hint=error.hint)), issues=issues)
        except NetoptBridgeError as error:
            return _refusal(NetoptError(error.message, stage="plan", hint=error.hint))
        except NetoptError as error:
            return _refusal(error)
        if options["digest"] and options["digest"] != inputs.digest:
            return _refusal(
                NetoptError(
                    "The plan is not the one that was rendered: its digest differs",
                    stage="plan",
                    key="digest",
                    wanted=options["digest"],
                    after=inputs.digest,
                    hint="Render the plan again, look at it, and apply that.",
                )
            )
        return {"changed": False, "checkpoint_id": identity, **vars(inputs)}


def _refusal(error: NetoptError) -> dict[str, Any]:
    """Return the result of a plan that no host will see."""
    report = HostReport()
    report.fail(FAILED, error)
    return as_result(report, diff_mode=False)
