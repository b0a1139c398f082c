# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of the audit log is known by its head: one that is gone or cannot be read is damage, a crash is none."""

from __future__ import annotations

import asyncio
import itertools
import json
import multiprocessing
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError

from mcp_bridge import COLLECTIONS_ROOT
from mcp_bridge.audit.chain import Head
from mcp_bridge.audit.head import HeadFile
from mcp_bridge.audit.log import AuditError, AuditLog
from mcp_bridge.mcp_server import server
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings
from tests.waiting import until


def put(path: Path, count: int, *, durable: bool = True, rotate_bytes: int = 10**9) -> AuditLog:
    """Add entries to a log and return it."""
    log = AuditLog(path, rotate_bytes=rotate_bytes)
    for _ in range(count):
        log.append(caller="cli tester", action="apply", outcome="done", durable=durable)
    return log


def cut(path: Path, count: int) -> None:
    """Take the last entries off a log's file."""
    lines = path.read_text(encoding="ascii").splitlines(keepends=True)
    path.write_text("".join(lines[:-count]), encoding="ascii")


def gone(folder: Path) -> None:
    """Remove the head."""
    (folder / "audit.head").unlink()


GONE = "audit.head: it is gone, so nothing tells whether entries are missing at the log's end; wanted: NUMBER:HASH"
UNREADABLE = "audit.head: it does not say what a head says, so nothing tells whether"
DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no head": (gone, GONE),
    "no head and no end": (lambda folder: (cut(folder / "audit.jsonl", 5), gone(folder)), GONE),
    "empty head": (lambda folder: (folder / "audit.head").write_bytes(b""), UNREADABLE),
    "head of noise": (lambda folder: (folder / "audit.head").write_bytes(os.urandom(84)), UNREADABLE),
    "half a head": (lambda folder: os.truncate(folder / "audit.head", 40), UNREADABLE),
    "no hash in the head": (
        lambda folder: (folder / "audit.head").write_text(f"{1:018d}:{'x' * 64}\n", encoding="ascii"),
        UNREADABLE,
    ),
    "head that is a folder": (
        lambda folder: (gone(folder), (folder / "audit.head").mkdir()),
        "audit.head: Is a directory, so nothing tells whether",
    ),
    "newer head": (lambda folder: cut(folder / "audit.jsonl", 1), "it ends with entry 11, but 12 were written"),
    "head of another log": (
        lambda folder: HeadFile(folder / "audit.jsonl").begin(Head(12, "f" * 64)),
        "its entry 12 is not the one that its head tells of",
    ),
    "file emptied": (lambda folder: (folder / "audit.jsonl").write_bytes(b""), "but 12 were written"),
    "file gone": (lambda folder: (folder / "audit.jsonl").unlink(), "but 12 were written"),
}


@pytest.mark.parametrize("closed", [False, True], ids=["one file", "closed files"])
@pytest.mark.parametrize("name", DAMAGES)
def test_damage(tmp_path: Path, name: str, *, closed: bool) -> None:
    """It is told, nothing is written on as if nothing were, and after ``rotate`` work goes on and it is still told."""
    path = tmp_path / "audit.jsonl"
    log = put(path, 2 if closed else 12)
    if closed:
        log.rotate()
        put(path, 10)
    assert log.check()[0] is None
    harm, told = DAMAGES[name]
    harm(tmp_path)
    damage, _head = log.check()
    assert told in str(damage)
    assert damage is not None
    assert "--anchor" in damage.hint
    assert told in str(log.check_recent()[0])
    with pytest.raises(AuditError, match="may have lost entries at its end"):
        put(path, 1)
    log.flush()  # nor does this make it whole
    assert told in str(log.check()[0])
    if name == "head that is a folder":
        (tmp_path / "audit.head").rmdir()  # nobody but a person can
    log.rotate()
    put(path, 3)
    assert log.check()[0] is not None


def test_an_older_head_of_another_log(tmp_path: Path) -> None:
    """A head behind the log is what a killed process leaves; one that tells of an entry that is not there is damage."""
    path = tmp_path / "audit.jsonl"
    log = put(path, 5)
    (third,) = [entry for entry in log.entries() if entry.sequence == 3]
    HeadFile(path).begin(Head(3, third.hash))
    assert log.check()[0] is None
    HeadFile(path).begin(Head(3, "f" * 64))
    assert "it does not hold the entry 3:ffff" in str(log.check()[0])


@pytest.mark.parametrize("left", ["closed files", "an anchor"])
def test_log_and_head_gone(tmp_path: Path, left: str) -> None:
    """That there was a log is known from its closed files, or from a head elsewhere; ``verify`` says what to do."""
    path = tmp_path / "audit.jsonl"
    log = put(path, 5)
    anchor = log.check()[1]
    if left == "closed files":
        log.rotate()
        put(path, 1)
    path.unlink()
    gone(tmp_path)
    done = verify(tmp_path, "--anchor", str(anchor))
    told = {"closed files": "audit.head: it is gone, so nothing tells", "an anchor": "it does not hold the entry 5:"}
    assert done.returncode == 1, done.stdout
    assert told[left] in done.stderr
    assert ("hint: Compare the log with a head" in done.stderr) == (left == "closed files")


