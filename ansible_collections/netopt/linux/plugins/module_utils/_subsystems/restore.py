# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leads the kernel back to a state that was written down."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from .._checkpoint.model import conflicts, without_conflicts
from .._common.errors import NetoptError
from .._common.quick_dataclass import dataclass
from .table import TABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._common.change import Change, Operation
    from .._host.commands import Tools
    from .table import Subsystem

RESTORE = "restore"
KEEP = "keep"
# Backwards, but for the MTU: a default qdisc takes its quantum from the device at the moment in which it comes back.
# Adjusters stand still in the meantime, and stop or start once their shapers are as they are to be.
RESTORE_ORDER = ("nft", "link", "route", "tc", "sysctl", "adapt")
SHOWN = 10  # differences in an error
PASSES = 3  # one key may reset another, so what is left after a pass is tried again


@dataclass
class Restored:
    """What a restore did.

    Attributes:
        diff: what differed from the state to restore.
        conflicts: the part of ``diff`` that somebody else had changed since.
        operations: in the shape of ``HostReport.operations``.
        errors: why it did not succeed; empty when it did.
        unlike: what the tools print other than before the change, though the kernel's own answers read as before.
    """

    diff: list[Change] = field(default_factory=list)
    conflicts: list[Change] = field(default_factory=list)
    operations: list[dict[str, Any]] = field(default_factory=list)
    errors: list[NetoptError] = field(default_factory=list)
    unlike: list[NetoptError] = field(default_factory=list)

    @property
    def failures(self) -> list[NetoptError]:
        """Everything that a person has to be told of: ``errors`` and ``unlike``."""
        return [*self.errors, *self.unlike]

    def add(self, other: Restored) -> None:
        """Add what else was restored."""
        self.diff.extend(other.diff)
        self.conflicts.extend(other.conflicts)
        self.operations.extend(other.operations)
        self.errors.extend(other.errors)


def restore(  # noqa: PLR0913 - what it needs to know is what its callers differ in
    *,
    scopes: dict[str, Any],
    target: dict[str, Any],
    tools: Tools,
    after: dict[str, Any] | None = None,
    on_conflict: str = RESTORE,
    check: bool = False,
    by_then: Mapping[tuple[str, str], str | None] | None = None,
) -> Restored:
    """Lead the kernel to ``target``, in ``RESTORE_ORDER``, and prove that it is there.

    Nothing is raised: a restore goes on with the other subsystems when one fails.

    Args:
        scopes: ``{subsystem: scope}`` as they were when the states were observed.
        target: ``{subsystem: state}`` to restore.
        tools: to run programs with.
        after: ``{subsystem: state}`` that the change had set; with it, conflicts are found.
        on_conflict: ``RESTORE`` or ``KEEP`` what somebody else has changed since.
        check: find out what would be done, and do nothing.
        by_then: with ``check``, what settings would read by then, since later changes are undone first.
    """
    done = Restored()
    for name in RESTORE_ORDER:
        if name in target:
            part = _Part(TABLE[name], scopes[name], target[name], tools)
            try:
                _restore_part(
                    part,
                    done,
                    after=(after or {}).get(name),
                    on_conflict=on_conflict,
                    check=check,
                    by_then=by_then or {},
                )
            except NetoptError as error:
                done.errors.append(error)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one subsystem, the others are restored
                done.errors.append(NetoptError(f"Restoring {name} failed: {error!r}", stage="restore", key=name))
    return done


@dataclass(frozen=True)
class _Part:
    """One subsystem's share of a restore."""

    subsystem: Subsystem
    scope: Any
    target: Any
    tools: Tools

    def observe(self) -> Any:
        return self.subsystem.kernel.observe(self.scope, self.tools)


def _restore_part(
    part: _Part,
    done: Restored,
    *,
    after: Any,
    on_conflict: str,
    check: bool,
    by_then: Mapping[tuple[str, str], str | None],
) -> None:
    """Restore one subsystem and add what was done to ``done``."""
    pure = part.subsystem.pure
    current = part.observe()
    diff: list[Change] = pure.diff(current, part.target)
    moved = pure.diff(current, part.subsystem.as_numbered(current, after)) if after is not None else []
    moved = [one for one in moved if by_then.get((one.subsystem, one.key), one.before) != one.after]
    clashes = conflicts(moved, diff)
    done.diff.extend(diff)
    done.conflicts.extend(clashes)
    kept = clashes if on_conflict == KEEP else []
    operations = without_conflicts(pure.operations(current, part.target), kept)
    if check:
        return
    failure = None
    for _pass in range(PASSES):
        if not operations:
            return
        failure = _perform(part, operations, done) or failure
        operations = without_conflicts(pure.operations(part.observe(), part.target), kept)
    if operations:
        raise _not_restored(part, operations, failure)


def _not_restored(part: _Part, operations: list[Operation], failure: NetoptError | None) -> NetoptError:
    """Return the error that says what differs still, and which commands are left to do."""
    try:
        differing = part.subsystem.pure.diff(part.observe(), part.target)
    except NetoptError:  # what refused to restore it may refuse to show it
        differing = []
    left = ", ".join(operation.key for operation in operations)
    first = differing[0] if differing else None
    why = f"{failure.hint.rstrip('.')}. " if failure and failure.hint else ""
    return NetoptError(
        f"Not restored: {left}" + (f": {failure.message}" if failure else ""),
        stage="restore",
        key=first.key if first else operations[0].key,
        wanted=first.after if first else "the state before the change",
        after="; ".join(f"{one.key} is {one.before}, was {one.after}" for one in differing[:SHOWN]) or None,
        hint=f"{why}These commands are left to do: " + "; ".join(operation.command for operation in operations),
    )


def _perform(part: _Part, operations: list[Operation], done: Restored) -> NetoptError | None:
    """Perform what can be performed, and return the first failure."""
    first = None
    for operation in operations:
        try:
            part.subsystem.kernel.perform(operation, part.tools)
        except NetoptError as error:
            first = first or error
            done.operations.append({"command": operation.command, "ok": False, "stderr": error.message})
        else:
            done.operations.append({"command": operation.command, "ok": True})
    return first
