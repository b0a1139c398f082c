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
from .._common.change import Change
from .._common.errors import NetoptError
from .._common.signals import interrupts_wait
from .._host.lock import start_time
from .._host.scratch_namespace import ScratchUnavailableError
from .._lifecycle.arm_guard import arm
from .._lifecycle.confirm_by_shell import make_ready
from .._lifecycle.disarm_guard import disarm
from .._lifecycle.rollback import roll_back_one
from .._lifecycle.same_interfaces import numbers_of
from .._plans.compose import Touched
from .._plans.conflicts import plan_text
from .._plans.lead import lead, with_origins
from .._plans.record import HTB, without_field
from .._subsystems.read_views import read_views
from .._subsystems.render import digest, render
from .._subsystems.table import TABLE
from .._tc.netem import DURATION_S
from .._transport.restore_archive import restore_archive
from .rehearse import rehearse, resolve
from .unchanged_cache import BRIEF, CachedState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .._checkpoint.store import Store
    from .._common.change import Operation
    from .._common.report import HostReport
    from .._host.commands import Tools
    from .._lifecycle import restore_cli  # noqa: F401 - what restore.pyz begins with, for ansible-core to send along
    from .._plans.change import PlansChange
    from .._plans.record import InForce, Section
    from .rehearse import Rehearsal
    from .request import PlanRequest, Request