@pytest.mark.parametrize("anchored", [False, True])
def test_log_and_head_gone_beside_runs(tmp_path: Path, *, anchored: bool) -> None:
    """A change that is kept was in the log: without one nothing is written on, and ``rotate`` goes on, damage told."""
    path = tmp_path / "audit.jsonl"
    anchor = put(path, 5).check()[1]
    for name, checkpoint in (("a", None), ("b", "b")):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run.json").write_text(json.dumps({"checkpoint_id": checkpoint}), encoding="utf-8")
        (tmp_path / "runs" / name / "result.json").write_text("{}", encoding="utf-8")
    path.unlink()
    gone(tmp_path)
    arguments = ("--anchor", str(anchor)) if anchored else ()
    done = verify(tmp_path, *arguments)
    assert (done.returncode, GONE in done.stderr) == (1, True), done.stdout
    with pytest.raises(AuditError, match="may have lost entries at its end"):
        put(path, 1)
    AuditLog(path).rotate()
    put(path, 3)
    assert verify(tmp_path, *arguments).returncode == 1


def test_the_use_of_an_anchor_in_the_documentation(tmp_path: Path) -> None:
    """What docs/access.md has run each night notes heads down, and fails once the log was rewritten."""
    text = (Path(__file__).parents[3] / "docs" / "access.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```bash\n(anchor=.*?)```", text, re.DOTALL)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "ssh").write_text('#!/bin/sh\nshift\nexec "$@"\n', encoding="utf-8")
    (programs / "netopt").write_text(f'#!/bin/sh\nexec {sys.executable} -m mcp_bridge "$@"\n', encoding="utf-8")
    for program in programs.iterdir():
        program.chmod(0o755)
    path = tmp_path / "state" / "audit.jsonl"
    environment = {**os.environ, "NETOPT_STATE_DIR": str(path.parent), "PYTHONPATH": str(Path(__file__).parents[3])}
    environment["PATH"] = f"{programs}:{environment['PATH']}"

    def night() -> int:
        return subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, check=False).returncode

    for count in (1, 2):
        put(path, 3)
        assert night() == 0
        assert len((tmp_path / "heads").read_text(encoding="ascii").splitlines()) == count
    path.unlink()
    gone(path.parent)
    put(path, 9)
    assert AuditLog(path).check()[0] is None
    assert night() == 1
    assert len((tmp_path / "heads").read_text(encoding="ascii").splitlines()) == 2


def test_runs_that_ask_are_in_no_log(tmp_path: Path) -> None:
    """Beside runs that changed nothing, and before the first one has ended, a log that has not begun is whole."""
    for name, checkpoint, file in (("a", None, "result.json"), ("b", "b", "events.jsonl")):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run.json").write_text(json.dumps({"checkpoint_id": checkpoint}), encoding="utf-8")
        (tmp_path / "runs" / name / file).write_text("{}", encoding="utf-8")
    assert verify(tmp_path).returncode == 0
    put(tmp_path / "audit.jsonl", 1)


