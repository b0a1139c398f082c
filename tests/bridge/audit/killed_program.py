# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes to logs, each time in a process that is killed when it makes a system call for the n-th time.

Each line on standard input is the log's path, the call, n, and whether entries are durable, as JSON; the answer is
whether the process was killed. The processes are forked from this one, which is small.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from mcp_bridge.audit.log import AuditLog


def killed_at(path: Path, call: str, number: int, *, durable: bool) -> bool:
    """Write to a log in a process that is killed when it makes a system call for the n-th time; whether it was."""
    pid = os.fork()
    if pid == 0:
        real = getattr(os, call)
        calls = itertools.count(1)

        def dying(*given: Any, **named: Any) -> Any:
            if next(calls) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*given, **named)

        setattr(os, call, dying)
        log = AuditLog(path, rotate_bytes=1500)
        for _ in range(5):
            log.append(caller="cli tester", action="apply", outcome="done", durable=durable)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == signal.SIGKILL


def serve() -> None:
    """Answer one line after another."""
    for line in sys.stdin:
        path, call, number, durable = json.loads(line)
        print(json.dumps(killed_at(Path(path), call, number, durable=durable)), flush=True)


if __name__ == "__main__":
    serve()
