# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs one subsystem alone, for the modules that set sysctl keys, links, tc or nft by themselves.

Decide, then act: what is wanted is resolved before anything is touched; when a step fails, what was done is undone in
the same run.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from .._adapt.pause import pause_adjusters
from .._common.errors import NetoptError
from .._common.report import APPLIED, FAILED, ROLLBACK_FAILED, ROLLED_BACK, UNCHANGED, WOULD_CHANGE, HostReport
from .._host.scratch_namespace import ScratchUnavailableError, in_scratch_namespace

if TYPE_CHECKING:
    from types import ModuleType

    from .._common.change import Operation
    from .._host.commands import Tools

    State = object


def _resolve(io: ModuleType, intent: object, current: State, tools: Tools, *, in_scratch: bool) -> State:
    """Return the wanted state, made or tried in a scratch namespace where the subsystem asks for one."""
    if not in_scratch:
        wanted: State = io.resolve(intent, current, tools)
        if hasattr(io, "try_out") and wanted != current:
            # where namespaces are not permitted the writes themselves will tell, and are undone when one fails
            with contextlib.suppress(ScratchUnavailableError):
                in_scratch_namespace(lambda: io.try_out(current, wanted))
        return wanted
    try:
        return in_scratch_namespace(lambda: io.resolve(intent, current, tools))
    except ScratchUnavailableError as error:
        raise NetoptError(
            f"A scratch network namespace cannot be made here: {error}",
            stage="rehearse",
            hint="It takes root with CAP_SYS_ADMIN and a kernel with network namespaces.",
        ) from None


def _perform(io: ModuleType, steps: list[Operation], tools: Tools, report: HostReport) -> None:
    """Carry out steps and note each in the report."""
    for step in steps:
        try:
            io.perform(step, tools)
        except NetoptError as error:
            report.operations.append({"command": step.command, "ok": False, "stderr": error.message})
            raise
        report.operations.append({"command": step.command, "ok": True})


def _verify(subsystem: ModuleType, io: ModuleType, *, scope: dict[str, Any], wanted: State, tools: Tools) -> None:
    """Raise where the state read back is not the wanted one."""
    after = io.observe(scope, tools)
    left = subsystem.operations(after, wanted)
    if left:
        changes = {change.key: change for change in subsystem.diff(after, wanted)}
        change = changes.get(left[0].key)
        raise NetoptError(
            f"{left[0].key} is not as wanted after the change",
            stage="verify",
            key=left[0].key,
            wanted=change.after if change else left[0].command,
            after=change.before if change else None,
            hint=f"Still to do: {'; '.join(step.command for step in left)}. Something else may be setting it.",
        )


def _undo(
    subsystem: ModuleType, io: ModuleType, *, scope: dict[str, Any], before: State, tools: Tools, report: HostReport
) -> None:
    """Restore the state from before and say in the report how that went."""
    try:
        steps = subsystem.operations(io.observe(scope, tools), before)
        with pause_adjusters(tools, [step.subsystem for step in steps]):
            _perform(io, steps, tools, report)
            _verify(subsystem, io, scope=scope, wanted=before, tools=tools)
    except NetoptError as error:
        report.fail(ROLLBACK_FAILED, error)
    else:
        report.status = ROLLED_BACK


def run_subsystem(
    subsystem: ModuleType,
    io: ModuleType,
    intent: object,
    *,
    tools: Tools,
    check: bool,
    in_scratch: bool = False,
) -> HostReport:
    """Bring one subsystem to what an intent asks for, or leave it as it was.

    Args:
        subsystem: its pure module: ``scope``, ``diff``, ``operations``.
        io: its kernel module: ``observe``, ``resolve``, ``perform``, maybe ``try_out`` and ``skipped``.
        intent: what ``subsystem.intent`` returned.
        tools: runs the programs.
        check: whether to say only what would be done.
        in_scratch: whether ``resolve`` makes the state for real, so that it has to run in a scratch namespace.

    Returns:
        The report; a failure is in ``error``, nothing is raised for it.
    """
    report = HostReport()
    begun = False
    scope: dict[str, Any] = {}
    current: State = None
    try:
        if not intent:
            return report
        scope = subsystem.scope(intent)
        current = io.observe(scope, tools)
        wanted = _resolve(io, intent, current, tools, in_scratch=in_scratch)
        if hasattr(io, "skipped"):
            report.skipped.extend(io.skipped(intent, current))
        steps = subsystem.operations(current, wanted)
        report.differs(subsystem.diff(current, wanted))
        if steps and hasattr(subsystem, "warnings"):
            report.warnings.extend(subsystem.warnings(current, wanted))
        if check or not steps:
            report.status = WOULD_CHANGE if steps else UNCHANGED
            report.changed = bool(steps)
            return report
        begun = True
        with pause_adjusters(tools, [step.subsystem for step in steps]):
            _perform(io, steps, tools, report)
            _verify(subsystem, io, scope=scope, wanted=wanted, tools=tools)
    except NetoptError as error:
        report.fail(FAILED, error)
        if begun:
            _undo(subsystem, io, scope=scope, before=current, tools=tools, report=report)
        return report
    finally:
        report.warnings.extend(tools.warnings)
    report.status, report.changed = APPLIED, True
    return report
