# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A playbook run as a backend is asked for it, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

RunStatus = Literal["successful", "failed", "cancelled", "timeout"]


EventHandler = Callable[[dict[str, Any]], None]


class Cancellation(Protocol):
    """What says that a run is to end: a ``threading.Event``, or anything else that can be asked."""

    def is_set(self) -> bool:
        """Tell whether the run is to end."""
        ...


@dataclass(frozen=True)
class Job:
    """One playbook run, with all that a backend has to know; what it is for is no matter here.

    Attributes:
        playbook: a playbook of a collection (``netopt.linux.apply``) or the path of one.
        inventory: an inventory's path or text as ``ansible-playbook -i`` takes it, ``None`` for the configured one.
        limit: host pattern, ``None`` for all hosts of the inventory.
        extravars: variables for the playbook; data, never templates.
        check: predict changes and make none.
        diff: have the modules return differences.
        forks: hosts worked on at once.
        timeout_s: seconds after which the run is ended.
        locks: the folder of the hosts' locks for a run that changes hosts, ``None`` for one that only looks.
    """

    playbook: str
    inventory: str | None = None
    limit: str | None = None
    extravars: Mapping[str, Any] = field(default_factory=dict)
    check: bool = False
    diff: bool = False
    forks: int = 20
    timeout_s: float = 1800
    locks: Path | None = None


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended.

    Attributes:
        run_id: the run's id, which is also its folder's name.
        status: ``successful`` means that ansible-playbook ended with 0.
        rc: exit status of ansible-playbook; negative or ``None`` when it was ended.
        duration_s: seconds it took.
        log: file with what ansible-playbook printed.
        handler_error: the first exception that ``on_event`` raised, as text; the run went on regardless.
    """

    run_id: str
    status: RunStatus
    rc: int | None
    duration_s: float
    log: Path
    handler_error: str | None = None
