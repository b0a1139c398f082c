# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The head of the audit log: a file beside it that says how far the log goes, so that a missing end is found.

It is one line, ``NUMBER:HASH`` of an entry. It is there before the first entry, and it is written after the log: what
it tells of is on the disk. The log may be ahead of it, never behind.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from mcp_bridge import atomic_files
from mcp_bridge.audit.chain import Head

BYTES_MAX = 4096
CONSEQUENCE = "so nothing tells whether entries are missing at the log's end; wanted: NUMBER:HASH of the last entry"


class HeadError(Exception):
    """The log has begun, but its head cannot be read."""


def has_begun(log: Path) -> bool:
    """Return whether a change has ended whose run is kept beside a log: its beginning was written into the log.

    So a log that was removed together with its head is missed. Asked only where there is nothing else of the log.

    Args:
        log: the file that the log is written to.
    """
    for result in log.parent.glob("runs/*/result.json"):
        try:
            record = json.loads(result.with_name("run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(record, dict) and record.get("checkpoint_id"):
            return True
    return False


class HeadFile:
    """The file with the head of a log; whoever writes to it holds the log's lock.

    Args:
        log: the file that the log is written to.
    """

    def __init__(self, log: Path) -> None:
        self.path = log.with_name(f"{log.stem}.head")

    def read(self, *, begun: bool) -> Head:
        """Return what it says.

        Args:
            begun: whether the log has entries or closed files; one without needs no head.

        Raises:
            HeadError: it is gone, or does not say what a head says.
        """
        try:
            with self.path.open("rb") as stream:
                head = Head.parse(stream.read(BYTES_MAX).decode("ascii", "replace"))
        except FileNotFoundError:
            if not begun:
                return Head()
            raise HeadError(f"it is gone, {CONSEQUENCE}") from None
        except OSError as error:
            raise HeadError(f"{error.strerror or error}, {CONSEQUENCE}") from None
        if head is None:
            raise HeadError(f"it does not say what a head says, {CONSEQUENCE}")
        return head

    def begin(self, head: Head) -> None:
        """Put a file with this head in place, on the disk with its name."""
        atomic_files.write(self.path, _text(head))
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def write(self, head: Head) -> None:
        """Note how far the log goes in the file that is there; needs no room on the disk."""
        handle = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.pwrite(handle, _text(head).encode(), 0)
            os.fdatasync(handle)
        finally:
            os.close(handle)


def contradiction(head: Head, end: Head) -> str | None:
    """Return what is wrong with a log that ends with the entry ``end``, ``None`` when its head allows that."""
    if end.sequence < head.sequence:
        return f"it ends with entry {end.sequence}, but {head.sequence} were written"
    if end.sequence == head.sequence and end.hash != head.hash:
        return f"its entry {end.sequence} is not the one that its head tells of"
    return None


def _text(head: Head) -> str:
    return f"{head.sequence:018d}:{head.hash}\n"  # always as long, so that each one covers the one before
