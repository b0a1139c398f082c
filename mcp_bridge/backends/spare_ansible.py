# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that has imported Ansible, and waits to become a run's ``ansible-playbook``.

Ansible's imports take as long as netopt's own together with judging a plan. Two processors do both at once. Nothing is
decided early: the process is told its command, environment and terminal as the run begins, and executes the program
itself wherever it was not started as the run wants it (``spare_ansible_program.py``). It ends with the process that
started it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import termios
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_bridge.backends import ansible_environment, handover

if TYPE_CHECKING:
    from ptyprocess import PtyProcess

PROGRAM = "ansible-playbook"
# the last word is for whoever lists processes
COMMAND = (sys.executable, "-P", "-m", "mcp_bridge.backends.spare_ansible_program", PROGRAM)
BACKEND = "NETOPT_BACKEND"  # the setting; it is too early to read them all
ROWS, COLUMNS = 24, 80  # of a terminal, as pexpect has it


class SpareAnsible:
    """Keeps one such process; used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: tuple[int, socket.socket] | None = None
        self._taken: dict[str, int] = {}

    def prepare(self) -> None:
        """Have a process wait, unless one does, an AWX carries runs out, or another Python's ``ansible-playbook``.

        Nothing depends on it: where there can be none, what is wrong is said by the run, if that is so still.
        """
        with self._lock:
            if self._waiting is not None or os.environ.get(BACKEND, "local") != "local" or _program_here() is None:
                return
            with contextlib.suppress(OSError, RuntimeError):  # no process, file, folder or home
                self._waiting = _started()

    @property
    def pid(self) -> int | None:
        """The process that waits."""
        with self._lock:
            return self._waiting[0] if self._waiting else None

    def take(self, argv: Sequence[str], *, environment: Mapping[str, str], cwd: str) -> PtyProcess | None:
        """Have the process that waits run ``argv`` in a terminal of its own; ``None`` where none does, or may.

        Args:
            argv: the program's path, and its arguments.
            environment: in which it is to run.
            cwd: where.
        """
        from ptyprocess import PtyProcess  # noqa: PLC0415 - with ansible-runner, as the run begins

        with self._lock:
            waiting, self._waiting = self._waiting, None
        if waiting is None:
            return None
        pid, ours = waiting
        with ours:
            if argv[0] != _program_here():
                return None
            master, slave = os.openpty()
            try:
                _without_echo(slave)
                told = {"argv": list(argv), "environment": dict(environment), "cwd": cwd}
                handover.send(ours, told, [slave])
            except OSError:  # it was killed meanwhile
                os.close(master)
                os.waitpid(pid, 0)
                return None
            finally:
                os.close(slave)
            self._taken = {environment[ansible_environment.MARKER]: pid}
        process = PtyProcess(pid, master)
        process.setwinsize(ROWS, COLUMNS)
        return process

    def taken(self, run_id: str) -> set[int]:
        """Return the process that a run has taken, as long as it lives: it has the run's id once it runs."""
        pid = self._taken.get(run_id)
        try:
            alive = pid is not None and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        except ChildProcessError:  # its end has been noticed, and its number may be another's
            alive = False
        return {pid} if alive and pid is not None else set()


SPARE = SpareAnsible()


def _started() -> tuple[int, socket.socket]:
    """Start a process that waits; return its pid and what it is told by."""
    environment = ansible_environment.beforehand(os.environ, cwd=Path.cwd())
    ours, theirs = socket.socketpair()
    null = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    with theirs:
        files = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0), *null]
        try:
            return os.posix_spawn(COMMAND[0], COMMAND, environment, file_actions=files, setsid=True), ours
        except OSError:
            ours.close()
            raise


def _program_here() -> str | None:
    """Return the path of ``ansible-playbook`` beside this Python, ``None`` where there is none or another Python's."""
    path = Path(sys.executable).with_name(PROGRAM)
    try:
        with path.open("rb") as stream:
            line = stream.readline(4096)
    except OSError:
        return None
    interpreter = Path(os.fsdecode(line.removeprefix(b"#!").strip()))
    same = interpreter.parent == path.parent and interpreter.resolve() == Path(sys.executable).resolve()
    return str(path) if line.startswith(b"#!") and same else None


def _without_echo(terminal: int) -> None:
    modes = termios.tcgetattr(terminal)
    modes[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, modes)
