# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The audit log: who asked for what, what was decided, on which hosts, and what came of it.

One JSON object a line, only ever appended to. Each line carries the SHA-256 of the line before it, so that a line
that was changed or taken out is found by ``verify``; beside the log, its head says how far it goes, so that one whose
end was cut off is found as well. Nothing is done that cannot be written down, and nothing is written to a log that may
lack entries: that would make it look whole.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mcp_bridge import atomic_files
from mcp_bridge.audit import check as audit_check
from mcp_bridge.audit.chain import (
    FIRST,
    Damage,
    Head,
    check_line,
    closed_files,
    entry_hash,
    is_current,
    last_line,
    lines_backwards,
)
from mcp_bridge.audit.head import HeadError, HeadFile, contradiction, has_begun
from mcp_bridge.audit.storable import ENTRY_MAX, shortened, storable
from mcp_bridge.errors import RunError
from mcp_bridge.models.base import Strict

ROTATE_BYTES = 64 * 1024 * 1024
FLUSH_S = 1.0
SCAN_MAX = 200_000  # entries that a search looks at
RECENT = 5_000
ANSWER_BYTES_MAX = 1_000_000
CONSEQUENCE = "Nothing is done that cannot be audited"


class AuditError(RunError):
    """The audit log cannot be written, or cannot go on."""


class AuditEntry(Strict):
    """One line of the audit log."""

    sequence: int
    """Counts from 1."""
    time: datetime
    """When it was written, UTC."""
    caller: str
    """Who asked for it, e.g. ``cli root@admin1`` or ``mcp ci (agent/1.2)``."""
    action: str
    """What was asked for: apply, confirm, rollback, snapshot, delete_checkpoint; tool, resource, prompt for a call."""
    outcome: str
    """``started``, ``refused``, or what came of it."""
    run_id: str | None = None
    """The run that carried it out."""
    plan_digest: str | None = None
    """Digest of the rendered plan."""
    checkpoint_id: str | None = None
    """The checkpoint that was made or used."""
    rationale: list[str] = []
    """The plan's rationale, word for word."""
    hosts: dict[str, str] = {}
    """Outcome by host."""
    subject: str | None = None
    """The tool, resource or prompt that was called."""
    arguments: str | None = None
    """SHA-256 over the call's arguments, hexadecimal."""
    decision: str | None = None
    """``allowed``, ``refused``, ``asked`` a person, ``confirmed`` or ``declined`` by one."""
    detail: dict[str, Any] = {}
    """Anything else: the host pattern, errors, options."""
    previous: str
    """Hash of the entry before this one."""
    hash: str
    """SHA-256 over the previous hash and this entry, hexadecimal."""


