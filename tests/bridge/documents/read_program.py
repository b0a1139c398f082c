# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs ``netopt``, each time in a process of its own that may crash, forked from this one, which has imported it.

Each line on standard input is the words as JSON. The command runs in the folder of this process, with the file
``stdin`` there as its standard input; what it says is in the file ``stderr`` then. Its exit status is the answer,
negative for a signal.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback

import mcp_bridge.validator  # noqa: F401  # the command loads it once it knows its words
from mcp_bridge.cli.main import main

SECONDS = 60  # for a machine under load; each takes less than one


def run(words: list[str]) -> int:
    """Run the command as the interpreter does, and return its exit status."""
    try:
        return main(words)
    except BaseException:  # noqa: BLE001 - a forked child must not run on as the next one's parent
        traceback.print_exc()
        return 1


def serve() -> None:
    """Answer one line after another."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            signal.alarm(SECONDS)
            for number, name, flags in ((0, "stdin", os.O_RDONLY), (2, "stderr", os.O_WRONLY | os.O_TRUNC)):
                os.dup2(os.open(name, flags | os.O_CREAT, 0o600), number)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            status = run(json.loads(line))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
