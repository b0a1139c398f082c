# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of runs whose process was killed: nothing of them stays behind, and the hosts say how it went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp_bridge.errors import NetoptBridgeError
from mcp_bridge.models.report import HostError, HostReport, HostStatus
from mcp_bridge.runs.registry import RunRecord
from mcp_bridge.runs.task import Scope, Task

if TYPE_CHECKING:
    from mcp_bridge.runs.playbook_run import Fleet

# a checkpoint's statuses on a host, as module_utils/_checkpoint/model.py has them
ANEW = {"netopt_new_connection": True}  # those of the run may hang
PENDING = frozenset({"armed", "applied"})
ENDED: Mapping[str, HostStatus] = {
    "confirmed": "applied",
    "rolled_back": "rolled_back",
    "restore_failed": "rollback_failed",
    "accepted": "rollback_failed",
    "snapshot": "applied",
}


@dataclass(frozen=True)
class Findings:
    """What the hosts said of a run afterwards.

    Attributes:
        reports: by host.
        undecided: the hosts whose fate is not known yet.
    """

    reports: dict[str, HostReport] = field(default_factory=dict)
    undecided: frozenset[str] = frozenset()


def ask(
    fleet: Fleet, record: RunRecord, hosts: Sequence[str], *, reason: str, timeout_s: float | None = None
) -> Findings:
    """Ask hosts over new connections what became of a run on them, by its checkpoint.

    Args:
        fleet: the hosts.
        record: the run.
        hosts: the names of those to ask.
        reason: why the run's own word is missing, as ``host_failure.interrupted`` takes it.
        timeout_s: seconds that it may take, instead of those in the settings.
    """
    if not hosts:
        return Findings()
    about = fleet.about(record)
    scope = Scope(limit=",".join(hosts), inventory=about.get("inventory"))
    try:
        finished = fleet.run(Task("checkpoints", ANEW, timeout_s=timeout_s), scope)
    except NetoptBridgeError as problem:
        unknown = HostError(
            stage="connect", message=f"The host could not be asked: {problem.message}", hint=problem.hint
        )
        return Findings({host: HostReport(status="unreachable", error=unknown) for host in hosts}, frozenset(hosts))
    checkpoints: dict[str, list[dict[str, Any]]] = finished.events.results("checkpoints")
    changing = finished.events.results("changing")
    reports: dict[str, HostReport] = {}
    undecided = set()
    for host in hosts:
        if host not in checkpoints:
            answer = finished.hosts.get(host)
            error = answer.error if answer is not None and answer.status == "unreachable" else _hung(reason)
            reports[host] = HostReport(status="unreachable", error=error)
            undecided.add(host)
            continue
        found = [header for header in checkpoints[host] if header["id"] == record.checkpoint_id]
        report = read_state(record, found[0] if found else None, confirm=about.get("confirm"), reason=reason)
        if changing.get(host) and (report is None or report.status in {"unchanged", "failed"}):
            report = None  # what the run has begun there goes on without it
        reports[host] = report or _pending(record, reason)
        if report is None:
            undecided.add(host)
    return Findings(reports, frozenset(undecided))


def read_state(
    record: RunRecord, header: Mapping[str, Any] | None, *, confirm: str | None, reason: str
) -> HostReport | None:
    """Return what became of a run on a host, ``None`` while the host has not decided yet.

    Args:
        record: the run.
        header: its checkpoint on the host, ``None`` where there is none.
        confirm: ``auto`` when the run itself was to confirm its change, ``manual`` when a person is to.
        reason: why the run's own word is missing.
    """
    status = header["status"] if header is not None else None
    interrupted = _interrupted(reason)
    identity = record.checkpoint_id
    done = HostReport(status="applied", changed=True, checkpoint_id=identity)
    not_done = HostReport(status="failed", checkpoint_id=identity, error=interrupted)
    simple = {"delete_checkpoint": status is None, "extend": status == "applied", "accept": status == "accepted"}
    if record.action in simple:
        return done if simple[record.action] else not_done
    if header is None:
        return untouched(reason)
    if record.action == "rollback" and status in {*PENDING, "confirmed"}:
        return not_done
    if status == "applied" and record.action == "apply" and confirm == "manual":
        waits = f"The change waits for its confirmation; `netopt confirm {identity}` keeps it"
        return done.model_copy(update={"warnings": [waits]})
    ended = ENDED.get(str(status))
    if ended is None:
        return None
    wanted = ended == "applied" or (ended == "rolled_back" and record.action == "rollback")
    return HostReport(
        status=ended,
        changed=wanted and record.action != "snapshot",
        checkpoint_id=identity,
        warnings=[f"The host says: {header['note']}"] if header.get("note") else [],
        error=None if wanted else interrupted,
    )


def untouched(reason: str) -> HostReport:
    """Return the report of a host that has no checkpoint of an interrupted run."""
    told = "There is no checkpoint of this run on the host, so the run changed nothing on it"
    return HostReport(status="unchanged", warnings=[told], error=_interrupted(reason))


def _interrupted(reason: str) -> HostError:
    from mcp_bridge.runs import host_failure  # noqa: PLC0415 - few runs need it

    return HostError.model_validate(host_failure.interrupted(reason))


def _hung(reason: str) -> HostError:
    """Return the error of a host that says nothing any more, however it is asked."""
    return _interrupted(reason).model_copy(
        update={
            "stage": "connect",
            "key": "ssh connection",
            "wanted": "an answer",
            "after": "silence, also over a new connection",
            "message": "The host hangs: it did not answer while the run lasted, nor when it was asked anew",
            "hint": "Look at the host. A change that was begun is restored by its guard; `netopt checkpoints` shows "
            "what it holds once it answers.",
        }
    )


def _pending(record: RunRecord, reason: str) -> HostReport:
    """Return the report of a host that has not decided yet."""
    error = _interrupted(reason).model_copy(
        update={"message": "The host has not decided yet whether it keeps the change; it restores by itself"}
    )
    return HostReport(status="failed", checkpoint_id=record.checkpoint_id, error=error)


def revert(
    fleet: Fleet, record: RunRecord, hosts: Sequence[str], *, timeout_s: float | None = None
) -> dict[str, HostReport]:
    """Restore the hosts on which a change was begun and is not confirmed, and return what they say.

    Where nothing was begun, whatever still keeps the host's lock for the run loses it.

    Args:
        fleet: the hosts.
        record: the run that was cancelled.
        hosts: their names.
        timeout_s: seconds that it may take, instead of those in the settings.
    """
    if not hosts or record.checkpoint_id is None:
        return {}
    task = Task(
        "rollback",
        {"netopt_checkpoint_id": record.checkpoint_id, **ANEW},
        record={"checkpoint_id": record.checkpoint_id},
        timeout_s=timeout_s,
    )
    scope = Scope(limit=",".join(hosts), inventory=fleet.about(record).get("inventory"))
    try:
        return fleet.run(task, scope).hosts
    except NetoptBridgeError:
        return {}  # the hosts' guards restore them
