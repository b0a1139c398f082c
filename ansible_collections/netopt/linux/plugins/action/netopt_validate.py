# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks a plan against the policy on the controller; documented in ``plugins/modules/netopt_validate.py``."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.model import check_id
from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.store import new_id
from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.plugin_utils._policy import Refusal, as_objects, judge, warm
from ansible_collections.netopt.linux.plugins.plugin_utils._shared_id import shared_id


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    """The action plugin."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the plan in its normal form with what the policy says of it, or all of its issues."""
        super().run(tmp, task_vars)
        try:
            self._task.args = as_objects(self._task.args)
        except Refusal as refusal:
            return refusal.result
        _spec, options = self.validate_argument_spec(
            argument_spec={
                "plan": {"type": "dict", "required": True},
                "digest": {"type": "str"},
                "checkpoint_id": {"type": "str"},
                "policy_dir": {"type": "path"},
            }
        )
        try:
            found = judge(options["plan"], digest=options["digest"], policy_dir=options["policy_dir"])
            identity = check_id(options["checkpoint_id"] or shared_id(self._task) or new_id())
        except Refusal as refusal:
            return refusal.result
        except NetoptError as error:
            return Refusal(error).result
        return {"changed": False, "checkpoint_id": identity, **found}


# ansible-core loads an action before it makes a process for each host, and the plan is judged in all of these
warm()
