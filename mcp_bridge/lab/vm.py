# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts as virtual machines, each with the distribution's own kernel; ssh through a port of 127.0.0.1."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_bridge.errors import LabError

from . import image, inventory, machine
from .bootstrap import locked
from .keys import public_key
from .machine import Machine
from .process import Process, end, identify
from .requirements import VM_TOOLS, require, tool
from .state import PREFIX, Lab, LabHost, write_private

if TYPE_CHECKING:
    from .image import Image

BOOT_TIMEOUT_S = 300.0
SAVE_TIMEOUT_S = 120.0
ATTEMPT_S = 5
_PAUSE_S = 0.3
_SNAPSHOT = "snapshot"


def hosts_of(name: str, count: int) -> tuple[LabHost, ...]:
    """Return the hosts of a VM lab; their ports are known once they are started."""
    return tuple(LabHost(f"{PREFIX}{name}-{n}", "127.0.0.1", 0) for n in range(1, count + 1))


def up(lab: Lab, _lock: int) -> Lab:
    """Start the machines of a lab from the saved state, wait until each one runs commands, and return it with ports.

    Args:
        lab: the lab, its folder made.
        _lock: not handed on: a machine is one process, and known by its name as soon as there is one.

    Raises:
        LabError: something is missing or failed; what was started so far is left for ``down``.
    """
    require(VM_TOOLS)
    built = image.ensure(lab.release)
    resume = _ensure_snapshot(built)
    started = replace(lab, hosts=tuple(_start(lab, host, built, resume) for host in lab.hosts))
    _install_keys(started, built)
    for host in started.hosts:
        _await(started, host)
        _personalise(started, host)
    return started


def down(lab_name: str) -> bool:
    """End the machines of a lab, found by their name, also of one that never came up.

    Returns:
        whether any was running.
    """
    found = [process for process, name in _machines() if name.rpartition("-")[0] == PREFIX + lab_name]
    end(found)
    return bool(found)


def processes(lab: Lab) -> dict[str, Process | None]:
    """Return each host's qemu, None where it does not run."""
    running = {name: process for process, name in _machines()}
    return {host.name: running.get(host.name) for host in lab.hosts}


