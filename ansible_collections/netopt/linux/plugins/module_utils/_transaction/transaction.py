# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole plan as one transaction on this host: all of it holds afterwards, or all of it is as before.

What most runs need is here: a plan that holds already. What makes a change is in ``_transaction/apply.py``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .._checkpoint.model import check_id
from .._checkpoint.store import Store, boot_id, new_id, now_utc
from .._common import report as host_report
from .._common.errors import NetoptError
from .._common.interfaces import find, named
from .._common.report import HostReport
from .._common.signals import interrupts_raise
from .._host.commands import Tools
from .._host.facts import gather
from .._host.kernel_modules import loaded, unload_unused
from .._host.lock import RUN_DIR, host_lock
from .._host.privileges import check_net_admin
from .._plan.check import check_structure
from .._plan.form import one_form, set_only
from .._plan.uplink import VARIABLE
from .._plans.fitted import Fitted
from .._plans.holder import holder
from .._sysctl.keys import IFACE, for_interfaces
from .._sysctl.observe import read
from .adapt_profile import adapt
from .preflight import meets_connections, preflight
from .unchanged_cache import UnchangedCache, key_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._checkpoint.model import Header
    from .._common.change import Operation
    from .._plans.change import PlansChange
    from .adapt_profile import Adapted
    from .request import PlanRequest, Request

TC = "tc"
QDISCS = "qdiscs."  # begins the facts that tell of the kernel's qdiscs
TOOLS_AT_WORK = ("observe", "rehearse", "apply", "verify")
FORWARDING = ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding", "net.ipv6.conf.all.forwarding")


