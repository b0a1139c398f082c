# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process of one run: ``python -m mcp_bridge.run_worker RUN_ID``, started by ``runs.spawn``, or one that waits.

What it has to do is in the run's folder, and so is what comes of it. Nobody needs to wait for it.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from types import FrameType

from mcp_bridge.backends.ansible_runner import TASK
from mcp_bridge.backends.spare_ansible import SPARE
from mcp_bridge.errors import NetoptBridgeError
from mcp_bridge.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_USAGE
from mcp_bridge.runs.execute import Started
from mcp_bridge.runs.lock import RunLock
from mcp_bridge.runs.spare_worker import WAIT, wait
from mcp_bridge.runs.spawn import LOCK
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings
from mcp_bridge.short_lived import look_seldom_for_circles


def main(run_id: str) -> int:
    """Carry the run out and return the exit status."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    cancel = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        cancel.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    settings = Settings.from_env()
    record = Service(settings, caller="").fleet().runs.get(run_id)
    service = Service(settings, caller=record.caller)
    fleet = service.fleet()
    folder = fleet.runs.folder(run_id)
    record = fleet.runs.adopt(record, RunLock.inherited(int(os.environ.pop(LOCK)), folder))
    told = json.loads((folder / TASK).read_text(encoding="utf-8"))
    try:
        service.finish_here(Started.of_json(told, record=record, fleet=fleet, cancel=cancel))
    except NetoptBridgeError:
        return EXIT_FAILED  # it is in the run's folder
    return EXIT_DONE


def _start(words: list[str]) -> int:
    """Carry out the run that this process was started for, or that it is told of once it waits."""
    if words == [WAIT]:
        SPARE.prepare()
        import ansible_runner  # noqa: F401, PLC0415 - what a run imports late, while nobody waits for it

        told = wait()
        if told is None:
            return EXIT_DONE
        run_id, lock = told
        os.environ[LOCK] = str(lock)
        return main(run_id)
    if len(words) != 1 or LOCK not in os.environ:
        sys.stderr.write("netopt starts this for a run; it is no command for people\n")
        return EXIT_USAGE
    return main(words[0])


if __name__ == "__main__":
    look_seldom_for_circles()
    sys.exit(_start(sys.argv[1:]))