MATCHING = (HTB, "qdisc", "netem")  # fields with matches that filters may ask
ENDING = ("tc", "nft")  # what has to do with netem: its qdiscs, and the rules that find classes
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
        recorded = _recorded(plans)
        if not rehearsal.operations and not persist and not recorded:
            return self._held(rehearsal, rehearsal.current)
        self._report.differs([*rehearsal.diff(), *persisted] or recorded)
        self._warn(plans, rehearsal)
        self._refuse_undecided(rehearsal)
        if self._request.check:
            self._report.status = host_report.WOULD_CHANGE
            self._report.changed = True
            return None
        ending, ends_after_s = self._time_box(plans, record, rehearsal)
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

    def _warn(self, plans: PlansChange, rehearsal: Rehearsal) -> None:
        """Tell what was not rehearsed, what the kernel does not show, and who else sets the same."""
        if rehearsal.refused:
            self._warn_of_unrehearsed(rehearsal)
        for name in rehearsal.operations:
            told = TABLE[name].warnings
            self._report.warnings += told(rehearsal.current[name], rehearsal.wanted.get(name)) if told else []
        if "nft" in rehearsal.operations and any(one.changes.get("connection_limits") for one in plans.asked):
            from .uncounted import uncounted  # noqa: PLC0415 - most plans limit no connections

            self._report.warnings += uncounted(rehearsal.current["nft"], rehearsal.wanted.get("nft"))
        if "tc" in rehearsal.operations and any(one.changes.get(name) for one in plans.parts for name in MATCHING):
            from .translated_sources import translated_sources  # noqa: PLC0415 - most plans have no classes

            self._report.warnings += translated_sources(plans.parts, self._interfaces, self._tools)
        self._name_other_owners(plans, rehearsal)

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

    def _refuse_undecided(self, rehearsal: Rehearsal) -> None:
        """Refuse to build upon a change that may be undone by itself."""
        for header in self._store.headers():
            if header.boot_id != boot_id():
                continue
            if header.status == APPLIED and header.confirm_by is not None:
                raise NetoptError(
                    f"The change {header.id} still waits to be confirmed, for another "
                    f"{max(0.0, header.confirm_by - time.monotonic()):.0f} s",
                    stage="checkpoint",
                    key=header.id,
                    hint="Confirm it or roll it back first.",
                )
            if header.ends_at is not None:
                content = self._store.content(header.id)
                theirs = content.scopes.get("tc", {}).get("ifaces", ())
                mine = rehearsal.scopes["tc"].get("ifaces", ()) if "tc" in rehearsal.operations else ()
                shared = sorted({*theirs} & {*mine})
                if not shared and "nft" in content.ending and "nft" in rehearsal.operations:
                    shared = sorted(theirs)  # its end sets the table as well
                if shared:
                    raise NetoptError(
                        f"The impairment of {header.id} runs on {', '.join(shared)} for another "
                        f"{max(0.0, header.ends_at - time.monotonic()):.0f} s",
                        stage="checkpoint",
                        key=header.id,
                        hint="Wait for its end, or roll it back first.",
                    )

    def _time_box(
        self, plans: PlansChange, record: InForce, rehearsal: Rehearsal
    ) -> tuple[dict[str, Any], float | None]:
        """Return the states that an impairment is to end in, and after how many seconds it ends."""
        impairments = [one.changes["netem"] for one in plans.asked if one.changes.get("netem")]
        durations = {one.get("duration_s", DURATION_S) for one in impairments}
        if not durations or "tc" not in rehearsal.operations:
            return {}, None
        if len(durations) > 1:
            raise NetoptError(
                "changes.netem.duration_s: the impairments of one change end together",
                stage="plan",
                key="changes.netem.duration_s",
                wanted=" and ".join(f"{each} s" for each in sorted(durations)),
                hint="Give them the same duration, or apply the plans one after the other. Nothing was changed.",
            )
        duration = durations.pop()
        calm = without_field(record, "netem")
        about = Touched(set(), set(), plans.about.trees, table=plans.about.table)
        intents = lead(record, calm, about, plans.present, skippable={}, modules={}).intents
        intents = {name: intents[name] for name in ENDING if name in intents and name in rehearsal.operations}
        try:
            ends = {"tc": rehearsal.ahead["tc"], **resolve(intents, rehearsal.ahead, self._tools)}
        except ScratchUnavailableError:
            rehearsal.unrehearsed_ends.update(intents)
            return {}, float(duration)
        return rehearsal.ending(ends), float(duration)

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

    def _warn_of_unrehearsed(self, rehearsal: Rehearsal) -> None:
        """Say that a part of the plan was not rehearsed, why, and what that leaves unproven."""
        done = "is checked" if self._request.check else "was checked, made on the host itself"
        more = "; what it leads to shows only when it is made" if self._request.check else " and read back"
        self._report.warnings.append(
            f"No network namespace can be made here ({rehearsal.refused}), so {' and '.join(rehearsal.unrehearsed)} "
            f"{'are' if len(rehearsal.unrehearsed) > 1 else 'is'} not rehearsed: {done}{more}. That a rollback leads "
            "back to the present state was not proven. With CAP_SYS_ADMIN (in a container: --cap-add SYS_ADMIN) it "
            "would be."
        )

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

    def _name_other_owners(self, plans: PlansChange, rehearsal: Rehearsal) -> None:
        """Warn of whoever else sets the same settings, and may set them again."""
        from .._conflicts.find import ConflictingManagers  # noqa: PLC0415 - a plan that holds already does without

        values = rehearsal.wanted.get("sysctl", {}).get("values", {})
        keys = {key: value for key, value in values.items() if value is not None}
        for part in plans.parts:
            for told in ConflictingManagers().warnings(part.changes, part.ifaces, keys, persist=self._request.persist):
                if told not in self._report.warnings:
                    self._report.warnings.append(told)

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


def _recorded(plans: PlansChange) -> list[Change]:
    """Return what changes in the record of the plans in force."""
    found = []
    for name in sorted({*plans.before.names(), *plans.after.names()}):
        old, new = plans.before.of(name), plans.after.of(name)
        told = [record.plans.get(name, {}).get("checkpoint") for record in (plans.before, plans.after)]
        if old != new or told[0] != told[1]:
            words = [_counted(sections) if sections else None for sections in (old, new)]
            found.append(Change("plan", plan_text(name), *words))
    return found


def _counted(sections: list[Section]) -> str:
    return "1 setting" if len(sections) == 1 else f"{len(sections)} settings"


def _only(states: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: states[name] for name in names if name in states}  # what is not rehearsed leads nowhere known yet
