# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says when the impairments of a change end, and in which states: without them, and all else as the plans want it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._host.scratch_namespace import ScratchUnavailableError
from .._plans.compose import Touched
from .._plans.lead import lead
from .._plans.record import without_field
from .._tc.netem import DURATION_S
from .rehearse import resolve

if TYPE_CHECKING:
    from .._host.commands import Tools
    from .._plans.change import PlansChange
    from .._plans.record import InForce
    from .rehearse import Rehearsal

ENDING = ("tc", "nft")  # what has to do with netem: its qdiscs, and the rules that find classes


def time_box(
    plans: PlansChange, record: InForce, rehearsal: Rehearsal, tools: Tools
) -> tuple[dict[str, Any], float | None]:
    """Return the states that an impairment ends in, by subsystem, and after how many seconds; ``None``: there is none.

    Args:
        plans: the change.
        record: the plans in force after it.
        rehearsal: of the change; where its end cannot be rehearsed, it keeps what the end wants.
        tools: what runs programs.

    Raises:
        NetoptError: stage ``plan``: the impairments of the change have different durations.
    """
    impairments = [one.changes["netem"] for one in plans.asked if one.changes.get("netem")]
    durations = {one.get("duration_s", DURATION_S) for one in impairments}
    if not durations or "tc" not in rehearsal.operations:
        return {}, None
    if len(durations) > 1:
        raise NetoptError(
            "changes.netem.duration_s: the impairments of one change end together",
            stage="plan",
            key="changes.netem.duration_s",
            wanted=" and ".join(f"{each} s" for each in sorted(durations)),
            hint="Give them the same duration, or apply the plans one after the other. Nothing was changed.",
        )
    duration = float(durations.pop())
    about = Touched(set(), set(), plans.about.trees, table=plans.about.table)
    after = without_field(record, "netem")
    intents = lead(record, after, about, plans.present, skippable={}, modules={}).intents
    intents = {name: intents[name] for name in ENDING if name in intents and name in rehearsal.operations}
    try:
        ends = {"tc": rehearsal.ahead["tc"], **resolve(intents, rehearsal.ahead, tools)}
    except ScratchUnavailableError:
        rehearsal.unrehearsed_ends.update(intents)
        return {}, duration
    return rehearsal.ending(ends), duration
