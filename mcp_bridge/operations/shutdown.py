# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a server: what runs is finished or cancelled within a bound, so that no host is left halfway."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping

from mcp_bridge.backends import ansible_environment, process_tree
from mcp_bridge.runs.registry import RunRegistry
from mcp_bridge.settings import Settings

LOOK_EVERY_S = 0.25
CANCEL_S = 30.0  # ending a run's processes takes at most process_tree.GRACE_S, then its outcome is written down
LOG = logging.getLogger(__name__)


class Drain:
    """Refuses what is new and waits for what goes on.

    Args:
        settings: where the runs are, and how long they may take to finish.
        cancels: by run id, what ends a change of this process.
    """

    def __init__(self, settings: Settings, cancels: Mapping[str, threading.Event]) -> None:
        self._registry = RunRegistry(settings.runs_dir, keep=settings.keep_runs)
        self._grace_s = settings.shutdown_grace_s
        self._cancels = cancels
        self._hurry = threading.Event()
        self.begun = False

    def begin(self) -> None:
        """From now on nothing new is taken on."""
        self.begun = True

    def hurry(self) -> None:
        """Do not wait for runs to finish by themselves any longer."""
        self._hurry.set()

    def run(self) -> bool:
        """Wait for what this server began, then cancel what is left; tell whether all of it has ended."""
        self.begin()
        going_on = self._going_on()
        if going_on:
            LOG.warning("Stopping: waiting %d s at most for %s", self._grace_s, ", ".join(sorted(going_on)))
        if self._ended_within(self._grace_s, until=self._hurry):
            return True
        for run_id in self._going_on():
            LOG.warning("Cancelling %s; its hosts keep the whole change or restore by themselves", run_id)
            cancel = self._cancels.get(run_id)
            if cancel is not None:
                cancel.set()
            else:  # a question: nobody waits for its answer
                process_tree.end(ansible_environment.marker(run_id))
        return self._ended_within(CANCEL_S, until=threading.Event())

    def _ended_within(self, seconds: float, *, until: threading.Event) -> bool:
        """Wait until nothing goes on; False when the time is over or ``until`` is set first."""
        deadline = time.monotonic() + seconds
        while self._going_on():
            if time.monotonic() >= deadline or until.wait(LOOK_EVERY_S):
                return False
        return True

    def _going_on(self) -> set[str]:
        """Return the changes that this server follows and the questions that it asks, by run id."""
        latest = self._registry.latest(limit=100)
        mine = {record.run_id for record in latest if record.state == "running" and record.pid == os.getpid()}
        return mine | set(self._cancels)
