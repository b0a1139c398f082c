# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the policy says of a plan, on the controller; a variable of Ansible cannot say it instead.

``netopt`` checks a plan before it starts Ansible, and tells so in Ansible's environment, where no inventory, extra
variable or survey can write. Wherever that is not so (plain ``ansible-playbook``, AWX, ansible-runner) the plan is
checked here.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._common.report import FAILED, HostReport, as_result
from ansible_collections.netopt.linux.plugins.module_utils._plan.check import check_structure
from ansible_collections.netopt.linux.plugins.module_utils._plan.form import digest_of, one_form, set_only
from ansible_collections.netopt.linux.plugins.plugin_utils._bounds import beyond

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKED = "NETOPT_CHECKED"  # in the environment: digests of the plans that were checked before Ansible was started


class Refusal(Exception):  # noqa: N818 - it is an answer
    """The policy does not allow a plan.

    Attributes:
        result: of the task that brought the plan.
    """

    def __init__(self, error: NetoptError, *, issues: list[dict[str, Any]] | None = None) -> None:
        super().__init__(str(error))
        report = HostReport()
        report.fail(FAILED, error)
        self.result: dict[str, Any] = as_result(report, diff_mode=False)
        if issues is not None:
            self.result["issues"] = issues


def judge(plan: Mapping[str, Any], *, digest: str | None, policy_dir: str | None = None) -> dict[str, Any]:
    """Return what a target is told about a plan, as in ``checked_plan.TargetInputs``.

    Args:
        plan: as it was written, or in its normal form.
        digest: what the plan has to render to, ``None`` to take whatever that is.
        policy_dir: the policy's folder, ``None`` for the configured one.

    Raises:
        Refusal: the policy does not allow the plan, or it is another one.
        AnsibleActionFail: there is no policy here.
    """
    try:
        # here, since a plan that netopt has checked already does without, and these take their time
        from mcp_bridge.errors import NetoptBridgeError, PlanError  # noqa: PLC0415
        from mcp_bridge.planning import checked_plan  # noqa: PLC0415
        from mcp_bridge.policy import load_policy  # noqa: PLC0415
    except ImportError as error:
        raise _missing(error) from None
    plain = json.loads(json.dumps(plan))  # without the marks of ansible-core's templating
    try:
        policy = load_policy(Path(policy_dir) if policy_dir else None)
        found = vars(checked_plan.check(plain, policy).target_inputs)
    except PlanError as error:
        issues = [issue.model_dump() for issue in error.issues]
        raise Refusal(NetoptError(error.message, stage="plan", key="plan", hint=error.hint), issues=issues) from None
    except NetoptBridgeError as error:
        raise Refusal(NetoptError(error.message, stage="plan", hint=error.hint)) from None
    if digest and digest != found["digest"]:
        raise _another(digest, found["digest"])
    return dict(found)


def _another(wanted: str, found: str) -> Refusal:
    """Return the refusal of a plan that is not the one that was looked at."""
    return Refusal(
        NetoptError(
            "The plan is not the one that was rendered: its digest differs",
            stage="plan",
            key="digest",
            wanted=wanted,
            after=found,
            hint="Render the plan again, look at it, and apply that.",
        )
    )


def _missing(error: ImportError) -> AnsibleActionFail:
    return AnsibleActionFail(
        f"The Python package netopt is not installed beside ansible-core on the controller: {error}. "
        "Install it there with: pip install netopt"
    )


