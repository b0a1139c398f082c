# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The audit log: who changed what, on which hosts, and what came of it.

One JSON object a line, only ever appended to. Each line carries the SHA-256 of the line before it, so
that a line that was changed or taken out is found by ``verify``.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from mcp_bridge import private_files
from mcp_bridge.errors import RunError

FIRST = "0" * 64  # what stands for the line before the first
BLOCK = 65536


class AuditEntry(BaseModel):
    """One line of the audit log."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    sequence: int
    """Counts from 1."""
    time: datetime
    """When it was written, UTC."""
    caller: str
    """Who asked for it, e.g. ``cli root@admin1`` or ``mcp agent/1.2``."""
    action: str
    """What was asked for: apply, confirm, extend, rollback, snapshot, delete_checkpoint."""
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
    detail: dict[str, Any] = {}
    """Anything else: the host pattern, errors, options."""
    previous: str
    """Hash of the entry before this one."""
    hash: str
    """SHA-256 over the previous hash and this entry, hexadecimal."""


class AuditLog:
    """The log in one file; several processes may write to it at once.

    Args:
        path: the file; made with mode 0600 when first written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, *, caller: str, action: str, outcome: str, **fields: Any) -> AuditEntry:
        """Add an entry and return once it is on the disk.

        Args:
            caller: who asked for it.
            action: what was asked for.
            outcome: ``started``, ``refused``, or what came of it.
            fields: other fields of an ``AuditEntry``.

        Raises:
            RunError: the log is damaged at its end, so the chain cannot go on.
        """
        private_files.make_folder(self._path.parent)
        handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            last = _last_line(handle)
            before = self._end_of_chain(last)
            data = AuditEntry(
                sequence=before["sequence"] + 1,
                time=datetime.now(UTC),
                caller=caller,
                action=action,
                outcome=outcome,
                previous=before["hash"],
                hash="",
                **fields,
            ).model_dump(mode="json")
            data["hash"] = _hash(data)
            os.write(handle, (json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n").encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        return AuditEntry.model_validate(data)

    def entries(self, *, limit: int = 100) -> list[AuditEntry]:
        """Return the last ``limit`` entries, oldest first."""
        return list(self._whole())[-limit:]

    def search(self, text: str, *, limit: int = 100) -> list[AuditEntry]:
        """Return the last ``limit`` entries that contain ``text`` anywhere, without regard to case."""
        wanted = text.casefold()
        return [entry for entry in self._whole() if wanted in entry.model_dump_json().casefold()][-limit:]

    def verify(self) -> int | None:
        """Return the number of the first line that was tampered with, ``None`` when all are whole."""
        previous = FIRST
        number = 0
        try:
            for number, data in enumerate(self._read(), start=1):
                if data.get("previous") != previous or data.get("sequence") != number or data["hash"] != _hash(data):
                    return number
                previous = data["hash"]
        except (json.JSONDecodeError, KeyError, TypeError):
            return number + 1
        return None

    def _end_of_chain(self, line: bytes) -> dict[str, Any]:
        if not line:
            return {"sequence": 0, "hash": FIRST}
        try:
            return AuditEntry.model_validate_json(line).model_dump()
        except ValidationError:
            raise RunError(
                f"The last line of the audit log {self._path} is damaged",
                hint="Nothing is changed without an audit log. Move the file aside; a new one is begun.",
            ) from None

    def _whole(self) -> Iterator[AuditEntry]:
        """Yield the entries that can be read; ``verify`` tells of the others."""
        if not self._path.exists():
            return
        with self._path.open(encoding="utf-8", errors="replace") as stream:
            for line in stream:
                try:
                    yield AuditEntry.model_validate_json(line)
                except ValidationError:
                    continue

    def _read(self) -> Iterator[dict[str, Any]]:
        if not self._path.exists():
            return
        with self._path.open(encoding="utf-8") as stream:
            for line in stream:
                yield json.loads(line)


def _hash(data: Mapping[str, Any]) -> str:
    covered = {key: value for key, value in data.items() if key != "hash"}
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _last_line(handle: int) -> bytes:
    """Return the last line of the file, without reading the rest of a long log."""
    end = os.fstat(handle).st_size
    tail = b""
    while end > 0:
        start = max(0, end - BLOCK)
        tail = os.pread(handle, end - start, start) + tail
        end = start
        if b"\n" in tail.rstrip(b"\n"):
            break
    return tail.rstrip(b"\n").rpartition(b"\n")[2]
