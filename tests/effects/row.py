# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One row of the table of effects, and how it is judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.effects.lab import lab

if TYPE_CHECKING:
    from tests.effects.traffic import Traffic

UNDEFINED: Any = object()


@dataclass(frozen=True)
class Row:
    """What a packet meets.

    Attributes:
        field: the plan's field.
        says: what is sent and on which way, in words.
        changes: of the plan for eth0.
        traffic: what is sent.
        expected: what comes of it; two numbers in a tuple are the least and the most.
        free: what comes of it once the change is rolled back; it is not tried where this is not given.
        arranged: commands that are run on the host before.
        earlier: changes that are applied, and traffic that is sent, one after the other, before the row's own.
        told: words of a warning of the report.
        refused: words of the error, where the plan is refused; nothing is sent then.
        quick: whether ``make test`` runs it.
    """

    field: str
    says: str
    changes: dict[str, Any]
    traffic: Traffic | None = None
    expected: Any = None
    free: Any = UNDEFINED
    arranged: tuple[str, ...] = ()
    earlier: tuple[Any, ...] = field(default=())
    told: str = ""
    refused: str = ""
    quick: bool = True

    @property
    def name(self) -> str:
        """What the row is called."""
        return f"{self.field}: {self.says}"


def judge(row: Row) -> list[str]:
    """Return what is otherwise than a row says; nothing where it is right."""
    wrong: list[str] = []
    with lab() as made:
        made.arrange(row.arranged)
        for step in row.earlier:
            if callable(step):
                step(made)
            else:
                report = made.machine.apply(step)
                assert report["status"] == "applied", report["error"]
        made.hold()
        report = made.machine.apply(row.changes, checkpoint_id="row")
        if row.refused:
            said = str(report["error"])
            return [] if report["status"] == "failed" and row.refused in said else [f"not refused: {said}"]
        if report["status"] != "applied":
            return [f"not applied: {report['error']}"]
        warnings = " ".join(report["warnings"])
        if row.told and row.told not in warnings:
            wrong.append(f"not told {row.told!r}: {warnings!r}")
        if row.traffic:
            wrong += _differs("", row.traffic(made), row.expected)
        if row.traffic and row.free is not UNDEFINED:
            made.hush()
            wrong += _undone(made, row)
    return wrong


def _undone(made: Any, row: Row) -> list[str]:
    report = made.machine.checkpoint("restored", id="row")["report"]
    if report["status"] != "rolled_back":
        return [f"not rolled back: {report['error']}"]
    assert row.traffic
    return _differs("rolled back: ", row.traffic(made), row.free)


def _differs(when: str, found: Any, expected: Any) -> list[str]:
    low, high = expected if isinstance(expected, tuple) else (expected, expected)
    same = found is not None and low <= found <= high if isinstance(expected, tuple) else found == expected
    return [] if same else [f"{when}{found}, expected {low if low == high else f'{low} to {high}'}"]
