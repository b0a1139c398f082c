# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet's checkpoints: what each host keeps, put together by checkpoint."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from mcp_bridge import untrusted_text
from mcp_bridge.errors import NetoptBridgeError
from mcp_bridge.hosts import query as host_query
from mcp_bridge.hosts.query import Answers
from mcp_bridge.models.base import Strict
from mcp_bridge.runs.playbook_run import Fleet
from mcp_bridge.runs.registry import RunRegistry
from mcp_bridge.runs.task import Scope


class Checkpoint(Strict):
    """One checkpoint on the hosts that keep it."""

    checkpoint_id: str
    """Its name, the same on every host of the run that made it."""
    label: str | None = None
    """What a person called it."""
    created: str
    """When it was made by the clock of the first host that has it, UTC."""
    plan_digest: str | None = None
    """Digest of the plan that was applied after it."""
    changed: list[str] = []
    """What was changed after it, as its run on this machine reported; absent where no such run is kept."""
    hosts: dict[str, str]
    """By host: armed, applied (to be confirmed), confirmed, rolled_back, restore_failed, accepted or snapshot."""


class _Header(BaseModel):
    """What is told of a checkpoint, among what a host keeps of it."""

    id: str
    status: str
    created: str
    label: str | None = None
    digest: str | None = None


class _State(BaseModel):
    """What a host answers to ``netopt_state``, as far as it is needed."""

    checkpoints: list[_Header] = []
    damaged: list[str] = []


class Checkpoints(Strict):
    """All checkpoints, newest first, and the hosts that could not be asked."""

    checkpoints: list[Checkpoint]
    """Newest first."""
    damaged: dict[str, list[str]] = {}
    """By host: checkpoints that cannot be read."""
    unanswered: dict[str, str] = {}
    """By host: why it did not answer."""
    note: str = untrusted_text.NOTE
    """How to take the text in it."""


def read(fleet: Fleet, scope: Scope) -> Checkpoints:
    """Ask the hosts for their checkpoints.

    Raises:
        RunError: not one host answered.
        InventoryError: no host matches.
    """
    answers = host_query.whole(fleet, "netopt_state", scope)
    problem = host_query.all_failed(answers)
    if problem is not None:
        raise problem
    found = gather(answers)
    told = [one.model_copy(update={"changed": _changed(fleet.runs, one.checkpoint_id)}) for one in found.checkpoints]
    return found.model_copy(update={"checkpoints": told})


def _changed(runs: RunRegistry, checkpoint_id: str) -> list[str]:
    """Return what the run that made a checkpoint changed, as far as it is known here."""
    try:
        return runs.get(checkpoint_id).changes
    except (NetoptBridgeError, ValidationError):
        return []


def gather(answers: Answers) -> Checkpoints:
    """Return the answers to ``netopt_state`` by checkpoint."""
    headers: dict[str, _Header] = {}
    statuses: dict[str, dict[str, str]] = {}
    damaged: dict[str, list[str]] = {}
    unanswered: dict[str, str] = {}
    for host, answer in sorted(answers.hosts.items()):
        if answer.error is not None:
            unanswered[host] = answer.error.message
            continue
        try:
            state = _State.model_validate(answer.data or {})
        except ValidationError:  # a host can send anything; the others' checkpoints are listed all the same
            unanswered[host] = "The host's answer does not have the expected shape"
            continue
        if state.damaged:
            damaged[host] = state.damaged
        for header in state.checkpoints:
            headers.setdefault(header.id, header)
            statuses.setdefault(header.id, {})[host] = header.status
    found = [
        Checkpoint(
            checkpoint_id=identity,
            label=header.label or None,
            created=header.created,
            plan_digest=header.digest or None,
            hosts=statuses[identity],
        )
        for identity, header in headers.items()
    ]
    found.sort(key=lambda checkpoint: (checkpoint.created, checkpoint.checkpoint_id), reverse=True)
    return Checkpoints(checkpoints=found, damaged=damaged, unanswered=unanswered)
