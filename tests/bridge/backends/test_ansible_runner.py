# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of real playbooks: nothing is evaluated, nothing stays behind, and everything ends when told to."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.backends import ansible_environment, process_tree
from mcp_bridge.backends.ansible_runner import run_playbook
from mcp_bridge.backends.job import Job, RunOutcome
from tests.waiting import until

STUBBORN = "trap '' TERM; setsid sh -c \"trap '' TERM; sleep 61\" & sleep 60"


def playbook(folder: Path, *tasks: dict[str, Any]) -> str:
    """Write a playbook with these tasks and return its path; JSON is YAML."""
    import json  # noqa: PLC0415

    path = folder / "play.yml"
    path.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": list(tasks)}]), encoding="utf-8")
    return str(path)


def run(folder: Path, job: Job, **options: Any) -> tuple[RunOutcome, list[dict[str, Any]]]:
    """Run a job in a new folder and return how it ended and its events."""
    events: list[dict[str, Any]] = []
    private = folder / f"run-{time.monotonic_ns()}"
    private.mkdir(mode=0o700)
    options.setdefault("on_event", events.append)
    return run_playbook(job, run_id=private.name, folder=private, **options), events


def result_of(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the result of the last task that ended well."""
    found: dict[str, Any] = [event for event in events if event["event"] == "runner_on_ok"][-1]["event_data"]["res"]
    return found


VALUES = (
    "{{ lookup('pipe', 'touch MARK') }}",
    ["{{ 1 + 1 }}", {"{{ 2 }}": "{% raw %}"}],
    "1",
    "no",
    "0x10",
    "",
    "!unsafe x",
    "a: b # c",
    "\x7f\u2028\u00e9\U0001f600\ttab\n  indented\n",
    {"n": None, "yes": True, "f": 1.5, "i": -3},
)


def test_variables_are_data(tmp_path: Path, here: str) -> None:
    """Whatever a plan holds reaches the module as it was, type and all, and is never evaluated."""
    mark = tmp_path / "mark"
    values = [value.replace("MARK", str(mark)) if isinstance(value, str) else value for value in VALUES]
    given = {f"given_{number}": value for number, value in enumerate(values)}
    tasks = [{"ansible.builtin.debug": {"msg": f"{{{{ {name} }}}}"}} for name in given]
    outcome, events = run(tmp_path, Job(playbook(tmp_path, *tasks), here, extravars=given))
    told = [event["event_data"]["res"]["msg"] for event in events if event["event"] == "runner_on_ok"]
    assert (outcome.status, told) == ("successful", values)
    assert not mark.exists()


def test_nothing_secret_stays(tmp_path: Path, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file of a finished run holds the environment or the variables."""
    monkeypatch.setenv("SOME_TOKEN", "s3cret-in-environment")
    job = Job(playbook(tmp_path, {"ansible.builtin.ping": {}}), here, extravars={"given": "s3cret-in-variables"})
    outcome, _events = run(tmp_path, job)
    folder = tmp_path / outcome.run_id
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert outcome.log in files
    assert [path for path in files if "s3cret" in path.read_text(encoding="utf-8")] == []
    assert folder.stat().st_mode & 0o777 == 0o700


def test_host_keys_are_the_users_decision(tmp_path: Path, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """ansible-runner's habit of turning the check off does not reach ansible-playbook."""
    task = {"ansible.builtin.debug": {"msg": "{{ lookup('env', 'ANSIBLE_HOST_KEY_CHECKING') }}"}}
    monkeypatch.delenv("ANSIBLE_HOST_KEY_CHECKING", raising=False)
    _outcome, events = run(tmp_path, Job(playbook(tmp_path, task), here))
    assert result_of(events)["msg"] == ""
    monkeypatch.setenv("ANSIBLE_HOST_KEY_CHECKING", "True")
    _outcome, events = run(tmp_path, Job(playbook(tmp_path, task), here))
    assert result_of(events)["msg"] == "True"


def test_failing_handler_does_not_hang(tmp_path: Path, here: str) -> None:
    """An exception of the event handler is kept and the run goes on to its end."""

    def broken(_event: dict[str, Any]) -> None:
        raise RuntimeError("broken handler")

    outcome, _events = run(tmp_path, Job(playbook(tmp_path, {"ansible.builtin.ping": {}}), here), on_event=broken)
    assert (outcome.status, outcome.handler_error) == ("successful", "RuntimeError: broken handler")


@pytest.mark.parametrize("reason", ["cancelled", pytest.param("timeout", marks=pytest.mark.long)])
def test_whole_tree_is_ended(tmp_path: Path, here: str, reason: str) -> None:
    """Workers and a module that ignores TERM and left its session are all gone afterwards."""
    cancel = threading.Event()
    task = {"ansible.builtin.command": {"argv": ["/bin/sh", "-c", STUBBORN]}}
    job = Job(playbook(tmp_path, task), here, timeout_s=12 if reason == "timeout" else 60)
    seen: list[set[int]] = []

    def stop() -> None:
        """Cancel once the module's own child runs."""
        until(
            lambda: any(Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"sleep") for pid in _members(tmp_path)),
            60,
            "the module's child",
        )
        seen.append(_members(tmp_path))
        cancel.set()

    threading.Thread(target=stop, daemon=True).start()
    outcome, _events = run(tmp_path, job, cancel=cancel if reason == "cancelled" else None)
    assert outcome.status == reason
    assert seen
    assert _members(tmp_path) == set()


def _members(folder: Path) -> set[int]:
    names = [path.name for path in folder.glob("run-*")]
    return set().union(*(process_tree.members(ansible_environment.marker(name)) for name in names))


def test_signal_handlers_are_left_alone(tmp_path: Path, here: str) -> None:
    """A run in the main thread does not take over SIGINT and SIGTERM."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    run(tmp_path, Job(playbook(tmp_path, {"ansible.builtin.ping": {}}), here))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_runs_at_once_do_not_mix(tmp_path: Path, here: str) -> None:
    """Two runs from two threads each get their own variables."""
    job_file = playbook(tmp_path, {"ansible.builtin.debug": {"msg": "{{ given }}"}})
    found: dict[str, str] = {}

    def one(word: str) -> None:
        _outcome, events = run(tmp_path, Job(job_file, here, extravars={"given": word}))
        found[word] = result_of(events)["msg"]

    threads = [threading.Thread(target=one, args=(word,)) for word in ("left", "right")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"left": "left", "right": "right"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[defaults]\ncollections_path = /one:/two\n", ["/one", "/two"]),
        ("[defaults]\ncollections_path = below ; a remark\n", ["CWD/below"]),
        ("[ssh_connection]\npipelining = true\n", list(ansible_environment.DEFAULT_COLLECTIONS)),
        ("not an ini file", list(ansible_environment.DEFAULT_COLLECTIONS)),
    ],
)
def test_users_collections_stay_in_reach(tmp_path: Path, text: str, expected: list[str]) -> None:
    """The bridge's collection comes first, those of ansible.cfg after it."""
    (tmp_path / "ansible.cfg").write_text(text, encoding="utf-8")
    built = ansible_environment.build({"PATH": os.defpath}, run_id="x", cwd=tmp_path)
    own, *others = built["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)
    assert (Path(own) / "ansible_collections" / "netopt" / "linux" / "plugins").is_dir()
    assert others == [path.replace("CWD", str(tmp_path)) for path in expected]
