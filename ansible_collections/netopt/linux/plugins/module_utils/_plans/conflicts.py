# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses plans that cannot be in force together: two that want different values for one section. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Dict, List, Tuple

from .._common.errors import NetoptError
from .compose import rules
from .record import HTB, SIDE_BY_SIDE, SYSCTL, TRACKING, InForce, Section, of_host

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN = 80  # characters of a value in a message
SHOWN_CONFLICTS = 5


def refuse_conflicts(record: InForce) -> None:
    """Refuse plans of which two want different values for one section.

    Raises:
        NetoptError: names both plans and both values.
    """
    found = list(_conflicts(record))
    if found:
        raise NetoptError(
            "; ".join(message for _path, message in found[:SHOWN_CONFLICTS])
            + (f"; and {len(found) - SHOWN_CONFLICTS} more" if len(found) > SHOWN_CONFLICTS else ""),
            stage="plan",
            key=found[0][0],
            hint="Two plans cannot want different values. Take it out of one of them; netopt plans lists what each "
            "sets, netopt remove NAME takes a plan away. Nothing was changed.",
        )


def _conflicts(record: InForce) -> Iterable[tuple[str, str]]:
    """Yield the path and the words of each conflict."""
    by_section: Dict[Tuple[str, str], List[Section]] = defaultdict(list)
    for one in record.sections:
        if one.field not in SIDE_BY_SIDE:
            by_section[one.field, one.key].append(one)
    for held in by_section.values():
        for at, one in enumerate(held):
            for other in held[at + 1 :]:
                shared = [name for name in one.ifaces if name in other.ifaces]
                if one.plan == other.plan:
                    continue
                for path, mine, theirs in _differing(one, other, together=bool(shared) or not one.ifaces):
                    where = f" of {', '.join(shared)}" if shared else ""
                    path, mine, theirs = _apart(path, mine, theirs)  # noqa: PLW2901 - the part that matters
                    wanted = f"{plan_text(other.plan)} wants {_shown(theirs)}, {plan_text(one.plan)} {_shown(mine)}"
                    yield path, f"{path}{where}: {wanted}"


def _differing(one: Section, other: Section, *, together: bool) -> Iterable[tuple[str, Any, Any]]:
    """Yield the path and both values of what two sections say differently.

    Args:
        one: a section.
        other: another plan's of the same field and key.
        together: whether they have an interface in common, or are of the whole host.
    """
    if one.field != TRACKING:
        if together and not _same(one, other):
            yield "changes" if one.field == HTB else one.path, one.said, other.said
        return
    theirs = other.said
    for key, value in (one.said if together else of_host(one)).items():
        if key in theirs and theirs[key] != value:
            yield f"{one.path}.{key}", value, theirs[key]


def _same(one: Section, other: Section) -> bool:
    """Return whether two sections want the same; kernel parameters are compared as the kernel reads them."""
    if one.field == SYSCTL:
        return str(one.said).split() == str(other.said).split()
    return one.value == other.value or bool(one.said == other.said)


def plan_text(name: str) -> str:
    """Return how a plan is called in a message."""
    return f"plan {name}" if name else "the plan without a name"


def _apart(path: str, one: Any, other: Any) -> tuple[str, Any, Any]:
    """Return the path and the values of the part in which two values differ: of a long list both begin alike."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [key for key in {**one, **other} if one.get(key) != other.get(key)]
        if len(keys) == 1:
            return _apart(f"{path}.{keys[0]}", one.get(keys[0]), other.get(keys[0]))
        mine, theirs = ({key: said[key] for key in keys if key in said} for said in (one, other))
        return path, mine, theirs
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        places = [at for at, pair in enumerate(zip(one, other)) if pair[0] != pair[1]]
        if places:
            return _apart(f"{path}[{places[0]}]", one[places[0]], other[places[0]])
    return path, one, other


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else "nothing" if value is None else json.dumps(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."


def refuse_other_acceptance(record: InForce) -> None:
    """Refuse rules of which some are to meet established connections and others are not: one rule decides for all.

    Raises:
        NetoptError: names both plans.
    """
    said: Dict[bool, str] = {}
    for part in rules(record):
        limits = bool(part.changes.get("connection_limits") or part.changes.get("rate_limits"))
        accepts = (part.changes.get(TRACKING) or {}).get("accept_established")
        if limits or accepts is not None:
            said.setdefault(limits if accepts is None else accepts, part.plan)
    if len(said) > 1 and said[True] != said[False]:
        path = "changes.connection_tracking.accept_established"
        raise NetoptError(
            f"{path}: {plan_text(said[False])} has established connections meet its limits, and "
            f"{plan_text(said[True])} lets them pass ahead of all limits",
            stage="plan",
            key=path,
            hint="Say the same in both plans. Nothing was changed.",
        )