class AuditLog:
    """The log in one file and those that were closed before it; several processes may write to it at once.

    Args:
        path: the file that is written to; made with mode 0600 when first written.
        rotate_bytes: size at which it is closed and another one begun.
    """

    def __init__(self, path: Path, *, rotate_bytes: int = ROTATE_BYTES) -> None:
        self.path = path
        self._head = HeadFile(path)
        self._rotate_bytes = rotate_bytes
        self._flushing = threading.Lock()
        self._timer: threading.Timer | None = None

    def append(self, *, caller: str, action: str, outcome: str, durable: bool = True, **fields: Any) -> AuditEntry:
        """Add an entry and return once it is on the disk.

        Args:
            caller: who asked for it.
            action: what was asked for.
            outcome: ``started``, ``refused``, or what came of it.
            durable: with ``False`` the entry is handed to the kernel and is on the disk within a second: for calls
                that change nothing.
            fields: other fields of an ``AuditEntry``.

        Raises:
            AuditError: the log is damaged at its end, so the chain cannot go on, or it cannot be written.
        """
        try:
            with self._locked() as handle:
                head = self._end_of_chain(handle)
                if head.sequence == 0:
                    self._head.begin(head)  # a log with entries has a head, at whatever moment this process is killed
                if os.fstat(handle).st_size > self._rotate_bytes and head.sequence:
                    handle = self._begin_file(handle, head)  # noqa: PLW2901  # the lock is on the old file, by intent
                entry = self._write(handle, head, caller=caller, action=action, outcome=outcome, fields=fields)
                if durable:
                    self._flush(handle, Head(entry.sequence, entry.hash))
        except OSError as error:
            raise self._unwritable(error) from None
        if not durable:
            self._flush_later()
        return entry

    def entries(self, *, limit: int = 100) -> list[AuditEntry]:
        """Return the last ``limit`` entries, fewer where they are long, oldest first; reads no more of the log."""
        return self.find("", limit=limit, scan=limit)

    def search(self, text: str, *, limit: int = 100) -> list[AuditEntry]:
        """Return the last ``limit`` entries that contain ``text`` anywhere, without regard to case.

        Looks at the last 200,000 entries; ``netopt audit search`` can be told to look at all of them.
        """
        return self.find(text, limit=limit, scan=SCAN_MAX)

    def find(
        self, text: str, *, limit: int, scan: int, before: int | None = None, size_max: int = ANSWER_BYTES_MAX
    ) -> list[AuditEntry]:
        """Return the last entries that contain a text, oldest first.

        Args:
            text: what they contain anywhere, without regard to case.
            limit: how many at most.
            scan: how many entries are looked at.
            before: only entries with a lower number.
            size_max: how many bytes of JSON at most; one entry comes in any case.
        """
        wanted = text.casefold()
        found: list[AuditEntry] = []
        size = 0
        older = (entry for entry in self._backwards() if before is None or entry.sequence < before)
        for number, entry in enumerate(older):
            if number >= scan or len(found) >= limit:
                break
            told = entry.model_dump_json()
            if wanted in told.casefold():
                size += len(told)
                if found and size > size_max:
                    break
                found.append(entry)
        return found[::-1]

    def verify(self) -> int | None:
        """Return the number of the first line of the file that was tampered with, ``None`` when all is whole.

        A line that is missing at the end, or may be, has the number after the last.
        """
        damage, head = self.check()
        if damage is None:
            return None
        return damage.line if damage.line is not None else head.sequence + 1

    def check(self, *, anchor: Head | None = None) -> tuple[Damage | None, Head]:
        """Read the whole log and return its first fault, and how far it is whole.

        Args:
            anchor: a head that was noted down elsewhere: the log must still hold it.
        """
        return audit_check.check(self.path, anchor=anchor)

    def check_recent(self, *, limit: int = RECENT) -> tuple[Damage | None, Head]:
        """Read the last ``limit`` entries and return their first fault, and how far they are whole."""
        return audit_check.check_recent(self.path, limit=limit)

    def rotate(self) -> Path:
        """Close the file and begin another one, which goes on from it; return the closed one.

        A file with a damaged end is put aside in the same way, so that work can go on; what was damaged stays
        found by ``check``.

        Raises:
            AuditError: there is nothing to close, or the folder cannot be written.
        """
        try:
            with self._locked() as handle:
                try:
                    head = self._end_of_chain(handle)
                except AuditError:
                    head = self._after_damage()
                    self._head.begin(head)
                else:
                    if os.fstat(handle).st_size == 0:
                        raise AuditError("The audit log is empty", hint="There is nothing to close yet.")
                closed = self._closed_name(head)
                os.close(self._begin_file(os.dup(handle), head))
        except OSError as error:
            raise self._unwritable(error) from None
        return closed

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Open the file and hold its lock; the file that another process has meanwhile closed is opened anew."""
        atomic_files.make_folder(self.path.parent)
        while True:
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                if is_current(handle, self.path):
                    yield handle
                    return
            finally:
                os.close(handle)

    def _write(self, handle: int, head: Head, *, caller: str, action: str, outcome: str, fields: Any) -> AuditEntry:
        data = AuditEntry(
            sequence=head.sequence + 1,
            time=datetime.now(UTC),
            caller=storable(caller),
            action=storable(action),
            outcome=storable(outcome),
            previous=head.hash,
            hash="",
            **storable(fields),
        ).model_dump(mode="json")
        line = _line(data)
        if len(line) > ENTRY_MAX:
            data = shortened(data, len(line))
            line = _line(data)
        size = os.fstat(handle).st_size
        written = 0
        try:
            while written < len(line):
                written += os.write(handle, line[written:])
        except OSError:
            if written:
                os.ftruncate(handle, size)  # a torn line would stop the chain
            raise
        return AuditEntry.model_validate(data)

    def _begin_file(self, handle: int, head: Head) -> int:
        """Close the file under its new name and return a handle of the one that takes its place."""
        self._flush(handle, head)  # first: an empty file goes on from the head
        self.path.rename(self._closed_name(head))
        fresh = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_EXCL, 0o600)
        fcntl.flock(fresh, fcntl.LOCK_EX)
        os.dup2(fresh, handle, inheritable=False)
        os.close(fresh)
        return handle

    def _closed_name(self, head: Head) -> Path:
        """Return the name of a closed file: that of its last entry, so that names sort as the files follow."""
        return self.path.with_name(f"{self.path.stem}-{head.sequence:012d}{self.path.suffix}")

    def _end_of_chain(self, handle: int) -> Head:
        """Return the entry that the next one follows.

        Raises:
            AuditError: the last line is damaged, or lines may be missing at the end.
        """
        line = last_line(handle)
        try:
            recorded = self._head.read(begun=bool(line or closed_files(self.path)) or has_begun(self.path))
        except HeadError as error:
            raise self._doubtful(f"{self._head.path}: {error}") from None
        if line:
            head = self._entry_of(line)
        elif self._closed_name(recorded).exists():  # maybe with a damaged end, which the head stands for
            head = recorded
        else:
            head = self._last_read()
        message = contradiction(recorded, head)
        if message is not None:
            raise self._doubtful(f"{self.path}: {message}")
        return head

    def _entry_of(self, line: bytes) -> Head:
        found = check_line(line, None)
        if isinstance(found, str) or not line.endswith(b"\n"):
            raise AuditError(
                f"The last line of the audit log {self.path} is damaged",
                hint=f"{CONSEQUENCE}. `netopt audit rotate` puts the file aside and begins another one.",
            )
        return found

    def _after_damage(self) -> Head:
        """Return what the next file goes on from, so that ``check`` will always find that there was damage."""
        try:
            head = self._head.read(begun=True)
        except HeadError:  # what is left of the log, and a gap for what may be missing
            head = Head(self._last_read().sequence + 1, FIRST)
        while self._closed_name(head).exists():
            head = Head(head.sequence + 1, FIRST)
        return head

    def _last_read(self) -> Head:
        """Return the last entry that can be read."""
        last = next(self._backwards(), None)
        return Head(last.sequence, last.hash) if last else Head()

    def _doubtful(self, what: str) -> AuditError:
        return AuditError(
            f"The audit log may have lost entries at its end: {what}",
            hint=f"{CONSEQUENCE}. Look at `netopt audit verify`; `netopt audit rotate` goes on in another file.",
        )

    def _flush(self, handle: int, head: Head) -> None:
        """Bring the log to the disk, then its head: the head never tells of what might still be lost."""
        os.fsync(handle)
        self._head.write(head)

    def _flush_later(self) -> None:
        """Have entries that were not waited for on the disk within a second."""
        with self._flushing:
            if self._timer is None:
                self._timer = threading.Timer(FLUSH_S, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Bring everything that was written to the disk now."""
        with self._flushing:
            self._timer = None
        if not self.path.exists():
            return
        with suppress(OSError, AuditError), self._locked() as handle:  # the next entry meets the same and tells of it
            self._flush(handle, self._end_of_chain(handle))

    def _unwritable(self, error: OSError) -> AuditError:
        return AuditError(
            f"The audit log {self.path} cannot be written: {error.strerror or error}",
            hint=f"{CONSEQUENCE}. Make room, or mend the folder.",
        )

    def _backwards(self) -> Iterator[AuditEntry]:
        """Yield the entries that can be read, the last one first; ``check`` tells of the others."""
        for line in self._lines_backwards():
            try:
                yield AuditEntry.model_validate_json(line)
            except ValidationError:
                continue

    def _lines_backwards(self) -> Iterator[bytes]:
        for path in (self.path, *reversed(closed_files(self.path))):
            with suppress(FileNotFoundError), path.open("rb") as stream:
                yield from lines_backwards(stream, size=stream.seek(0, os.SEEK_END))


def _line(data: dict[str, Any]) -> bytes:
    """Return an entry as it is written, with its hash; ASCII, so that nothing in it moves a terminal."""
    data["hash"] = entry_hash(data)
    return (json.dumps(data, separators=(",", ":")) + "\n").encode()
