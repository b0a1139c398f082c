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
    with lab(rules=not first.own_kernel) as made:
        made.arrange(first.arranged)
        for step in first.earlier:
            if callable(step):
                step(made)
            else:
                _done(made.machine.apply(step))
        made.hold()
        warnings = ""
        if changes:
            report = _apply(made, first, changes)
            if first.refused or report["status"] != "applied":
                return [_refused(first, report) for _row in rows]
            warnings = " ".join(report["warnings"])
        wrong = [[*_untold(row, warnings), *_outcome(made, "", row, row.expected)] for row in rows]
        if any(row.free is not UNDEFINED for row in rows):
            made.hush()
            _done(_take_away(made, first, changes))
            for row, found in zip(rows, wrong, strict=True):
                found.extend(_outcome(made, f"{first.gone}: ", row, row.free))
    return wrong


def _done(report: dict[str, Any]) -> None:
    assert report["status"] in {"rolled_back", "applied"}, report["error"]


def _refused(first: Row, report: dict[str, Any]) -> list[str]:
    if first.refused and report["status"] == "failed" and first.refused in str(report["error"]):
        return []
    return [f"not {'refused' if first.refused else 'applied'}: {report['error']}"]


def _untold(row: Row, warnings: str) -> list[str]:
    return [f"not told {row.told!r}: {warnings!r}"] if row.told not in warnings else []


def _outcome(made: Lab, when: str, row: Row, expected: Any) -> list[str]:
    """Send what a row says; return how the outcome differs, where it has one."""
    if not row.traffic or expected is UNDEFINED:
        return []
    return _differs(when, row.traffic(made), expected)


def _apply(made: Lab, first: Row, changes: dict[str, Any]) -> dict[str, Any]:
    named = {"name": PLAN} if first.gone == REMOVE else {}
    plan = {**named, "iface": "eth0", "changes": changes}
    return made.machine.ask(plan=plan, checkpoint_id="row", labels=list(first.labels))


def _take_away(made: Lab, first: Row, changes: dict[str, Any]) -> dict[str, Any]:
    if first.gone == REMOVE:
        return made.machine.ask(remove=[PLAN])
    if first.gone == NULL:
        return made.machine.apply({name: _nothing(name, value) for name, value in changes.items()})
    report: dict[str, Any] = made.machine.checkpoint("restored", id="row")["report"]
    return report


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
