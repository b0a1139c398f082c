# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a checkpoint is, and what may be decided about it without looking at the host."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, field, replace
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._common.patterns import pattern
from .._common.quick_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._common.change import Change, Operation

ARMED = "armed"  # the change is being made; whoever finds it so after its maker has gone restores it
APPLIED = "applied"  # made and read back; waits for a confirmation until confirm_by
CONFIRMED = "confirmed"  # made for good
ROLLED_BACK = "rolled_back"  # undone, and proven to be
RESTORE_FAILED = "restore_failed"  # undoing it did not restore the old state
ACCEPTED = "accepted"  # a person has said that what it left behind stays as it is
SNAPSHOT = "snapshot"  # a state written down by hand, with no change of ours behind it

STATUSES = (ARMED, APPLIED, CONFIRMED, ROLLED_BACK, RESTORE_FAILED, ACCEPTED, SNAPSHOT)
LIVE = (ARMED, APPLIED, CONFIRMED, RESTORE_FAILED)  # the change is, or may be, in force
PENDING = (ARMED, APPLIED)  # not decided yet

RESTART = "restart"  # what an error is about whose change a restart of the host has undone
RESTARTED = "the host has restarted since and is in its old state"
DAMAGED = "header.json is damaged"  # the note of a header that was taken from state.json instead

KEEP = 20  # finished checkpoints that retention leaves
CONFIRM_TIMEOUT_S = (5, 86400)  # for how long at least and at most a change may wait for its confirmation

_ID = pattern(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")


@dataclass(frozen=True)
class Header:
    """The part of a checkpoint that changes during its life; small, so that a list of them is cheap.

    Attributes:
        id: the name it has on every host of the run.
        sequence: 1, 2, 3 ... in the order of making on this host; clocks may jump, this does not.
        created: UTC, RFC 3339.
        boot_id: the boot of the host in which it was made.
        status: one of ``STATUSES``.
        label: what a person called it.
        digest: sha256 of the plan and its rendered text, hex.
        confirm_by: monotonic seconds of that boot at which an unconfirmed change is undone.
        give_up_at: monotonic seconds at which a maker that still holds the lock is taken for hung.
        ends_at: monotonic seconds at which the time-boxed part of the change ends, ``None`` where there is none.
        note: how it came to its status, where that needs saying.
        maker: the process that makes the change: ``{"pid", "started"}``.
        persist: whether the change is still to be written down for the next boot, once it is confirmed.
        guard: the process that watches over it: ``{"pid", "started"}``, and ``"unit"`` where systemd does too.
    """

    id: str
    sequence: int
    created: str
    boot_id: str
    status: str
    label: str | None = None
    digest: str | None = None
    confirm_by: float | None = None
    give_up_at: float | None = None
    ends_at: float | None = None
    note: str | None = None
    persist: bool = False
    maker: dict[str, Any] = field(default_factory=dict)
    guard: dict[str, Any] = field(default_factory=dict)

    def with_status(self, status: str) -> Header:
        """Return this header with another status."""
        return replace(self, status=status)

    def as_dict(self) -> dict[str, Any]:
        """Return the header as JSON can carry it."""
        return asdict(self)


@dataclass(frozen=True)
class Content:
    """The part of a checkpoint that is written once, before the first change.

    Attributes:
        scopes: ``{subsystem: scope}``: what was looked at.
        before: ``{subsystem: state}``: what was there, and what is restored.
        after: ``{subsystem: state}``: what the change sets; empty for a snapshot by hand.
        ending: ``{subsystem: state}``: what is set when the time-boxed part ends; empty where there is none.
        plan: the ParameterPlan, empty for a snapshot by hand.
        persist: ``{"root", "layer"}``: what the change leaves for the next boot, see ``_persist/layer.py``; empty
            when nothing.
        modules: the kernel modules that were loaded before; empty for a snapshot by hand.
        views: what the tools printed before, see ``_subsystems/read_views.py``; empty for a snapshot by hand, and where
            an older release wrote the checkpoint.
        numbers: the kernel's numbers of the interfaces in ``scopes``; empty likewise.
        held: ``{"scopes", "states"}``, both by subsystem: what the plan asks for and the host held already, so that
            nothing of it is restored and all of it is compared; empty likewise.
    """

    scopes: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any] = field(default_factory=dict)
    ending: dict[str, Any] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    persist: dict[str, Any] = field(default_factory=dict)
    modules: list[str] = field(default_factory=list)
    views: dict[str, Any] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    held: dict[str, Any] = field(default_factory=dict)


def due(header: Header) -> float | None:
    """Return the monotonic time at which something is to be done about a checkpoint, ``None`` for never."""
    damaged = header.status == RESTORE_FAILED and header.note == DAMAGED
    if header.status == ARMED or damaged or (header.status == CONFIRMED and header.persist):
        return 0.0
    times = [header.confirm_by] if header.status == APPLIED else []
    if header.status in (APPLIED, CONFIRMED):
        times.append(header.ends_at)
    return min((moment for moment in times if moment is not None), default=None)


