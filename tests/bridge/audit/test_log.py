# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The audit log: complete, in order, and showing where it was tampered with."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.audit.chain import entry_hash
from mcp_bridge.audit.log import AuditError, AuditLog


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
    with pytest.raises(AuditError, match="netopt audit rotate"):
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


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_a_tail_that_was_cut_off_shows(tmp_path: Path, cut: int) -> None:
    """A log whose end was taken away looks whole line by line; its head tells, and nothing is written on."""
    path = tmp_path / "audit.jsonl"
    log = filled(path)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-cut]), encoding="utf-8")
    damage, head = log.check()
    assert damage is not None
    assert f"it ends with entry {5 - cut}, but 5 were written" in str(damage)
    assert head.sequence == 5 - cut
    assert log.verify() == 6 - cut
    assert log.check_recent() == (damage, head)
    with pytest.raises(AuditError, match="lost entries at its end"):
        log.append(caller="x", action="apply", outcome="done")


def test_an_anchor_elsewhere(tmp_path: Path) -> None:
    """Whoever rewrites log and head alike is found by a head that was noted down elsewhere."""
    log = filled(tmp_path / "audit.jsonl")
    _damage, noted = log.check()
    log.append(caller="x", action="apply", outcome="done")
    assert log.check(anchor=noted)[0] is None
    for path in tmp_path.iterdir():
        path.unlink()
    filled(tmp_path / "audit.jsonl", 9)
    assert log.check()[0] is None
    assert "does not hold the entry 5:" in str(log.check(anchor=noted)[0])


def test_rotation(tmp_path: Path) -> None:
    """A large file is closed and another one goes on from it: one chain, one search, no entry twice."""
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path, rotate_bytes=2000)
    for number in range(1, 31):
        log.append(caller="x", action="apply", outcome="done", detail={"n": number}, durable=number % 2 == 0)
    log.flush()
    closed = sorted(tmp_path.glob("audit-*.jsonl"))
    assert len(closed) >= 3
    damage, head = log.check()
    assert (damage, head.sequence) == (None, 30)
    assert [entry.sequence for entry in log.entries(limit=12)] == list(range(19, 31))
    closed[1].unlink()
    assert "does not follow" in str(log.check()[0])


def test_a_damaged_end_is_put_aside(tmp_path: Path) -> None:
    """After ``rotate`` work goes on, and the damage stays found."""
    path = tmp_path / "audit.jsonl"
    log = filled(path)
    with path.open("a", encoding="utf-8") as stream:
        stream.write('{"sequence": 6, "tor')
    log.rotate()
    assert log.append(caller="x", action="apply", outcome="done").sequence == 6
    assert "not an entry" in str(log.check()[0]) or "torn" in str(log.check()[0])


NESTED: dict[str, Any] = {}
for _level in range(500):
    NESTED = {"a": [NESTED]}


@pytest.mark.parametrize(
    "fields",
    [
        {"caller": "cli \udce9t\udce9"},
        {"action": "\ud800"},
        {"detail": {"label": "\udce9"}},
        {"detail": {"\udfff": ["\ud83d\ude00", {"a": "\ud800"}]}},
        {"rationale": ["\udcff"], "hosts": {"\udcff": "\udcff"}},
        {"detail": {"a": NESTED}},
        {"detail": {"a": "x" * 20_000_000}},
        {"hosts": {f"host{number:06}": "x" * 80 for number in range(100_000)}},
        {"detail": {"a": float("nan"), "b": float("inf"), "c": 10**400, "d": "\0\u2028\x1b"}},
    ],
    ids="-".join,
)
def test_whatever_is_written_can_be_read(tmp_path: Path, fields: dict[str, Any]) -> None:
    """No caller's words stop the log: the entry is read again, by all that read, and the next one follows on it."""
    log = filled(tmp_path / "audit.jsonl", 1)
    log.append(**{"caller": "x", "action": "apply", "outcome": "refused", **fields})
    log.append(caller="x", action="apply", outcome="done")
    assert log.check()[0] is None
    assert log.check_recent()[0] is None
    assert [entry.sequence for entry in log.entries()] == [1, 2, 3]
    assert log.path.read_bytes().isascii()


def test_a_log_that_half_a_character_had_stopped(tmp_path: Path) -> None:
    """A log of an earlier version with such an entry at its end goes on: it is as it was written."""
    log = filled(tmp_path / "audit.jsonl", 1)
    data = {**json.loads(log.path.read_text()), "sequence": 2, "caller": "cli \udce9"}
    data["previous"] = data["hash"]
    data["hash"] = entry_hash(data)
    with log.path.open("a", encoding="ascii") as stream:
        stream.write(json.dumps(data) + "\n")
    assert log.append(caller="x", action="apply", outcome="done").sequence == 3
    assert log.check()[0] is None


@pytest.mark.long
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_stops_everything(tmp_path: Path) -> None:
    """What cannot be written down is not done, be it a change or a question; the log stays whole and goes on later."""
    done = subprocess.run(
        ["unshare", "--mount", sys.executable, "-m", "tests.bridge.audit.full_disk_program", str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "refused refused whole works"
