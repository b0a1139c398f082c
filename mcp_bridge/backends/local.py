# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs playbooks on this machine, with ansible-runner."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mcp_bridge.backends.ansible_runner import run_playbook
from mcp_bridge.backends.job import Cancellation, EventHandler, Job, RunOutcome

APPLY, AT_ONCE = "netopt.linux.apply", "netopt.linux.apply_at_once"
WAVES = ("netopt_waves", "netopt_canary")  # variables of the playbook


class LocalBackend:
    """Ansible on this machine."""

    def run(
        self, job: Job, *, run_id: str, folder: Path, on_event: EventHandler, cancel: Cancellation | None = None
    ) -> RunOutcome:
        """Run ``job`` here; see ``ansible_runner.run_playbook``."""
        return run_playbook(_without_waves(job), run_id=run_id, folder=folder, on_event=on_event, cancel=cancel)

    def resume(
        self,
        *,
        folder: Path,  # noqa: ARG002
        on_event: EventHandler,  # noqa: ARG002
        timeout_s: float,  # noqa: ARG002
        cancel: Cancellation | None = None,  # noqa: ARG002
    ) -> RunOutcome | None:
        """Return ``None``: nobody reads what Ansible says once the process that started it is gone."""
        return None


def _without_waves(job: Job) -> Job:
    """Return a job with the playbook that has no plays for waves where there are none: Ansible reads it sooner."""
    if job.playbook != APPLY or any(job.extravars.get(name) for name in WAVES):
        return job
    return replace(job, playbook=AT_ONCE)
