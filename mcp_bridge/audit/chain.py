# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the files of the audit log: from the end for what is new, from the start for what is whole."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

FIRST = "0" * 64  # what stands for the line before the first
HASH = re.compile("[0-9a-f]{64}")
BLOCK = 65536
LINE_MAX = 16 * 1024 * 1024


@dataclass(frozen=True)
class Head:
    """An entry by which the log is known up to there.

    Attributes:
        sequence: its number.
        hash: its hash.
    """

    sequence: int = 0
    hash: str = FIRST

    def __str__(self) -> str:
        """Return it as people note it down: ``17:9f86d0...``."""
        return f"{self.sequence}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head | None:
        """Return the head that a text says, ``None`` when it says none."""
        number, colon, found = text.strip().partition(":")
        if not colon or not number.isascii() or not number.isdigit() or len(number) > 18:
            return None
        return cls(int(number), found) if HASH.fullmatch(found) else None


@dataclass(frozen=True)
class Damage:
    """Where the log is not as it was written.

    Attributes:
        file: the file at fault.
        line: its line, counted from 1; ``None`` where lines are missing at the end.
        message: what is wrong.
        hint: what to do about it; empty when there is nothing to advise.
    """

    file: Path
    line: int | None
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """Return the place and what is wrong there."""
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


def entry_hash(data: Mapping[str, Any]) -> str:
    """Return the hash of an entry, which covers everything but itself."""
    covered = {key: value for key, value in data.items() if key != "hash"}
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def last_line(handle: int) -> bytes:
    """Return the last line of an open file with its line feed, without reading the rest of a long log."""
    end = os.fstat(handle).st_size
    tail = b""
    while end > 0:
        start = max(0, end - BLOCK)
        tail = os.pread(handle, end - start, start) + tail
        end = start
        if b"\n" in tail[:-1] or len(tail) > LINE_MAX:
            break
    return tail[tail[:-1].rfind(b"\n") + 1 :]


def closed_files(path: Path) -> list[Path]:
    """Return the files of a log that were closed before the one that is written to, the oldest first."""
    return sorted(path.parent.glob(f"{path.stem}-{'[0-9]' * 12}{path.suffix}"))


def is_current(handle: int, path: Path) -> bool:
    """Return whether an open file is still the one of that name: it may have been closed meanwhile."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def lines_backwards(stream: BinaryIO, *, size: int) -> Iterator[bytes]:
    """Yield the lines of the first ``size`` bytes of a file, the last one first."""
    end = size
    tail = b""
    while end > 0:
        start = max(0, end - BLOCK)
        stream.seek(start)
        tail = stream.read(end - start) + tail
        end = start
        first, *whole = tail.split(b"\n")
        yield from (line for line in reversed(whole) if line)
        tail = first
        if len(tail) > LINE_MAX:
            return
    if tail:
        yield tail


def check_chain(stream: BinaryIO, path: Path, before: Head, *, size: int) -> tuple[Head, Damage | None]:
    """Return how far the first ``size`` bytes of a file go on from ``before`` without a fault, and the fault."""
    head = before
    stream.seek(0)
    left = size
    number = 0
    while left > 0:
        line = stream.readline()
        left -= len(line)
        number += 1
        found = check_line(line, head) if line.endswith(b"\n") else "torn: it does not end in a line feed"
        if isinstance(found, str):
            return head, Damage(path, number, found)
        head = found
    return head, None


def holds(stream: BinaryIO, wanted: Head, *, size: int) -> bool:
    """Return whether a file that is whole has the entry that a head tells of."""
    for line in lines_backwards(stream, size=size):
        data = json.loads(line)
        if data["sequence"] == wanted.sequence:
            return bool(data["hash"] == wanted.hash)
    return False


def check_line(line: bytes, before: Head | None) -> Head | str:
    """Return the head that a line makes, or what is wrong with it.

    Args:
        line: an entry.
        before: the entry that it has to follow; ``None`` for any.
    """
    try:
        data = json.loads(line)
        found, previous, sequence = data["hash"], data["previous"], data["sequence"]
        covered = entry_hash(data)
    except (ValueError, KeyError, TypeError, RecursionError):
        return "not an entry of the log"
    if not isinstance(sequence, int):
        return "not an entry of the log"
    if before is not None and (previous != before.hash or sequence != before.sequence + 1):
        return f"does not follow on entry {before.sequence}: changed, moved, or others were taken out"
    return Head(sequence, found) if found == covered else "changed after it was written"
