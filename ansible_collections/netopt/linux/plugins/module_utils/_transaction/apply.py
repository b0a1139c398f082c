# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings a plan about: rehearse, write a checkpoint, arm what restores, change, read back; or undo."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .._adapt.pause import pause_adjusters
from .._checkpoint.model import APPLIED, ARMED, CONFIRMED, Content, Header
from .._checkpoint.store import CONFIRM, boot_id, now_utc
from .._common import report as host_report
from .._common.errors import NetoptError
from .._common.signals import interrupts_wait
from .._host.lock import start_time
from .._lifecycle.arm_guard import arm
from .._lifecycle.confirm_by_shell import make_ready
from .._lifecycle.disarm_guard import disarm
from .._lifecycle.rollback import roll_back_one
from .._lifecycle.same_interfaces import numbers_of
from .._plans.lead import with_origins
from .._plans.record_diff import record_diff
from .._subsystems.read_views import read_views
from .._subsystems.render import digest, render
from .._subsystems.table import TABLE
from .._transport.restore_archive import restore_archive
from .change_warnings import change_warnings
from .refuse_undecided import refuse_undecided
from .rehearse import rehearse
from .time_box import time_box
from .unchanged_cache import BRIEF, CachedState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .._checkpoint.store import Store
    from .._common.change import Change, Operation
    from .._common.report import HostReport
    from .._host.commands import Tools
    from .._lifecycle import restore_cli  # noqa: F401 - what restore.pyz begins with, for ansible-core to send along
    from .._plans.change import PlansChange
    from .._plans.record import InForce
    from .rehearse import Rehearsal
    from .request import PlanRequest, Request

GUARD_S = 60.0  # for how long a change may be under way before its maker counts as hung


