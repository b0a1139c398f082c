# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says whether the audit log is as it was written: each entry, the chain from file to file, and the end by its head."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from mcp_bridge.audit.chain import (
    Damage,
    Head,
    check_chain,
    check_line,
    closed_files,
    holds,
    is_current,
    lines_backwards,
)
from mcp_bridge.audit.head import HeadError, HeadFile, contradiction, has_begun

HINT = (
    "Compare the log with a head that was noted down elsewhere: `netopt audit verify --anchor HEAD`. "
    "`netopt audit rotate` goes on in another file; the damage stays found."
)
NOTHING = Path(os.devnull)


@dataclass(frozen=True)
class Moment:
    """The log at one moment; what others add to it from then on is not looked at.

    Attributes:
        path: the file that is written to.
        current: the same, open.
        size: how long it was.
        closed: the files that were closed before it.
        head: what the head said.
    """

    path: Path
    current: BinaryIO
    size: int
    closed: tuple[Path, ...]
    head: Head | HeadError

    def files(self) -> Iterator[tuple[Path, BinaryIO, int]]:
        """Yield each file with its size, the oldest first."""
        for name in self.closed:
            with name.open("rb") as stream:
                yield name, stream, stream.seek(0, os.SEEK_END)
        yield self.path, self.current, self.size

    def lines_backwards(self) -> Iterator[bytes]:
        """Yield the lines, the last one first."""
        yield from lines_backwards(self.current, size=self.size)
        for name in reversed(self.closed):
            with name.open("rb") as stream:
                yield from lines_backwards(stream, size=stream.seek(0, os.SEEK_END))

    def damage_at(self, end: Head) -> Damage | None:
        """Return what the head tells against a log that ends with the entry ``end``."""
        if isinstance(self.head, HeadError):
            return Damage(HeadFile(self.path).path, None, str(self.head), HINT)
        message = contradiction(self.head, end)
        return Damage(self.path, None, message, HINT) if message else None


def check(path: Path, *, anchor: Head | None = None) -> tuple[Damage | None, Head]:
    """Read the whole log and return its first fault, and how far it is whole.

    Args:
        path: the file that is written to.
        anchor: a head that was noted down elsewhere: the log must still hold it.
    """
    head = Head()
    try:
        with _moment(path) as log:
            missing = {one for one in (log.head, anchor) if isinstance(one, Head) and one.sequence}
            for name, stream, size in log.files():
                before = head
                head, damage = check_chain(stream, name, before, size=size)
                if damage is not None:
                    return damage, head
                here = {one for one in missing if before.sequence < one.sequence <= head.sequence}
                missing -= {one for one in here if holds(stream, one, size=size)}
            damage = log.damage_at(head)
    except OSError as error:
        return Damage(Path(error.filename or path), None, error.strerror or str(error)), head
    if damage is None and log.head in missing:
        damage = Damage(path, None, f"it does not hold the entry {log.head} that its head tells of", HINT)
    if damage is None and anchor in missing:
        damage = Damage(path, None, f"it does not hold the entry {anchor}")
    return damage, head


def check_recent(path: Path, *, limit: int) -> tuple[Damage | None, Head]:
    """Read the last ``limit`` entries and return their first fault, and how far they are whole."""
    with _moment(path) as log:
        head: Head | None = None
        for line in reversed(list(islice(log.lines_backwards(), limit))):
            found = check_line(line, head)
            if isinstance(found, str):
                place = f"the line after entry {head.sequence}" if head else "a line"
                return Damage(path, None, f"{place}: {found}", "`netopt audit verify` names it."), head or Head()
            head = found
        end = head or Head()
        return log.damage_at(end), end


@contextmanager
def _moment(path: Path) -> Iterator[Moment]:
    """Look at the log while nobody writes to it, and then let others go on."""
    while True:
        with _open(path) as stream:
            fcntl.flock(stream, fcntl.LOCK_SH)
            size = stream.seek(0, os.SEEK_END)
            closed = tuple(closed_files(path))
            head = _head(path, begun=bool(size or closed) or has_begun(path))
            if is_current(stream.fileno(), path if path.exists() else NOTHING):
                fcntl.flock(stream, fcntl.LOCK_UN)
                yield Moment(path, stream, size, closed, head)
                return


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:  # before the first entry, or closed this moment: there is nothing in it
        return NOTHING.open("rb")


def _head(path: Path, *, begun: bool) -> Head | HeadError:
    try:
        return HeadFile(path).read(begun=begun)
    except HeadError as error:
        return error
