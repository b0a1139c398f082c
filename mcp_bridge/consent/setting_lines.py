# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says every setting of a plan for a person: nothing is left out, and rules that are alike are told together.

Rules are told together where they follow one another and differ in one field alone, and then all values of that field
are there, in the rules' order. So the plan could be written down again from what is said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

HURTS = (
    "nat_rules",
    "connection_limits",
    "rate_limits",
    "connection_tracking",
    "mtu",
    "nic",
    "netem",
    "routes",
    "shaper",
    "ingress",
)
"""Fields of ``changes`` by which a host can be cut off, or its traffic sent elsewhere; the worst first."""

_HURTFUL_KEY = re.compile(
    r"sysctl\.\S+\.(?:ip_forward|forwarding|disable_ipv6|rp_filter|accept_ra|route_localnet|proxy_arp"
    r"|bridge-nf-call-[a-z0-9]+)(?: = |: )"
)
"""Begins the line of a kernel parameter that does the same."""

EMPTY = {"match": "everything"}  # what it means that there is nothing in an object; of others it means nothing
NOUNS = {"htb_classes": "classes", "routes": "routes"}
RUN_MIN = 3  # numbers in a row from which on they are told as a range
SPREAD_MIN = 10  # values from which on the least and the most are told as well
_RANGE = re.compile(r"[0-9]+-[0-9]+")
_BARE = re.compile(r"[A-Za-z0-9_.:/@%*+-]+")


def split(changes: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the lines of what can hurt, the worst first, and the lines of all other changes in the plan's order."""
    first = [name for name in HURTS if name in changes]
    first += [name for name in changes if name not in HURTS and _takes_away(name, changes[name])]
    rest = [name for name in changes if name not in first]
    hurts, others = ([line for name in names for line in lines(name, changes[name])] for names in (first, rest))
    keys = [line for line in others if _HURTFUL_KEY.match(line)]
    return [*hurts, *keys], [line for line in others if line not in keys]


def lines(path: str, value: Any) -> Iterator[str]:
    """Yield every setting below a value: ``shaper.egress_mbit = 700``; rules of a list take a line for those alike."""
    if _takes_away(path, value):
        yield f"{path}: taken away, as before netopt or as another plan wants it"
    elif isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from lines(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, list) and any(isinstance(entry, Mapping) for entry in value):
        yield from (f"{path}: {alike.told(NOUNS.get(path, 'rules'))}" for alike in _alike(value))
    elif value != {}:
        yield f"{path} = {word(value)}"


def _takes_away(path: str, value: Any) -> bool:
    """Return whether a setting takes away what an earlier plan has set."""
    return bool(path) and value in (None, [])


def word(value: Any) -> str:
    """Return a value so that it cannot be taken for anything but one value; text with odd characters in quotes."""
    if isinstance(value, list):
        return ",".join(map(word, value)) or "none"
    if isinstance(value, str):
        return value if _BARE.fullmatch(value) else json.dumps(value)
    return "none" if value is None else json.dumps(value)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the values within a rule, by their paths."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, list) and any(isinstance(entry, Mapping) for entry in value):
        for number, inner in enumerate(value):
            yield from _leaves(f"{path}[{number}]", inner)
    elif value != {}:
        yield path, value
    elif name := EMPTY.get(path.rpartition(".")[2]):
        yield path, name


def _alike(rules: Sequence[Mapping[str, Any]]) -> Iterator[_Alike]:
    """Yield rules that follow one another and are alike."""
    found: _Alike | None = None
    for rule in rules:
        leaves = dict(_leaves("", rule))
        if found is None or not found.takes(leaves):
            if found is not None:
                yield found
            found = _Alike(leaves)
    if found is not None:
        yield found


@dataclass
class _Alike:
    """Rules that differ in one field at most.

    Attributes:
        first: the first of them, its values by path.
        differs: the field in which they differ; ``None`` while they are equal.
        more: the values of that field in the others; while they are equal, ``None`` for each.
    """

    first: dict[str, Any]
    differs: str | None = None
    more: list[Any] = field(default_factory=list)

    def takes(self, rule: dict[str, Any]) -> bool:
        """Take one more rule in, and return whether it is alike."""
        if rule.keys() != self.first.keys():
            return False
        others = {path for path in rule if word(rule[path]) != word(self.first[path])} | ({self.differs} - {None})
        if len(others) > 1:
            return False
        if others and self.differs is None:
            (self.differs,) = others
            self.more = [self.first[str(self.differs)] for _ in self.more]
        self.more.append(rule[self.differs] if self.differs else None)
        return True

    def told(self, noun: str) -> str:
        """Return all of them in one line."""
        same = " ".join(f"{path}={word(value)}" for path, value in self.first.items() if path != self.differs)
        if not self.more:
            return same
        count = f"{len(self.more) + 1} {noun}"
        if self.differs is None:
            return f"{count}, all equal: {same}"
        return f"{count}, {self.differs}={spread([self.first[self.differs], *self.more])}, each: {same}"


def spread(values: Sequence[Any]) -> str:
    """Return values in their order: ``1-40,443``; ends of lists are ``|``, so that ``80,443|8080`` are two."""
    if any(isinstance(value, list) for value in values):
        return "|".join(map(word, values))
    parts: list[list[Any]] = []
    for value in values:
        if parts and _follows(parts[-1][-1], value):
            parts[-1].append(value)
        else:
            parts.append([value])
    told = ",".join(
        f"{part[0]}-{part[-1]}" if len(part) >= RUN_MIN else ",".join(map(_no_range, part)) for part in parts
    )
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(parts) > 1 and len(numbers) == len(values) >= SPREAD_MIN:
        told += f" ({min(numbers)} to {max(numbers)})"
    return told


def _no_range(value: Any) -> str:
    """Return one value among others; an interface may be called 1-3."""
    return json.dumps(value) if isinstance(value, str) and _RANGE.fullmatch(value) else word(value)


def _follows(before: Any, value: Any) -> bool:
    """Return whether a whole number comes right after another."""
    whole = [number for number in (before, value) if isinstance(number, int) and not isinstance(number, bool)]
    return len(whole) == 2 and before >= 0 and value == before + 1