class Apply:
    """Brings about what a request asks of this host, under the host's lock.

    Args:
        request: what is asked.
        store: where checkpoints lie.
        report: what came of it is written here.
        tools: what runs programs.
        modules: the kernel modules that were loaded before.
        interfaces: facts of the host's interfaces, by name.
        boot_root: the folder whose ``etc`` is persisted to.
        on_operation: called before each operation; what it raises fails that operation.
    """

    def __init__(  # noqa: PLR0913 - by name, and one caller
        self,
        request: Request,
        *,
        store: Store,
        report: HostReport,
        tools: Tools,
        modules: list[str],
        interfaces: Mapping[str, Mapping[str, Any]],
        boot_root: str,
        on_operation: Callable[[Operation], None],
    ) -> None:
        self._request = request
        self._store = store
        self._report = report
        self._tools = tools
        self._modules = modules
        self._interfaces = interfaces
        self._boot_root = boot_root
        self._on_operation = on_operation
        self._begun = False

    def run(self, identity: str, plans: PlansChange) -> CachedState | None:
        """Bring a change of the plans about, and return how the host reads once it holds; ``None`` where it does not.

        Args:
            identity: the id that a checkpoint gets.
            plans: what is in force, what is to be, and what leads there.

        Raises:
            NetoptError: the plan is refused; nothing was touched.
        """
        _check_digests(self._request)
        rehearsal = self._rehearse(plans)
        record = with_origins(plans.after, plans.before, plans.led, rehearsal.current)
        persist, persisted = self._persist(plans, rehearsal)
        recorded = record_diff(plans.before, plans.after)
        if not rehearsal.operations and not persist and not recorded:
            return self._held(rehearsal, rehearsal.current)
        self._report.differs([*rehearsal.diff(), *persisted] or recorded)
        told = change_warnings(plans, rehearsal, request=self._request, interfaces=self._interfaces, tools=self._tools)
        self._report.warnings += [one for one in told if one not in self._report.warnings]
        refuse_undecided(self._store, rehearsal)
        if self._request.check:
            self._report.status = host_report.WOULD_CHANGE
            self._report.changed = True
            return None
        ending, ends_after_s = time_box(plans, record, rehearsal, self._tools)
        with pause_adjusters(self._tools, rehearsal.operations):
            header, content = self._write_down(identity, rehearsal, record, ending=ending, persist=persist)
            try:
                header = self._arm(header)
                self._perform(rehearsal)
                after = _verify(rehearsal, self._tools)
                if rehearsal.refused and self._nothing_new(header, rehearsal, [*persisted, *recorded]):
                    return self._held(rehearsal, after)
                with interrupts_wait():
                    self._mark_made(header, ends_after_s)
            except NetoptError as error:
                self._undo(header, content, error)
            except Exception as error:  # noqa: BLE001 - whatever went wrong, the host goes back to where it was
                self._undo(header, content, host_report.defect(error, stage="apply"))
            else:
                return self._held(rehearsal, after)
        return None

    def _rehearse(self, plans: PlansChange) -> Rehearsal:
        """Find out what the change leads to on this host."""
        intents = dict(plans.led.intents)
        for name, subsystem in TABLE.items():
            if name not in intents and subsystem.goes_along(intents):
                intents[name] = subsystem.pure.beside(intents)
        rehearsal = rehearse(intents, self._tools)
        self._report.skipped.extend(rehearsal.skipped)
        return rehearsal

    def _write_down(
        self, identity: str, rehearsal: Rehearsal, record: InForce, *, ending: dict[str, Any], persist: dict[str, Any]
    ) -> tuple[Header, Content]:
        """Write the checkpoint that restores the host, and return it."""
        header = replace(self._header(identity), persist=bool(persist))
        held = [name for name in rehearsal.wanted if name not in rehearsal.operations]
        content = Content(
            scopes=_only(rehearsal.scopes, rehearsal.operations),
            before=_only(rehearsal.current, rehearsal.operations),
            after=_only(rehearsal.wanted, rehearsal.operations),
            ending=ending,
            plan=self._request.plans[0].plan if len(self._request.plans) == 1 else {},
            persist=persist,
            modules=self._modules,
            numbers=numbers_of(_only(rehearsal.scopes, rehearsal.operations)),
            views=read_views(rehearsal.operations, rehearsal.current, self._tools),
            held={"scopes": _only(rehearsal.scopes, held), "states": _only(rehearsal.wanted, held)} if held else {},
        )
        self._store.create(header, content, restore_archive(), plans=record.written())
        self._report.checkpoint_id = identity
        return header, content

    def _held(self, rehearsal: Rehearsal, states: dict[str, Any]) -> CachedState:
        read = {name: known["generation"] for name, known in self._tools.cache.items() if name in states}
        return CachedState(rehearsal.scopes, states, rehearsal.skipped, read)

    def _header(self, identity: str) -> Header:
        request = self._request
        return Header(
            id=identity,
            sequence=self._store.next_sequence(),
            created=now_utc(),
            boot_id=boot_id(),
            status=ARMED,
            label=request.checkpoint_label,
            digest=request.plans[0].digest if len(request.plans) == 1 else None,
            give_up_at=time.monotonic() + GUARD_S + request.confirm_timeout_s,
            maker={"pid": os.getpid(), "started": start_time(os.getpid())},
        )

    def _arm(self, header: Header) -> Header:
        """Arm what restores the host by itself; always, since this very process may be killed."""
        after_s = self._request.confirm_timeout_s or GUARD_S
        armed = arm(self._store, header.id, after_s=after_s, tools=self._tools)
        if armed.warning:
            self._report.warnings.append(armed.warning)
        header = replace(header, guard=armed.guard)
        self._store.update(header)
        return header

    def _perform(self, rehearsal: Rehearsal) -> None:
        """Perform the operations in order, and report each."""
        for operations in rehearsal.operations.values():
            for operation in operations:
                self._begun = True
                try:
                    self._on_operation(operation)
                    rehearsal.perform(operation, self._tools)
                except NetoptError as error:
                    failed = {"command": operation.command, "ok": False, "stderr": error.after or error.message}
                    self._report.operations.append(failed)
                    raise
                self._report.operations.append({"command": operation.command, "ok": True})

    def _nothing_new(self, header: Header, rehearsal: Rehearsal, persisted: list[Change]) -> bool:
        """Write down what was made without a rehearsal, and say whether the host reads as before all the same."""
        found = rehearsal.diff()
        self._report.diff = []
        self._report.differs([*found, *persisted])
        same = all(
            not TABLE[name].pure.operations(rehearsal.ahead[name], rehearsal.wanted[name])
            for name in rehearsal.operations
        )
        if same and not persisted and not rehearsal.ends:
            disarm(header, self._tools)
            self._store.remove(header.id)
            self._report.checkpoint_id = None
            return True
        made = {name: rehearsal.wanted[name] for name in rehearsal.operations}
        self._store.add(header.id, after=made, ending=rehearsal.ending(rehearsal.ends))
        return False

    def _mark_made(self, header: Header, ends_after_s: float | None) -> None:
        """Mark the change as made, and leave behind only what still has something to watch."""
        now = time.monotonic()
        timeout = self._request.confirm_timeout_s
        if header.persist and not timeout:
            header = self._persist_now(header)
        header = replace(
            header,
            status=APPLIED if timeout else CONFIRMED,
            confirm_by=now + timeout if timeout else None,
            ends_at=None if ends_after_s is None else now + ends_after_s,
        )
        self._store.update(header)
        if timeout and not header.persist:
            make_ready(self._store, header)
        if header.confirm_by is None and header.ends_at is None:
            disarm(header, self._tools)
        self._report.status = host_report.APPLIED
        self._report.changed = True
        self._store.keep_report(header.id, self._report)
        self._store.retain()

    def _persist(self, plans: PlansChange, rehearsal: Rehearsal) -> tuple[dict[str, Any], list[Change]]:
        """Return what is to be left for the next boot as in ``Content.persist``, and what that changes."""
        if not self._request.persist and not plans.lets_go_of_persisted:
            return {}, []
        from .._plans.persisted import layer_of, routes_left_out  # noqa: PLC0415

        if self._request.persist and any(one.changes.get("netem") for one in plans.asked):
            self._report.warnings.append("changes.netem: an impairment ends by itself and is not persisted.")
        if self._request.persist:
            self._report.warnings += routes_left_out(rehearsal.current, rehearsal.wanted)
        layer = layer_of(plans, rehearsal.current, rehearsal.wanted, adjuster=_adjuster)
        asked = {"root": self._boot_root, "layer": layer}
        found = _persisting().would_change(self._store, asked)
        return (asked if found else {}), found

    def _persist_now(self, header: Header) -> Header:
        """Confirm a change that nobody else is asked to confirm, and write it down for the next boot."""
        staged = _persisting().stage(self._store, header)
        self._begun = True
        self._store.decide(header.id, CONFIRM)
        confirmed: Header
        confirmed, steps = staged.commit(self._store, header, self._tools)
        self._report.operations.extend(steps)
        return confirmed

    def _undo(self, header: Header, content: Content, error: NetoptError) -> None:
        """Lead the host back, and report the error that made it necessary, whatever else goes wrong."""
        with interrupts_wait():
            try:
                restored = roll_back_one(self._store, header, self._tools, content=content, note=error.message)
                self._report.operations.extend(restored.operations)
                failures = restored.failures
                if not self._begun and not failures:
                    with contextlib.suppress(OSError):  # nothing was changed, even if that cannot be written down
                        self._store.remove(header.id)
                    self._report.checkpoint_id = None
                self._store.retain()  # a plan that fails again and again fills no disk
            except (NetoptError, OSError) as second:
                failures = [second if isinstance(second, NetoptError) else host_report.defect(second, stage="restore")]
            undone = host_report.ROLLED_BACK if self._begun else host_report.FAILED
            self._report.fail(host_report.ROLLBACK_FAILED if failures else undone, error)
            for failure in failures:
                self._report.fail(host_report.ROLLBACK_FAILED, failure)


