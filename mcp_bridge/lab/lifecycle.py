# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing a lab up and taking it down, whatever its hosts are made of."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from mcp_bridge.errors import LabError

from . import namespaces, network, state, vm
from .requirements import tool
from .state import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def up(name: str = state.DEFAULT_NAME, *, hosts: int = 3, kernel: str = "namespace", release: str = "") -> Lab:
    """Bring a lab up and return it once every host answers.

    Args:
        name: the lab's name.
        hosts: how many hosts.
        kernel: ``namespace`` or ``vm``.
        release: whose tools the hosts have, and VMs its kernel too, such as ``bullseye``; this machine's by default.

    Raises:
        LabError: it is up already, or it could not be brought up; in that case nothing of it stays.
    """
    if not 1 <= hosts <= network.MAX_HOSTS:
        raise LabError(f"Not a possible number of hosts: {hosts}", hint=f"Use 1 to {network.MAX_HOSTS}.")
    if kernel not in state.KERNELS:
        raise LabError(f"Not a known kernel: {kernel!r}", hint=f"Use {' or '.join(state.KERNELS)}.")
    directory = state.directory_of(name)
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        raise LabError(f"Lab {name} is up already", hint=f"Take it down first: netopt lab down --name {name}") from None
    made_of = vm if kernel == "vm" else namespaces
    lab = Lab(name, kernel, made_of.hosts_of(name, hosts), directory, release=release)
    with _locked(directory) as lock:
        try:
            lab.save()
            started: Lab = made_of.up(lab, lock)
            lab = replace(started, ready=True)
            lab.save()
        except BaseException:  # an interrupted start must not leave namespaces and processes behind
            _remove(name, directory)
            raise
    return lab


def down(name: str = state.DEFAULT_NAME) -> bool:
    """Take a lab down and remove every trace of it, also of one that never came up.

    Returns:
        whether there was anything to remove.
    """
    directory = state.directory_of(name)
    try:
        with _locked(directory):
            return _remove(name, directory)
    except FileNotFoundError:
        return _remove(name, directory)  # somebody removed the folder by hand, or there never was such a lab


def _remove(name: str, directory: Path) -> bool:
    found = any([namespaces.down(name, directory), vm.down(name)])
    if directory.exists():
        shutil.rmtree(directory)
        found = True
    return found


@contextmanager
def _locked(directory: Path) -> Iterator[int]:
    """Hold the lock of a lab, which is its folder, and give the lock's descriptor.

    The commands that make a lab inherit it. When a start is killed, the command that was just running goes on to its
    end: only then does the kernel let go of the lock, and there is nothing more to come that a removal could miss.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def status(name: str) -> dict[str, Any]:
    """Return a lab as JSON-able fields: what it is, where its inventory lies, and which hosts run."""
    lab = state.load(name)
    processes = vm.processes(lab) if lab.kernel == "vm" else namespaces.processes(lab)
    running = {host: process is not None and process.alive for host, process in processes.items()}
    hosts = [{**asdict(host), "runs": running[host.name]} for host in lab.hosts]
    fields = {
        "name": lab.name,
        "kernel": lab.kernel,
        "release": lab.release,
        "ready": lab.ready,
        "inventory": str(lab.inventory),
    }
    return {**fields, "inventory": str(lab.inventory), "hosts": hosts}


def command(lab: Lab, host: str, argv: Sequence[str], *, console: bool = False) -> list[str]:
    """Return the argv that runs a command on a host.

    Args:
        lab: the lab.
        host: a host's name or number.
        argv: the command; empty for a login shell over ssh, or ``sh`` on the console.
        console: run it beside sshd, without the network (namespace labs only).
    """
    chosen = lab.host(host)
    if console and lab.kernel == "namespace":
        return [*namespaces.enter(lab, chosen), *(argv or ["sh"])]
    return [tool("ssh"), "-F", str(lab.ssh_config), "-o", "LogLevel=ERROR", chosen.name, *argv]


def execute(lab: Lab, host: str, argv: Sequence[str], *, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command on a host, beside sshd where the lab permits that, and return what it left behind."""
    return subprocess.run(
        command(lab, host, argv, console=True), input=stdin, capture_output=True, text=True, check=False, timeout=120
    )
