# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process that has imported Ansible beforehand runs what the program itself would, and is ended as it would be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.backends import ansible_environment, ansible_runner, process_tree
from mcp_bridge.backends.job import Job, RunOutcome
from mcp_bridge.backends.spare_ansible import SpareAnsible
from tests.waiting import until

STARTED = "{{ lookup('file', '/proc/self/cmdline') | replace('\\0', ' ') }}"
SETTING = "{{ lookup('ansible.builtin.config', 'DEFAULT_GATHERING') }} {{ lookup('env', 'GIVEN') }}"
PROGRAM = "spare_ansible_program"


@pytest.fixture
def spare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SpareAnsible]:
    """What keeps the process of a test's runs; nothing of it is in the temporary folder afterwards.

    A test has it prepared: pytest changes the environment between a fixture and its test.
    """
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    one = SpareAnsible()
    monkeypatch.setattr(ansible_runner, "SPARE", one)
    yield one
    assert list(temporary.iterdir()) == []


def waits(pid: int) -> None:
    """Wait until a process has imported what it imports."""
    until(lambda: "unix" in Path(f"/proc/{pid}/wchan").read_text(encoding="ascii"), 60, "a process that waits")


def tell(folder: Path, inventory: str, text: str, **options: Any) -> tuple[RunOutcome, list[dict[str, Any]]]:
    """Run one task that shows a text; return how it ended and the events."""
    path = folder / "play.yml"
    task = {"ansible.builtin.debug": {"msg": text}}
    path.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]), encoding="utf-8")
    events: list[dict[str, Any]] = []
    private = folder / f"run-{len(list(folder.glob('run-*')))}"
    private.mkdir(mode=0o700)
    job = Job(str(path), inventory)
    outcome = ansible_runner.run_playbook(job, run_id=private.name, folder=private, on_event=events.append, **options)
    return outcome, events


def said(events: list[dict[str, Any]]) -> str:
    """Return the text that the task has shown."""
    text: str = next(one["event_data"]["res"]["msg"] for one in events if one["event"] == "runner_on_ok")
    return text


def test_it_becomes_the_runs_program(spare: SpareAnsible, tmp_path: Path, here: str) -> None:
    """The process that waited is the one that runs, and only for one run."""
    spare.prepare()
    pid = spare.pid
    outcome, events = tell(tmp_path, here, STARTED)
    assert (outcome.status, outcome.rc) == ("successful", 0)
    assert PROGRAM in said(events)
    assert {event["pid"] for event in events} >= {pid}
    assert spare.pid is None
    _outcome, after = tell(tmp_path, here, STARTED)
    assert PROGRAM not in said(after)


@pytest.mark.parametrize(
    ("given", "settings"),
    [("GIVEN=one", "explicit one"), ("ANSIBLE_GATHERING=smart", "smart "), ("NETOPT_FORKS=3", "explicit ")],
)
def test_another_environment(
    spare: SpareAnsible, tmp_path: Path, here: str, monkeypatch: pytest.MonkeyPatch, given: str, settings: str
) -> None:
    """What Ansible may have read otherwise has it start anew, in the same process."""
    spare.prepare()
    pid = spare.pid
    monkeypatch.setenv(*given.split("="))
    _outcome, events = tell(tmp_path, here, f"{STARTED} | {SETTING}")
    program, _bar, told = said(events).partition(" | ")
    assert told == settings
    assert (PROGRAM in program) is given.startswith("NETOPT_")
    assert {event["pid"] for event in events} >= {pid}


@pytest.mark.parametrize("elsewhere", [True, False], ids=["another folder", "another file"])
def test_other_settings(
    spare: SpareAnsible, tmp_path: Path, here: str, monkeypatch: pytest.MonkeyPatch, *, elsewhere: bool
) -> None:
    """The ``ansible.cfg`` of the folder in which a run begins holds, as it is then."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, gathering in ((first, "implicit"), (second, "smart")):
        folder.mkdir()
        (folder / "ansible.cfg").write_text(f"[defaults]\ngathering = {gathering}\n", encoding="utf-8")
    monkeypatch.delenv("ANSIBLE_CONFIG", raising=False)
    monkeypatch.setattr(ansible_environment, "DEFAULTS", {})
    monkeypatch.chdir(first)
    spare.prepare()
    assert spare.pid is not None
    waits(spare.pid)
    if elsewhere:
        monkeypatch.chdir(second)
    else:
        (second / "ansible.cfg").replace(first / "ansible.cfg")
    _outcome, events = tell(tmp_path, here, f"{STARTED} | {SETTING}")
    assert PROGRAM not in said(events)
    assert said(events).endswith("| smart ")


@pytest.mark.parametrize("text", ["log_path = $TMPDIR/../said.log", "log_path=said.log"])
def test_no_log_is_opened_ahead_of_a_run(
    spare: SpareAnsible, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """A command that comes to no run leaves no log; where the log of a run is, the run decides."""
    (tmp_path / "ansible.cfg").write_text(f"[defaults]\n{text}\n", encoding="utf-8")
    monkeypatch.delenv("ANSIBLE_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    spare.prepare()
    assert spare.pid is not None
    waits(spare.pid)
    assert not list(tmp_path.rglob("*.log"))


def test_it_holds_nothing_open(spare: SpareAnsible, tmp_path: Path) -> None:
    """A lock of whoever called netopt is free once netopt has ended."""
    with (tmp_path / "lock").open("w", encoding="utf-8") as lock:
        os.set_inheritable(lock.fileno(), True)  # noqa: FBT003 - Python's own
        spare.prepare()
    assert spare.pid is not None
    waits(spare.pid)
    held = [path.readlink() for path in Path(f"/proc/{spare.pid}/fd").iterdir()]
    assert held
    assert tmp_path / "lock" not in held


def test_what_is_said_at_the_start_is_in_the_log(tmp_path: Path, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that Ansible refuses are told of as ever."""
    broken = tmp_path / "broken.cfg"
    broken.write_text("[defaults]\nforks = many\n", encoding="utf-8")
    monkeypatch.setenv("ANSIBLE_CONFIG", str(broken))
    one = SpareAnsible()
    monkeypatch.setattr(ansible_runner, "SPARE", one)
    logs = []
    for _each in range(2):
        outcome, _events = tell(tmp_path, here, "x")
        assert outcome.status == "failed"
        logs.append(outcome.log.read_text(encoding="utf-8"))
        one.prepare()
    assert "many" in logs[0]
    assert logs[0].replace("run-0", "run-1").splitlines()[:1] == logs[1].splitlines()[:1]


