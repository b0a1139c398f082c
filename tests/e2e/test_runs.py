# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on up to ten hosts whose server or own process is killed, that are cancelled, or that get in each other's way.

Whatever happens, a run's outcome is found by its id, it is what the hosts' kernels say, and nothing stays behind.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from fastmcp import Client

from mcp_bridge.backends import ansible_environment, process_tree
from mcp_bridge.errors import NetoptBridgeError
from mcp_bridge.lab.state import Lab
from mcp_bridge.models import ChangeReport
from mcp_bridge.runs import events as run_events
from mcp_bridge.runs.playbook_run import HostsBusyError
from mcp_bridge.runs.spare_worker import WAIT, SpareWorker
from mcp_bridge.runs.task import Scope
from mcp_bridge.service import ApplyOptions, Service
from mcp_bridge.settings import Settings
from tests.calls import call
from tests.e2e.fleet import ROOT, Fleet
from tests.labs import brought_up
from tests.waiting import until

pytestmark = [pytest.mark.lab, pytest.mark.slow]

HOSTS = 10
FEW = 5  # hosts of a run with three at a time: enough to have some done, some at it and some to come
KEY = "net.ipv4.tcp_fin_timeout"
OLD, NEW = "60", "31"
PLAN: dict[str, Any] = {"iface": "eth0", "changes": {"sysctl": {KEY: int(NEW)}, "shaper": {"egress_mbit": 700}}}
CONFIRM_S = 10  # after which a host whose change nobody confirms restores it
TIMEOUT_S = 240.0
T = TypeVar("T")
SECRET = "s3cret-that-no-host-and-no-file-may-see"  # noqa: S105 - it opens nothing
REMEMBERED = "carried"  # empty files: which hosts were sent the program
SECRETS = ("env", "tmp", "job.json", "artifacts/*/command", "artifacts/*/fact_cache", "artifacts/*/job_events")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Ten namespace hosts for this file; a test leaves them as it found them."""
    yield from brought_up("runs", hosts=HOSTS)


@dataclass(frozen=True)
class House:
    """A netopt of a test's own: its folders, its environment and its hosts."""

    lab: Lab
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    spare: SpareWorker = field(default_factory=SpareWorker)

    @property
    def settings(self) -> Settings:
        """The settings."""
        return Settings(
            state_dir=self.folder / "state",
            inventory=str(self.lab.inventory),
            policy_dir=self.folder / "policy",
            forks=3,
        )

    @property
    def service(self) -> Service:
        """A service that gives runs a process of their own."""
        return Service(self.settings, caller="tester", detached=True, spare=self.spare)

    def values(self) -> dict[str, str]:
        """Return what the hosts' kernels say of the key that the plan sets."""
        found = Fleet(self.lab, self.folder).values(KEY)
        return {host.name: value for host, value in zip(self.lab.hosts, found, strict=True)}

    def run_folder(self, run_id: str) -> Path:
        """Return a run's folder."""
        return self.settings.runs_dir / run_id

    def pid_of(self, run_id: str) -> int:
        """Return the process that carries a run out."""
        return self.service.fleet().runs.get(run_id).pid

    def ends(self, run_id: str) -> tuple[str, dict[str, Any]]:
        """Wait until a run is over and its outcome known; return its state and its result."""

        def ended() -> tuple[str, dict[str, Any]] | None:
            record, result = self.service.history.status(run_id)
            if record.state in {"running", "lost"}:
                return None
            assert result is not None
            return record.state, result

        found = until(ended, TIMEOUT_S, lambda: f"an end: {self.service.history.status(run_id)}", every_s=0.5)
        assert found is not None
        return found

    def left(self, run_id: str) -> list[str]:
        """Return what a run has left behind: processes, temporary files, secrets."""
        found = [f"process {pid}" for pid in _everything_of(run_id)]
        folder = self.run_folder(run_id)
        found += [str(path) for pattern in (*SECRETS, "alive", "looking", ".*") for path in folder.glob(pattern)]
        for place in (self.folder / "tmp", self.folder / "home" / ".ansible"):
            found += [str(path) for path in place.rglob("*") if not path.is_dir() and REMEMBERED not in path.parts]
        for path in self.settings.state_dir.rglob("*"):
            if path.is_file() and SECRET in path.read_text(encoding="utf-8", errors="replace"):
                found.append(f"the secret in {path}")
        return found

    def nothing_left(self, run_id: str) -> None:
        """Wait for the shared ssh connections to close, and see that then nothing of a run is left."""
        until(lambda: not self.left(run_id), 30, lambda: f"nothing left: {self.left(run_id)}", every_s=0.5)

    @property
    def few(self) -> Scope:
        """Some of the hosts; the others are to be left alone."""
        return Scope(limit=",".join(host.name for host in self.lab.hosts[:FEW]))

    def undo(self, run_id: str) -> None:
        """Lead the hosts back to before a run."""
        record = self.service.fleet().runs.get(run_id)
        service = Service(self.settings, caller="tester")
        service.finish(service.begin("rollback", checkpoint_id=run_id, scope=Scope(limit=record.limit)))
        assert set(self.values().values()) == {OLD}


