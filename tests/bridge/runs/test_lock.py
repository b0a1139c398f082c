# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run on disk: its lock, its events, what a killed one leaves, and who may touch a host."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.backends import ansible_environment, process_tree
from mcp_bridge.backends import ansible_runner as runner
from mcp_bridge.backends.ansible_runner import run_playbook
from mcp_bridge.backends.job import Job
from mcp_bridge.errors import InventoryError, RunError
from mcp_bridge.runs import events as run_events
from mcp_bridge.runs import lock as run_lock
from mcp_bridge.runs import recovery, spawn
from mcp_bridge.runs.events import EventReader, EventWriter
from mcp_bridge.runs.lock import Cancel, RunLock
from mcp_bridge.runs.playbook_run import Fleet, HostsBusyError
from mcp_bridge.runs.registry import RunRegistry, UnknownRunError
from mcp_bridge.runs.report import RunEvents
from mcp_bridge.runs.sweep import sweep
from mcp_bridge.runs.task import Scope, Task
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings
from tests.bridge.runs.own_playbook import OwnPlaybook
from tests.waiting import until


def play(folder: Path, *tasks: dict[str, Any]) -> str:
    """Write a playbook with these tasks and return its path; JSON is YAML."""
    path = folder / f"play-{time.monotonic_ns()}.yml"
    path.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": list(tasks)}]), encoding="utf-8")
    return str(path)


def command(*argv: str) -> dict[str, Any]:
    """Return a task that runs a command."""
    return {"ansible.builtin.command": {"argv": list(argv)}}


def private(folder: Path) -> Path:
    """Return a new folder for a run."""
    path = folder / f"run-{time.monotonic_ns()}"
    path.mkdir(mode=0o700)
    return path


def test_lock_is_handed_over(tmp_path: Path) -> None:
    """A run lives as long as the process that its lock was handed to, whatever becomes of the one before it."""
    lock = RunLock.begin(tmp_path)
    assert run_lock.is_alive(tmp_path)
    with pytest.raises(BlockingIOError):
        RunLock.begin(tmp_path)
    other = subprocess.Popen(["sleep", "60"], pass_fds=(lock.descriptor,))
    lock.hand_over()
    assert run_lock.is_alive(tmp_path)
    other.kill()
    other.wait()
    assert (run_lock.is_open(tmp_path), run_lock.is_alive(tmp_path)) == (True, False)
    RunLock.begin(tmp_path).end()
    assert not run_lock.is_open(tmp_path)


