# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges what came of the cases: all is exact, or refused for a reason that ``refusals.yml`` has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REFUSALS = Path(__file__).with_name("refusals.yml")
TRIED = ("exact", "refused", "lost", "wrong", "broken", "failed")
Found = dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """A reason why cases are refused.

    Attributes:
        reason: for people.
        message: a regular expression that what is said has to match.
        cases: the ids of the cases that are refused for it.
    """

    reason: str
    message: str
    cases: tuple[str, ...]


def refusals(path: Path = REFUSALS) -> list[Refusal]:
    """Return the reasons that are known."""
    listed = yaml.safe_load(path.read_text(encoding="utf-8")) or []
    return [Refusal(one["reason"], one["message"], tuple(str(case) for case in one["cases"])) for one in listed]


def complaints(found: Iterable[Found], known: list[Refusal], *, whole: bool) -> list[str]:
    """Return what is neither exact nor refused for a known reason, one text for each plan of a case.

    Args:
        found: what came of the cases.
        known: the reasons for refusals.
        whole: whether all cases were run, so that a reason which no case has any more can be told.
    """
    said, refused = [], set()
    for one in found:
        if one["result"] == "refused":
            refused.add(one["id"])
            if any(one["id"] in reason.cases and re.search(reason.message, one["message"]) for reason in known):
                continue
            said.append(f"{_name(one)} is refused, and {REFUSALS.name} has no such reason for it:\n{one['message']}")
        elif one["result"] == "same":
            refused.add(one["id"])  # as the other case with that state, which another order or batch may put behind it
        elif one["result"] in TRIED[2:]:
            said.append(f"{_name(one)} is {one['result']} at the step {one['stage']}:\n{one['message']}")
    if whole:
        listed = {case for reason in known for case in reason.cases}
        said += [f"{case} is not refused: take it out of {REFUSALS.name}" for case in sorted(listed - refused)]
    return said


def table(found: list[Found]) -> str:
    """Return how many cases there were, and what came of their plans."""
    results = Counter(one["result"] for one in found)
    states = {one["id"] for one in found if one["result"] in TRIED}
    rows = [
        ("cases", len({one["id"] for one in found})),
        ("  make no state here", results["none"]),
        ("  make the state of another case", results["same"]),
        ("  tried, each with a state of its own", len(states)),
        ("plans there and back", sum(results[word] for word in TRIED)),
        *((f"  {word}", results[word]) for word in TRIED),
    ]
    return "\n".join(f"{what:40}{count:6}" for what, count in rows)


def _name(one: Found) -> str:
    return f"{one['id']} ({one['name']}), {one['plan'] or 'no plan'},"
