# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that has imported all that a run needs, and waits for one: a server's next change begins at once.

It is told by a socket, and ends when the other end of that is closed, so it does not outlive its server.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import IO

from mcp_bridge.backends import handover

WAIT = "--wait"
PREPARES_S = 0.1  # after the end of a run
COMMAND = (sys.executable, "-P", "-m", "mcp_bridge.run_worker")  # -P: nothing is imported from the working directory


class SpareWorker:
    """Keeps one such process; used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: tuple[subprocess.Popen[bytes], socket.socket] | None = None

    def prepare(self) -> None:
        """Have a process wait, unless one does."""
        with self._lock:
            if self._waiting is not None and self._waiting[0].poll() is None:
                return
            ours, theirs = socket.socketpair()
            with theirs:
                process = subprocess.Popen(
                    [*COMMAND, WAIT],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            self._waiting = process, ours

    def prepare_soon(self) -> None:
        """Do the same without keeping anybody waiting: once what has just been done is told."""
        timer = threading.Timer(PREPARES_S, self.prepare)
        timer.daemon = True
        timer.start()

    @property
    def pid(self) -> int | None:
        """The process that waits."""
        with self._lock:
            return self._waiting[0].pid if self._waiting else None

    def take(
        self, run_id: str, environment: Mapping[str, str], *, descriptor: int, log: IO[bytes]
    ) -> subprocess.Popen[bytes] | None:
        """Give the process that waits its run and return it, ``None`` where none waits.

        Args:
            run_id: the run.
            environment: in which the process is to work.
            descriptor: the run's lock.
            log: what the process prints goes there.
        """
        with self._lock:
            waiting, self._waiting = self._waiting, None
        if waiting is None:
            return None
        process, ours = waiting
        try:
            with ours:
                told = {"run_id": run_id, "environment": dict(environment)}
                handover.send(ours, told, [descriptor, log.fileno()])
        except OSError:  # it was killed meanwhile
            process.kill()
            process.wait()
            return None
        return process

    def dismiss(self) -> None:
        """End the process that waits."""
        with self._lock:
            waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting[1].close()
            waiting[0].wait()


def wait() -> tuple[str, int] | None:
    """Wait for a run, in the process that is spare; return its id and its lock, ``None`` where none comes any more.

    Standard output and error become the run's log, and the environment the run's.
    """
    with socket.socket(fileno=os.dup(0)) as theirs:
        come = handover.receive(theirs, 2)
    if come is None:  # the server has ended
        return None
    told, (lock, log) = come
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    for source in (null, log):
        os.close(source)
    os.environ.clear()
    os.environ.update(told["environment"])
    return told["run_id"], lock