@pytest.fixture
def house(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A netopt of the test's own, with hosts that wait for their confirmation only shortly."""
    for name in ("tmp", "home"):
        (tmp_path / name).mkdir()
    shutil.copytree(ROOT / "policy", tmp_path / "policy")
    limits = tmp_path / "policy" / "validation_limits.yaml"
    text = limits.read_text(encoding="utf-8")
    assert "confirm_timeout_default_s: 120\n" in text
    limits.write_text(
        text.replace("confirm_timeout_default_s: 120\n", f"confirm_timeout_default_s: {CONFIRM_S}\n"), encoding="utf-8"
    )
    for name in [name for name in os.environ if name.startswith("NETOPT_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(tmp_path.parent / "cp"),  # a socket's path has 107 bytes at most
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=3s",
        "NETOPT_AWX_TOKEN": SECRET,
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }.items():
        monkeypatch.setenv(name, value)
    house = House(lab, tmp_path, dict(os.environ))
    assert set(house.values().values()) == {OLD}
    yield house
    house.spare.dismiss()


def _everything_of(run_id: str) -> set[int]:
    """Return every process with a run's mark, shared ssh connections included."""
    wanted = ansible_environment.marker(run_id).encode()
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if wanted in environment.split(b"\0"):
                found.add(int(entry.name))
    return found


def agree(house: House, hosts: Mapping[str, Mapping[str, Any]]) -> None:
    """See that what a report says of each host is what its kernel says."""
    values = house.values()
    assert set(hosts) <= set(values)
    for name, value in values.items():
        status = hosts[name]["status"] if name in hosts else "unchanged"
        assert value == (NEW if status == "applied" else OLD), (name, status, value)


def wait_for(condition: Callable[[], T]) -> T:
    """Return what a condition gives once that is something."""
    return until(condition, TIMEOUT_S, "what the run has come to", every_s=0.02)


@contextmanager
def serving(house: House) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server over HTTP, and the address at which it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["-m", "mcp_bridge", "serve", "--http", f"127.0.0.1:{port}", "--consent", "never"]
    environment = {
        **house.environment,
        "NETOPT_STATE_DIR": str(house.settings.state_dir),
        "NETOPT_INVENTORY": str(house.lab.inventory),
        "NETOPT_POLICY_DIR": str(house.folder / "policy"),
        "NETOPT_FORKS": "3",
    }
    process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=environment)
    try:
        yield process, f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        process.wait()


async def connected(url: str) -> Client[Any]:
    """Return a client once the server answers."""
    ends = time.monotonic() + TIMEOUT_S
    while True:
        client = Client(url)
        try:
            await client.__aenter__()
        except Exception:  # noqa: BLE001 - the server is not up yet, whatever the transport calls that
            assert time.monotonic() < ends
            await asyncio.sleep(0.3)
        else:
            return client


async def begin_and_leave(house: House, url: str, *, kill: Callable[[], None]) -> str:
    """Apply the plan over MCP, kill the server once some hosts are at it, and return the run's id."""
    client = await connected(url)
    rendered = await call(client, "render_change_plan_tool", plan=PLAN)
    work = asyncio.ensure_future(call(client, "apply_rendered_plan_tool", rendered_plan=rendered, dry_run=False))
    run_id = await asyncio.to_thread(wait_for, lambda: at_work(house))
    kill()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    return str(run_id)


def at_work(house: House) -> str | None:
    """Return the id of the apply on which a host has begun, if there is one."""
    for record in house.service.fleet().runs.latest():
        if record.action == "apply" and run_events.progress(house.run_folder(record.run_id)):
            return record.run_id
    return None


def test_server_killed_in_an_apply_to_ten_hosts(house: House) -> None:
    """The run goes on without its server, and the next server has its outcome; nothing of it stays."""
    with serving(house) as (process, url):
        run_id = asyncio.run(begin_and_leave(house, url, kill=process.kill))
        process.wait()
    assert house.service.fleet().runs.get(run_id).state == "running"
    seen = [
        (Path("/proc") / str(pid) / "environ").read_bytes()
        for pid in process_tree.members(ansible_environment.marker(run_id))
        if b"ansible-playbook" in (Path("/proc") / str(pid) / "cmdline").read_bytes()
    ]
    assert seen
    assert not [text for text in seen if SECRET.encode() in text]

    async def look(url: str) -> Any:
        client = await connected(url)
        while True:
            found = await call(client, "run_status_tool", run_id=run_id)
            if found["run"]["state"] not in {"running", "lost"}:
                return found
            await asyncio.sleep(0.5)

    with serving(house) as (_process, url):
        found = asyncio.run(asyncio.wait_for(look(url), TIMEOUT_S))
    assert (found["run"]["state"], found["result"]["errors"]) == ("successful", [])
    assert {host["status"] for host in found["result"]["hosts"].values()} == {"applied"}
    assert len(found["result"]["hosts"]) == HOSTS
    agree(house, found["result"]["hosts"])
    entries = [entry for entry in house.service.history.audit.entries() if entry.run_id == run_id]
    assert [entry.outcome for entry in entries if entry.action == "apply"][-1] == "done"
    house.nothing_left(run_id)
    house.undo(run_id)


def begun(house: House, *, scope: Scope | None = None) -> tuple[str, Future[ChangeReport]]:
    """Begin an apply in a process of its own, and return its id and what will be its report."""
    service = house.service
    started = service.begin_apply(service.check(PLAN, Scope()), ApplyOptions(), scope or house.few)
    pool = ThreadPoolExecutor(1)
    return started.record.run_id, pool.submit(service.finish, started)


def statuses(house: House, run_id: str) -> list[str]:
    """Return what the hosts have said so far."""
    return list(run_events.progress(house.run_folder(run_id)).values())


STAGES: dict[str, Callable[[House, str], bool]] = {
    "before Ansible": lambda house, run_id: bool(_worker(house, run_id)),
    "hosts known": lambda house, run_id: (house.run_folder(run_id) / "hosts.json").exists(),
    "first host begun": lambda house, run_id: bool(statuses(house, run_id)),
    "first host done": lambda house, run_id: "applied" in statuses(house, run_id),
    "half of them done": lambda house, run_id: statuses(house, run_id).count("applied") >= FEW // 2,
}


def _worker(house: House, run_id: str) -> list[int]:
    """Return the process of a run; the spare one bears no mark, since it is older than its run."""
    own = b"mcp_bridge.run_worker"
    return [pid for pid in {*_everything_of(run_id), house.pid_of(run_id)} if own in _command_line(pid)]


def _command_line(pid: int) -> bytes:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize(("stage", "waited"), [*((stage, False) for stage in STAGES), ("first host begun", True)])
def test_process_of_a_run_killed(house: House, stage: str, *, waited: bool) -> None:
    """Its remains are ended, the hosts are asked, and what they say is what their kernels say."""
    if waited:
        house.spare.prepare()
    run_id, future = begun(house)
    wait_for(lambda: STAGES[stage](house, run_id))
    for pid in wait_for(lambda: _worker(house, run_id)):
        os.kill(pid, signal.SIGKILL)
    error = future.exception(timeout=TIMEOUT_S)
    assert error is None or isinstance(error, NetoptBridgeError), error
    state, result = house.ends(run_id)
    if stage == "before Ansible":
        assert (state, result["hosts"]) == ("failed", {})
    assert state == ("failed" if result["errors"] else "successful")
    assert result["applied"] is (state == "successful")
    if "done" in stage:
        assert "applied" in {host["status"] for host in result["hosts"].values()}
    agree(house, result["hosts"])
    house.nothing_left(run_id)
    house.undo(run_id)


def test_ansible_killed(house: House) -> None:
    """The run itself asks the hosts that had not reported, and rolls back those on which it was begun."""
    run_id, future = begun(house)
    wait_for(lambda: "applied" in statuses(house, run_id))
    for pid in _everything_of(run_id):
        if b"ansible-playbook" in _command_line(pid):
            os.kill(pid, signal.SIGKILL)
    report = future.result(timeout=TIMEOUT_S)
    assert (house.service.fleet().runs.get(run_id).state, report.applied) == ("failed", False)
    agree(house, report.model_dump(mode="json")["hosts"])
    house.nothing_left(run_id)
    house.undo(run_id)


@pytest.mark.parametrize("waited", [False, True])
def test_process_that_does_not_heed(house: House, monkeypatch: pytest.MonkeyPatch, *, waited: bool) -> None:
    """A second request ends a run whose process is stopped, and the hosts say what became of it."""
    if waited:
        house.spare.prepare()
    monkeypatch.setattr("mcp_bridge.runs.history.STUBBORN_S", 0.0)
    run_id, future = begun(house)
    wait_for(lambda: statuses(house, run_id))
    for pid in _worker(house, run_id):
        os.kill(pid, signal.SIGSTOP)
    assert house.service.history.cancel(run_id).state == "running"
    house.service.history.cancel(run_id)
    assert future.exception(timeout=TIMEOUT_S) is None
    _state, result = house.ends(run_id)
    agree(house, result["hosts"])
    house.nothing_left(run_id)
    house.undo(run_id)


def test_process_that_waits(house: House) -> None:
    """It carries the next run out with the environment and the lock that it is told; a killed one is replaced."""
    house.spare.prepare()
    waiting = house.spare.pid
    run_id, future = begun(house)
    report = future.result(timeout=TIMEOUT_S)
    assert (report.applied, house.pid_of(run_id)) == (True, waiting)
    after = wait_for(lambda: house.spare.pid)
    assert after not in {None, waiting}
    os.kill(after or 0, signal.SIGKILL)
    again, future = begun(house)
    report = future.result(timeout=TIMEOUT_S)
    assert {host.status for host in report.hosts.values()} == {"unchanged"}
    assert house.pid_of(again) != after
    house.nothing_left(run_id)
    house.nothing_left(again)
    house.undo(run_id)


def test_process_that_waits_ends_with_its_server(house: House) -> None:
    """No process is left of a server that was killed."""

    def waiting() -> list[int]:
        everything = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return [pid for pid in everything if parent_of(pid) == process.pid and WAIT.encode() in _command_line(pid)]

    with serving(house) as (process, _url):
        (pid,) = wait_for(waiting)
        process.kill()
        process.wait()
        wait_for(lambda: WAIT.encode() not in _command_line(pid))


def parent_of(pid: int) -> int:
    """Return the parent of a process, 0 once it has ended."""
    try:
        return int((Path("/proc") / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except OSError:
        return 0


def test_cancelled_by_another_server(house: House) -> None:
    """Hosts that had confirmed keep the change, the others are rolled back at once, and the report tells them apart."""
    run_id, future = begun(house)
    wait_for(lambda: "applied" in statuses(house, run_id))
    assert house.service.history.cancel(run_id).state == "running"
    report = future.result(timeout=TIMEOUT_S)
    state, result = house.ends(run_id)
    assert (state, result["applied"]) == ("cancelled", False)
    assert result == json.loads(report.model_dump_json())
    assert len(result["hosts"]) == FEW
    found = {host["status"] for host in result["hosts"].values()}
    assert "applied" in found
    assert found <= {"applied", "rolled_back", "unchanged", "skipped"}
    agree(house, result["hosts"])
    assert process_tree.members(ansible_environment.marker(run_id)) == set()
    with pytest.raises(NetoptBridgeError, match="has ended: cancelled"):
        house.service.history.cancel(run_id)
    house.nothing_left(run_id)
    house.undo(run_id)


def test_two_runs_on_one_host(house: House) -> None:
    """The second is refused whole and told which run is in its way; where they do not meet both go on."""
    names = sorted(host.name for host in house.lab.hosts)
    half = ",".join(names[:5])
    run_id, first = begun(house, scope=Scope(limit=half))
    wait_for(lambda: statuses(house, run_id))
    _other, second = begun(house, scope=Scope(limit=",".join(names[4:])))
    refusal = second.exception(timeout=TIMEOUT_S)
    assert refusal is not None
    assert f"No host was touched: run {run_id} is at work on {names[4]}" in str(refusal)
    third_id, third = begun(house, scope=Scope(limit=names[9]))
    assert first.result(timeout=TIMEOUT_S).errors == []
    assert third.result(timeout=TIMEOUT_S).errors == []
    values = house.values()
    assert [values[name] for name in names] == [NEW] * 5 + [OLD] * 4 + [NEW]
    service = Service(house.settings, caller="tester")
    service.finish(service.begin("rollback", checkpoint_id=third_id, scope=Scope(limit=names[9])))
    house.undo(run_id)


def test_busy_hosts_of_this_process(house: House) -> None:
    """A run in this process gets the error as such, with the host and the run."""
    name = house.lab.hosts[0].name
    run_id, first = begun(house, scope=Scope(limit=name))
    wait_for(lambda: statuses(house, run_id))
    playbook = [pid for pid in _everything_of(run_id) if b"ansible-playbook" in _command_line(pid)]
    for pid in playbook:
        os.kill(pid, signal.SIGSTOP)  # it is not to be through before the other one has begun
    service = Service(house.settings, caller="tester")
    with pytest.raises(HostsBusyError) as caught:
        service.finish(service.begin_apply(service.check(PLAN, Scope()), ApplyOptions(), Scope(limit=name)))
    for pid in playbook:
        os.kill(pid, signal.SIGCONT)
    assert caught.value.busy == {name: run_id}
    assert first.result(timeout=TIMEOUT_S).errors == []
    house.undo(run_id)


def test_many_runs_leak_nothing(house: House) -> None:
    """After eight runs one after another this process has as many files and threads as before."""
    scope = Scope(limit=house.lab.hosts[0].name)

    def once(*, detached: bool) -> None:
        service = Service(house.settings, caller="tester", detached=detached)
        report = service.finish(service.begin_apply(service.check(PLAN, Scope()), ApplyOptions(dry_run=True), scope))
        assert report.errors == []

    def held() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    once(detached=True)
    once(detached=False)
    before = held()
    for number in range(8):
        once(detached=number % 2 == 0)
    assert held() == before
