# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gathers what a module did on a host, in the shape of ``HostReport``."""

from __future__ import annotations

import os
from dataclasses import field
from typing import TYPE_CHECKING, Any

from .change import Change
from .errors import NetoptError
from .quick_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

APPLIED = "applied"
UNCHANGED = "unchanged"
WOULD_CHANGE = "would_change"
FAILED = "failed"
ROLLED_BACK = "rolled_back"
ROLLBACK_FAILED = "rollback_failed"
SKIPPED = "skipped"

SHOWN = 200  # differences of one subsystem in a report
MORE = "and more:"  # begins the key of the entry that stands for the others

BAD = (FAILED, ROLLED_BACK, ROLLBACK_FAILED)


@dataclass
class HostReport:
    """One host's share of a run; the fields are those of the published HostReport."""

    status: str = UNCHANGED
    changed: bool = False
    diff: list[dict[str, Any]] = field(default_factory=list)
    operations: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    checkpoint_id: str | None = None
    measurements: dict[str, Any] | None = None
    error: dict[str, str | None] | None = None

    def differs(self, changes: Iterable[Change]) -> None:
        """Add differences, shortened: ten thousand would be in memory to the end, and nobody reads them."""
        self.diff.extend(change.as_dict() for change in _few(changes))

    def fail(self, status: str, error: NetoptError) -> None:
        """End with a failure. The first error stays the one that is reported."""
        self.status = status
        self.changed = False
        if self.error is None:
            self.error = error.as_dict()
        elif error.message != self.error["message"]:
            self.warnings.append(error.message)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON can carry it, with the differences shortened."""
        return dict(vars(self), diff=shortened(self.diff))


def shortened(diff: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return differences as a report has them: of each subsystem the first, and how many more there are."""
    return [change.as_dict() for change in _few(Change(**one) for one in diff)]


def _few(changes: Iterable[Change]) -> list[Change]:
    by_subsystem: dict[str, list[Change]] = {}
    for change in changes:
        by_subsystem.setdefault(change.subsystem, []).append(change)
    found: list[Change] = []
    for subsystem, mine in by_subsystem.items():
        if len(mine) <= SHOWN or mine[-1].key.startswith(MORE):
            found += mine
            continue
        more = mine[SHOWN:]
        before, after = (sum(getattr(change, side) is not None for change in more) for side in ("before", "after"))
        found += [*mine[:SHOWN], Change(subsystem, f"{MORE} {len(more)}", f"{before} values", f"{after} values")]
    return found


def as_result(report: HostReport, *, diff_mode: bool) -> dict[str, Any]:
    """Return what a module hands to ``exit_json`` or ``fail_json``.

    Args:
        report: what was done.
        diff_mode: whether differences are to be shown as text.
    """
    result: dict[str, Any] = {"changed": report.changed, "report": report.as_dict()}
    if diff_mode:
        result["diff"] = _as_text(shortened(report.diff))
    if report.status in BAD and report.error:
        result["failed"] = True
        result["msg"] = one_line(report.error)
    return result


def defect(error: Exception, *, stage: str) -> NetoptError:
    """Return an unforeseen exception as an error that can be reported, with the line it comes from."""
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = ""
    if where is not None:
        folder, name = os.path.split(where.tb_frame.f_code.co_filename)
        place = f" ({os.path.join(os.path.basename(folder), name)}:{where.tb_lineno})"
    return NetoptError(
        f"{type(error).__name__}: {error}{place}", stage=stage, hint="This is a defect of netopt, please report it."
    )


def one_line(error: dict[str, str | None]) -> str:
    """Return an error as one line for people."""
    text = error["message"] or "failed"
    return text if not error["hint"] else f"{text.rstrip('.')}. {error['hint']}"


def _as_text(diff: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return the differences as Ansible shows them, one block for each subsystem."""
    blocks = []
    for subsystem in dict.fromkeys(change["subsystem"] for change in diff):
        lines: dict[str, list[str]] = {"before": [], "after": []}
        for change in diff:
            for side in ("before", "after"):
                if change["subsystem"] == subsystem and change[side] is not None:
                    lines[side].append(f"{change['key']} = {change[side]}\n")
        blocks.append(
            {
                "before_header": subsystem,
                "after_header": subsystem,
                "before": "".join(lines["before"]),
                "after": "".join(lines["after"]),
            }
        )
    return blocks
