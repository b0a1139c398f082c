# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One row of the table of effects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.effects.traffic import Traffic

UNDEFINED: Any = object()
ROLLBACK, REMOVE, NULL = "rolled back", "removed", "null"


@dataclass(frozen=True)
class Row:
    """What a packet meets.

    Attributes:
        field: the plan's field.
        says: what is sent and on which way, in words.
        changes: of the plan for eth0; none where the traffic itself applies plans.
        traffic: what is sent.
        expected: what comes of it; two numbers in a tuple are the least and the most.
        free: what comes of it once the change is gone; it is not tried where this is not given.
        gone: how the change goes: by a rollback, by taking the plan away, or by ``null`` for its sections.
        arranged: commands that are run on the host before.
        earlier: changes that are applied, and traffic that is sent, one after the other, before the row's own.
        told: words of a warning of the report.
        refused: words of the error, where the plan is refused; nothing is sent then.
        shared: rows of the same word do not disturb one another: one lab and one change serve them all.
        labels: of the host.
        own_kernel: whether it takes a kernel of its own, since this one may lack what it needs.
        machine: whether it takes an emulated machine: rules, all qdiscs and all tunnels in one kernel.
        quick: whether ``make test`` runs it.
    """

    field: str
    says: str
    changes: dict[str, Any]
    traffic: Traffic | None = None
    expected: Any = None
    free: Any = UNDEFINED
    gone: str = ROLLBACK
    arranged: tuple[str, ...] = ()
    earlier: tuple[Any, ...] = field(default=())
    told: str = ""
    refused: str = ""
    shared: str = ""
    labels: tuple[str, ...] = ()
    own_kernel: bool = False
    machine: bool = False
    quick: bool = True

    @property
    def name(self) -> str:
        """What the row is called."""
        return f"{self.field}: {self.says}"


def batches(rows: tuple[Row, ...]) -> list[tuple[Row, ...]]:
    """Return rows together that share a lab."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.shared or row.name, []).append(row)
    return [tuple(each) for each in found.values()]
