# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Features of a network interface: what ``ethtool -k`` says of them.

``ethtool -k`` is read as text: its JSON form is missing from ethtool before 5.10, which many targets still have,
and the text has not changed since 2012.
"""

from __future__ import annotations

from typing import Any

from .._common.patterns import pattern

_LINE = pattern(r"^(?P<indent>\s*)(?P<name>[^\s:]+): (?P<state>on|off)(?: \[(?P<note>[^]]*)\])?\s*$")


def parse_features(text: str) -> dict[str, Any]:
    """Return what ``ethtool -k`` says.

    Returns:
        ``active``: ``{name: bool}`` of every line; ``requested``: ``{name: bool}`` of every feature that can be set,
        which stays as it is while another feature keeps it from being active; ``fixed``: names that cannot be set;
        ``groups``: ``{name: [names]}`` of the lines that sum up others.
    """
    active: dict[str, bool] = {}
    requested: dict[str, bool] = {}
    fixed: list[str] = []
    groups: dict[str, list[str]] = {}
    heading = ""
    for line in text.splitlines():
        match = _LINE.match(line)
        if not match:
            continue
        name, note = match.group("name"), match.group("note") or ""
        active[name] = match.group("state") == "on"
        if match.group("indent") and heading:
            groups.setdefault(heading, []).append(name)
        else:
            heading = name
        if note == "fixed":
            fixed.append(name)
        elif note.startswith("requested"):
            requested[name] = note == "requested on"
        else:
            requested[name] = active[name]
    for group, members in groups.items():
        requested.pop(group, None)
        if group not in fixed and all(member in fixed for member in members):
            fixed.append(group)
    return {"active": active, "requested": requested, "fixed": fixed, "groups": groups}