class Transaction:
    """Carries out one request.

    Args:
        request: what is asked.
        store: where checkpoints lie.
        run_dir: where the host's lock lies.
        boot_root: the folder whose ``etc`` is persisted to; only ``/`` is read by a systemd.
        on_operation: called before each operation; what it raises fails that operation.
    """

    def __init__(
        self,
        request: Request,
        *,
        store: Store | None = None,
        run_dir: str = RUN_DIR,
        boot_root: str = "/",
        on_operation: Callable[[Operation], None] | None = None,
    ) -> None:
        self._request = request
        self._store = store or Store()
        self._run_dir = run_dir
        self._boot_root = boot_root
        self._on_operation = on_operation or (lambda _operation: None)
        self._report = HostReport()
        self._modules = list(loaded())

    def run(self) -> HostReport:
        """Carry out the request and return what came of it. Nothing is raised."""
        try:
            with interrupts_raise():
                for one in self._request.plans:
                    check_structure(one.plan)
                plans = tuple(replace(one, plan=one_form(one.plan)) for one in self._request.plans)
                request = self._request = replace(self._request, plans=plans)
                identity = check_id(request.checkpoint_id or new_id())
                if request.check:
                    self._run(identity, Tools(allowlist=request.allowlist))
                else:
                    with host_lock(f"netopt_apply, checkpoint {identity}", directory=self._run_dir) as lock:
                        self._run(identity, Tools(allowlist=request.allowlist, keep_open=(lock,)))
        except NetoptError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - a module reports, whatever happens to it
            self._fail(host_report.defect(error, stage="apply"))
        if self._report.error and self._report.error["stage"] in TOOLS_AT_WORK:
            from .._host.versions import too_old  # noqa: PLC0415 - for what has failed

            self._report.warnings.extend(too_old(Tools(allowlist=self._request.allowlist)))
        if self._report.status != host_report.APPLIED:
            unload_unused(self._modules)
        return self._report

    def _fail(self, error: NetoptError) -> None:
        if self._report.status not in host_report.BAD:
            self._report.fail(host_report.FAILED, error)

    def _run(self, identity: str, tools: Tools) -> None:
        """Prepare the change, and make it where there is one to make."""
        request = self._request
        if request.persist:
            from .._lifecycle.persist_on_confirm import check_host  # noqa: PLC0415 - few changes are persisted

            check_host(self._boot_root)
        self._recover(tools)
        facts = self._facts()
        fitted = [self._fit(one, facts) for one in request.plans]
        in_force = holder(self._store)
        key = self._key(fitted, in_force)
        unchanged = UnchangedCache(self._run_dir)
        left_out = None if request.persist or request.remove else unchanged.look_up(key, tools)
        if left_out is not None:
            self._report.skipped.extend(left_out)
            return
        from .apply import Apply  # noqa: PLC0415 - a plan that holds already does without

        plans = self._plans_change(fitted, identity, facts)
        if plans is None:
            return
        self._preflight(plans, facts)
        change = Apply(
            request,
            store=self._store,
            report=self._report,
            tools=tools,
            modules=self._modules,
            interfaces=facts["interfaces"],
            boot_root=self._boot_root,
            on_operation=self._before,
        )
        try:
            held = change.run(identity, plans)
        except NetoptError as error:
            if "not permitted" in error.message:  # what the tools say of it tells less
                check_net_admin(TC)
            raise
        finally:
            self._report.warnings.extend(tools.warnings)
        if request.check:
            for entry in self._report.diff:
                check_net_admin(entry["subsystem"])
        if held and not request.check:
            unchanged.keep(self._key(fitted, self._report.checkpoint_id or in_force), held)

    def _before(self, operation: Operation) -> None:
        """Refuse an operation that the kernel would refuse in words that tell less."""
        check_net_admin(operation.subsystem)
        self._on_operation(operation)

    def _recover(self, tools: Tools) -> None:
        """Undo what an earlier run left half done."""
        if not self._request.check and any(self._store.unfinished()):
            from .._lifecycle.rollback import recover  # noqa: PLC0415 - hardly ever

            self._report.warnings.extend(recover(self._store, tools, concerns=self._concerns))

    def _concerns(self, header: Header) -> bool:
        """Return whether the plan touches what an earlier change, whose rollback failed, has touched."""
        from .remains import touches  # noqa: PLC0415 - hardly ever

        if self._request.remove:  # what was there before any plan may be anything
            return True
        from .._plans.change import plans_change  # noqa: PLC0415
        from .._plans.in_force import plans_in_force  # noqa: PLC0415

        facts = self._facts()
        change = plans_change(
            plans_in_force(self._store),
            [self._adapted(one, facts)[0] for one in self._request.plans],
            (),
            facts["interfaces"],
            {"checkpoint": "", "since": "", "by": None},
            persist=False,
            skippable=self._request.skippable,
            modules=self._request.modules,
        )
        return touches(change.led.intents, self._store, header)

    def _facts(self) -> dict[str, Any]:
        """Return what of the host the plans depend on."""
        keys = set(FORWARDING)
        for one in self._request.plans:
            named_keys = (one.plan.get("changes") or {}).get("sysctl") or {}
            keys.update(key for key in named_keys if IFACE not in key)
            for rule in one.adaptations:
                keys.update(rule.get("keep_higher", {}).get("sysctl", []))
        return gather(sysctl=sorted(keys))

    def _plain(self, one: PlanRequest, facts: dict[str, Any]) -> Fitted:
        """Return a plan for this host's interfaces."""
        changes = dict(set_only(one.plan.get("changes") or {}))
        ifaces, notes = find(named(one.plan), facts)
        self._report.warnings.extend(note for note in notes if note not in self._report.warnings)
        if any(IFACE in key for key in changes.get("sysctl", {})):
            changes["sysctl"] = for_interfaces(changes["sysctl"], ifaces)
        return Fitted(one.plan, one.digest, changes, ifaces)

    def _fit(self, one: PlanRequest, facts: dict[str, Any]) -> Fitted:
        """Return a plan as it fits this host, and say what was fitted."""
        profile = one.plan.get("profile")
        if self._request.link and profile and not one.plan.get("link") and not _shapes(one):
            self._report.warnings.append(
                f"{VARIABLE} is not used: the plan has changes of its own, or its profile says nothing of an uplink. "
                "Write link into the plan."
            )
        fitted, adapted = self._adapted(one, facts)
        if adapted is not None:
            self._report.warnings.extend(adapted.notes)
            self._report.skipped.extend(adapted.skipped)
        return fitted

    def _adapted(self, one: PlanRequest, facts: dict[str, Any]) -> tuple[Fitted, Adapted | None]:
        """Return a plan as it fits this host, and what was fitted, ``None`` where nothing may be."""
        plain = self._plain(one, facts)
        if not one.adaptations:
            return plain, None
        link = one.plan.get("link") or self._request.link
        if link and any(fact.startswith(QDISCS) for rule in one.adaptations for fact in rule.get("when", {})):
            from .._host.kernel_features import gather as features  # noqa: PLC0415 - few plans have a link

            facts = {**facts, **features()}
        adapted = adapt(plain.changes, one.adaptations, facts, plain.ifaces, link=link)
        return replace(plain, changes=adapted.changes), adapted

    def _plans_change(self, fitted: list[Fitted], identity: str, facts: dict[str, Any]) -> PlansChange | None:
        """Return what becomes of the plans in force; ``None`` where none of those that are to go is there."""
        from .._plans.change import plans_change  # noqa: PLC0415 - a plan that holds already does without
        from .._plans.in_force import plans_in_force  # noqa: PLC0415
        from .._plans.record import HTB  # noqa: PLC0415
        from .._plans.stacked import refuse_mtu_below  # noqa: PLC0415

        request, before = self._request, plans_in_force(self._store)
        if request.remove and not set(request.remove) & set(before.names()):
            self._report.status = host_report.SKIPPED
            reason = "no such plan is in force on this host"
            self._report.skipped += [{"key": name, "reason": reason} for name in request.remove]
            return None
        unknown = sorted(set(request.remove) - set(before.names()))
        if unknown:
            known = ", ".join(name for name in before.names() if name) or "none with a name"
            self._report.warnings.append(f"No plan {', '.join(unknown)} is in force on this host; it has {known}.")
        change = plans_change(
            before,
            fitted,
            request.remove,
            facts["interfaces"],
            {"checkpoint": identity, "since": now_utc(), "by": request.by},
            persist=request.persist,
            skippable=request.skippable,
            modules=request.modules,
        )
        if fitted:  # taking plans away lowers nothing
            refuse_mtu_below(change.after, facts["interfaces"])
        if any(one.field == HTB for one in change.after.sections):
            from .._plans.brought_along import brought_along  # noqa: PLC0415 - most plans have no classes

            self._report.warnings += brought_along(change.after, change.about.trees, facts["interfaces"])
        for setting in sorted(change.led.unknown):
            self._report.warnings.append(f"How {setting} was before is not known; it stays as it is.")
        return change

    def _preflight(self, plans: PlansChange, facts: dict[str, Any]) -> None:
        """Refuse what this host forbids, and tell what it makes doubtful."""
        parts = plans.parts
        if facts["management"] and any(meets_connections(part.changes) for part in parts):
            from .._lockout.session import path_of  # noqa: PLC0415 - most plans do without

            facts["management"] = path_of(facts["management"])
            facts["confirm_timeout_s"] = self._request.confirm_timeout_s
        issues = [
            issue for part in parts for issue in preflight(part.changes, part.ifaces, facts, self._request.labels)
        ]
        for issue in issues:
            if issue["severity"] == "warning":
                self._report.warnings.append(f"{issue['path']}: {issue['message']}. {issue.get('hint') or ''}".rstrip())
        errors = [issue for issue in issues if issue["severity"] == "error"]
        if errors:
            raise NetoptError(
                "; ".join(f"{issue['path']}: {issue['message']}" for issue in errors),
                stage="plan",
                key=errors[0]["path"],
                hint=errors[0].get("hint"),
            )

    def _key(self, fitted: list[Fitted], in_force: str) -> str:
        """Return what a rehearsal of these plans depends on, beside what is read from the kernel anyway."""
        request = self._request
        return key_of(
            boot=boot_id(),
            plans=[
                [one.plan, one.digest, None if one.changes == one.plan.get("changes") else one.changes, one.ifaces]
                for one in fitted
            ],
            in_force=in_force,
            skippable=request.skippable,
            modules=request.modules,
            default_qdisc=read("net.core.default_qdisc"),
        )


def _shapes(one: PlanRequest) -> bool:
    """Return whether the policy says how the plan's profile shapes an uplink."""
    return any("shape" in rule for rule in one.adaptations)
