# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What netopt does for its clients, the command line and the MCP server alike."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mcp_bridge.collection.plans import ALLOWLIST
from mcp_bridge.errors import NetoptBridgeError
from mcp_bridge.models import ChangeReport, ParameterPlan, RenderedPlan, Rollout, ValidationResult
from mcp_bridge.planning import checked_plan, host_plans, inventory_plans
from mcp_bridge.planning.checked_plan import CheckedPlan
from mcp_bridge.planning.host_plans import HostPlans
from mcp_bridge.planning.plan_set import PlanSet, together
from mcp_bridge.policy import Policy, load_policy
from mcp_bridge.runs import execute, resume
from mcp_bridge.runs import spawn as run_spawn
from mcp_bridge.runs.apply_options import ApplyOptions, check_confirm_timeout, to_confirm
from mcp_bridge.runs.execute import MAKES_CHECKPOINT, Started
from mcp_bridge.runs.history import RunHistory
from mcp_bridge.runs.playbook_run import Fleet
from mcp_bridge.runs.registry import RunRecord
from mcp_bridge.runs.spare_worker import SpareWorker
from mcp_bridge.runs.task import CheckpointAction, Scope, Task
from mcp_bridge.settings import Settings
from mcp_bridge.validator import validate

UNDECIDED_S = 60.0  # for how long a run that lost its process is asked for what became of it


