# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells a report in bounded length, however many hosts and changes: failures first and whole, then who went alike.

A short report is told as it is. Of a long one, hosts that went the same way are told together; each host's own report
stays to be read as ``runs://{run_id}/hosts/{name}``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from mcp_bridge import untrusted_text
from mcp_bridge.consent import host_words
from mcp_bridge.models import ChangeReport, HostReport
from mcp_bridge.models.base import Strict
from mcp_bridge.models.report import DiffEntry, HostError, HostStatus
from mcp_bridge.models.rollout import RolloutReport
from mcp_bridge.runs.report import HELD, error_line

WHOLE_MAX = 8_000  # bytes up to which a report is told as it is
ROOM = 18_000  # bytes of one that is not
FAILURE_MAX = 4_000  # of one host's report that is told whole
FAILURES_ROOM = 7_000
WARNINGS_MAX = 5  # of a group
NAMED_MAX = 20  # hosts up to which each one's outcome is told as well
LIST_ROOM = 2_000  # of the commands, of the notes, of the lines of errors, of the names of a group
WAVES_ROOM = 2_500
TEXT_MAX = 300  # characters of a value or a line in what is told shortly
WORST_FIRST: tuple[HostStatus, ...] = ("rollback_failed", "failed", "unreachable", "rolled_back", "skipped")


class HostGroup(Strict):
    """Hosts that went the same way."""

    status: HostStatus
    """The outcome."""
    changed: bool
    """Whether they are, or would be, different from before."""
    count: int
    """How many hosts."""
    hosts: list[str]
    """Their names; five and more in a row by their ends, as web01 to web40. Not all where they are too many."""
    error: HostError | None = None
    """The failure that they share."""
    warnings: list[str] = []
    """What a person should know of all of them, and what was left out on all of them: the first ones."""
    diff: list[DiffEntry] = []
    """What became different on all of them; before is absent where it was not the same. Long values are shortened."""
    more: int = 0
    """How many further differences hosts of the group have; their own reports tell them."""


class BoundedReport(ChangeReport):
    """The outcome of a run over all its hosts, in bounded length."""

    groups: list[HostGroup] = []
    """Of a long report: hosts that went the same way, failures first. Its hosts then has failures that are told
    whole, and where they are few the outcome of the others."""
    rest: str | None = None
    """Where the rest of a long report is read."""
    note: str = untrusted_text.NOTE
    """How to take text from hosts."""


def bounded(report: ChangeReport) -> BoundedReport:
    """Return a report in at most 20,000 bytes of JSON."""
    fields = {name: getattr(report, name) for name in ChangeReport.model_fields}
    whole = BoundedReport.model_construct(**fields)
    if size(whole) <= WHOLE_MAX:
        return whole
    failing, others = _parted(report.hosts)
    told, left = _whole(failing)
    outcomes = _outcomes([*left, *others]) if len(report.hosts) <= NAMED_MAX else {}
    head = BoundedReport.model_construct(
        **fields
        | {
            "hosts": {**told, **outcomes},
            "errors": _errors(failing),
            "commands_preview": _some(report.commands_preview, "commands; render_change_plan_tool has all"),
            "notes": _some(report.notes, "notes"),
            "rollout": _waves(report.rollout),
        },
        rest=f"runs://{report.run_id}/hosts/NAME has the report of a host whole; runs://{report.run_id} tells the run.",
    )
    gathered = [*left, *others]
    room = ROOM - size(head)
    return head.model_copy(update={"groups": _groups(gathered, room)})


