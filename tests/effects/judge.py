# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How rows of the table are judged: by packets, while the change is in force and once it is gone."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from ansible_collections.netopt.linux.plugins.module_utils._plan.fields import BY_KEY
from tests.effects.lab import lab
from tests.effects.row import NULL, REMOVE, UNDEFINED

if TYPE_CHECKING:
    from tests.effects.lab import Lab
    from tests.effects.row import Row

PLAN = "effects"


def tried(rows: tuple[Row, ...]) -> list[list[str]]:
    """Judge rows that share a lab; where that does not come to an end, it is what is wrong with each of them."""
    try:
        return judge(rows)
    except Exception:  # noqa: BLE001 - rows of other labs are judged all the same
        return [[traceback.format_exc(limit=-3)] for _row in rows]


def judge(rows: tuple[Row, ...]) -> list[list[str]]:
    """Return for each of the rows that share a lab what is otherwise than it says; nothing where it is right."""
    first = rows[0]
    changes = _together(rows)
    wrong: list[list[str]] = [[] for _row in rows]
    with lab(rules=not first.own_kernel) as made:
        made.arrange(first.arranged)
        for step in first.earlier:
            if callable(step):
                step(made)
            else:
                report = made.machine.apply(step)
                assert report["status"] == "applied", report["error"]
        made.hold()
        if changes:
            report = _apply(made, first, changes)
            if first.refused:
                said = str(report["error"])
                is_so = report["status"] == "failed" and first.refused in said
                return [[] if is_so else [f"not refused: {said}"] for _row in rows]
            if report["status"] != "applied":
                return [[f"not applied: {report['error']}"] for _row in rows]
            warnings = " ".join(report["warnings"])
            for row, found in zip(rows, wrong, strict=True):
                if row.told and row.told not in warnings:
                    found.append(f"not told {row.told!r}: {warnings!r}")
        for row, found in zip(rows, wrong, strict=True):
            if row.traffic:
                found += _differs("", row.traffic(made), row.expected)
        again = [(row, found) for row, found in zip(rows, wrong, strict=True) if row.free is not UNDEFINED]
        if again:
            made.hush()
            report = _take_away(made, first, changes)
            for row, found in again:
                assert row.traffic
                found += report or _differs(f"{first.gone}: ", row.traffic(made), row.free)
    return wrong


def _apply(made: Lab, first: Row, changes: dict[str, Any]) -> dict[str, Any]:
    named = {"name": PLAN} if first.gone == REMOVE else {}
    plan = {**named, "iface": "eth0", "changes": changes}
    return made.machine.ask(plan=plan, checkpoint_id="row", labels=list(first.labels))


def _take_away(made: Lab, first: Row, changes: dict[str, Any]) -> list[str]:
    if first.gone == REMOVE:
        report = made.machine.ask(remove=[PLAN])
    elif first.gone == NULL:
        report = made.machine.apply({name: _nothing(name, value) for name, value in changes.items()})
    else:
        report = made.machine.checkpoint("restored", id="row")["report"]
    return [] if report["status"] in {"rolled_back", "applied"} else [f"not {first.gone}: {report['error']}"]


def _nothing(name: str, value: Any) -> Any:
    """Return what takes a field away: each of its keys where these are sections of their own."""
    return dict.fromkeys(value) if name in BY_KEY else None


def _together(rows: tuple[Row, ...]) -> dict[str, Any]:
    """Return the changes of all rows as one: lists one after the other, mappings together."""
    found: dict[str, Any] = {}
    seen: list[dict[str, Any]] = []
    for row in rows:
        if any(row.changes is one for one in seen):
            continue
        seen.append(row.changes)
        for name, value in row.changes.items():
            if isinstance(value, list):
                found[name] = found.get(name, []) + [one for one in value if one not in found.get(name, [])]
            elif isinstance(value, dict):
                found[name] = {**found.get(name, {}), **value}
            else:
                found[name] = value
    return found


def _differs(when: str, found: Any, expected: Any) -> list[str]:
    return [] if _is(found, expected) else [f"{when}{found}, expected {_words(expected)}"]


def _is(found: Any, expected: Any) -> bool:
    """Return whether an outcome is as expected: a tuple is the least and the most, a list has outcomes one by one."""
    if isinstance(expected, tuple):
        return found is not None and bool(expected[0] <= found <= expected[1])
    if isinstance(expected, list) and isinstance(found, list):
        return len(found) == len(expected) and all(map(_is, found, expected))
    return bool(found == expected)


def _words(expected: Any) -> str:
    if isinstance(expected, list):
        return f"[{', '.join(map(_words, expected))}]"
    return f"{expected[0]} to {expected[1]}" if isinstance(expected, tuple) else str(expected)