def as_objects(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task's arguments, with a plan that is JSON or YAML text as the object that it says.

    ansible-core would read it too, and take the last of two values that are given for one key.

    Raises:
        Refusal: the text is not read, or is no object.
        AnsibleActionFail: the Python package netopt is not here.
    """
    found = dict(arguments)
    if isinstance(arguments.get("plan"), str):
        found["plan"] = _read(arguments["plan"], wanted=dict, hint="A plan looks like iface: eth0, changes: {...}")
    plans = arguments.get("plans")
    if isinstance(plans, str):
        plans = _read(plans, wanted=list, hint="Plans look like [{iface: eth0, changes: {...}}, ...]")
    if isinstance(plans, list):
        hint = "A plan looks like iface: eth0, changes: {...}"
        found["plans"] = [_read(plan, wanted=dict, hint=hint) if isinstance(plan, str) else plan for plan in plans]
    return found


def _read(text: str, *, wanted: type, hint: str) -> Any:
    """Return what JSON or YAML text says."""
    try:
        from mcp_bridge.documents import DocumentError, parse  # noqa: PLC0415 - plans are text in surveys alone
    except ImportError as error:
        raise _missing(error) from None
    try:
        found = parse(json.loads(json.dumps(text)), name="plan")  # without the marks, as above
    except DocumentError as error:
        raise Refusal(NetoptError(error.message, stage="plan", key="plan", hint=error.hint)) from None
    if not isinstance(found, wanted):
        what = "object" if wanted is dict else "list"
        raise Refusal(NetoptError(f"The plan is text that says no {what}", stage="plan", key="plan", hint=hint))
    return found


def warm() -> None:
    """Import what judges plans, and read the policy, in a process from which others are made that will need them.

    Where the plan was checked before Ansible was started they do without.
    """
    if CHECKED in os.environ:
        return
    with contextlib.suppress(ImportError):
        from mcp_bridge.errors import NetoptBridgeError  # noqa: PLC0415
        from mcp_bridge.planning import checked_plan  # noqa: F401, PLC0415
        from mcp_bridge.policy import load_policy  # noqa: PLC0415

        with contextlib.suppress(NetoptBridgeError):  # whoever needs it says what is wrong with it
            load_policy()


def enforced(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of netopt_apply, with the policy's own word for all that it decides.

    A plan that was checked before Ansible was started is bound by its digest: its host renders it again, and refuses
    another one. Until then nobody knows that this is that plan, so its form is checked here. The policy checks the form
    of a plan that is judged here, and returns it in its normal form.

    Raises:
        Refusal: the policy does not allow the plan, or it is another one.
        AnsibleActionFail: there is no policy here.
    """
    if options["digest"] and options["digest"] in os.environ.get(CHECKED, "").split(",") and _is_of_all(options):
        return in_one_form(options)
    if options.get("plans"):
        return {**options, **_judged(options["plans"], digest=options["digest"])}
    if options.get("plan") is None:  # plans are taken away: what they may set was asked when they came
        return dict(options)
    return {**options, **judge(options["plan"], digest=options["digest"])}


def _is_of_all(options: Mapping[str, Any]) -> bool:
    """Return whether a digest is that of all plans together; their host looks at the digest of each."""
    plans = options.get("plans")
    each = [str(one.get("digest")) for one in options.get("judged") or []]
    return not plans or (len(each) == len(plans) and digest_of(each) == options["digest"])


def _judged(plans: list[dict[str, Any]], *, digest: str | None) -> dict[str, Any]:
    """Return what a target is told about several plans.

    Args:
        plans: as they were written, or in their normal form.
        digest: what all of them together have to render to, ``None`` to take whatever that is.

    Raises:
        Refusal: the policy does not allow one of them, or they are others.
        AnsibleActionFail: there is no policy here.
    """
    each = [judge(plan, digest=None) for plan in plans]
    together = digest_of([one["digest"] for one in each])
    if digest and digest != together:
        raise _another(digest, together)
    return {
        "plans": [one["plan"] for one in each],
        "judged": [{"digest": one["digest"], "adaptations": one["adaptations"]} for one in each],
        "skippable": {key: why for one in each for key, why in one["skippable"].items()},
        "modules": {key: module for one in each for key, module in one["modules"].items()},
        "allowlist": each[0]["allowlist"],
        "digest": together,
    }


def in_one_form(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of netopt_apply with the plan in one form, for a plan that the policy has not judged here.

    Raises:
        Refusal: the plan has not the form of a plan.
    """
    given = [options["plan"]] if options.get("plan") is not None else options.get("plans") or []
    try:
        for plan in given:
            check_structure(plan)
    except NetoptError as error:
        raise Refusal(error) from None
    if options.get("plan") is not None:
        return {**options, "plan": one_form(options["plan"])}
    return {**options, "plans": [one_form(plan) for plan in given]} if given else dict(options)


def in_bounds(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``in_one_form`` does, for a plan that keeps to the bounds of the shipped policy.

    Raises:
        Refusal: the plan has not the form of a plan, or values are out of bounds; carries all of them.
    """
    found = in_one_form(options)
    given = [found["plan"]] if found.get("plan") is not None else found.get("plans") or []
    issues = [issue for plan in given for issue in beyond(set_only(plan.get("changes", {})))]
    if issues:
        first = issues[0]
        more = f" (and {len(issues) - 1} more)" if len(issues) > 1 else ""
        message = f"{first['path']}: {first['message']}{more}"
        hint = f"{first['hint']} without_bounds: true leaves this check out."
        raise Refusal(NetoptError(message, stage="plan", key=first["path"], hint=hint), issues=issues)
    return found
