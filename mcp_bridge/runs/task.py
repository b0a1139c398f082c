# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run does, whom it is about, and how it ended."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mcp_bridge.backends.job import RunOutcome
from mcp_bridge.models.report import HostReport
from mcp_bridge.runs.registry import CHANGES, RunRecord
from mcp_bridge.runs.report import Progress, RunEvents

CheckpointAction = Literal["accept", "confirm", "delete_checkpoint", "rollback"]
Action = (
    Literal["apply", "checkpoints", "extend", "info", "measure", "plans", "query", "remove", "snapshot", "verify"]
    | CheckpointAction
)


@dataclass(frozen=True)
class Scope:
    """Whom a run is about and who listens to it.

    Attributes:
        limit: host pattern, ``None`` for every host of the inventory.
        progress: told of each host's steps.
        cancel: ends the run when set.
        inventory: instead of the one in the settings.
    """

    limit: str | None = None
    progress: Progress | None = None
    cancel: threading.Event | None = None
    inventory: str | None = None


@dataclass(frozen=True)
class Task:
    """What netopt is asked to do. ``playbook_run`` makes a backend's ``Job`` of it: which playbook, where, how.

    Attributes:
        action: its name in the registry.
        extravars: variables for its playbook.
        check: predict only.
        record: fields for the run's record.
        timeout_s: seconds that it may take, instead of those in the settings.
    """

    action: Action
    extravars: Mapping[str, Any] = field(default_factory=dict)
    check: bool = False
    record: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float | None = None

    @property
    def playbook(self) -> str:
        """The collection's playbook that does it."""
        return f"netopt.linux.{self.action}"

    @property
    def changes_hosts(self) -> bool:
        """Whether hosts are changed, so that no other run may be at work on them."""
        return self.action in CHANGES and not self.check


@dataclass(frozen=True)
class Finished:
    """A run that has ended: its record, how it ended, and what it said of each host."""

    record: RunRecord
    outcome: RunOutcome
    events: RunEvents
    hosts: dict[str, HostReport]
    notes: list[str]