@pytest.mark.parametrize("state", ["ready", "importing"])
def test_it_ends_with_its_run(spare: SpareAnsible, tmp_path: Path, here: str, state: str) -> None:
    """Whoever ends a run finds this process by the run's id; who began the run finds it before that as well."""
    spare.prepare()
    pid = spare.pid
    assert pid is not None
    if state == "ready":
        waits(pid)
    else:
        os.kill(pid, signal.SIGSTOP)
    cancel = threading.Event()
    found: set[int] = set()

    def stop() -> None:
        """End the run as soon as the program runs, or should."""
        mark = ansible_environment.marker("run-0")
        until(lambda: pid in (process_tree.members(mark) if state == "ready" else spare.taken("run-0")), 60, "its run")
        found.update(process_tree.members(mark))
        cancel.set()

    threading.Thread(target=stop, daemon=True).start()
    outcome, _events = tell(tmp_path, here, "{{ lookup('pipe', 'sleep 60') }}", cancel=cancel)
    assert outcome.status == "cancelled"
    assert (pid in found) is (state == "ready")
    assert not Path(f"/proc/{pid}").exists()
    assert spare.taken("run-0") == set()


def test_killed_while_it_waits(spare: SpareAnsible, tmp_path: Path, here: str) -> None:
    """The program runs without it."""
    spare.prepare()
    pid = spare.pid
    assert pid is not None
    waits(pid)
    os.kill(pid, signal.SIGKILL)
    until(lambda: Path(f"/proc/{pid}/cmdline").read_bytes() == b"", 60, "its end")
    outcome, events = tell(tmp_path, here, STARTED)
    assert outcome.status == "successful"
    assert PROGRAM not in said(events)


def test_it_ends_with_whoever_started_it() -> None:
    """Nothing waits for a run that cannot come any more, however its parent ended."""
    text = (
        "import sys; from mcp_bridge.backends.spare_ansible import SPARE; SPARE.prepare(); print(SPARE.pid, flush=True)"
    )
    words = [sys.executable, "-c", f"{text}; sys.stdin.read()"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        parent.kill()
    until(lambda: not Path(f"/proc/{pid}/exe").exists(), 60, "the end of the process that waited")


def test_another_pythons_ansible_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where ``ansible-playbook`` beside this Python starts another one, nothing waits."""
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    (tmp_path / "ansible-playbook").write_text("#!/usr/bin/python3.99\n", encoding="utf-8")
    monkeypatch.setattr(sys, "executable", str(python))
    one = SpareAnsible()
    one.prepare()
    assert one.pid is None


def test_none_waits_where_an_awx_runs_playbooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is started that no run can take."""
    monkeypatch.setenv("NETOPT_BACKEND", "awx")
    one = SpareAnsible()
    one.prepare()
    assert one.pid is None


def test_a_command_in_a_folder_that_is_gone(tmp_path: Path) -> None:
    """What is wrong is said in one line, as without it."""
    gone = tmp_path / "gone"
    gone.mkdir()
    words = f"cd {gone} && rmdir {gone} && {sys.executable} -P -m mcp_bridge apply -i localhost, nothere.json"
    done = subprocess.run(["/bin/sh", "-c", words], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 2)
    assert done.stderr.startswith("netopt: nothere.json cannot be read")


def test_a_command_that_asks_hosts_starts_one(tmp_path: Path) -> None:
    """``netopt plans`` is carried out by it: what the host's Python is started from has it among its ancestors."""
    python = tmp_path / "python"
    ancestors = tmp_path / "ancestors"
    python.write_text(
        "#!/bin/sh\npid=$$\nwhile [ $pid -gt 1 ]; do tr '\\0' ' ' < /proc/$pid/cmdline\n"
        f"pid=$(awk '/^PPid:/ {{print $2}}' /proc/$pid/status); done > {ancestors}\nexec {sys.executable} \"$@\"\n",
        encoding="utf-8",
    )
    python.chmod(0o755)
    inventory = tmp_path / "hosts.yml"
    host = {"ansible_connection": "local", "ansible_python_interpreter": str(python)}
    inventory.write_text(json.dumps({"all": {"hosts": {"here": host}}}), encoding="utf-8")
    environment = {**os.environ, "NETOPT_STATE_DIR": str(tmp_path / "state")}
    words = [sys.executable, "-m", "mcp_bridge", "plans", "-i", str(inventory)]
    subprocess.run(words, check=True, capture_output=True, env=environment)
    assert PROGRAM in ancestors.read_text(encoding="utf-8")
