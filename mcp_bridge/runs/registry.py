# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry of runs: one folder per run on disk, so that a run is found again after the process that started it."""

from __future__ import annotations

import fcntl
import json
import math
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError, model_validator

from mcp_bridge import atomic_files
from mcp_bridge.errors import RunError
from mcp_bridge.models.base import Strict
from mcp_bridge.runs import lock as run_lock
from mcp_bridge.runs.lock import RunLock

RunState = Literal["running", "successful", "failed", "cancelled", "timeout", "lost"]
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
RECORD = "run.json"
RESULT = "result.json"
LOOKING = "looking"  # held by whoever asks the hosts what became of the run
CHANGES = frozenset({"accept", "apply", "confirm", "delete_checkpoint", "extend", "remove", "rollback", "snapshot"})
"""The actions that change hosts, or what they keep; all others are questions."""
NO_LONGER_KEPT = frozenset({"pid_start"})  # in the records of 0.1.0
FOLDED = ("nft", "tc")
CHANGES_MAX = 8  # of a run that its record tells
CHANGE_VALUE_MAX = 60
SLACK = 20  # runs above the limit before old ones are looked for, which takes reading all records


class UnknownRunError(RunError):
    """No run has this id."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"There is no run {run_id!r}", hint="runs://list names those that there are.")


class RunRecord(Strict):
    """What is known of a run."""

    run_id: str
    """Sorts by time."""
    action: str
    """A change, such as apply, confirm or rollback, or a question, such as checkpoints, plans, query or verify."""
    caller: str
    """Who asked for it."""
    state: RunState
    """``lost``: the process that ran it died, and what became of some host is not known yet."""
    started: datetime
    """Begin, UTC."""
    finished: datetime | None = None
    """End, UTC."""
    pid: int
    """The process that runs it."""
    limit: str | None = None
    """The host pattern."""
    dry_run: bool = False
    """Whether nothing was to be changed."""
    plan_digest: str | None = None
    """Digest of the rendered plan."""
    checkpoint_id: str | None = None
    """The checkpoint made or used."""
    hosts: dict[str, str] = {}
    """Outcome by host."""
    changes: list[str] = []
    """What became different on the first host that changed, shortly; absent of runs of earlier versions."""

    @model_validator(mode="before")
    @classmethod
    def _as_kept_today(cls, data: Any) -> Any:
        """Leave out what only the records of earlier versions have."""
        return {key: data[key] for key in data if key not in NO_LONGER_KEPT} if isinstance(data, dict) else data

    @property
    def is_question(self) -> bool:
        """Whether it asks hosts, and changes nothing."""
        return self.action not in CHANGES


class RunRegistry:
    """The runs under one folder.

    Args:
        folder: holds one folder per run; made with mode 0700 when first needed.
        keep: finished runs that stay; older ones are removed when a new one begins.
        keep_days: days for which they stay at most.
    """

    def __init__(self, folder: Path, *, keep: int, keep_days: int = 36500) -> None:
        self._folder = folder
        self._keep = keep
        self._keep_days = keep_days
        self._locks: dict[str, RunLock] = {}

    def begin(self, *, action: str, caller: str, **fields: Any) -> RunRecord:
        """Make a run's folder and its record, and return the record."""
        atomic_files.make_folder(self._folder)
        self._prune()
        started = datetime.now(UTC)
        run_id = f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        (self._folder / run_id).mkdir(mode=0o700)
        self._locks[run_id] = RunLock.create(self._folder / run_id)
        record = RunRecord(
            run_id=run_id,
            action=action,
            caller=caller,
            state="running",
            started=started,
            pid=os.getpid(),
            **fields,
        )
        self._write(record)
        return record

    def name_checkpoint(self, record: RunRecord, checkpoint_id: str) -> RunRecord:
        """Note which checkpoint the run makes and return the record."""
        named = record.model_copy(update={"checkpoint_id": checkpoint_id})
        self._write(named)
        return named

    def adopt(self, record: RunRecord, lock: RunLock) -> RunRecord:
        """Carry on with a run that another process began, and return its record."""
        self._locks[record.run_id] = lock
        mine = record.model_copy(update={"pid": os.getpid()})
        self._write(mine)
        return mine

    def lock(self, run_id: str) -> RunLock:
        """Return the lock of a run that was begun or adopted here."""
        return self._locks[run_id]

    def mark_lost(self, record: RunRecord) -> RunRecord:
        """Note that the run's process has gone and return the record."""
        lost = record.model_copy(update={"state": "lost"})
        self._write(lost)
        return lost

    def keep_result(self, record: RunRecord, result: dict[str, Any]) -> None:
        """Keep what is known of a run that is not over."""
        atomic_files.write(self.folder(record.run_id) / RESULT, json.dumps(result, ensure_ascii=False, default=str))

    @contextmanager
    def looking(self, record: RunRecord) -> Iterator[RunRecord | None]:
        """Keep other processes from asking what became of a lost run meanwhile.

        Yields:
            Its record as it is now; ``None`` when another process is at it.
        """
        path = self.folder(record.run_id) / LOOKING
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield self.get(record.run_id)
            path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    def finish(self, record: RunRecord, *, state: RunState, result: dict[str, Any], hosts: dict[str, str]) -> RunRecord:
        """Keep what came of the run and return the completed record."""
        self.keep_result(record, result)
        ended = {"state": state, "finished": datetime.now(UTC), "hosts": hosts, "changes": changes_of(result)}
        done = record.model_copy(update=ended)
        self._write(done)
        lock = self._locks.pop(record.run_id, None)
        if lock is not None:
            lock.end()
        return done

    def folder(self, run_id: str) -> Path:
        """Return the run's folder.

        Raises:
            UnknownRunError: there is none.
        """
        path = self._folder / run_id
        if not _RUN_ID.fullmatch(run_id) or not path.is_dir():
            raise UnknownRunError(run_id)
        return path

    def get(self, run_id: str) -> RunRecord:
        """Return the run's record.

        Raises:
            UnknownRunError: there is none.
        """
        record = self._read(run_id)
        if record.state == "running" and not run_lock.is_alive(self.folder(run_id)):
            record = self._read(run_id)  # it may have ended between the two looks
            if record.state == "running":
                return record.model_copy(update={"state": "lost"})
        return record

    def _read(self, run_id: str) -> RunRecord:
        path = self.folder(run_id) / RECORD
        if not path.exists():
            raise UnknownRunError(run_id)
        return RunRecord.model_validate_json(path.read_text(encoding="utf-8"))

    def abandoned(self) -> list[str]:
        """Return the ids of the runs that were begun and not ended, and that no process carries out."""
        folders = ((run_id, self._folder / run_id) for run_id in self._ids())
        return [run_id for run_id, folder in folders if run_lock.is_open(folder) and not run_lock.is_alive(folder)]

    def result(self, run_id: str) -> dict[str, Any] | None:
        """Return what came of the run, ``None`` while it goes on or when it was lost."""
        path = self.folder(run_id) / RESULT
        if not path.exists():
            return None
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return data

    def result_age_s(self, run_id: str) -> float:
        """Return how long ago what came of the run was written down, infinite when it was not."""
        try:
            return time.time() - (self.folder(run_id) / RESULT).stat().st_mtime
        except FileNotFoundError:
            return math.inf

    def latest(self, *, limit: int = 50) -> list[RunRecord]:
        """Return the last ``limit`` runs, the newest first."""
        found: list[RunRecord] = []
        for run_id in reversed(self._ids()):
            if len(found) >= limit:
                break
            record = self._known(run_id)
            if record is not None:
                found.append(record)
        return found

    def _ids(self) -> list[str]:
        if not self._folder.is_dir():
            return []
        return sorted(entry.name for entry in self._folder.iterdir() if _RUN_ID.fullmatch(entry.name))

    def _prune(self) -> None:
        """Remove what is too old: answers to questions first, since they are of no use later, then changes."""
        oldest = f"{datetime.now(UTC) - timedelta(days=self._keep_days):%Y%m%dT%H%M%SZ}"
        for run_id in self._ids():
            if run_id >= oldest:
                break
            if not run_lock.is_open(self._folder / run_id):
                shutil.rmtree(self._folder / run_id, ignore_errors=True)
        excess = len(self._ids()) - self._keep
        if excess <= SLACK:
            return
        found = [self._known(run_id) for run_id in self._ids()]
        ended = [record for record in found if record is not None and record.state != "running"]
        ended.sort(key=lambda record: (not record.is_question, record.run_id))
        for record in ended[:excess]:
            shutil.rmtree(self._folder / record.run_id, ignore_errors=True)

    def _known(self, run_id: str) -> RunRecord | None:
        try:
            return self.get(run_id)
        except (UnknownRunError, ValidationError):
            return None

    def _write(self, record: RunRecord) -> None:
        atomic_files.write(self.folder(record.run_id) / RECORD, record.model_dump_json())