def test_runs_that_begin_at_the_same_moment(tmp_path: Path) -> None:
    """Whoever clears up after killed runs does not take a run for one of them that is just beginning."""
    runs = RunRegistry(tmp_path, keep=1000)
    problems: list[object] = []

    def begin() -> None:
        for _turn in range(60):
            try:
                sweep(runs)
                record = runs.begin(action="query", caller="tester")
                if runs.get(record.run_id).state != "running":
                    problems.append(runs.get(record.run_id))
                runs.finish(record, state="successful", result={}, hosts={})
            except (OSError, UnknownRunError) as error:
                problems.append(error)

    callers = [threading.Thread(target=begin) for _caller in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert problems == []
    assert {record.state for record in runs.latest(limit=1000)} == {"successful"}


def test_lock_does_not_reach_children(tmp_path: Path) -> None:
    """What a run starts does not keep it alive."""
    before = RunLock.begin(tmp_path)
    descriptor = os.dup(before.descriptor)
    before.hand_over()
    os.set_inheritable(descriptor, True)  # noqa: FBT003 - as in a process that was started with it
    lock = RunLock.inherited(descriptor, tmp_path)
    child = subprocess.Popen(["sleep", "60"], close_fds=False)
    lock.hand_over()
    assert not run_lock.is_alive(tmp_path)
    child.kill()
    child.wait()


def test_events_are_followed(tmp_path: Path) -> None:
    """Events come once each and in order; a line that is half written waits, one that was cut off is left out."""
    reader = EventReader(tmp_path)
    assert list(reader.new()) == []
    writer = EventWriter(tmp_path)
    writer.append("one", "Apply the plan")
    writer.append("two", "applied", {"status": "applied"})
    assert [(event["host"], event["text"]) for event in reader.new()] == [("one", "Apply the plan"), ("two", "applied")]
    path = tmp_path / run_events.EVENTS
    with path.open("ab") as stream:
        stream.write(b'{"time": 1, "host": "three", "te')
    assert list(reader.new()) == []
    with path.open("ab") as stream:
        stream.write(b'xt": "applied"}\n{"cut off\n')
    writer.append("four", "failed")
    assert [event["host"] for event in reader.new()] == ["three", "four"]
    assert run_events.progress(tmp_path) == {
        "one": "Apply the plan",
        "two": "applied",
        "three": "applied",
        "four": "failed",
    }
    assert run_events.reports(tmp_path) == {"two": {"status": "applied"}}
    writer.close()


def test_events_do_not_pile_up() -> None:
    """Of ten thousand results of a host what is kept is the last, not all of them."""
    events = RunEvents()
    for number in range(10_000):
        data = {"host": "one", "task": "t", "res": {"report": {"status": "applied"}, "noise": "x" * 50, "info": number}}
        events.on_event({"event": "runner_on_ok", "event_data": data})
    assert events.results("info") == {"one": 9999}
    assert len(repr(events._hosts)) < 1000


def lost_run(settings: Settings, *, action: str) -> tuple[str, Path, subprocess.Popen[bytes]]:
    """Return a run whose process was killed while it had a child and secrets on disk."""
    registry = RunRegistry(settings.runs_dir, keep=5)
    record = registry.begin(action=action, caller="test", checkpoint_id="c" if action == "apply" else None)
    folder = registry.folder(record.run_id)
    (folder / "env").mkdir()
    for name in ("env/extravars", "env/envvars", runner.TASK):
        (folder / name).write_text("secret", encoding="utf-8")
    (folder / "tmp" / "ansible-local-1").mkdir(parents=True)
    (folder / "tmp" / "ansible-local-1" / "key").write_text("secret", encoding="utf-8")
    artifacts = folder / "artifacts" / record.run_id
    (artifacts / "job_events").mkdir(parents=True)
    (artifacts / "job_events" / "1-partial.json").write_text("secret", encoding="utf-8")
    (artifacts / "command").write_text("secret", encoding="utf-8")
    child = subprocess.Popen(["setsid", "sleep", "300"], env={**os.environ, ansible_environment.MARKER: record.run_id})
    registry.lock(record.run_id).hand_over()  # as the kernel does with the lock of a process that was killed
    return record.run_id, folder, child


@pytest.mark.parametrize(("action", "state"), [("query", "failed"), ("apply", "lost")])
def test_remains_of_a_killed_run(settings: Settings, here: str, action: str, state: str) -> None:
    """The next run, whatever it is, ends the processes of a killed one and removes its secrets."""
    run_id, folder, child = lost_run(settings, action=action)
    fleet = Fleet(settings, caller="test")
    assert fleet.runs.get(run_id).state == "lost"
    with pytest.raises(InventoryError):
        fleet.run(Task("query"), Scope(limit="nobody", inventory=here))
    child.wait(timeout=20)
    assert process_tree.members(ansible_environment.marker(run_id)) == set()
    left = [path for path in folder.rglob("*") if path.is_file()]
    assert [path for path in left if "secret" in path.read_text(encoding="utf-8")] == []
    assert not run_lock.is_open(folder)
    assert fleet.runs.get(run_id).state == state


def test_killed_before_a_host_was_touched(settings: Settings) -> None:
    """A change that had not come to know its hosts has failed; nobody needs to be asked."""
    run_id, _folder, child = lost_run(settings, action="apply")
    service = Service(settings, caller="test")
    record, result = service.history.status(run_id)
    child.wait(timeout=20)
    assert record.state == "failed"
    assert result is not None
    assert result["errors"] == ["The process that carried out the run was killed before it had touched a host"]
    assert [entry.outcome for entry in service.history.audit.entries()] == ["failed"]
    assert service.history.recover() == []


def test_hosts_that_cannot_be_asked_leave_a_run_lost(settings: Settings, tmp_path: Path) -> None:
    """What is not known is not made up: the run stays lost, says which host is unreachable, and is asked again."""
    inventory = tmp_path / "away.yml"
    inventory.write_text("all: {hosts: {away: {ansible_host: 127.0.0.1, ansible_port: 1}}}\n", encoding="utf-8")
    run_id, folder, child = lost_run(settings, action="apply")
    (folder / "hosts.json").write_text('["away"]', encoding="utf-8")
    (folder / "about.json").write_text(json.dumps({"inventory": str(inventory), "confirm": "auto"}), encoding="utf-8")
    service = Service(settings, caller="test")
    for _ in range(2):
        record, result = service.history.status(run_id)
        assert record.state == "lost"
        assert result is not None
        assert result["hosts"]["away"]["status"] == "unreachable"
        assert result["applied"] is False
    child.wait(timeout=20)


@pytest.mark.parametrize(
    ("action", "confirm", "status", "expected"),
    [
        ("apply", "auto", "confirmed", "applied"),
        ("apply", "auto", "rolled_back", "rolled_back"),
        ("apply", "auto", "restore_failed", "rollback_failed"),
        ("apply", "auto", None, "unchanged"),
        ("apply", "auto", "armed", None),
        ("apply", "auto", "applied", None),
        ("apply", "manual", "armed", None),
        ("apply", "manual", "applied", "applied"),
        ("confirm", None, "confirmed", "applied"),
        ("confirm", None, "applied", None),
        ("confirm", None, "rolled_back", "rolled_back"),
        ("rollback", None, "rolled_back", "rolled_back"),
        ("rollback", None, "confirmed", "failed"),
        ("rollback", None, "restore_failed", "rollback_failed"),
        ("snapshot", None, "snapshot", "applied"),
        ("delete_checkpoint", None, None, "applied"),
        ("delete_checkpoint", None, "confirmed", "failed"),
        ("extend", None, "applied", "applied"),
        ("extend", None, "rolled_back", "failed"),
    ],
)
def test_what_a_checkpoint_tells(
    settings: Settings, action: str, confirm: str | None, status: str | None, expected: str | None
) -> None:
    """The status of a run's checkpoint says what became of the run on the host, or that it is not decided yet."""
    record = RunRegistry(settings.runs_dir, keep=5).begin(action=action, caller="test", checkpoint_id="c")
    header = {"id": "c", "status": status, "note": None} if status else None
    report = recovery.read_state(record, header, confirm=confirm, reason="lost")
    assert (report.status if report else None) == expected
    if report is not None and expected in {"failed", "rollback_failed"}:
        assert report.error is not None


def test_request_to_end_reaches_any_process(tmp_path: Path, here: str) -> None:
    """A run is ended by a file in its folder, which any process may write, or by its own process's event."""
    folder = private(tmp_path)
    cancel = Cancel(folder, threading.Event())
    assert not cancel.is_set()
    asked = threading.Timer(2.0, run_lock.ask_to_end, args=(folder,), kwargs={"caller": "somebody"})
    asked.start()
    job = Job(play(tmp_path, command("sleep", "120")), here)
    outcome = run_playbook(job, run_id=folder.name, folder=folder, on_event=lambda _event: None, cancel=cancel)
    assert outcome.status == "cancelled"
    assert (folder / run_lock.CANCEL).read_text(encoding="utf-8") == "somebody"
    assert process_tree.members(ansible_environment.marker(folder.name)) == set()


def test_host_of_another_run_is_left_alone(settings: Settings, tmp_path: Path, here: str) -> None:
    """A second change is refused before its first task; a question is not; the lock ends with what held it."""
    mark = tmp_path / "mark"
    fleet = Fleet(settings, caller="test")
    slow = OwnPlaybook("apply", playbook=play(tmp_path, command("sleep", "6")))
    quick = OwnPlaybook("apply", playbook=play(tmp_path, command("touch", str(mark))))
    scope = Scope(inventory=here)
    record = fleet.begin(slow, scope)
    worker = threading.Thread(target=lambda: fleet.close(fleet.execute(record, slow, scope), result={}))
    worker.start()
    until(lambda: run_events.progress(fleet.runs.folder(record.run_id)), 60, "a run that has begun")
    with pytest.raises(HostsBusyError, match=f"run {record.run_id} is at work on here") as caught:
        fleet.run(quick, scope)
    assert caught.value.busy == {"here": record.run_id}
    assert not mark.exists()
    fleet.run(OwnPlaybook("query", playbook=play(tmp_path, command("true"))), scope)
    worker.join()
    fleet.run(quick, scope)
    assert mark.exists()


def test_no_change_without_a_lock(settings: Settings, tmp_path: Path, here: str) -> None:
    """Where the hosts cannot be locked nothing is changed, instead of a warning that nobody reads."""
    mark = tmp_path / "mark"
    settings.state_dir.mkdir()
    locks = settings.state_dir / "locks"
    locks.mkdir()
    name = hashlib.sha256(b"here").hexdigest()[:32]
    (locks / name).mkdir()
    with pytest.raises(RunError, match="could not be locked"):
        Fleet(settings, caller="test").run(
            OwnPlaybook("apply", playbook=play(tmp_path, command("touch", str(mark)))), Scope(inventory=here)
        )
    assert not mark.exists()


def test_netopts_own_secrets_do_not_reach_ansible(tmp_path: Path, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens and keys of the server are in no environment that Ansible, its plugins or modules get to see."""
    monkeypatch.setenv("NETOPT_AWX_TOKEN", "s3cret")
    monkeypatch.setenv("NETOPT_POLICY_DIR", "/policy")
    seen: list[str] = []
    task = {"ansible.builtin.debug": {"msg": "{{ lookup('pipe', 'env') }}"}}

    def take(event: dict[str, Any]) -> None:
        if event["event"] == "runner_on_ok":
            seen.append(event["event_data"]["res"]["msg"])

    folder = private(tmp_path)
    run_playbook(Job(play(tmp_path, task), here), run_id=folder.name, folder=folder, on_event=take)
    names = {line.partition("=")[0] for line in seen[0].splitlines() if line.startswith("NETOPT_")}
    assert names == {"NETOPT_POLICY_DIR", "NETOPT_RUN_ENDS", "NETOPT_RUN_ID", "NETOPT_RUN_FOLDER"}
    assert "s3cret" not in seen[0]


def test_temporary_files_are_the_runs_own(tmp_path: Path, here: str) -> None:
    """What Ansible and its modules put into temporary folders goes with the run."""
    folder = private(tmp_path)
    shell = command("/bin/sh", "-c", 'touch "$TMPDIR/left" && ls -d "$TMPDIR"/ansible-local-*')
    seen: list[str] = []

    def take(event: dict[str, Any]) -> None:
        if event["event"] == "runner_on_ok":
            seen.append(event["event_data"]["res"]["stdout"])

    run_playbook(Job(play(tmp_path, shell), here), run_id=folder.name, folder=folder, on_event=take)
    assert seen
    assert seen[0].startswith(str(folder / "tmp"))
    assert not (folder / "tmp").exists()


def test_ansible_runner_is_told_to_be_quick(tmp_path: Path, here: str) -> None:
    """Its own default would delay the end of a cancelled run by up to five seconds."""
    folder = private(tmp_path)
    found: list[dict[str, Any]] = []

    def take(_event: dict[str, Any]) -> None:
        found.append(json.loads((folder / "env" / "settings").read_text(encoding="utf-8")))

    run_playbook(Job(play(tmp_path, command("true")), here), run_id=folder.name, folder=folder, on_event=take)
    assert found[0]["pexpect_timeout"] == 1


def test_old_runs_are_removed(settings: Settings) -> None:
    """Runs go when they are too old, whatever their number; those that go on stay."""
    registry = RunRegistry(settings.runs_dir, keep=100, keep_days=30)
    young, old, running = (registry.begin(action="apply", caller="test") for _ in range(3))
    for record in (young, old):
        registry.finish(record, state="successful", result={}, hosts={})
    past = f"{datetime.now(UTC) - timedelta(days=31):%Y%m%dT%H%M%SZ}"
    renamed = {}
    for record in (old, running):
        renamed[record.run_id] = f"{past}-{record.run_id[-6:]}"
        (settings.runs_dir / record.run_id).rename(settings.runs_dir / renamed[record.run_id])
    registry.begin(action="query", caller="test")
    left = {path.name for path in settings.runs_dir.iterdir()}
    assert young.run_id in left
    assert renamed[running.run_id] in left
    assert renamed[old.run_id] not in left


def test_process_of_a_run_is_no_command() -> None:
    """Started by hand it says so and does nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "mcp_bridge.run_worker", "20260101T000000Z-000000"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "no command for people" in done.stderr, done.stdout) == (2, True, "")


def test_process_of_a_run_imports_nothing_from_where_it_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module of the standard library's name in the present folder is not run."""
    settings = Settings(state_dir=tmp_path / "state", inventory=str(tmp_path / "hosts.yml"))
    folder = private(tmp_path)
    here = tmp_path / "here"
    here.mkdir()
    (here / "json.py").write_text("import os\nos._exit(99)\n", encoding="utf-8")
    monkeypatch.chdir(here)
    process = spawn.spawn(settings, folder=folder, lock=RunLock.begin(folder), task={})
    process.wait(timeout=60)
    log = (folder / spawn.LOG).read_text(encoding="utf-8")
    assert process.returncode != 99
    assert folder.name in log  # it has come as far as to look for the run