def check_id(identity: str) -> str:
    """Return ``identity`` if it can name a checkpoint.

    Raises:
        NetoptError: it cannot, e.g. since it would leave the checkpoints' folder.
    """
    if not _ID.fullmatch(identity):
        raise NetoptError(
            f"{identity!r} cannot name a checkpoint",
            stage="checkpoint",
            key="checkpoint_id",
            wanted=identity,
            hint="Use 1 to 64 letters, digits, dots, dashes and underscores, with a letter or digit first.",
        )
    return identity


def check_timeout(seconds: float, *, name: str = "confirm_timeout_s") -> float:
    """Return ``seconds`` if a change may wait that long for its confirmation.

    Raises:
        NetoptError: it may not.
    """
    shortest, longest = CONFIRM_TIMEOUT_S
    if not shortest <= seconds <= longest:
        wanted = f"{shortest} to {longest} s"
        raise NetoptError(
            f"{name} is {seconds:g}, wanted {wanted}",
            stage="plan",
            key=name,
            wanted=wanted,
            after=f"{seconds:g} s",
            hint="Nothing was changed.",
        )
    return seconds


def seal(value: dict[str, Any]) -> str:
    """Return ``value`` as JSON text that carries its own sha256."""
    text = _canonical(value)
    return f'{{"sha256":"{_sha256(text)}","value":{text}}}\n'


def unseal(text: str, *, name: str) -> dict[str, Any]:
    """Return the value that ``seal`` wrapped.

    Args:
        text: what ``seal`` gave.
        name: the file's name, for the error.

    Raises:
        NetoptError: the text is damaged.
    """
    try:
        wrapped = json.loads(text)
        value: dict[str, Any] = wrapped["value"]
        sound = wrapped["sha256"] == _sha256(_canonical(value))
    except (ValueError, KeyError, TypeError):
        sound = False
    if not sound:
        raise NetoptError(
            f"{name} is damaged: its checksum does not match",
            stage="checkpoint",
            key=name,
            hint="Nothing was restored from it. Remove the checkpoint with state: absent.",
        )
    return value


def _canonical(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def expired(headers: Iterable[Header], *, keep: int = KEEP) -> list[str]:
    """Return the ids that retention removes: the oldest that are finished, beyond the ``keep`` newest.

    What waits for a decision stays, what could not be restored stays, and so does what a person wrote down.
    """
    closed = (CONFIRMED, ROLLED_BACK, ACCEPTED)
    finished = sorted((h for h in headers if h.status in closed), key=lambda h: h.sequence)
    return [header.id for header in finished[: max(0, len(finished) - keep)]]


def to_revert(headers: Iterable[Header], identity: str) -> list[Header]:
    """Return what has to be undone to get back to before ``identity``: newest first, ``identity`` last.

    Newer snapshots by hand changed nothing, and what is rolled back already needs no undoing.
    """
    chain = sorted(headers, key=lambda header: header.sequence, reverse=True)
    target = next(header for header in chain if header.id == identity)
    return [h for h in chain if h.sequence > target.sequence and h.status in LIVE] + [target]


def conflicts(to_after: Iterable[Change], to_before: Iterable[Change]) -> list[Change]:
    """Return the settings that somebody else has changed since: neither as we set them nor as they were.

    Args:
        to_after: the differences between now and what the change set.
        to_before: the differences between now and what was there before it.

    Returns:
        Entries of ``to_before``.
    """
    moved = {change.key for change in to_after}
    return [change for change in to_before if change.key in moved]


def without_conflicts(operations: Iterable[Operation], clashes: Iterable[Change]) -> list[Operation]:
    """Return the operations that leave the conflicting settings as they are now.

    A setting belongs to an operation when their keys are equal or one begins with the other's words. Where no
    operation can be told apart so, the subsystem's operations hang together, and all of them are left out.
    """
    every = list(operations)
    keys = [change.key for change in clashes]
    if not keys:
        return every
    kept = [operation for operation in every if not any(_related(operation.key, key) for key in keys)]
    return kept if len(kept) < len(every) else []


def _related(one: str, other: str) -> bool:
    return one == other or one.startswith(other + " ") or other.startswith(one + " ")


def in_force(headers: Iterable[Header], boot_id: str) -> list[Header]:
    """Return the changes that should hold, oldest first: the confirmed, and those of this boot that wait to be."""
    found = [
        header
        for header in headers
        if header.status == CONFIRMED or (header.status == APPLIED and header.boot_id == boot_id)
    ]
    return sorted(found, key=lambda header: header.sequence)