def changes_of(result: dict[str, Any]) -> list[str]:
    """Return what a report says became different on the first host that changed: ``sysctl net.x: 1 -> 2``."""
    reports = (result.get("hosts") or {}).values() if isinstance(result.get("hosts"), dict) else ()
    changed = (report for report in reports if isinstance(report, dict) and report.get("changed"))
    diff = next(changed, {}).get("diff") or []
    lines = list(_folded(diff))
    return lines if len(lines) <= CHANGES_MAX else [*lines[:CHANGES_MAX], f"and {len(lines) - CHANGES_MAX} more"]


def _folded(diff: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each setting; the parts of a table and of a tree are counted, where there are several."""
    parts: dict[str, list[dict[str, Any]]] = {}
    for entry in diff:
        words = str(entry.get("key")).split()
        whole = " ".join(words[:3]) if entry.get("subsystem") == "nft" else words[0] if words else ""
        one = f"{entry.get('subsystem')} {whole}"
        parts.setdefault(one if entry.get("subsystem") in FOLDED else f"{one} {len(parts)}", []).append(entry)
    for name, entries in parts.items():
        yield _change(entries[0]) if len(entries) == 1 else f"{name[:CHANGE_VALUE_MAX]}: {len(entries)} parts changed"


def _change(entry: dict[str, Any]) -> str:
    values = [" ".join(str(entry.get(name) or "nothing").split())[:CHANGE_VALUE_MAX] for name in ("before", "after")]
    return f"{entry.get('subsystem')} {str(entry.get('key'))[:CHANGE_VALUE_MAX]}: {values[0]} -> {values[1]}"
