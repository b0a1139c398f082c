# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the engine on hosts, each time in a process of its own that may be killed, forked from this one.

This one has imported the engine, which takes longer than most of what is asked of it. Each line on standard input asks
for one call: ``pid``, the process that holds the host's namespaces, ``program``, and what is ``asked`` of that. The
answer is a line: the exit status, negative for a signal, and what the program answered.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import traceback
from typing import Any

from tests.kernel import apply_program, checkpoint_program
from tests.whole_engine import import_engine

PROGRAMS = {"apply": apply_program.answer, "checkpoint": checkpoint_program.answer}


def enter(pid: int) -> None:
    """Enter the network and the mount namespace of a process, and the root folder of the latter."""
    libc = ctypes.CDLL(None, use_errno=True)
    for space in ("net", "mnt"):
        descriptor = os.open(f"/proc/{pid}/ns/{space}", os.O_RDONLY)
        if libc.setns(descriptor, 0) != 0:
            raise OSError(ctypes.get_errno(), f"setns {space}")
        os.close(descriptor)


def run(pid: int, program: str, asked: dict[str, Any], write_end: int) -> int:
    """Run a program in this process on a host and return the exit status; the engine writes to nothing of the test."""
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(write_end, 1)
        enter(pid)
        print(json.dumps(PROGRAMS[program](asked)), flush=True)
    except BaseException:  # noqa: BLE001 - a forked child must not run on as the next one's parent
        traceback.print_exc()
        return 1
    return 0


def serve() -> None:
    """Answer one line after another."""
    import_engine()
    for line in sys.stdin:
        asked = json.loads(line)
        read_end, write_end = os.pipe()
        child = os.fork()
        if not child:
            os._exit(run(**asked, write_end=write_end))
        os.close(write_end)
        with os.fdopen(read_end) as stream:
            text = stream.read()  # to its end: what outlives the program may not hold it open
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"status": status, "answer": json.loads(text) if text else {}}), flush=True)


if __name__ == "__main__":
    serve()
