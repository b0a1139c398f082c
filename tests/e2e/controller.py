# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A controller of a test's own with ten hosts: its folders, its environment, its runs, and what these leave behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from fastmcp import Client

from mcp_bridge.backends import ansible_environment
from mcp_bridge.lab.state import Lab
from mcp_bridge.models import ChangeReport
from mcp_bridge.runs import events as run_events
from mcp_bridge.runs.apply_options import ApplyOptions
from mcp_bridge.runs.spare_worker import SpareWorker
from mcp_bridge.runs.task import Scope
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings
from tests.e2e.fleet import ROOT, Fleet
from tests.waiting import until

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


@dataclass(frozen=True)
class Controller:
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
        found = [f"process {pid}" for pid in processes_of(run_id)]
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


def processes_of(run_id: str) -> set[int]:
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


def agree(controller: Controller, hosts: Mapping[str, Mapping[str, Any]]) -> None:
    """See that what a report says of each host is what its kernel says.

    Of a host that could not be asked in time, it says that it has not decided and restores by itself.
    """
    undecided = [name for name, host in hosts.items() if "has not decided yet" in str(host["error"])]
    wait_for(lambda: all(controller.values()[name] == OLD for name in undecided))
    values = controller.values()
    assert set(hosts) <= set(values)
    for name, value in values.items():
        status = hosts[name]["status"] if name in hosts else "unchanged"
        assert value == (NEW if status == "applied" else OLD), (name, value, hosts.get(name))


def wait_for(condition: Callable[[], T]) -> T:
    """Return what a condition gives once that is something."""
    return until(condition, TIMEOUT_S, "what the run has come to", every_s=0.02)


@contextmanager
def serving(controller: Controller) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server over HTTP, and the address at which it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["-m", "mcp_bridge", "serve", "--http", f"127.0.0.1:{port}", "--consent", "never"]
    environment = {
        **controller.environment,
        "NETOPT_STATE_DIR": str(controller.settings.state_dir),
        "NETOPT_INVENTORY": str(controller.lab.inventory),
        "NETOPT_POLICY_DIR": str(controller.folder / "policy"),
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


def begun(controller: Controller, *, scope: Scope | None = None) -> tuple[str, Future[ChangeReport]]:
    """Begin an apply in a process of its own, and return its id and what will be its report."""
    service = controller.service
    started = service.begin_apply(service.check(PLAN, Scope()), ApplyOptions(), scope or controller.few)
    pool = ThreadPoolExecutor(1)
    return started.record.run_id, pool.submit(service.finish, started)


def statuses(controller: Controller, run_id: str) -> list[str]:
    """Return what the hosts have said so far."""
    return list(run_events.progress(controller.run_folder(run_id)).values())


def workers_of(controller: Controller, run_id: str) -> list[int]:
    """Return the process of a run; the spare one bears no mark, since it is older than its run."""
    own = b"mcp_bridge.run_worker"
    return [pid for pid in {*processes_of(run_id), controller.pid_of(run_id)} if own in command_line(pid)]


def command_line(pid: int) -> bytes:
    """Return the words of a process, none once it has ended."""
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""


@contextmanager
def held_back(controller: Controller, run_id: str, *, hosts: int) -> Iterator[None]:
    """Keep a run from getting through once it has the locks of its hosts, before it has done much on them."""
    locks = controller.settings.state_dir / "locks"
    wait_for(lambda: sum(run_id in path.read_text(encoding="utf-8") for path in locks.glob("*")) == hosts)
    stopped = [pid for pid in processes_of(run_id) if b"ansible-playbook" in command_line(pid)]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