def _machines() -> list[tuple[Process, str]]:
    """Return the machines of all labs that run now, with the names that qemu was given."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            argv = path.read_bytes().decode(errors="replace").split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if Path(argv[0]).name.startswith("qemu-system") and argv[1:2] == ["-name"] and argv[2].startswith(PREFIX):
            process = identify(int(path.parent.name))
            if process is not None:
                found.append((process, argv[2]))
    return found


def _install_keys(lab: Lab, built: Image) -> None:
    for source, target in ((built.key, lab.key), (built.key.with_suffix(".pub"), lab.key.with_suffix(".pub"))):
        write_private(target, source.read_text(encoding="utf-8"))
    host_key = public_key(built.host_key)
    inventory.write(lab, {host.name: host_key for host in lab.hosts})


def _start(lab: Lab, host: LabHost, built: Image, resume: Path) -> LabHost:
    """Start a host and return it with its port."""
    directory = lab.host_directory(host)
    directory.mkdir(mode=0o700, parents=True)
    disk = directory / "disk.ext4"
    _copy_sparse(resume.with_suffix(".ext4"), disk)
    virtual = Machine(host.name, disk, directory / "console.log")
    started = machine.start(virtual, built, resume=resume)
    process = identify(started.pid)
    if process is None:
        raise LabError(f"{host.name} did not start", hint=f"Read {directory / 'console.qemu.log'}.")
    write_private(directory / "process.json", json.dumps({"pid": process.pid, "start": process.start}))
    return _with_port(host, virtual, started)


def _with_port(host: LabHost, virtual: Machine, started: subprocess.Popen[bytes]) -> LabHost:
    """Return a host with the port of its machine, which qemu has before it runs anything."""
    while not (port := machine.forwarded_port(started.pid)):
        if started.poll() is not None:
            raise LabError(f"{host.name} ended: {_said_by_qemu(virtual.console)}")
        time.sleep(_PAUSE_S)
    return replace(host, port=port)


def _said_by_qemu(console: Path) -> str:
    return console.with_suffix(".qemu.log").read_text(encoding="utf-8", errors="replace").strip()


def _await(lab: Lab, host: LabHost) -> None:
    """Wait until a host runs a command over ssh: its port accepts long before its sshd does."""
    deadline = time.monotonic() + BOOT_TIMEOUT_S
    console = lab.host_directory(host) / "console.log"
    while _ssh(lab, host, "true").returncode != 0:
        if host.name not in {name for _process, name in _machines()}:
            raise LabError(f"{host.name} ended: {_said_by_qemu(console)}")
        if time.monotonic() > deadline:
            raise LabError(f"{host.name} did not come up within {BOOT_TIMEOUT_S:.0f} s", hint=f"Read {console}.")
        time.sleep(_PAUSE_S)


def _personalise(lab: Lab, host: LabHost) -> None:
    """Give a resumed host its own name and the time of day: both stand as they were when it was saved."""
    script = (
        f"date --set=@{time.time():.3f} >/dev/null && hostname {host.name} && echo {host.name} >/etc/hostname && "
        f"sed -i 's/^127.0.1.1 .*/127.0.1.1 {host.name}/' /etc/hosts && "
        "tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id"
    )
    done = _ssh(lab, host, script)
    if done.returncode != 0:
        raise LabError(f"{host.name} could not be named: {done.stderr.strip()}")


def _ssh(lab: Lab, host: LabHost, script: str) -> subprocess.CompletedProcess[str]:
    options = ["-o", "BatchMode=yes", "-o", f"ConnectTimeout={ATTEMPT_S}", "-o", "LogLevel=ERROR"]
    argv = [tool("ssh"), "-F", str(lab.ssh_config), *options, host.name, script]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def _ensure_snapshot(built: Image) -> Path:
    """Return the saved state of a booted host, made now if it is not there yet; its disk lies beside it."""
    accel = machine.accelerator()[0].partition(",")[0]
    state = built.directory / f"{_SNAPSHOT}-{accel}-{_qemu_version()}.state"
    with locked(built.directory / "snapshot.lock"):
        if not state.exists():
            _make_snapshot(built, state)
    return state


def _make_snapshot(built: Image, state: Path) -> None:
    """Boot the image once, save it as soon as ssh works, and end it."""
    partial = state.with_suffix(".partial")
    disk = state.with_suffix(".ext4")
    _copy_sparse(built.disk, disk)
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        lab = Lab(_SNAPSHOT, "vm", hosts_of(_SNAPSHOT, 1), Path(folder))
        (host,) = lab.hosts
        lab.host_directory(host).mkdir(parents=True)
        console = lab.host_directory(host) / "console.log"
        virtual = Machine(host.name, disk, console, control=f"{folder}/qmp")
        process = machine.start(virtual, built)
        try:
            host = _with_port(host, virtual, process)
            lab = replace(lab, hosts=(host,))
            _install_keys(lab, built)
            _await(lab, host)
            _ssh(lab, host, "systemctl is-system-running --wait; sync")
            machine.save(virtual, partial, timeout_s=SAVE_TIMEOUT_S)
            process.wait(ATTEMPT_S)
        finally:
            process.kill()
            process.wait()
    partial.rename(state)


def _qemu_version() -> str:
    done = subprocess.run([tool("qemu-system-x86_64"), "--version"], capture_output=True, text=True, check=False)
    return done.stdout.split("version ")[-1].split()[0]


def _copy_sparse(source: Path, target: Path) -> None:
    """Copy a disk image without its holes, sharing blocks where the file system can."""
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", str(source), str(target)], check=True)
