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


def test_another_folder(spare: SpareAnsible, tmp_path: Path, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ``ansible.cfg`` of the folder in which a run begins holds, though the process waited elsewhere."""
    monkeypatch.delenv("ANSIBLE_CONFIG", raising=False)
    monkeypatch.setattr(ansible_environment, "DEFAULTS", {})
    spare.prepare()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ansible.cfg").write_text("[defaults]\ngathering = smart\n", encoding="utf-8")
    _outcome, events = tell(tmp_path, here, f"{STARTED} | {SETTING}")
    assert PROGRAM not in said(events)
    assert said(events).endswith("| smart ")


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
def test_it_is_found_by_the_runs_id(spare: SpareAnsible, tmp_path: Path, here: str, state: str) -> None:
    """Whoever ends a run finds this process, and it is gone afterwards, whether or not it had imported all."""
    spare.prepare()
    pid = spare.pid
    assert pid is not None
    if state == "ready":
        waits(pid)
    cancel = threading.Event()
    found: set[int] = set()

    def stop() -> None:
        """End the run as soon as the program runs."""
        mark = ansible_environment.marker("run-0")
        until(lambda: pid in process_tree.members(mark), 60, "the program of the run")
        found.update(process_tree.members(mark))
        cancel.set()

    threading.Thread(target=stop, daemon=True).start()
    outcome, _events = tell(tmp_path, here, "{{ lookup('pipe', 'sleep 60') }}", cancel=cancel)
    assert outcome.status == "cancelled"
    assert pid in found
    assert not Path(f"/proc/{pid}").exists()


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