class Service:
    """The policy, the hosts, the runs and the audit log of one installation, on behalf of one caller.

    Args:
        settings: where things are.
        caller: who asks, for the registry and the audit log.
        detached: give each change a process of its own, which outlives this one.
        spare: the process for the next one of these, which waits for it.
    """

    def __init__(
        self, settings: Settings, *, caller: str, detached: bool = False, spare: SpareWorker | None = None
    ) -> None:
        self.settings = settings
        self.caller = caller
        self.detached = detached
        self._spare = spare
        self.history = RunHistory(settings, caller=caller)

    @property
    def policy(self) -> Policy:
        """The policy, read again when one of its files has changed."""
        return load_policy(self.settings.policy_dir)

    def for_caller(self, caller: str) -> Service:
        """Return the same installation on behalf of somebody else."""
        return Service(self.settings, caller=caller, detached=self.detached, spare=self._spare)

    def fleet(self) -> Fleet:
        """Return the hosts, on behalf of this caller."""
        return self.history.fleet()

    def validate(self, plan: Mapping[str, Any] | ParameterPlan) -> ValidationResult:
        """Return all issues of a plan, and the plan in canonical form."""
        return validate(plan, self.policy)

    def render(self, plan: Mapping[str, Any] | ParameterPlan) -> RenderedPlan:
        """Return the commands that a plan amounts to.

        Raises:
            PlanError: the plan is refused.
        """
        return checked_plan.check(plan, self.policy).rendered

    def check(self, plan: Mapping[str, Any] | ParameterPlan | RenderedPlan, scope: Scope) -> CheckedPlan:
        """Return a plan that may be applied; that one may not is written down.

        Args:
            plan: a plan, or a rendered one, which is bound by its digest.
            scope: the hosts that it is for.

        Raises:
            PlanError: the plan is refused.
            DigestError: a rendered plan is not what its plan renders to.
        """
        with self._refusals("apply", scope):
            if isinstance(plan, RenderedPlan):
                return checked_plan.check_rendered(plan, self.policy)
            return checked_plan.check(plan, self.policy)

    def check_several(
        self, plans: Sequence[Mapping[str, Any] | ParameterPlan | RenderedPlan], scope: Scope
    ) -> CheckedPlan | PlanSet:
        """Return plans that may be applied together, as one change; that they may not is written down.

        Args:
            plans: one at least; a rendered one is bound by its digest.
            scope: the hosts that they are for.

        Raises:
            PlanError: a plan is refused, or two have one name.
            DigestError: a rendered plan is not what its plan renders to.
        """
        checked = [self.check(plan, scope) for plan in plans]
        with self._refusals("apply", scope):
            return together(checked, self.policy)

    def check_inventory(self, scope: Scope) -> HostPlans:
        """Return the plans that the inventory's variables give each host; that one may not be applied is written down.

        Raises:
            NetoptBridgeError: it is the inventory of an AWX.
            InventoryError: the inventory cannot be read, no host matches, or none has a plan.
            PlanError: the plan of a host is refused.
        """
        inventory_plans.refuse_awx(self.settings)
        source = scope.inventory or self.settings.inventory
        with self._refusals("apply", scope):
            return inventory_plans.read(source, limit=scope.limit, policy=self.policy)

    def begin_apply(
        self,
        plan: CheckedPlan | PlanSet | HostPlans,
        options: ApplyOptions,
        scope: Scope,
        *,
        resumes: RunRecord | None = None,
    ) -> Started:
        """Register the run of a plan, or of one for each host; nothing has reached a host yet.

        Args:
            plan: what ``check`` or ``check_inventory`` returned.
            options: how to apply it.
            scope: which hosts.
            resumes: the rollout that it goes on with.

        Raises:
            PlanError, DigestError: the policy has changed since the check, and the plan is refused now.
            InventoryError: the host pattern is malformed.
        """
        limits = self.policy.validation_limits
        with self._refusals("apply", scope):
            options.check(limits)
        if plan.policy is not self.policy:  # a person may have thought about it for minutes
            plan = self._again(plan, scope)
        extravars = {
            **plan.extra_vars(),
            **options.extra_vars(limits),
            "netopt_persist": options.persist,
            "netopt_by": self.caller,
            "netopt_validated": True,
            **(options.rollout.extra_vars() if options.rollout else {}),
            **({"netopt_resume": True} if resumes else {}),
        }
        task = Task(
            "apply",
            extravars,
            check=options.dry_run,
            record={"plan_digest": plan.digest},
            timeout_s=self._timeout_s(options.rollout),
        )
        detail = {
            **options.told(),
            "persist": options.persist,
            "rollout": options.rollout.dump() if options.rollout else None,
            "resumes": resumes.run_id if resumes else None,
        }
        checkpoint_id = resumes.checkpoint_id if resumes else None
        started = self._begin(task, scope, detail=detail, rationale=plan.rationale, checkpoint_id=checkpoint_id)
        if options.rollout:
            resume.keep(started, kept=plan.kept(), options=options)
        notes = (*plan.warnings, *options.notes(started.record.checkpoint_id))
        return replace(started, preview=plan.preview(), notes=notes)

    def begin_removal(self, names: Sequence[str], options: ApplyOptions, scope: Scope) -> Started:
        """Register that plans are taken away; nothing has reached a host yet.

        Args:
            names: the plans' names.
            options: how; there are no waves, and nothing is persisted.
            scope: which hosts.

        Raises:
            NetoptBridgeError: the policy does not allow to wait for a confirmation that long, or that short.
            InventoryError: the host pattern is malformed.
        """
        policy = self.policy
        with self._refusals("remove", scope):
            options.check(policy.validation_limits)
        extravars = {
            "netopt_remove": list(names),
            "netopt_allowlist": None if policy.allowlist == ALLOWLIST else policy.allowlist,
            "netopt_by": self.caller,
            **options.extra_vars(policy.validation_limits),
        }
        detail = {"plans": list(names), **options.told()}
        started = self._begin(Task("remove", extravars, check=options.dry_run), scope, detail=detail)
        return replace(started, notes=options.notes(started.record.checkpoint_id))

    def begin_resumption(
        self, run_id: str, scope: Scope, *, plan: CheckedPlan | PlanSet | None = None, dry_run: bool = False
    ) -> Started:
        """Register that a rollout goes on that was interrupted or stopped: the same plan, hosts, waves and checkpoint.

        Args:
            run_id: the rollout's run.
            scope: who listens; its hosts are those of the rollout, by name where they are known.
            plan: the rollout's, where it has been checked already.
            dry_run: say what would change and change nothing.

        Raises:
            UnknownRunError: there is no such run.
            RunError: it is no rollout, goes on, or nothing of it is left to do.
            DigestError: the plan would be another one by now.
        """
        record, _result = self.history.status(run_id)
        kept, options, place = resume.read(self.fleet().runs, record)
        same = replace(scope, limit=scope.limit or record.limit, inventory=scope.inventory or place)
        chosen = ApplyOptions(**{**options, "dry_run": dry_run})
        with self._refusals("apply", same):
            checked = plan or host_plans.check_kept(kept, self.policy)
        return self.begin_apply(checked, chosen, same, resumes=None if dry_run else record)

    def _again(self, plan: CheckedPlan | PlanSet | HostPlans, scope: Scope) -> CheckedPlan | PlanSet | HostPlans:
        """Return plans as today's policy judges them."""
        with self._refusals("apply", scope):
            return plan.renewed(self.policy)

    def _timeout_s(self, rollout: Rollout | None) -> float | None:
        """Return the seconds that a run may take; the settings' hold for each wave of a rollout."""
        if rollout is None:
            return None
        waves = rollout.waves_of(self.policy.validation_limits.max_hosts)
        return waves * (self.settings.run_timeout_s + rollout.pause_s + rollout.gate_wait_s)

    def begin(self, action: CheckpointAction, *, checkpoint_id: str, scope: Scope, check: bool = False) -> Started:
        """Register a confirmation, a rollback, a deletion, or that a person takes hosts as they are.

        Args:
            action: what is done with the checkpoint.
            checkpoint_id: the checkpoint, or the run of the change.
            scope: which hosts.
            check: say what would happen and do nothing.

        Raises:
            InventoryError: the host pattern is malformed.
        """
        identity = resume.checkpoint_of(self.fleet().runs, checkpoint_id)
        task = Task(
            action,
            {"netopt_checkpoint_id": identity},
            check=check,
            record={"checkpoint_id": identity},
        )
        return self._begin(task, scope, detail={"dry_run": check})

    def begin_extension(self, *, checkpoint_id: str, seconds: int, scope: Scope, check: bool = False) -> Started:
        """Register that a change is given until ``seconds`` from now to be confirmed.

        Raises:
            NetoptBridgeError: the policy does not allow that long, or that short.
            InventoryError: the host pattern is malformed.
        """
        identity = resume.checkpoint_of(self.fleet().runs, checkpoint_id)
        with self._refusals("extend", scope):
            check_confirm_timeout(seconds, self.policy.validation_limits)
        variables = {"netopt_checkpoint_id": identity, "netopt_confirm_timeout_s": seconds}
        task = Task("extend", variables, check=check, record={"checkpoint_id": identity})
        started = self._begin(task, scope, detail={"confirm_timeout_s": seconds, "dry_run": check})
        return started if check else replace(started, notes=(to_confirm(identity, seconds),))

    def begin_snapshot(self, *, iface: str | list[str], label: str | None, scope: Scope) -> Started:
        """Register a snapshot of the hosts' present state.

        Args:
            iface: interfaces whose MTU, offloads and queueing disciplines are written down.
            label: a person's name for it.
            scope: which hosts.

        Raises:
            InventoryError: the host pattern is malformed.
        """
        ifaces = [iface] if isinstance(iface, str) else list(iface)
        keys = sorted(self.policy.sysctl_cards)
        variables = {"netopt_iface": ifaces, "netopt_sysctl": keys, "netopt_checkpoint_label": label or ""}
        return self._begin(Task("snapshot", variables), scope, detail={"label": label})

    def finish(self, started: Started) -> ChangeReport:
        """Carry out what was begun and return what came of it, host by host.

        Where runs are detached it is done by a process of the run's own, which goes on if this one ends.

        Raises:
            InventoryError: no host matches.
            RunError: the playbook could not be run, or other runs are at work on some of the hosts.
        """
        if not self.detached:
            return self.finish_here(started)
        runs, run_id = started.fleet.runs, started.record.run_id
        process = run_spawn.spawn(
            self.settings,
            folder=started.folder,
            lock=runs.lock(run_id),
            task=started.as_json(),
            spare=self._spare,
        )
        scope = started.scope
        run_spawn.follow(
            process, folder=started.folder, progress=scope.progress, cancel=scope.cancel, caller=self.caller
        )
        if self._spare is not None:
            self._spare.prepare_soon()
        result = self.history.result(run_id, within_s=UNDECIDED_S)
        error = run_spawn.raised(result or {"error": f"The process of run {run_id} was killed"})
        if error is not None:
            raise error
        return ChangeReport.model_validate(result)

    def finish_here(self, started: Started) -> ChangeReport:
        """Carry out what was begun, in this process, and return what came of it.

        Raises:
            InventoryError: no host matches.
            RunError: the playbook could not be run, or other runs are at work on some of the hosts.
        """
        try:
            finished, report = execute.carry_out(started)
        except BaseException as error:
            self.history.audit_run(
                started.record, outcome="refused", detail={"error": str(error) or type(error).__name__}
            )
            raise
        result = report.model_dump(mode="json")
        started.fleet.runs.keep_result(started.record, result)
        try:
            self.history.audit_end(started.record, report)
        finally:
            started.fleet.close(finished, result=result)
        return report

    def _begin(
        self,
        task: Task,
        scope: Scope,
        *,
        detail: Mapping[str, Any],
        rationale: list[str] | None = None,
        checkpoint_id: str | None = None,
    ) -> Started:
        fleet = self.fleet()
        record = fleet.begin(task, scope)
        if task.action in MAKES_CHECKPOINT:
            # one name for the change on every host of the run: the run's own
            name = checkpoint_id or record.run_id
            record = fleet.runs.name_checkpoint(record, name)
            task = replace(task, extravars={**task.extravars, "netopt_checkpoint_id": name})
        self.history.audit_run(record, outcome="started", detail=dict(detail), rationale=rationale or [])
        return Started(record, task, scope, fleet)

    @contextlib.contextmanager
    def _refusals(self, action: str, scope: Scope) -> Iterator[None]:
        """Write down that something is refused."""
        try:
            yield
        except NetoptBridgeError as error:
            detail = {"hosts": scope.limit or "all", "error": str(error)}
            self.history.audit.append(caller=self.caller, action=action, outcome="refused", detail=detail)
            raise


def login() -> str:
    """Return the user that runs this process, for the audit log: ``root@admin1``, behind sudo also who called it."""
    import pwd  # noqa: PLC0415  # needed once, by the command line

    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    behind = os.environ.get("SUDO_USER")
    return f"{name}@{os.uname().nodename}" + (f" (sudo by {behind})" if behind else "")
