# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts as network namespaces: each with a root, an sshd and a process 1 of its own, on this machine's kernel."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_bridge.errors import LabError

from . import inventory, namespace_init, network, release_root
from .keys import make_key, public_key
from .process import Process, end, identify
from .requirements import NAMESPACE_TOOLS, require, tool
from .state import PREFIX, write_private

if TYPE_CHECKING:
    from .state import Lab, LabHost

NETNS_DIRECTORY = Path("/run/netns")
READY_S = 60.0


def hosts_of(name: str, count: int) -> tuple[LabHost, ...]:
    """Return the hosts of a namespace lab with their addresses."""
    return network.hosts_of(name, count)


def up(lab: Lab, lock: int) -> Lab:
    """Make the hosts of a lab, wait until each one's sshd answers, and return it.

    Args:
        lab: the lab, its folder made.
        lock: the descriptor of its lock; whatever makes something for the lab inherits it, see ``lifecycle``.

    Raises:
        LabError: something is missing or failed; what was made so far is left for ``down``.
    """
    require(NAMESPACE_TOOLS)
    _batch(network.namespace_batch(lab), lock=lock)
    _batch(network.bridge_batch(lab), namespace=lab.lan, lock=lock)
    make_key(lab.key, comment=f"{PREFIX}{lab.name}")
    host_keys = {}
    for host in lab.hosts:
        lab.host_directory(host).mkdir(mode=0o700, parents=True)
        host_keys[host.name] = make_key(lab.host_directory(host) / "host_key", comment=host.name)
        _batch(network.host_batch(lab, host), namespace=host.name, lock=lock)
    inventory.write(lab, host_keys)
    for host in lab.hosts:
        _start(lab, host, lock)
    _await_sshd(lab)
    return lab


def down(lab_name: str, directory: Path) -> bool:
    """End the processes of a lab and remove its namespaces, also of one that was never complete.

    Returns:
        whether there was any namespace to remove.
    """
    spaces = _namespaces_of(lab_name)
    recorded = [read_process(path) for path in directory.glob("hosts/*/process.json")]
    inside = [identify(pid) for space in spaces for pid in _pids_in(space)]
    end([process for process in (*recorded, *inside) if process is not None])
    _batch([f"netns delete {space}" for space in spaces])
    return bool(spaces)


def processes(lab: Lab) -> dict[str, Process | None]:
    """Return each host's process 1, None where there is none on record."""
    return {host.name: read_process(lab.host_directory(host) / "process.json") for host in lab.hosts}


def enter(lab: Lab, host: LabHost) -> list[str]:
    """Return the argv prefix that runs a command on a host without its network, as from a console.

    Raises:
        LabError: the host does not run.
    """
    process = processes(lab)[host.name]
    if process is None or not process.alive:
        raise LabError(f"{host.name} does not run", hint=f"netopt lab down --name {lab.name}, then up again.")
    return [tool("nsenter"), f"--target={process.pid}", "--mount", "--uts", "--ipc", "--net", "--pid", "--"]


def read_process(path: Path) -> Process | None:
    """Return the process on record in a file, None where the file is missing or not whole."""
    try:
        return Process(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _start(lab: Lab, host: LabHost, lock: int) -> None:
    """Start a host's process 1 and record it."""
    directory = lab.host_directory(host)
    (directory / "root").mkdir()
    spec = {
        "name": host.name,
        "namespace": str(NETNS_DIRECTORY / host.name),
        "directory": str(directory / "root"),
        "files": _files(lab, host),
        "sshd": "/usr/sbin/sshd" if lab.release else tool("sshd"),
        "base": str(release_root.ensure(lab.release)) if lab.release else "/",
    }
    argv = [sys.executable, "-IS", namespace_init.__file__]
    with (directory / "console.log").open("wb") as console:
        done = subprocess.run(
            argv,
            input=json.dumps(spec),
            stdout=subprocess.PIPE,
            stderr=console,
            text=True,
            check=False,
            pass_fds=(lock,),
        )
    process = identify(int(done.stdout)) if done.returncode == 0 else None
    if process is None:
        raise LabError(f"{host.name} did not start: {_last_line(directory / 'console.log')}")
    write_private(directory / "process.json", json.dumps({"pid": process.pid, "start": process.start}))


def _files(lab: Lab, host: LabHost) -> dict[str, tuple[str, str]]:
    """Return a host's own files: path -> (octal mode, text)."""
    key = lab.host_directory(host) / "host_key"
    return {
        "/etc/hostname": ("0644", host.name + "\n"),
        "/etc/hosts": ("0644", network.hosts_file(lab, host)),
        "/etc/resolv.conf": ("0644", ""),
        "/etc/ssh/ssh_host_ed25519_key": ("0600", key.read_text(encoding="utf-8")),
        "/etc/ssh/ssh_host_ed25519_key.pub": ("0644", public_key(key) + "\n"),
        "/root/.ssh/authorized_keys": ("0600", public_key(lab.key) + "\n"),
    }


def _await_sshd(lab: Lab) -> None:
    """Wait until every host's sshd listens, as its own kernel tells."""
    deadline = time.monotonic() + READY_S
    for host, process in processes(lab).items():
        console = lab.directory / "hosts" / host / "console.log"
        while process is not None and not _listens(process.pid):
            if not process.alive or time.monotonic() > deadline:
                raise LabError(f"{host} did not come up: {_last_line(console)}", hint=f"Read {console}.")
            time.sleep(0.01)


def _listens(pid: int) -> bool:
    """Whether something listens on TCP port 22 in the namespace of that process (proc(5), net/tcp)."""
    try:
        lines = Path(f"/proc/{pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return any(line.split()[1].endswith(":0016") and line.split()[3] == "0A" for line in lines)


def _batch(lines: list[str], *, namespace: str = "", lock: int | None = None) -> None:
    """Run lines through one ``ip -batch``, inside a namespace where one is named."""
    if not lines:
        return
    where = ["-n", namespace] if namespace else []
    argv = [tool("ip"), *where, "-batch", "-"]
    inherited = () if lock is None else (lock,)
    text = "\n".join(lines) + "\n"
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False, pass_fds=inherited)
    if done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: {'; '.join(done.stderr.split(chr(10))).strip('; ')}")


def _namespaces_of(lab_name: str) -> list[str]:
    """Return the named network namespaces that belong to a lab, whether or not it wrote anything down."""
    ours = re.compile(re.escape(PREFIX + lab_name) + r"-(?:lan|\d+)")
    return sorted(path.name for path in NETNS_DIRECTORY.glob(PREFIX + "*") if ours.fullmatch(path.name))


def _pids_in(namespace: str) -> list[int]:
    """Return the processes that are in a named network namespace; none when it is only a leftover file."""
    done = subprocess.run([tool("ip"), "netns", "pids", namespace], capture_output=True, text=True, check=False)
    return [int(pid) for pid in done.stdout.split()]


def _last_line(console: Path) -> str:
    lines = console.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
