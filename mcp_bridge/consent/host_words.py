# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says for a person which hosts a call reaches: all of them, names in a row as ``web01 to web40``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

LONG = 2000  # characters of names from which on whole groups of the inventory are named instead
RUN_MIN = 5  # names in a row from which on they are told by their ends
_NUMBER = re.compile(r"([0-9]{1,18})")


def told(hosts: Iterable[str], groups: Callable[[], Mapping[str, set[str]]]) -> str:
    """Return how many hosts these are, and all of them: ``3 hosts (db1, web1, web2)``.

    Args:
        hosts: their names.
        groups: gives the hosts of each group of the inventory; asked where the names are many.
    """
    names = set(hosts)
    text = in_rows(names)
    if len(text) > LONG:
        text = _by_group(names, groups())
    return f"{len(names)} host{'s' if len(names) != 1 else ''} ({text or 'none'})"


def in_rows(names: Iterable[str]) -> str:
    """Return names in order; of ``RUN_MIN`` and more that count up by one, the first and the last."""
    rows: list[_Row] = []
    for name in sorted(names, key=_in_order):
        if not (rows and rows[-1].takes(name)):
            rows.append(_Row(name))
    return ", ".join(row.told() for row in rows)


def _in_order(name: str) -> tuple[list[str | int], str]:
    """Return what sorts ``web9`` ahead of ``web10``; every other part of a name is a number."""
    parts = _NUMBER.split(name)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name


def _by_group(names: set[str], groups: Mapping[str, set[str]]) -> str:
    """Return the groups that are among the hosts as a whole, the largest first, and the names of the other hosts."""
    left = set(names)
    told_groups = []
    for group, members in sorted(groups.items(), key=lambda entry: (-len(entry[1]), entry[0])):
        if members <= names and len(members & left) > 1:
            told_groups.append(f"all {len(members)} of the group {group}")
            left -= members
    return ", ".join(filter(None, [*told_groups, in_rows(left)]))


class _Row:
    """Names that are the same but for one number, which counts up by one."""

    def __init__(self, first: str) -> None:
        self._names = [first]
        self._place: int | None = None  # which part of the names counts up

    def takes(self, name: str) -> bool:
        """Take the next name in, and return whether it goes on with the row."""
        before, after = _NUMBER.split(self._names[-1]), _NUMBER.split(name)
        if len(before) != len(after):
            return False
        others = [place for place, part in enumerate(after) if part != before[place]]
        if len(others) != 1 or not others[0] % 2 or self._place not in {None, *others}:
            return False
        number = before[others[0]]
        if after[others[0]] != str(int(number) + 1).zfill(len(number)):  # 010 comes after 009
            return False
        self._place = others[0]
        self._names.append(name)
        return True

    def told(self) -> str:
        """Return all of the row."""
        return f"{self._names[0]} to {self._names[-1]}" if len(self._names) >= RUN_MIN else ", ".join(self._names)
