# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a backend does: carry one playbook out, tell its events as they come, end it when asked."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from mcp_bridge.backends.job import Cancellation, EventHandler, Job, RunOutcome


class Backend(Protocol):
    """Carries playbooks out. Events have the shape of ansible-runner's, wherever they come from."""

    def run(
        self, job: Job, *, run_id: str, folder: Path, on_event: EventHandler, cancel: Cancellation | None = None
    ) -> RunOutcome:
        """Carry ``job`` out and return how it ended.

        Args:
            job: what to run.
            run_id: id of the run, unique on this machine.
            folder: an existing folder for this run alone, mode 0700.
            on_event: called with each event, in the calling thread.
            cancel: asked several times a second; ends the run once it is set.

        Raises:
            RunError: it could not be started.
        """
        ...

    def resume(
        self, *, folder: Path, on_event: EventHandler, timeout_s: float, cancel: Cancellation | None = None
    ) -> RunOutcome | None:
        """Follow a run, whose process here has died, from its first event to its end.

        Args:
            folder: the run's folder.
            on_event: called with each event.
            timeout_s: for how long to wait for its end.
            cancel: ends it once it is set.

        Returns:
            How it ended; ``None`` when it ended together with its process, or is not to be found.

        Raises:
            RunError: it goes on elsewhere, and its end did not come in time or cannot be learnt.
        """
        ...