def verify(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``netopt audit verify``."""
    argv = [sys.executable, "-m", "mcp_bridge", "audit", "verify", *arguments]
    environment = {**os.environ, "NETOPT_STATE_DIR": str(folder)}
    return subprocess.run(argv, env=environment, check=False, capture_output=True, text=True)


@pytest.mark.parametrize("made", [False, True], ids=["no file", "empty file"])
def test_no_entry_yet(tmp_path: Path, *, made: bool) -> None:
    """A log that never had an entry is whole, without a head as well."""
    path = tmp_path / "state" / "audit.jsonl"
    if made:
        path.parent.mkdir(mode=0o700)
        path.touch(0o600)
    assert AuditLog(path).check() == (None, Head())
    assert AuditLog(path).check_recent() == (None, Head())
    assert verify(path.parent).returncode == 0
    assert put(path, 1, durable=False).check()[0] is None
    assert HeadFile(path).path.exists()


def test_a_client_is_told(tmp_path: Path) -> None:
    """It learns which file is at fault, what is wanted and what to do; without a head no call goes through."""
    settings = Settings(state_dir=tmp_path, inventory="localhost,")
    put(settings.audit_file, 3)

    async def ask() -> dict[str, Any]:
        async with Client(server.build(Service(settings, caller="tester"))) as client:
            whole = await client.call_tool("get_audit_log_tool", {})
            assert (whole.structured_content["intact"], whole.structured_content["damage"]) == (True, None)
            lines = settings.audit_file.read_text(encoding="ascii").replace("tester", "nobody", 2)
            settings.audit_file.write_text(lines, encoding="ascii")
            changed = await client.call_tool("get_audit_log_tool", {})
            gone(tmp_path)
            with pytest.raises(ToolError, match=r"audit\.head: it is gone.*wanted: NUMBER:HASH.*`netopt audit rotate`"):
                await client.call_tool("get_audit_log_tool", {})
            return dict(changed.structured_content)

    page = asyncio.run(ask())
    assert (page["intact"], page["first_damaged_line"]) == (False, 1)
    assert page["damage"].startswith(f"{settings.audit_file}: a line: changed after it was written.")
    assert "`netopt audit verify`" in page["damage"]


Killed = Callable[[Path, str, int, bool], bool]


@pytest.fixture(scope="module")
def killed_at() -> Iterator[Killed]:
    """Write to a log in a process that is killed when it makes a system call for the n-th time; whether it was."""
    argv = [sys.executable, "-m", "tests.bridge.audit.killed_program"]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=COLLECTIONS_ROOT
    ) as writers:
        assert writers.stdin
        assert writers.stdout
        told, answers = writers.stdin, writers.stdout

        def killed(path: Path, call: str, number: int, durable: bool) -> bool:  # noqa: FBT001 - as the program reads it
            told.write(json.dumps([str(path), call, number, durable]) + "\n")
            told.flush()
            return bool(json.loads(answers.readline()))

        yield killed


@pytest.mark.parametrize("durable", [True, False], ids=["durable", "quick"])
@pytest.mark.parametrize(
    "call", ["open", "write", "pwrite", "fsync", "fdatasync", "rename", "replace", "fstat", "close", "dup2"]
)
def test_a_kill_is_no_damage(tmp_path: Path, killed_at: Killed, call: str, *, durable: bool) -> None:
    """Whichever call a process is killed at, on its first entry and later, the log is whole and goes on."""
    for number in itertools.count(1):
        path = tmp_path / str(number) / "audit.jsonl"
        killed = [killed_at(path, call, number, durable) for _ in range(3)]  # and begun again, and again
        log = AuditLog(path)
        assert log.check()[0] is None
        assert log.check_recent()[0] is None
        put(path, 1)
        assert log.check()[0] is None
        if not any(killed):
            break
    assert number > 1


def _write(path: Path) -> None:
    put(path, 60, rotate_bytes=2_100)


@pytest.mark.long
def test_verify_while_others_write(tmp_path: Path) -> None:
    """A log that goes on and is closed meanwhile is whole at any moment."""
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path)
    writer = multiprocessing.get_context("spawn").Process(target=_write, args=(path,))
    writer.start()
    until(path.exists, 60, "the first entry")
    found = set()
    while writer.is_alive():
        found |= {str(log.check_recent(limit=20)[0]), str(log.check()[0])}
        writer.join(0.01)  # whoever waits for the log's lock gets it
    writer.join()
    assert found == {"None"}
    assert log.check()[1].sequence == 60


LOG_WRITTEN_BEFORE = (
    '{"sequence":1,"time":"2026-11-29T07:46:01.118582Z","caller":"cli tester","action":"apply","outcome":"done'
    '","run_id":null,"plan_digest":null,"checkpoint_id":null,"rationale":[],"hosts":{},"subject":null,"argumen'
    'ts":null,"decision":null,"detail":{},"previous":"00000000000000000000000000000000000000000000000000000000'
    '00000000","hash":"5fa9d2ace105cd30c6888d90b8c5d6fd665dd5ce96e58e5a99ecb39e02494838"}\n'
    '{"sequence":2,"time":"2026-11-29T07:46:01.121582Z","caller":"cli tester","action":"apply","outcome":"done'
    '","run_id":null,"plan_digest":null,"checkpoint_id":null,"rationale":[],"hosts":{},"subject":null,"argumen'
    'ts":null,"decision":null,"detail":{},"previous":"5fa9d2ace105cd30c6888d90b8c5d6fd665dd5ce96e58e5a99ecb39e'
    '02494838","hash":"18616ed9ed8f6b36be8f792c69e594da7337ac1e1713f3645d9630ba923bdb55"}\n'
)
HEAD_WRITTEN_BEFORE = "000000000000000001:5fa9d2ace105cd30c6888d90b8c5d6fd665dd5ce96e58e5a99ecb39e02494838\n"


def test_a_log_that_was_there_before(tmp_path: Path) -> None:
    """A log and a head that are on a disk already are sound and gone on from: what they look like does not change."""
    path = tmp_path / "audit.jsonl"
    path.write_text(LOG_WRITTEN_BEFORE, encoding="ascii")
    (tmp_path / "audit.head").write_text(HEAD_WRITTEN_BEFORE, encoding="ascii")
    log = AuditLog(path)
    assert log.check()[0] is None
    assert log.check_recent()[0] is None
    put(path, 1)
    damage, end = log.check()
    assert (damage, end.sequence) == (None, 3)
    assert path.read_text(encoding="ascii").startswith(LOG_WRITTEN_BEFORE)
    assert (tmp_path / "audit.head").read_text(encoding="ascii") == f"{3:018d}:{end.hash}\n"


def test_closed_by_a_process_that_was_killed(tmp_path: Path) -> None:
    """Where the head was to be written after the file was closed, the log goes on from what was closed."""
    path = tmp_path / "audit.jsonl"
    log = put(path, 3)
    before = (tmp_path / "audit.head").read_bytes()
    put(path, 2)
    log.rotate()
    (tmp_path / "audit.head").write_bytes(before)
    assert log.check()[0] is None
    put(path, 1)
    damage, end = log.check()
    assert (damage, end.sequence) == (None, 6)
