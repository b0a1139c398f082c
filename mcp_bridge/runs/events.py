# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens in a run, one JSON object a line, only ever appended to: any process can follow it, also later."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict

EVENTS = "events.jsonl"
BLOCK = 1 << 16


class RunEvent(TypedDict, total=False):
    """One step of one host."""

    time: float
    """Seconds since the epoch."""
    host: str
    """The host."""
    text: str
    """The task that it began, or the status that it reported."""
    report: dict[str, Any]
    """Its HostReport, once it has one."""


class EventWriter:
    """Appends to the events of a run.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder / EVENTS, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def append(self, host: str, text: str, report: Mapping[str, Any] | None = None) -> None:
        """Add an event; it outlives this process, though not a loss of power."""
        event: dict[str, Any] = {"time": round(time.time(), 3), "host": host, "text": text}
        if report is not None:
            event["report"] = report
        os.write(self._descriptor, json.dumps(event, ensure_ascii=False, default=str).encode() + b"\n")

    def append_rollout(self, rollout: Mapping[str, Any]) -> None:
        """Add how a rollout stands, as ``ChangeReport.rollout``."""
        line = json.dumps({"time": round(time.time(), 3), "rollout": rollout}, ensure_ascii=False, default=str)
        os.write(self._descriptor, line.encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class EventReader:
    """Reads the events of a run as they come.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / EVENTS
        self._offset = 0
        self._rest = b""

    def new(self) -> Iterator[RunEvent]:
        """Yield the events that came since the last call, in their order; a half-written line waits for its rest."""
        try:
            stream = self._path.open("rb")
        except FileNotFoundError:
            return
        with stream:
            stream.seek(self._offset)
            while block := stream.read(BLOCK):
                self._offset += len(block)
                *lines, self._rest = (self._rest + block).split(b"\n")
                for line in lines:
                    event = _parsed(line)
                    if event is not None:
                        yield event


def _parsed(line: bytes) -> RunEvent | None:
    """Return the event of a line; one that was cut off when its writer was killed is left out."""
    try:
        event: RunEvent = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "host" in event and "text" in event else None


def progress(folder: Path) -> dict[str, str]:
    """Return where each host of a run is, by its last event."""
    return {event["host"]: event["text"] for event in EventReader(folder).new()}


def reports(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the last HostReport of each host of a run that gave one."""
    return {event["host"]: event["report"] for event in EventReader(folder).new() if "report" in event}


def rollout(folder: Path) -> dict[str, Any] | None:
    """Return how the rollout of a run stood last, ``None`` where it is none or was not begun."""
    found: dict[str, Any] | None = None
    try:
        lines = (folder / EVENTS).read_bytes().split(b"\n")
    except FileNotFoundError:
        return None
    for line in lines:
        if b'"rollout"' in line:
            with contextlib.suppress(ValueError):
                found = json.loads(line).get("rollout", found)
    return found
