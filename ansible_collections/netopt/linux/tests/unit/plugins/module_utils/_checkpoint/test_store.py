# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checkpoints on a disk, and the lock."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import stat
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint import model as checkpoint_model
from ansible_collections.netopt.linux.plugins.module_utils._checkpoint import store as checkpoint_store
from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._common.report import HostReport
from ansible_collections.netopt.linux.plugins.module_utils._host import lock
from ansible_collections.netopt.linux.plugins.module_utils._host.lock import (
    GUARD,
    Holder,
    holder,
    host_lock,
    start_time,
)

CONTENT = checkpoint_model.Content(scopes={"nft": {}}, before={"nft": {"text": "é"}}, plan={"iface": "eth0"})


@pytest.fixture
def store(tmp_path: Path) -> checkpoint_store.Store:
    """A store in an empty folder."""
    return checkpoint_store.Store(str(tmp_path / "state"))


def header(identity: str, number: int = 1, status: str = checkpoint_model.ARMED) -> checkpoint_model.Header:
    """Return a header of this boot."""
    return checkpoint_model.Header(
        id=identity,
        sequence=number,
        created=checkpoint_store.now_utc(),
        boot_id=checkpoint_store.boot_id(),
        status=status,
    )


def test_create_and_read(store: checkpoint_store.Store) -> None:
    """A checkpoint reads as it was written, and only root can read it."""
    written = header("one")  # of this second
    store.create(written, CONTENT, b"program")
    assert written == store.header("one")
    assert store.content("one") == CONTENT
    folder = Path(store.path("one"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(entry.name for entry in folder.iterdir()) == [
        "header.json",
        "reserve.1",
        "reserve.2",
        "restore.pyz",
        "seen.json",
        "state.json",
    ]
    assert os.access(folder / "restore.pyz", os.X_OK)


def test_checkpoints_share_their_program(store: checkpoint_store.Store) -> None:
    """One that is the same to the byte is on the disk once; what is damaged, or of another release, is not taken."""
    for number, (name, program) in enumerate(
        [("one", b"program"), ("two", b"program"), ("other", b"PROGRAM"), ("three", b"program")]
    ):
        if name == "three":
            Path(store.path("one", "restore.pyz")).unlink()
            Path(store.path("one", "restore.pyz")).write_bytes(b"progra?")
        store.create(header(name, number), CONTENT, program)
    kept = {name: Path(store.path(name, "restore.pyz")) for name in ("one", "two", "three", "other")}
    assert [path.read_bytes() for path in kept.values()] == [b"progra?", b"program", b"program", b"PROGRAM"]
    assert kept["two"].samefile(kept["three"])
    assert [path.stat().st_nlink for path in kept.values()] == [1, 2, 2, 1]
    assert os.access(kept["three"], os.X_OK)


def test_create_after_a_power_cut(store: checkpoint_store.Store) -> None:
    """What a process of the same number and change has left half written is in nobody's way."""
    partial = Path(store.root, f".one.{os.getpid()}")
    partial.mkdir(parents=True)
    (partial / "state.json").write_bytes(b"half")
    store.create(header("one"), CONTENT, b"program")
    assert store.content("one") == CONTENT
    assert not partial.exists()


def test_create_twice(store: checkpoint_store.Store) -> None:
    """A taken id is refused, what is there stays, and nothing is left lying about."""
    store.create(header("one"), CONTENT, b"first")
    with pytest.raises(NetoptError, match="exists on this host already"):
        store.create(header("one", 2), CONTENT, b"second")
    assert Path(store.path("one", "restore.pyz")).read_bytes() == b"first"
    assert os.listdir(store.root) == ["one"]


def test_damaged_header(store: checkpoint_store.Store) -> None:
    """A damaged header is taken from the state, which says that it has to be looked at; a decision counts still."""
    store.create(header("one"), CONTENT, b"")
    path = Path(store.path("one", "header.json"))
    path.write_bytes(path.read_bytes().replace(b"one", b"two"))
    found = store.header("one")
    assert (found.id, found.status, found.note) == ("one", "restore_failed", "header.json is damaged")
    assert [entry.id for entry in store.headers()] == ["one"]
    store.decide("one", checkpoint_store.CONFIRM)
    assert store.header("one").status == "confirmed"


def test_damaged_state(store: checkpoint_store.Store) -> None:
    """From a damaged state nothing is read; without its header as well, a checkpoint is told as damaged."""
    store.create(header("one"), CONTENT, b"")
    path = Path(store.path("one", "state.json"))
    path.write_bytes(path.read_bytes().replace(b"eth0", b"eth1"))
    with pytest.raises(NetoptError, match=r"state\.json is damaged"):
        store.content("one")
    assert store.damaged() == []
    Path(store.path("one", "header.json")).unlink()
    assert (store.headers(), store.damaged()) == ([], ["one"])


def test_missing(store: checkpoint_store.Store) -> None:
    """A checkpoint that is not there is an error with a hint, and an empty store has an empty list."""
    assert store.headers() == []
    with pytest.raises(NetoptError, match="no checkpoint nothing"):
        store.header("nothing")


@pytest.mark.parametrize(
    ("status", "decision", "expected"),
    [
        (checkpoint_model.ARMED, checkpoint_store.CONFIRM, checkpoint_model.CONFIRMED),
        (checkpoint_model.APPLIED, checkpoint_store.CONFIRM, checkpoint_model.CONFIRMED),
        (checkpoint_model.APPLIED, checkpoint_store.RESTORE, checkpoint_model.ARMED),
        (checkpoint_model.ROLLED_BACK, checkpoint_store.CONFIRM, checkpoint_model.ROLLED_BACK),
    ],
)
def test_decision_outlives_its_maker(store: checkpoint_store.Store, status: str, decision: str, expected: str) -> None:
    """What was decided holds, even if whoever decided was interrupted before writing the status."""
    store.create(header("one", status=status), CONTENT, b"")
    assert store.decide("one", decision)
    assert expected == store.header("one").status


def _decide(root: str, decision: str, start: float, answers: multiprocessing.Queue[tuple[str, bool]]) -> None:
    store = checkpoint_store.Store(root)
    while time.monotonic() < start:
        pass
    answers.put((decision, store.decide("one", decision)))


def test_one_decision(store: checkpoint_store.Store) -> None:
    """Of a confirmation and a restore at the same instant exactly one wins, and both know which."""
    root = os.path.dirname(store.root)
    for attempt in range(10):
        store.create(header("one", attempt + 1), CONTENT, b"")
        answers: multiprocessing.Queue[tuple[str, bool]] = multiprocessing.Queue()
        start = time.monotonic() + 0.05
        processes = [
            multiprocessing.Process(target=_decide, args=(root, decision, start, answers))
            for decision in (checkpoint_store.CONFIRM, checkpoint_store.RESTORE)
        ]
        for process in processes:
            process.start()
        said = dict(answers.get(timeout=20) for _process in processes)
        for process in processes:
            process.join()
        assert sorted(said.values()) == [False, True]
        assert said[store.decision("one") or ""] is True
        store.remove("one")


def test_decide_again(store: checkpoint_store.Store) -> None:
    """Deciding the same once more agrees; deciding otherwise does not."""
    store.create(header("one"), CONTENT, b"")
    assert store.decide("one", checkpoint_store.CONFIRM)
    assert store.decide("one", checkpoint_store.CONFIRM)
    assert not store.decide("one", checkpoint_store.RESTORE)


def test_retain_cleans_up(store: checkpoint_store.Store) -> None:
    """Retention removes what interrupted writers and removers left."""
    store.create(header("one", status=checkpoint_model.CONFIRMED), CONTENT, b"")
    (Path(store.root) / ".two.123").mkdir()
    assert store.retain() == []
    assert os.listdir(store.root) == ["one"]


def test_report_is_kept(store: checkpoint_store.Store) -> None:
    """What the module reported can be reported again; a lost report is no error."""
    store.create(header("one"), CONTENT, b"")
    assert store.report("one") is None
    report = HostReport(status="applied", changed=True, warnings=["w"])
    store.keep_report("one", report)
    assert report == store.report("one")


def test_lock_names_its_holder(tmp_path: Path) -> None:
    """Whoever finds the lock taken is told by whom, at once or after the time it was ready to wait."""
    folder = str(tmp_path)
    words = rf"process {os.getpid()} \(the first\)"
    with host_lock("the first", directory=folder):
        for wait_s in (0.0, 0.2):
            began = time.monotonic()
            with pytest.raises(NetoptError, match=words), host_lock("a second", wait_s=wait_s, directory=folder):
                pass
            assert time.monotonic() - began >= wait_s
        found = holder(folder)
        assert found is not None
        assert found.holds()
    with host_lock("the third", directory=folder):
        pass


@pytest.mark.parametrize("says", [f"{GUARD}one", None], ids=["says so", "has not said so yet"])
def test_lock_is_awaited_while_a_guard_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str | None) -> None:
    """A guard holds the lock for a moment only: whoever asks once is not turned away, nor told of who had it before."""
    folder = str(tmp_path)
    with host_lock("an earlier change", directory=folder):
        pass
    with ExitStack() as guard:
        if says:
            guard.enter_context(host_lock(says, directory=folder))
        else:
            descriptor = os.open(lock.lock_path(folder), os.O_RDWR)
            guard.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)

        asked = iter((False, True, False, False, False))

        def seen(directory: str) -> Holder | None:
            found = holder(directory)
            if next(asked):
                guard.close()  # it lets go once it was seen to hold the lock
            return found

        monkeypatch.setattr(lock, "holder", seen)
        with host_lock("a change", directory=folder):
            found = holder(folder)
            assert found is not None
            assert found.purpose == "a change"
            assert found.holds()


def test_who_had_the_lock_is_not_said_to_have_it(tmp_path: Path) -> None:
    """Where nobody says in time that the lock is theirs, nobody is named: the last one has let go of it."""
    folder = str(tmp_path)
    with host_lock("an earlier change", directory=folder):
        pass
    with open(lock.lock_path(folder), "rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(NetoptError, match="another process holds the lock"), host_lock("a", directory=folder):
            pass


def test_holder_with_a_reused_pid() -> None:
    """A later process with the same pid is not taken for the holder."""
    started = start_time(os.getpid())
    assert started is not None
    assert Holder(os.getpid(), started, "").alive()
    assert not Holder(os.getpid(), started - 1, "").alive()
    assert start_time(2**22 + 1) is None
