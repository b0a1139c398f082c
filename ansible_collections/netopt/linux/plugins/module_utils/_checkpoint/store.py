# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checkpoints on disk.

``<state_dir>/checkpoints/<id>/`` holds::

    state.json   Content, sealed with its sha256; written once, before the first change
    header.json  Header, sealed; replaced whole whenever the status changes
    decision     "confirmed" or "restore": made by link(2), so that exactly one of the two can ever exist
    confirmed.*  what a shell gives the name "decision", see _lifecycle/confirm_by_shell.py
    seen.json    fields of Content that proofs alone need, sealed; beside state.json, which older releases read strictly
    plans.json   which plans are in force once the change is made, sealed; see _plans/in_force.py
    plans.*.json the large values among them, each named by its SHA-256, sealed
    made.json    what the change was found to have made, where no rehearsal said so before; sealed
    report.json  what the module said, so that the one that confirms can say it again
    restore.pyz  runs by hand with nothing but Python: python3 restore.pyz --restore
    reserve.*    room that is given up when the disk has filled up since, so that the end can be written down

``<state_dir>`` itself holds what removed checkpoints leave in force, see ``left_in_force.py``, and ``persist.json``,
see ``_persist/store.py``.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._common.files import for_owner, make_folders, text_of
from .._common.own_files import own_bytes, own_text, refuse_foreign
from .._common.report import HostReport
from . import large_values, undone_ahead
from .durable_files import forget, remove_tree, sync_folder, write
from .durable_files import replace as replace_file
from .led_to import scopes_of, states_of
from .left_in_force import LeftInForce
from .model import (
    APPLIED,
    ARMED,
    CONFIRMED,
    DAMAGED,
    PENDING,
    RESTORE_FAILED,
    ROLLED_BACK,
    Content,
    Header,
    check_id,
    expired,
    in_force,
    seal,
    unseal,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STATE_DIR = "/var/lib/netopt"
ARCHIVE = "restore.pyz"
CONFIRM = "confirmed"
RESTORE = "restore"
SEEN = ("views", "numbers", "held")
RESERVES = ("reserve.1", "reserve.2")
RESERVE_BYTES = 8192


def boot_id() -> str:
    """Return the id of this boot of the host."""
    return text_of("/proc/sys/kernel/random/boot_id").strip()


def now_utc() -> str:
    """Return the time as RFC 3339, UTC, in whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def new_id() -> str:
    """Return an id for a checkpoint that was given none."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + "-" + os.urandom(3).hex()


class Store:
    """The checkpoints of one host. Whoever changes something here holds the host's lock.

    Args:
        state_dir: the folder that holds ``checkpoints``.
    """

    def __init__(self, state_dir: str = STATE_DIR) -> None:
        self.state_dir = state_dir
        self.root = os.path.join(state_dir, "checkpoints")
        self.left = LeftInForce(state_dir)  # by the checkpoints that were removed
        self.persist_path = os.path.join(state_dir, "persist.json")  # there after a restart, see _persist/store.py

    def path(self, identity: str, name: str = "") -> str:
        """Return the path of a checkpoint, or of one of its files."""
        return os.path.join(self.root, check_id(identity), name).rstrip("/")

    def exists(self, identity: str) -> bool:
        """Say whether there is such a checkpoint."""
        return os.path.isdir(self.path(identity))

    def headers(self) -> list[Header]:
        """Return the headers of all checkpoints, oldest first. A damaged one is left out, see ``damaged``."""
        found = [header for header in map(self._header_or_none, self._names()) if header]
        return sorted(found, key=lambda header: header.sequence)

    def damaged(self) -> list[str]:
        """Return the ids of the checkpoints whose header cannot be read."""
        return [name for name in self._names() if not self._header_or_none(name)]

    def header(self, identity: str) -> Header:
        """Return one header, with the status that a decision brought about.

        Raises:
            NetoptError: there is none, or it is damaged.
        """
        try:
            value = self._read(identity, "header.json")
        except NetoptError:
            value = dict(self._read(identity, "state.json")["header"], note=DAMAGED, status=RESTORE_FAILED)
        try:
            header = Header(**value)
        except TypeError as error:
            raise NetoptError(
                f"The checkpoint {identity} was written by another release of netopt: {error}",
                stage="checkpoint",
                key=identity,
                hint=f"Restore it with its own program: python3 {self.path(identity, ARCHIVE)} --restore",
            ) from None
        decidable = header.status in PENDING or header.note == DAMAGED
        if decidable and self.decision(identity) == CONFIRM:
            return header.with_status(CONFIRMED)  # decided, and interrupted before it was written down
        if header.status in PENDING and header.boot_id != boot_id():
            return replace(header, status=ROLLED_BACK, note="undone by a restart of the host")
        if header.status == APPLIED and self.decision(identity) == RESTORE:
            return header.with_status(ARMED)
        return header

    def content(self, identity: str) -> Content:
        """Return what was written down before the change.

        Raises:
            NetoptError: there is none, or it is damaged.
        """
        value = self._read(identity, "state.json")
        value.pop("header", None)
        with contextlib.suppress(NetoptError):  # a rollback goes without them
            value.update(self._read(identity, "seen.json"))
        if os.path.exists(self.path(identity, "made.json")):
            for name, states in self._read(identity, "made.json").items():
                value[name] = {**value.get(name, {}), **states}
        return Content(**value)

    def add(self, identity: str, *, after: dict[str, Any], ending: dict[str, Any]) -> None:
        """Add to ``Content`` what only making the change has shown.

        Raises:
            NetoptError: the disk refuses.
        """
        self._replace(identity, "made.json", {"after": after, "ending": ending})

    def plans(self, identity: str) -> dict[str, Any] | None:
        """Return which plans are in force once a change is made, ``None`` where an older release made it.

        Raises:
            NetoptError: it is damaged.
        """
        if not os.path.exists(self.path(identity, large_values.RECORD)):
            return None
        return self._read(identity, large_values.RECORD)

    def large_value(self, identity: str, sha256: str) -> str:
        """Return the path of a large value among a checkpoint's plans."""
        return large_values.path_of(self.path(identity), sha256)

    def create(
        self,
        header: Header,
        content: Content,
        archive: bytes,
        *,
        plans: tuple[dict[str, Any], dict[str, Any]] | None = None,
    ) -> None:
        """Write a checkpoint so that it survives a power cut, or not at all.

        Args:
            header: with the id that it gets.
            content: what is restored.
            archive: the program that restores it.
            plans: which plans are in force once the change is made, and their large values, see ``_plans/record.py``;
                ``None`` for a snapshot by hand.

        Raises:
            NetoptError: the id is taken, or the disk refuses.
        """
        if undone_ahead.is_refused(self.state_dir, header.id):
            raise NetoptError(
                undone_ahead.refusal(header.id),
                stage="checkpoint",
                key=header.id,
                hint="Nothing was changed here. Apply the plan anew, or go on with the rollout by --resume.",
            )
        refuse_foreign(self.state_dir, self.root)
        target = self.path(header.id)
        partial = os.path.join(self.root, f".{header.id}.{os.getpid()}")
        try:
            make_folders((os.path.dirname(self.root), 0o755), (self.root, 0o700))
            if os.path.lexists(partial):  # left by a power cut; after a restart a process can have the same number
                remove_tree(partial)
            os.mkdir(partial, 0o700)
            state = {**vars(content), "header": header.as_dict()}
            seen = {name: state.pop(name) for name in SEEN}
            write(os.path.join(partial, "state.json"), seal(state).encode())
            write(os.path.join(partial, "seen.json"), seal(seen).encode())
            if plans is not None:
                large_values.keep(partial, plans[1])
                write(os.path.join(partial, large_values.RECORD), seal(plans[0]).encode())
            write(os.path.join(partial, "header.json"), seal(header.as_dict()).encode())
            self._bring_program(os.path.join(partial, ARCHIVE), archive)
            for name in RESERVES:
                with open(os.path.join(partial, name), "wb", opener=for_owner) as stream:
                    stream.write(bytes(RESERVE_BYTES))
            sync_folder(partial)
            os.rename(partial, target)  # fails when the target is there, as it is never empty
            sync_folder(self.root)
        except OSError as error:
            remove_tree(partial)
            taken = os.path.isdir(target)
            raise NetoptError(
                f"The checkpoint {header.id} exists on this host already"
                if taken
                else f"The checkpoint {header.id} cannot be written: {error.strerror}",
                stage="checkpoint",
                key=target,
                hint="Use another id."
                if taken
                else "Nothing was changed. A change is made only once it can be undone.",
            ) from None

    def _bring_program(self, path: str, archive: bytes) -> None:
        """Write the program, or link it to another checkpoint's that is the same to the byte: megabytes, each time.

        Raises:
            OSError: the disk refuses.
        """
        for name in self._names():
            other = self.path(name, ARCHIVE)
            with contextlib.suppress(OSError):
                if os.path.getsize(other) == len(archive) and own_bytes(other) == archive:
                    os.link(other, path)
                    return
        write(path, archive, mode=0o700)

    def update(self, header: Header) -> None:
        """Replace the header, atomically.

        Raises:
            NetoptError: the disk refuses.
        """
        self._replace(header.id, "header.json", header.as_dict())

    def _replace(self, identity: str, name: str, value: dict[str, Any]) -> None:
        """Replace a file of a checkpoint whole, or not at all."""
        path = self.path(identity, name)
        self._with_room(identity, lambda: replace_file(path, seal(value).encode()))

    def decide(self, identity: str, decision: str) -> bool:
        """Decide between ``CONFIRM`` and ``RESTORE`` for good, and say whether that is now the decision.

        Two who try at once cannot both succeed: link(2) makes a name only where there is none.
        """
        path = self.path(identity, "decision")
        partial = f"{path}.{os.getpid()}"

        def decide() -> None:
            try:
                write(partial, decision.encode())
                os.link(partial, path)
            finally:
                forget(partial)
            sync_folder(os.path.dirname(path))

        try:
            self._with_room(identity, decide)
        except FileExistsError:
            return self.decision(identity) == decision
        return True

    def _with_room(self, identity: str, put: Callable[[], None]) -> None:
        """Write to a checkpoint; where the disk is full the room that was kept for this is given up.

        Raises:
            FileExistsError: by ``put``.
            NetoptError: the disk refuses.
        """
        left = list(RESERVES)
        while True:
            try:
                put()
            except FileExistsError:
                raise
            except OSError as error:
                if error.errno == errno.ENOSPC and left:
                    forget(self.path(identity, left.pop()))
                    continue
                raise NetoptError(
                    f"The checkpoint {identity} cannot be written: {error.strerror}",
                    stage="checkpoint",
                    key=self.path(identity),
                    hint="Make room on the disk that holds it, or make it writable.",
                ) from None
            else:
                return

    def decision(self, identity: str) -> str | None:
        """Return what was decided, ``None`` while nothing is."""
        try:
            return own_text(self.path(identity, "decision"))
        except FileNotFoundError:
            return None

    def keep_report(self, identity: str, report: HostReport) -> None:
        """Keep what was reported. It is a convenience, so nothing is lost when the disk is full."""
        path = self.path(identity, "report.json")
        with contextlib.suppress(OSError), open(path, "w", encoding="utf-8", opener=for_owner) as stream:
            json.dump(report.as_dict(), stream)

    def report(self, identity: str) -> HostReport | None:
        """Return what was reported, ``None`` where it was not kept."""
        try:
            return HostReport(**json.loads(own_text(self.path(identity, "report.json"))))
        except (NetoptError, OSError, ValueError, TypeError):
            return None

    def remove(self, identity: str) -> None:
        """Remove a checkpoint: it is gone from the list first, then from the disk. Plans that it holds stay in force.

        Raises:
            NetoptError: the disk refuses to take over which plans are in force; the checkpoint is still there.
        """
        self._leave_plans(identity)
        with contextlib.suppress(NetoptError, OSError):  # then less is compared, and nothing is lost
            self._leave_states(identity)
        gone = os.path.join(self.root, f".{check_id(identity)}.removed.{os.getpid()}")
        os.rename(self.path(identity), gone)
        remove_tree(gone)

    def _leave_plans(self, identity: str) -> None:
        """Leave which plans a change in force has led to where its checkpoint is to go.

        A newer change in force says it by now, and once that is rolled back nobody else does.
        """
        header = self._header_or_none(identity)
        if header is None or header not in in_force(self.headers(), boot_id()):
            return
        known = self.left.plans()
        try:
            plans = self.plans(identity)
        except NetoptError:  # damaged: that is why it is to go, and then what an older one says counts
            return
        if plans is None or (known and known["sequence"] > header.sequence):
            return
        try:
            self.left.take_plans(header.sequence, plans, self.path(identity))
        except OSError as error:
            raise NetoptError(
                f"The checkpoint {identity} cannot be removed: which plans are in force cannot be written: "
                f"{error.strerror}",
                stage="checkpoint",
                key=self.state_dir,
                hint="Make room on the disk that holds it, or make it writable.",
            ) from None

    def _leave_states(self, identity: str) -> None:
        """Leave what a change in force has led to where its checkpoint is to go."""
        header, here = self.header(identity), boot_id()
        if header in in_force(self.headers(), here):
            content = self.content(identity)
            self.left.take_states(header.sequence, scopes_of(content), states_of(header, content, here))

    def retain(self) -> list[str]:
        """Remove what retention does not keep, and what interrupted writers left. Return the ids removed."""
        removed = expired(self.headers())
        for identity in removed:
            with contextlib.suppress(OSError, NetoptError):  # what is kept too long does no harm
                self.remove(identity)
        with contextlib.suppress(OSError):
            for name in os.listdir(self.root):
                if name.startswith("."):
                    remove_tree(os.path.join(self.root, name))
        return removed

    def next_sequence(self) -> int:
        """Return the sequence number of the next checkpoint."""
        removed: int = (self.left.plans() or {"sequence": 0})["sequence"]
        return max([removed, *(header.sequence for header in self.headers())]) + 1

    def unfinished(self) -> Iterator[Header]:
        """Yield the headers of this boot whose change is neither kept nor wholly undone, newest first."""
        current = boot_id()
        for header in reversed(self.headers()):
            if header.status in (*PENDING, RESTORE_FAILED) and header.boot_id == current:
                yield header

    def _names(self) -> list[str]:
        refuse_foreign(self.state_dir, self.root)
        try:
            return sorted(name for name in os.listdir(self.root) if not name.startswith("."))
        except FileNotFoundError:
            return []

    def _header_or_none(self, name: str) -> Header | None:
        try:
            return self.header(name)
        except NetoptError:
            return None

    def _read(self, identity: str, name: str) -> dict[str, Any]:
        path = self.path(identity, name)
        refuse_foreign(self.state_dir, self.root, self.path(identity))
        try:
            text = own_text(path)
        except OSError as error:
            raise NetoptError(
                f"There is no checkpoint {identity} on this host"
                if isinstance(error, FileNotFoundError)
                else f"{path} cannot be read: {error.strerror}",
                stage="checkpoint",
                key=identity,
                hint="netopt checkpoints lists those that there are.",
            ) from None
        return unseal(text, name=path)
