# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a command as a whole process and says what it took: of time, of its own processor, of the machine's."""

from __future__ import annotations

import os
import resource
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """What one run took.

    Attributes:
        wall_s: seconds from start to end.
        cpu_s: processor seconds (user and system) of the process and its descendants. What left the tree to live on,
            such as ssh's ControlPersist masters, is not in it.
        hosts_s: the same of all processes on the hosts, those that ended included.
        machine_s: seconds during which the machine's processors were busy, summed over them: both of the above, the
            kernel's own work, and whatever else ran meanwhile.
    """

    wall_s: float
    cpu_s: float
    hosts_s: float
    machine_s: float


def timed(argv: tuple[str, ...], environment: dict[str, str], *, inits: tuple[int, ...] = ()) -> tuple[Usage, str]:
    """Run a command that has to succeed; return what it took and its standard output. Ends the program otherwise.

    Args:
        argv: the command.
        environment: in which it runs.
        inits: the hosts' first processes.
    """
    cpu, hosts, machine, started = _children_s(), sum(map(_tree_s, inits)), _busy_s(), time.perf_counter()
    done = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment)
    wall = time.perf_counter() - started
    usage = Usage(wall, _children_s() - cpu, sum(map(_tree_s, inits)) - hosts, _busy_s() - machine)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(argv)} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return usage, done.stdout


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _busy_s() -> float:
    """Return for how long the processors were not idle (proc(5), stat: user nice system idle iowait irq softirq)."""
    user, nice, system, _idle, _iowait, irq, softirq = (
        int(word) for word in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:8]
    )
    return (user + nice + system + irq + softirq) / _TICKS


def _tree_s(pid: int) -> float:
    """Return the processor time of a process, its descendants, and those of them that ended (proc(5), pid/stat)."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # it ended just now
    return sum(map(int, words[11:15])) / _TICKS + sum(_tree_s(int(child)) for child in children)
