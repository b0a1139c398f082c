# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of netopt_apply: it sends the plan, and confirms the change over a new connection.

Documented in ``plugins/modules/netopt_apply.py``.
"""

from __future__ import annotations

import getpass
import os
import secrets
import shlex
import time
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.model import RESTART, ROLLED_BACK
from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._lifecycle.confirm_by_shell import script
from ansible_collections.netopt.linux.plugins.module_utils._transport.frame import answer_in
from ansible_collections.netopt.linux.plugins.plugin_utils._lost_answer import kept_out, what_became
from ansible_collections.netopt.linux.plugins.plugin_utils._plan_variables import given_by
from ansible_collections.netopt.linux.plugins.plugin_utils._policy import (
    Refusal,
    as_objects,
    enforced,
    in_bounds,
    in_one_form,
    warm,
)
from ansible_collections.netopt.linux.plugins.plugin_utils._shared_id import shared_id
from ansible_collections.netopt.linux.plugins.plugin_utils._ssh import connect_anew, over_new_connection
from ansible_collections.netopt.linux.plugins.plugin_utils._transport import (
    PYTHON_FLAGS,
    TransportAction,
    UnansweredError,
)
from ansible_collections.netopt.linux.plugins.plugin_utils._two_names import explained

if TYPE_CHECKING:
    from ansible_collections.netopt.linux.plugins.plugin_utils._confirm_and_measure import Proof

NAME = "netopt_apply"
GRACE_S = 20.0  # for how long after its time is up a host that restored itself is asked how that went
UNKNOWN = "answer"  # what an error is about where nothing is known of the host
CHECKPOINTS = "/var/lib/netopt/checkpoints"


class ActionModule(TransportAction):
    """Carries netopt_apply to the target, and its confirmation after it."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result, that of the confirmation included."""
        self._proof: Proof | None = None
        try:
            self._task.args = as_objects({**self._task.args, **self._said_by_variables(task_vars or {})})
        except Refusal as refusal:
            return refusal.result
        result = super().run(tmp, task_vars)
        if self._task.async_val or (result.get("report") or {}).get("status") != "applied":
            return result
        if self._proof is not None and not self._proof.holds(result):
            return result
        if self.options["confirm"] == "auto" and self.options["confirm_timeout_s"] > 0:
            self._confirm(result, task_vars or {})
        return result

    def _said_by_variables(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Return the options that the host's variables give, where the task asks for that."""
        if not boolean(self._task.args.get("from_variables", False)):
            return {}
        given = variables.get("netopt_given")  # as netopt wrote it: no template is in it
        return given_by(
            lambda name: self._templar.template(variables[name]) if name in variables else None,
            given["plans"][given["hosts"][variables["inventory_hostname"]]] if given else None,
        )

    def ask(self, module: str, options: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Return a module's result; nothing is asked of a host for a plan that the policy does not allow."""
        asked = self.options
        passed = enforced if asked["check_policy"] else in_one_form if asked["without_bounds"] else in_bounds
        try:
            checked = passed(options if module == NAME else self.options)
        except Refusal as refusal:
            return refusal.result
        if module != NAME:
            return super().ask(module, options, variables)
        options = {
            **checked,
            "checkpoint_id": options["checkpoint_id"] or shared_id(self._task),
            "by": options["by"] or f"{getpass.getuser()}@{os.uname().nodename}",
        }
        measured = [] if self._task.check_mode else [plan for plan in _plans(options) if _measures(plan)]
        if len(measured) > 1:
            return _refused_together(measured)
        if measured:
            result = self._measured(options, measured[0]["validate"], variables)
        else:
            result = super().ask(module, options, variables)
        return explained(result, options["checkpoint_id"], variables) if options["checkpoint_id"] else result

    def unanswered(
        self, message: dict[str, Any], variables: dict[str, Any], error: UnansweredError | AnsibleConnectionFailure
    ) -> dict[str, Any]:
        """Return the result of a module whose answer is missing; an apply is not made twice."""
        if message["module"] != NAME or message["check"] or kept_out(error):
            return super().unanswered(message, variables, error)
        return what_became(
            self._connection,
            message["options"],
            lambda module, options: TransportAction.ask(self, module, options, variables),
            lambda: self._run_there(message, variables),
            error,
        )

    def _measured(self, options: dict[str, Any], spec: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Have the host measure, then apply; return the result of the latter, or why it was not begun."""
        from ansible_collections.netopt.linux.plugins.plugin_utils._confirm_and_measure import Proof  # noqa: PLC0415 - few measure

        ask = super().ask
        self._proof = Proof(
            action=self,
            options=options,
            spec=spec,
            variables=variables,
            ask=lambda name, more: ask(name, more, variables),
        )
        return self._proof.begin() or ask(NAME, options, variables)

    def _confirm(self, result: dict[str, Any], variables: dict[str, Any]) -> None:
        """Confirm the change over a new connection; the old one may live on where new ones are kept out."""
        report = result["report"]
        identity = report["checkpoint_id"]
        folder = f"{CHECKPOINTS}/{identity}"
        program = f"{folder}/restore.pyz"
        nonce = secrets.token_hex(16)
        words = [self.python(variables), *PYTHON_FLAGS, shlex.quote(program), "--confirm --nonce", nonce]
        command = script(folder, identity, nonce, otherwise=" ".join(words))
        timeout = self.options["confirm_timeout_s"]
        deadline = time.monotonic() + timeout + GRACE_S

        def refusal_of() -> dict[str, Any] | None:
            answer = self._low_level_execute_command(command)
            told = answer_in(answer["stdout"], nonce)
            if told is not None and "error" in told:
                refused: dict[str, Any] | None = told["error"]
                return refused
            connect_anew(self._connection)
            return _refusal(super(ActionModule, self).ask(*_once_more(identity), variables), answer)

        try:
            refusal = over_new_connection(self._connection, refusal_of, deadline=deadline)
        except AnsibleConnectionFailure as error:
            _fail(
                result,
                status="unreachable",
                message=_unheard(timeout),
                after=str(error),
                hint=f"At the host's console: python3 {program} --list",
            )
            return
        if refusal:
            back = refusal["after"] == ROLLED_BACK
            late = back and refusal["key"] != RESTART
            _fail(
                result,
                status=ROLLED_BACK if back else "unreachable" if refusal["key"] == UNKNOWN else "failed",
                message=f"{_unheard(timeout)} and has done so" if late else refusal["message"],
                after=refusal["after"],
                hint="The plan kept the controller out; look at its rules and routes." if late else refusal["hint"],
            )


def _plans(options: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the plans that are to be applied."""
    return [options["plan"]] if options.get("plan") is not None else options.get("plans") or []


def _measures(plan: dict[str, Any]) -> bool:
    """Return whether a plan says where to measure to."""
    return bool((plan.get("validate") or {}).get("targets"))


def _refused_together(plans: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the refusal of several plans that all are to be measured: one verdict decides upon the whole change."""
    names = " and ".join(str(plan.get("name") or "one without a name") for plan in plans)
    error = NetoptError(
        f"{len(plans)} of the plans say where to measure to: {names}",
        stage="plan",
        key="validate.targets",
        wanted="one plan with targets in a change",
        hint="Leave the targets in one of them, or apply them one after the other. Nothing was changed.",
    )
    return Refusal(error).result


def _once_more(identity: str) -> tuple[str, dict[str, Any]]:
    """Return the question by which a host says whether a change is kept, and keeps it where it waits for that."""
    return "netopt_checkpoint", {"state": "confirmed", "id": identity}


def _refusal(result: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any] | None:
    """Return why a host did not confirm, with fields of ``HostReport.error``; ``None`` where it did.

    Args:
        result: of netopt_checkpoint, which was asked since the first answer was missing.
        answer: what came instead of the first one.
    """
    if "report" in result:
        error: dict[str, Any] | None = result["report"]["error"]
        return error
    return {
        "key": UNKNOWN,
        "message": "The change was made; whether it is confirmed is not known, as no answer of the host arrives whole",
        "after": (answer["stderr"] or answer["stdout"]).strip() or f"exit status {answer['rc']}",
        "hint": "`netopt checkpoints` shows what became of it. Unless it is confirmed the host restores itself.",
    }


def _unheard(timeout: float) -> str:
    return f"No new connection came about within {timeout:g} s of the change, upon which the host restores itself"


def _fail(result: dict[str, Any], *, status: str, message: str, after: str | None, hint: str | None) -> None:
    """Turn the result of an apply into that of one whose confirmation failed."""
    error = {"stage": "confirm", "key": "connection", "wanted": "a new connection", "before": None, "after": after}
    error.update({"message": message, "hint": hint})
    result["report"].update({"status": status, "changed": False, "error": error})
    result.update({"failed": True, "changed": False, "msg": message})


# ansible-core loads an action before it makes a process for each host, and the plan is judged in all of these
warm()
