# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Table ``inet netopt`` as it grows: each line knows which entry of a plan it came from. Pure."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from .._common.quick_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TABLE = "inet netopt"
SET_SIZE = 65535  # sources that a set remembers; the kernel sets aside a megabyte for it when the set is made
_SET_TYPE = {4: "ipv4_addr", 6: "ipv6_addr"}
_HOOKS = {  # in this order; "" for a chain that others lead to
    "published": "",
    "input": "type filter hook input priority filter - 10; policy accept;",
    "forward": "type filter hook forward priority filter - 10; policy accept;",
    "egress": "type filter hook postrouting priority mangle; policy accept;",
    "nat_prerouting": "type nat hook prerouting priority dstnat - 5; policy accept;",
    "nat_postrouting": "type nat hook postrouting priority srcnat - 5; policy accept;",
}
_CLASSIFY = "type filter hook postrouting priority {}; policy accept;"
AS_SENT, AS_LEAVING = (_CLASSIFY.format(priority) for priority in ("srcnat - 10", "150"))


@dataclass(frozen=True)
class Line:
    """One line of the table's text and the path of the plan's entry that it came from, ``""`` for structure."""

    text: str
    path: str = ""


@dataclass
class Table:
    """The sets and chains as they grow."""

    sets: dict[str, list[Line]] = field(default_factory=dict)
    maps: dict[str, list[Line]] = field(default_factory=dict)
    chains: dict[str, list[Line]] = field(default_factory=dict)
    hooks: dict[str, str] = field(default_factory=dict)  # of chains that are not in _HOOKS
    rates: dict[str, list[Line]] = field(default_factory=dict)  # chains that others lead to, ahead of them
    limited: dict[tuple[str, int, int], int] = field(default_factory=dict)  # how often a port is limited, by set

    def rule(self, chain: str, words: Sequence[str], path: str, comment: str | None = None) -> None:
        """Append one rule with a comment, which is the path unless told otherwise."""
        text = f'{" ".join(words)} comment "{comment or path}"'
        self.chains.setdefault(chain, []).append(Line(f"\t\t{text}", path))

    def rules(self, chains: Sequence[str], words: Sequence[str], path: str, comment: str | None = None) -> None:
        """Append one rule to several chains."""
        for chain in chains:
            self.rule(chain, words, path, comment)

    def counting_set(self, name: str, family: int, path: str, *, port: int) -> str:
        """Return a set of sources and ports that limits share: one more only where a port is limited twice."""
        times = self.limited[(name, family, port)] = self.limited.get((name, family, port), 0) + 1
        shared = f"{name}_v{family}" if times == 1 else f"{name}_{times}_v{family}"
        if shared not in self.sets:
            self._add(shared, [f"type {_SET_TYPE[family]} . inet_service", "flags dynamic"], path)
        return shared

    def summing_set(self, name: str, family: int, path: str) -> str:
        """Add a set of sources for one limit of several ports together, and return its name."""
        unique = _unique(name, f"_v{family}", self.sets)
        self._add(unique, [f"type {_SET_TYPE[family]}", "flags dynamic"], path)
        return unique

    def shared_rate(self, name: str, words: Sequence[str], path: str) -> str:
        """Add a chain with the one rule of a limit, and return its name; a name already taken gets a number."""
        unique = _unique(name, "", self.rates)
        self.rates[unique] = [Line(f'\t\t{" ".join(words)} comment "{path}"', path)]
        return unique

    def rating_set(self, name: str, family: int, path: str, *, timeout_s: int) -> str:
        """Add a set of sources for one limit, and return its name; a name already taken gets a number."""
        unique = _unique(name, f"_v{family}", self.sets)
        self._add(unique, [f"type {_SET_TYPE[family]}", "flags dynamic,timeout", f"timeout {timeout_s}s"], path)
        return unique

    def _add(self, name: str, body: list[str], path: str) -> None:
        self.sets[name] = [Line(f"\t\t{text}", path) for text in [*body, f"size {SET_SIZE}"]]

    def lines(self) -> list[Line]:
        """Return the whole table."""
        blocks = [(f"set {name}", body) for name, body in self.sets.items()]
        blocks += [(f"map {name}", self.maps[name]) for name in sorted(self.maps)]
        blocks += [(f"chain {name}", body) for name, body in self.rates.items()]
        blocks += [
            (f"chain {name}", [*([Line(f"\t\t{hook}")] if hook else []), *self.chains[name]])
            for name, hook in _HOOKS.items()
            if name in self.chains
        ]
        blocks += [
            (f"chain {name}", [Line(f"\t\t{self.hooks[name]}"), *rules])
            for name, rules in self.chains.items()
            if name not in _HOOKS
        ]
        found = [Line(f"table {TABLE} {{")]
        for head, body in blocks:
            found += [Line(f"\t{head} {{", body[0].path), *body, Line("\t}")]
        return [*found, Line("}")]


def _unique(name: str, end: str, taken: Mapping[str, object]) -> str:
    """Return a name with its end, and with a number between them where it is taken."""
    found, number = f"{name}{end}", 1
    while found in taken:
        number += 1
        found = f"{name}_{number}{end}"
    return found
