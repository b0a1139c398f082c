# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts that are measured on: brought up, put back between runs, and looked at past every peer.

Works beside each host's sshd, so that no connection is opened or kept alive by it.
"""

from __future__ import annotations

import difflib
import shlex
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from mcp_bridge.lab import lifecycle, namespaces

if TYPE_CHECKING:
    from types import TracebackType

    from job import Job

    from mcp_bridge.lab.state import Lab

AT_ONCE = 4
LEFTOVERS_END_S = 10.0  # for what a run leaves behind to end: Mitogen's children, a guard
# What netopt and Ansible keep on a host, and the folders in which peers write.
FOLDERS = ("/var/lib/netopt", "/run/netopt", "/root/.ansible", "/etc/sysctl.d", "/tmp")  # noqa: S108


@dataclass(frozen=True)
class Fleet:
    """A lab of this benchmark, up; a context manager that takes it down.

    Attributes:
        lab: the lab.
        consoles: host name -> argv prefix that runs a command on the host without its network.
        inits: the ids of the hosts' first processes.
    """

    lab: Lab
    consoles: dict[str, list[str]]
    inits: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The hosts' names, in order."""
        return tuple(self.consoles)

    def __enter__(self) -> Self:
        """Hand over the fleet as it is."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Take the lab down."""
        lifecycle.down(self.lab.name)

    def run(self, script: str) -> dict[str, str]:
        """Run a bash script on every host and return what it printed, by host; ends the program when one fails."""
        with ThreadPoolExecutor(AT_ONCE) as workers:
            return dict(zip(self.names, workers.map(lambda name: self._run_on(name, script), self.names), strict=True))

    def _run_on(self, name: str, script: str) -> str:
        argv = [*self.consoles[name], "bash", "-eu"]
        done = subprocess.run(argv, input=script, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            sys.exit(f"{name}: {done.stderr.strip()}\n{script}")
        return done.stdout


def bring_up(name: str, hosts: int) -> Fleet:
    """Bring a lab of that name and that many hosts up, in place of one that an interrupted run left."""
    lifecycle.down(name)
    lab = lifecycle.up(name, hosts=hosts)
    inits = tuple(process.pid for process in namespaces.processes(lab).values() if process is not None)
    return Fleet(lab, {host.name: namespaces.enter(lab, host) for host in lab.hosts}, inits)


class State:
    """How the hosts are before and after the job, as the kernel's tools tell it: the same for every peer."""

    def __init__(self, fleet: Fleet, job: Job, leaves: tuple[str, ...]) -> None:
        """Look at a fleet that nobody has touched yet.

        Args:
            fleet: the hosts.
            job: what will be done to them.
            leaves: files that peers write on a host.
        """
        self.fleet = fleet
        self._job = job
        self._view = _view(job, leaves)
        self._kernel = _kernel_view(job)
        self._before = fleet.run(self._view)
        self._after: dict[str, str] = {}
        values = fleet._run_on(fleet.names[0], f"sysctl {shlex.join(job.sysctl)}" if job.sysctl else "")  # noqa: SLF001
        self._reset = _reset(job, leaves, dict(line.split(" = ", 1) for line in values.splitlines()))

    def reset(self) -> None:
        """Put every host back, and end the program when one then differs from how it was found."""
        self.fleet.run(self._reset)
        shutil.rmtree(self._job.ansible_home, ignore_errors=True)
        deadline = time.monotonic() + LEFTOVERS_END_S
        while (found := self.fleet.run(self._view)) != self._before:
            if time.monotonic() > deadline:
                sys.exit("A host is not as it was before:\n" + _difference(self._before, found))
            time.sleep(0.5)

    def check_done(self, who: str) -> None:
        """End the program unless the hosts are as the first one that did the job left them."""
        found = self.fleet.run(self._kernel)
        self._after = self._after or found
        if found != self._after:
            sys.exit(f"After {who} a host differs from what netopt made:\n" + _difference(self._after, found))


def _kernel_view(job: Job) -> str:
    """Return a script that prints what the plan is about, without figures that move by themselves."""
    iface = shlex.quote(job.iface)
    lines = [f"sysctl {shlex.join(job.sysctl)}"] if job.sysctl else []
    lines += [
        "tc -d qdisc show | sed 's/ direct_packets_stat [0-9]*//'",
        f"tc -d class show dev {iface}",
        f"tc -d filter show dev {iface}",
        f"ethtool -k {iface}",
        "ip -d link show",
        "nft -s list ruleset",
    ]
    return "\n".join(lines) + "\n"


def _view(job: Job, leaves: tuple[str, ...]) -> str:
    """Return the same with the files that a run leaves, and how many interpreters still run."""
    paths = shlex.join([*FOLDERS, *leaves])
    return _kernel_view(job) + f"find {paths} 2>/dev/null | sort || true\npgrep -c python || true\n"


def _reset(job: Job, leaves: tuple[str, ...], values: dict[str, str]) -> str:
    """Return the script that undoes the job, whoever did it."""
    iface, ifb = shlex.quote(job.iface), shlex.quote(f"ifb-{job.iface}")
    lines = [
        f"if ip link show dev {ifb} >/dev/null 2>&1; then tc qdisc del dev {iface} ingress; ip link del {ifb}; fi",
        f"tc qdisc replace dev {iface} root pfifo",
        f"tc qdisc del dev {iface} root",
        "nft 'table inet netopt; delete table inet netopt'",
        *(f"sysctl -q -w {shlex.quote(f'{key}={value}')}" for key, value in values.items()),
        f"rm -rf {shlex.join(leaves)}",
        "rm -rf /run/netopt /var/lib/netopt/* /root/.ansible",
    ]
    return "\n".join(lines) + "\n"


def _difference(wanted: dict[str, str], found: dict[str, str]) -> str:
    """Return the first host that differs, as a diff."""
    name = next(name for name, text in wanted.items() if found[name] != text)
    lines = difflib.unified_diff(wanted[name].splitlines(), found[name].splitlines(), "wanted", name, lineterm="", n=1)
    return "\n".join(lines)
