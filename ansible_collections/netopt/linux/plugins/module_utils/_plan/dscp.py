# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of the DiffServ code points: RFC 2474 (CS), 2597 (AF), 3246 (EF), 5865 (VOICE-ADMIT), 8622 (LE); pure."""

from __future__ import annotations

from typing import Any

from .._common.errors import NetoptError

DSCP_MAX = 63
DSCP_NAMES = {
    "df": 0,
    "be": 0,
    "default": 0,
    "le": 1,
    **{f"cs{number}": 8 * number for number in range(8)},
    **{f"af{group}{drop}": 8 * group + 2 * drop for group in range(1, 5) for drop in range(1, 4)},
    "voice-admit": 44,
    "va": 44,
    "ef": 46,
}
"""Code point by name in lower case; ``df``, ``be``, ``default`` and ``cs0`` are one and the same."""
DSCP_WANTED = f"a number from 0 to {DSCP_MAX}, or one of {', '.join(DSCP_NAMES).upper()}"


def code_point(value: Any) -> int | None:
    """Return the code point for a name in any case, or for a number, also as text; ``None`` where it is none."""
    word = value
    if isinstance(word, str):
        name = word.strip().lower().replace("_", "-")
        if name in DSCP_NAMES:
            return DSCP_NAMES[name]
        if name.isascii() and name.isdigit() and len(name) <= len("63"):
            word = int(name)
    return word if isinstance(word, int) and not isinstance(word, bool) and 0 <= word <= DSCP_MAX else None


def with_numbers(changes: dict[str, Any]) -> dict[str, Any]:
    """Return changes in which each code point is a number.

    Raises:
        NetoptError: one is none.
    """
    found = dict(changes)
    if changes.get("dscp"):
        found["dscp"] = [_numbered(rule, f"dscp[{at}]") for at, rule in enumerate(changes["dscp"])]
    if changes.get("ingress"):
        found["ingress"] = with_numbers(changes["ingress"])
    if (changes.get("qdisc") or {}).get("per_queue"):
        found["qdisc"] = {**changes["qdisc"], "per_queue": with_numbers(changes["qdisc"]["per_queue"])}
    if changes.get("htb_classes"):
        found["htb_classes"] = [_class_numbered(one, at) for at, one in enumerate(changes["htb_classes"])]
    return found


def _class_numbered(one: dict[str, Any], at: int) -> dict[str, Any]:
    if all(match.get("dscp") is None for match in one.get("match") or ()):
        return one  # as nearly all of ten thousand
    matches = enumerate(one["match"])
    return {**one, "match": [_numbered(match, f"htb_classes[{at}].match[{number}]") for number, match in matches]}


def _numbered(entry: dict[str, Any], path: str) -> dict[str, Any]:
    if entry.get("dscp") is None:
        return entry
    number = code_point(entry["dscp"])
    if number is None:
        raise NetoptError(
            f"{path}.dscp is {entry['dscp']!r}, wanted {DSCP_WANTED}",
            stage="plan",
            key=f"{path}.dscp",
            wanted=DSCP_WANTED,
            hint="Write a name such as AF41, or its number.",
        )
    return {**entry, "dscp": number}
