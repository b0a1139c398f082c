# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells what a person should know of a change: what is not proven or not shown, and who else sets the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._plans.record import HTB
from .._subsystems.table import TABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .._host.commands import Tools
    from .._plans.change import PlansChange
    from .rehearse import Rehearsal
    from .request import Request

MATCHING = (HTB, "qdisc", "netem")  # fields with matches that filters may ask


def change_warnings(
    plans: PlansChange,
    rehearsal: Rehearsal,
    *,
    request: Request,
    interfaces: Mapping[str, Mapping[str, Any]],
    tools: Tools,
) -> list[str]:
    """Return the warnings of a change, each once.

    Args:
        plans: the change.
        rehearsal: what it leads to on this host.
        request: what was asked.
        interfaces: facts of the host's interfaces, by name.
        tools: what runs programs.
    """
    found = [_unrehearsed(rehearsal, check=request.check)] if rehearsal.refused else []
    for name in rehearsal.operations:
        told = TABLE[name].warnings
        found += told(rehearsal.current[name], rehearsal.wanted.get(name)) if told else []
    if "nft" in rehearsal.operations and any(one.changes.get("connection_limits") for one in plans.asked):
        from .uncounted import uncounted  # noqa: PLC0415 - most plans limit no connections

        found += uncounted(rehearsal.current["nft"], rehearsal.wanted.get("nft"))
    if "tc" in rehearsal.operations and any(one.changes.get(name) for one in plans.parts for name in MATCHING):
        from .translated_sources import translated_sources  # noqa: PLC0415 - most plans have no classes

        found += translated_sources(plans.parts, interfaces, tools)
    return list(dict.fromkeys([*found, *_other_owners(plans, rehearsal, persist=request.persist)]))


def _unrehearsed(rehearsal: Rehearsal, *, check: bool) -> str:
    """Say that a part of the plan was not rehearsed, why, and what that leaves unproven."""
    done = "is checked" if check else "was checked, made on the host itself"
    more = "; what it leads to shows only when it is made" if check else " and read back"
    return (
        f"No network namespace can be made here ({rehearsal.refused}), so {' and '.join(rehearsal.unrehearsed)} "
        f"{'are' if len(rehearsal.unrehearsed) > 1 else 'is'} not rehearsed: {done}{more}. That a rollback leads "
        "back to the present state was not proven. With CAP_SYS_ADMIN (in a container: --cap-add SYS_ADMIN) it "
        "would be."
    )


def _other_owners(plans: PlansChange, rehearsal: Rehearsal, *, persist: bool) -> Iterable[str]:
    """Yield a warning for whoever else sets the same settings, and may set them again."""
    from .._conflicts.find import ConflictingManagers  # noqa: PLC0415 - a plan that holds already does without

    values = rehearsal.wanted.get("sysctl", {}).get("values", {})
    keys = {key: value for key, value in values.items() if value is not None}
    for part in plans.parts:
        yield from ConflictingManagers().warnings(part.changes, part.ifaces, keys, persist=persist)