def told(result: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the kept result of a run in bounded length; what is no report is given as it is."""
    if result is None:
        return None
    try:
        report = ChangeReport.model_validate(result)
    except ValidationError:  # an answer to a question, or the report of another version
        return result
    return bounded(report).model_dump(mode="json")


def size(value: BaseModel | Sequence[Any]) -> int:
    """Return the bytes of JSON, in its longest common form."""
    data = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    return len(json.dumps(data, default=str))


_Gathered = list[tuple[str, HostReport]]


def _parted(hosts: dict[str, HostReport]) -> tuple[list[_Gathered], list[_Gathered]]:
    """Return the hosts that failed and the others, each gathered by how they went, the worst first."""
    failing: dict[str, _Gathered] = {}
    others: dict[str, _Gathered] = {}
    for name, report in hosts.items():
        failed = report.status not in HELD | {"skipped", "rolled_back"} or report.error is not None
        error = report.error.model_dump_json() if report.error is not None else ""
        key = f"{report.status} {report.changed} {error}"
        (failing if failed else others).setdefault(key, []).append((name, report))
    return _sorted(failing.values()), _sorted(others.values())


def _sorted(gathered: Iterable[_Gathered]) -> list[_Gathered]:
    def rank(hosts: _Gathered) -> int:
        status = hosts[0][1].status
        return WORST_FIRST.index(status) if status in WORST_FIRST else len(WORST_FIRST)

    return sorted(gathered, key=rank)


def _whole(failing: list[_Gathered]) -> tuple[dict[str, HostReport], list[_Gathered]]:
    """Return what is told whole of hosts that failed each in a way of their own, and the others."""
    told: dict[str, HostReport] = {}
    left: list[_Gathered] = []
    room = FAILURES_ROOM
    for hosts in failing:
        name, report = hosts[0]
        cost = size(report)
        if len(hosts) == 1 and cost <= min(room, FAILURE_MAX):
            told[name] = report
            room -= cost
        else:
            left.append(hosts)
    return told, left


def _outcomes(gathered: list[_Gathered]) -> dict[str, HostReport]:
    """Return the outcome of each of a few hosts, without what its group tells."""
    return {
        name: HostReport(
            status=report.status,
            changed=report.changed,
            checkpoint_id=report.checkpoint_id,
            error=HostError(stage=report.error.stage, message=_clip(report.error.message)) if report.error else None,
        )
        for hosts in gathered
        for name, report in hosts
    }


def _errors(failing: list[_Gathered]) -> list[str]:
    """Return a line for each way of failing."""
    lines = [f"{_clip(host_words.in_rows(name for name, _ in hosts))}: {error_line(hosts[0][1])}" for hosts in failing]
    return _some(lines, "ways of failing; groups and the hosts' own reports tell them")


def _groups(gathered: list[_Gathered], room: int) -> list[HostGroup]:
    """Return the groups in so many bytes; those that find no room are told by their outcome alone."""
    groups: list[HostGroup] = []
    for place, hosts in enumerate(gathered):
        share = (room - size([group.model_dump(mode="json") for group in groups])) // (len(gathered) - place)
        group = _group(hosts, share)
        if size(group) > share:
            return [*groups, *_by_outcome(gathered[place:])]
        groups.append(group)
    return groups


def _group(hosts: _Gathered, room: int) -> HostGroup:
    names, report = [name for name, _ in hosts], hosts[0][1]
    error = report.error.model_copy(update=_clipped(report.error)) if report.error is not None else None
    group = HostGroup(
        status=report.status,
        changed=report.changed,
        count=len(names),
        hosts=names_in_rows(names),
        error=error,
        warnings=_shared_warnings([report for _, report in hosts]),
    )
    common = _common([report for _, report in hosts])
    shown: list[DiffEntry] = []
    left = room - size(group)
    for entry in common:
        left -= size(entry) + 2
        if left < 0:
            break
        shown.append(entry)
    more = max(len(report.diff) for _, report in hosts) - len(shown)
    return group.model_copy(update={"diff": shown, "more": more})


def _shared_warnings(reports: Sequence[HostReport]) -> list[str]:
    """Return what all hosts warn of and what all of them left out."""
    said = [[*one.warnings, *(f"left out {skip.key}: {skip.reason}" for skip in one.skipped)] for one in reports]
    shared = set(said[0]).intersection(*said[1:])
    return [_clip(line) for line in dict.fromkeys(said[0]) if line in shared][:WARNINGS_MAX]


def _by_outcome(gathered: list[_Gathered]) -> list[HostGroup]:
    """Return one group for each outcome, without what the hosts share."""
    outcomes: dict[tuple[HostStatus, bool], list[str]] = {}
    for hosts in gathered:
        for name, report in hosts:
            outcomes.setdefault((report.status, report.changed), []).append(name)
    room = LIST_ROOM // len(outcomes)
    return [
        HostGroup(status=status, changed=changed, count=len(names), hosts=names_in_rows(names, room))
        for (status, changed), names in outcomes.items()
    ]


def _common(reports: Sequence[HostReport]) -> list[DiffEntry]:
    """Return what became different on all hosts, in the first one's order."""
    found: dict[tuple[str, str, str | None], set[str | None]] = {}
    for entry in reports[0].diff:
        found[(entry.subsystem, entry.key, entry.after)] = {entry.before}
    for report in reports[1:]:
        its = {(entry.subsystem, entry.key, entry.after): entry.before for entry in report.diff}
        found = {key: {*before, its[key]} for key, before in found.items() if key in its}
    return [
        DiffEntry(
            subsystem=subsystem,
            key=_clip(key),
            before=_clip(before.pop()) if len(before) == 1 else None,
            after=_clip(after),
        )
        for (subsystem, key, after), before in found.items()
    ]


def names_in_rows(names: list[str], room: int = LIST_ROOM) -> list[str]:
    """Return names, five and more in a row by their ends, as many as there is room for."""
    rows = host_words.in_rows(names).split(", ")
    while size(rows) > room and rows:
        rows = rows[: len(rows) * room // size(rows)]
    return rows


def _waves(rollout: RolloutReport | None) -> RolloutReport | None:
    """Return how a rollout went, hosts in a row by their ends; of many waves those that did not go well come first."""
    if rollout is None:
        return None
    waves = [wave.model_copy(update={"hosts": names_in_rows(wave.hosts, TEXT_MAX)}) for wave in rollout.waves]
    waves.sort(key=lambda wave: (wave.status not in {"failed", "stopped"}, wave.number))
    while waves and size([wave.model_dump(mode="json") for wave in waves]) > WAVES_ROOM:
        waves.pop()
    waves.sort(key=lambda wave: wave.number)
    return rollout.model_copy(update={"waves": waves, "reason": _clip(rollout.reason)})


def _some(lines: Sequence[str], what: str) -> list[str]:
    """Return as many lines as there is room for, and how many more there are."""
    shown: list[str] = []
    room = LIST_ROOM
    for line in lines:
        short = _clip(line)
        room -= len(json.dumps(short)) + 2
        if room < 0:
            return [*shown, f"... and {len(lines) - len(shown)} more {what}"]
        shown.append(short)
    return shown


def _clipped(error: HostError) -> dict[str, str | None]:
    return {name: _clip(getattr(error, name)) for name in HostError.model_fields}


def _clip(text: Any) -> Any:
    return text if text is None or len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}..."
