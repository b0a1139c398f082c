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
from .._checkpoint.store import Store, boot_id, new_id
from .._common import report as host_report
from .._common.errors import NetoptError
from .._common.interfaces import host_interfaces, named
from .._common.report import HostReport
from .._common.signals import interrupts_raise
from .._host.commands import Tools
from .._host.facts import gather
from .._host.kernel_modules import loaded, unload_unused
from .._host.lock import RUN_DIR, host_lock
from .._host.privileges import check_net_admin
from .._plan.check import check_structure
from .._plan.form import one_form
from .._sysctl.observe import read
from .adapt_profile import adapt
from .preflight import meets_connections, preflight
from .unchanged_cache import UnchangedCache, key_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._checkpoint.model import Header
    from .._common.change import Operation
    from .request import Request

TC = "tc"
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
                check_structure(self._request.plan)
                request = self._request = replace(self._request, plan=one_form(self._request.plan))
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
        changes, ifaces = self._fit()
        key = self._key(changes, ifaces)
        unchanged = UnchangedCache(self._run_dir)
        left_out = None if request.persist else unchanged.look_up(key, tools)
        if left_out is not None:
            self._report.skipped.extend(left_out)
            return
        from .apply import Apply  # noqa: PLC0415 - a plan that holds already does without

        change = Apply(
            request,
            store=self._store,
            report=self._report,
            tools=tools,
            modules=self._modules,
            boot_root=self._boot_root,
            on_operation=self._before,
        )
        try:
            held = change.run(identity, changes, ifaces)
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
            unchanged.keep(key, held)

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

        changes = self._request.plan.get("changes") or {}
        return touches(changes, host_interfaces(named(self._request.plan), gather()), self._store, header)

    def _fit(self) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the changes as they fit this host, and the interfaces that they are for."""
        request = self._request
        changes = dict(request.plan.get("changes") or {})
        keys = {*FORWARDING, *changes.get("sysctl", {})}
        for rule in request.adaptations:
            keys.update(rule.get("keep_higher", {}).get("sysctl", []))
        facts = gather(sysctl=sorted(keys))
        ifaces = host_interfaces(named(request.plan), facts)
        if request.adaptations:
            adapted = adapt(changes, request.adaptations, facts, ifaces)
            changes = adapted.changes
            self._report.warnings.extend(adapted.notes)
            self._report.skipped.extend(adapted.skipped)
        if facts["management"] and meets_connections(changes):
            from .._lockout.session import path_of  # noqa: PLC0415 - most plans do without

            facts["management"] = path_of(facts["management"])
            facts["confirm_timeout_s"] = request.confirm_timeout_s
        issues = preflight(changes, ifaces, facts, request.labels)
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
        return changes, ifaces

    def _key(self, changes: dict[str, Any], ifaces: tuple[str, ...]) -> str:
        """Return what a rehearsal of these changes depends on, beside what is read from the kernel anyway."""
        request = self._request
        return key_of(
            boot=boot_id(),
            plan=request.plan,
            digest=request.digest,
            changes=None if changes == request.plan.get("changes") else changes,
            ifaces=ifaces,
            skippable=request.skippable,
            modules=request.modules,
            default_qdisc=read("net.core.default_qdisc"),
        )