def _adjuster() -> bytes:
    """Return the program that moves rates, which few changes ask for."""
    from .._adapt.archive import adjuster_archive  # noqa: PLC0415

    return adjuster_archive()


def _persisting() -> Any:
    """Return what persists, which few changes ask for."""
    from .._lifecycle import persist_on_confirm  # noqa: PLC0415

    return persist_on_confirm


def _check_digests(request: Request) -> None:
    """Refuse plans that do not read as those that were looked at."""
    for one in request.plans:
        if one.digest is not None:
            _check_digest(one, request)


def _check_digest(one: PlanRequest, request: Request) -> None:
    found = digest(one.plan, render(one.plan, skippable=request.skippable, modules=request.modules))
    if found != one.digest:
        raise NetoptError(
            "The plan is not the one that was rendered: its digest differs",
            stage="plan",
            key="digest",
            wanted=one.digest,
            after=found,
            hint="Render the plan again, look at it, and apply that.",
        )


def _verify(rehearsal: Rehearsal, tools: Tools) -> dict[str, Any]:
    """Read everything back, require that nothing is left to do, and return how the host reads."""
    found = {}
    for name, scope in rehearsal.scopes.items():
        pure, kernel = TABLE[name].pure, TABLE[name].kernel
        found[name] = kernel.observe(dict(scope, **BRIEF), tools)
        left = pure.operations(found[name], rehearsal.wanted[name])
        if left:
            differing = pure.diff(kernel.observe(scope, tools), rehearsal.wanted[name])
            first = differing[0] if differing else None
            raise NetoptError(
                "The kernel does not hold what was asked for: " + ", ".join(change.key for change in differing or left),
                stage="verify",
                key=first.key if first else left[0].key,
                wanted=first.after if first else None,
                after=first.before if first else None,
                hint="Something else on this host sets the same setting, or the kernel limits it.",
            )
    return found


def _only(states: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: states[name] for name in names if name in states}  # what is not rehearsed leads nowhere known yet
