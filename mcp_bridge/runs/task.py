# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run does, whom it is about, and how it ended."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mcp_bridge.backends.job import RunOutcome
from mcp_bridge.models.report import HostReport
from mcp_bridge.runs.registry import RunRecord
from mcp_bridge.runs.report import Progress, RunEvents


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
    """What a run does.

    Attributes:
        action: its name in the registry, e.g. ``apply``.
        playbook: the collection's playbook.
        extravars: its variables.
        check: predict only.
        record: fields for the run's record.
        timeout_s: seconds that it may take, instead of those in the settings.
    """

    action: str
    playbook: str
    extravars: Mapping[str, Any] = field(default_factory=dict)
    check: bool = False
    record: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float | None = None


@dataclass(frozen=True)
class Finished:
    """A run that has ended: its record, how it ended, and what it said of each host."""

    record: RunRecord
    outcome: RunOutcome
    events: RunEvents
    hosts: dict[str, HostReport]
    notes: list[str]
