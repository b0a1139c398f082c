# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The audit log: complete, in order, and showing where it was tampered with."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from mcp_bridge.audit import AuditLog
from mcp_bridge.errors import RunError


def filled(path: Path, count: int = 5) -> AuditLog:
    """Return a log with entries 1..count."""
    log = AuditLog(path)
    for number in range(1, count + 1):
        log.append(caller="cli tester", action="apply", outcome="done", hosts={f"web{number}": "applied"})
    return log


def test_entries_are_chained(tmp_path: Path) -> None:
    """Each entry carries the hash of the one before, and the file is its owner's alone."""
    log = filled(tmp_path / "state" / "audit.jsonl")
    entries = log.entries()
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4, 5]
    assert [entry.previous for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]
    assert log.verify() is None
    assert (tmp_path / "state" / "audit.jsonl").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("tamper", "line"),
    [
        (lambda lines: [lines[0], lines[1].replace("web2", "web9"), *lines[2:]], 2),
        (lambda lines: [*lines[:2], *lines[3:]], 3),
        (lambda lines: lines[1:], 1),
        (lambda lines: [lines[1], lines[0], *lines[2:]], 1),
        (lambda lines: [*lines[:3], "no json", *lines[4:]], 4),
        (lambda lines: [*lines[:4], lines[4].replace('"done"', '"failed"')], 5),
    ],
    ids=["changed", "taken out", "first gone", "swapped", "not json", "last changed"],
)
def test_tampering_shows(tmp_path: Path, tamper: object, line: int) -> None:
    """The first line at fault is named."""
    path = tmp_path / "audit.jsonl"
    log = filled(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(tamper(lines)) + "\n", encoding="utf-8")  # type: ignore[operator]
    assert log.verify() == line
    assert len(log.entries()) >= 4


def test_damaged_end_stops_changes(tmp_path: Path) -> None:
    """A chain that cannot go on is an error that says what to do, and the log can still be read."""
    path = tmp_path / "audit.jsonl"
    log = filled(path)
    with path.open("a", encoding="utf-8") as stream:
        stream.write('{"sequence": 6, "tor')
    with pytest.raises(RunError, match="netopt audit rotate"):
        log.append(caller="x", action="apply", outcome="done")
    assert len(log.entries()) == 5


def test_search(tmp_path: Path) -> None:
    """Text is found anywhere in an entry, whatever its case."""
    log = filled(tmp_path / "audit.jsonl")
    assert [entry.sequence for entry in log.search("WEB3")] == [3]
    assert [entry.sequence for entry in log.search("applied", limit=2)] == [4, 5]
    assert log.search("nobody") == []


def _append(path: Path) -> None:
    filled(path, 20)


def test_writers_at_once(tmp_path: Path) -> None:
    """Several processes write one unbroken chain."""
    path = tmp_path / "audit.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append, args=(path,)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    log = AuditLog(path)
    assert len(log.entries(limit=1000)) == 60
    assert log.verify() is None


def test_long_last_line(tmp_path: Path) -> None:
    """An entry longer than one block is continued from."""
    log = AuditLog(tmp_path / "audit.jsonl")
    log.append(caller="x", action="apply", outcome="done", rationale=["r" * 200_000])
    assert log.append(caller="x", action="apply", outcome="done").sequence == 2
    assert log.verify() is None
