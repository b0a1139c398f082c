# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leads a rollout from wave to wave, on the controller; documented in ``plugins/modules/netopt_rollout.py``."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.netopt.linux.plugins.plugin_utils._host_variables import variables_of
from ansible_collections.netopt.linux.plugins.plugin_utils._rollout import Rollout
from ansible_collections.netopt.linux.plugins.plugin_utils._rollout_host import (
    fared,
    finished,
    looked_up,
    out_of_reach,
    told,
)
from ansible_collections.netopt.linux.plugins.plugin_utils._rollout_own import own
from ansible_collections.netopt.linux.plugins.plugin_utils._rollout_waves import WavesError
from ansible_collections.netopt.linux.plugins.plugin_utils._transport import TransportAction

STAGES = ("prepare", "begin", "end", "finish")


class ActionModule(TransportAction):
    """Begins and ends a wave for all of its hosts at once; finishes the rollout on a single host."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what is known of the rollout; in the stage ``finish``, what became of the host."""
        result: dict[str, Any] = ActionBase.run(self, tmp, task_vars)
        _valid, options = self.validate_argument_spec(
            argument_spec={
                "stage": {"type": "str", "choices": list(STAGES), "required": True},
                "waves": {"type": "raw"},
                "canary": {"type": "raw"},
                "pause_s": {"type": "float", "default": 0.0},
                "max_failures": {"type": "raw", "default": 0},
                "on_failure": {"type": "str", "choices": ["stay", "roll_back"], "default": "stay"},
                "confirm_at": {"type": "str", "choices": ["wave", "end"]},
                "confirm": {"type": "str", "choices": ["auto", "manual"], "default": "auto"},
                "confirm_timeout_s": {"type": "float"},
                "gate_wait_s": {"type": "float", "default": 10.0},
                "checkpoint_id": {"type": "str"},
            }
        )
        variables = task_vars or {}
        stage = options.pop("stage")
        if stage == "prepare":
            return {**result, **self._prepare(options["checkpoint_id"], variables)}
        if stage == "finish":
            return {**result, **self._finish(variables)}
        try:
            rollout = Rollout.of(
                options,
                variables,
                own=lambda host: own(host, variables_of(host, self, variables)),
                check=bool(self._task.check_mode),
            )
            return {**result, "changed": False, **(rollout.begin() if stage == "begin" else rollout.end())}
        except WavesError as error:
            raise AnsibleActionFail(str(error)) from None

    def _prepare(self, identity: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Take away what an earlier attempt at the same rollout has left on the host, so that it can be made again."""
        found = self._checkpoint(variables, state="listed", id=identity)
        status = next((one["status"] for one in found.get("checkpoints", ()) if one["id"] == identity), None)
        if status is None and not found.get("failed") and not self._task.check_mode:
            found = self._checkpoint(variables, state="absent", id=identity)  # a rollback may have forbidden it here
        if found.get("failed") or status in (None, "confirmed"):
            return {"changed": False, **{key: found[key] for key in ("failed", "msg") if key in found}}
        if self._task.check_mode:
            return {"changed": False}
        if status != "rolled_back":
            restored = self._checkpoint(variables, state="restored", id=identity)
            if restored.get("failed"):
                return restored
        removed = self._checkpoint(variables, state="absent", id=identity)
        return {"changed": True, **{key: removed[key] for key in ("failed", "msg") if key in removed}}

    def _finish(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Do what the end of the rollout leaves to do about this host, and return its result for good."""
        verdict = told(variables)
        deed = verdict["finish"].get(variables["inventory_hostname"], "report")
        applied = variables.get("optimize_applied") or {}
        answer: dict[str, Any] = {}
        if deed != "report":
            asked = {"state": deed, "id": verdict["checkpoint_id"]}
            if deed == "extended":
                asked["confirm_timeout_s"] = verdict["confirm_timeout_s"]
            try:
                self._connection.reset()  # whether new connections come about is part of the question
                answer = self._checkpoint(variables, **asked)
            except AnsibleConnectionFailure as error:
                if deed == "listed":
                    return looked_up(applied, {}, verdict["checkpoint_id"])
                if deed != "restored" or fared(applied) != "applied":
                    raise
                return out_of_reach(applied, verdict=verdict, said=str(error))
        if deed == "listed":
            return looked_up(applied, answer, verdict["checkpoint_id"])
        return finished(deed, applied=applied, answer=answer, verdict=verdict, host=variables["inventory_hostname"])

    def _checkpoint(self, variables: dict[str, Any], **options: Any) -> dict[str, Any]:
        return self.ask("netopt_checkpoint", options, variables)
