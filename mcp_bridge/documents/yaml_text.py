# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads YAML, value by value, and stops at the first that is too much.

libyaml's own way to compose a document recurses in C without a bound, and crashes the process where the stack ends. It
is asked for events only; the recursion here ends at ``DEPTH_MAX``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from .errors import (
    DEPTH_MAX,
    NUMBER_MAX,
    TOO_DEEP,
    TOO_LONG,
    TOO_MANY,
    TWICE,
    VALUES_MAX,
    DocumentError,
    KeyPath,
    quoted,
)

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML built without libyaml: slower, otherwise the same
    from yaml import SafeLoader  # type: ignore[assignment]

_TAG = "tag:yaml.org,2002:"
_NUMBERS = frozenset({f"{_TAG}int", f"{_TAG}float"})
_DATE = f"{_TAG}timestamp"
_MADE = _NUMBERS | {_DATE, f"{_TAG}bool", f"{_TAG}null"}  # all others are text
_PLAIN = (None, "!")
Event = Any  # one of yaml's; its stubs know neither the marks of libyaml nor which events have an anchor


def parse_yaml(
    text: str, *, name: str, lines: dict[KeyPath, int] | None = None, aliases: bool = True, dates: bool = False
) -> Any:
    """Return what a YAML document says.

    Args:
        text: the document.
        name: what it is called in errors, such as its file.
        lines: is told the line of every value; of one in an object, that of its key.
        aliases: whether ``*name`` may stand for what ``&name`` marks.
        dates: whether 2027-06-30 is a date; text otherwise.

    Raises:
        DocumentError: it is not YAML, or is not read.
    """
    try:
        loader = SafeLoader(text)
        try:
            return _Reader(loader, name, lines, aliases, dates).document()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        parts = (getattr(error, "context", None), getattr(error, "problem", None))
        problem = ", ".join(part for part in parts if part) or str(error).partition("\n")[0]
        line = mark.line + 1 if mark else None
        hint = "Mend it; JSON is YAML as well."
        raise DocumentError(f"Not valid YAML: {problem}", name=name, line=line, hint=hint) from None


@dataclass(frozen=True)
class _Marked:
    """What an anchor stands for, how many values that is, and how many levels."""

    value: Any
    values: int
    levels: int


@dataclass
class _Reader:
    loader: Any
    name: str
    lines: dict[KeyPath, int] | None
    aliases: bool
    dates: bool
    count: int = 0
    marked: dict[str, _Marked | None] = field(default_factory=dict)

    def document(self) -> Any:
        """Return the value of the only document."""
        self.loader.get_event()
        if self.loader.check_event(yaml.StreamEndEvent):
            raise DocumentError("The file is empty", name=self.name, hint="Write a document into it.")
        self.loader.get_event()
        value, _levels = self._value((), self.loader.get_event())
        self.loader.get_event()
        if not self.loader.check_event(yaml.StreamEndEvent):
            raise self._error(
                (), self.loader.get_event(), "Another document begins; expected a single document", "Keep one."
            )
        return value

    def _error(self, path: KeyPath, event: Event, problem: str, hint: str) -> DocumentError:
        return DocumentError(problem, name=self.name, line=_line(event), path=path, hint=hint)

    def _value(self, path: KeyPath, event: Event) -> tuple[Any, int]:
        """Return the value that an event begins, and how many levels it has."""
        if self.lines is not None:
            self.lines.setdefault(path, _line(event))
        if isinstance(event, yaml.AliasEvent):
            return self._alias(path, event)
        before = self.count
        self._add(1, path, event)
        if event.anchor is not None:
            self.marked[event.anchor] = None  # not to be used within itself
        if isinstance(event, yaml.ScalarEvent):
            value, levels = self._scalar(path, event), 0
        elif isinstance(event, yaml.SequenceStartEvent):
            value, levels = self._list(path, event)
        else:
            value, levels = self._object(path, event)
        if event.anchor is not None:
            self.marked[event.anchor] = _Marked(value, self.count - before, levels)
        return value, levels

    def _list(self, path: KeyPath, event: Event) -> tuple[list[Any], int]:
        self._check_tag(path, event, "seq")
        self._check_levels(path, event, 1)
        found: list[Any] = []
        levels = 0
        while not isinstance(entry := self.loader.get_event(), yaml.SequenceEndEvent):
            value, below = self._value((*path, len(found)), entry)
            found.append(value)
            levels = max(levels, below)
        return found, levels + 1

    def _object(self, path: KeyPath, event: Event) -> tuple[dict[str, Any], int]:
        self._check_tag(path, event, "map")
        self._check_levels(path, event, 1)
        found: dict[str, Any] = {}
        first: dict[str, int] = {}
        levels = 0
        while not isinstance(entry := self.loader.get_event(), yaml.MappingEndEvent):
            key = self._key(path, entry)
            if key in first:
                raise self._error((*path, key), entry, TWICE.format(first[key]), "Keep one of the two.")
            first[key] = _line(entry)
            if self.lines is not None:
                self.lines[*path, key] = first[key]
            found[key], below = self._value((*path, key), self.loader.get_event())
            levels = max(levels, below)
        return found, levels + 1

    def _key(self, path: KeyPath, event: Event) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self._value((*path, "?"), event)  # one that nests too deep is said to do that
            raise self._error(path, event, "A key is not text", "Write each key as a word.")
        if event.value == "<<" and event.implicit[0]:
            raise self._error(path, event, "Merge keys (<<) are not read", "Write out the keys that they bring.")
        key = self._scalar(path, event)
        if not isinstance(key, str):
            raise self._error(path, event, f"The key {key!r} is not text; quote it", "Put it in quotes.")
        return key

    def _scalar(self, path: KeyPath, event: Event) -> Any:
        self._check_tag(path, event, "str")
        tag = event.tag if event.tag not in _PLAIN else None
        tag = tag or self.loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag not in _MADE or (tag == _DATE and not self.dates):
            return event.value
        if tag in _NUMBERS and len(event.value) > NUMBER_MAX:
            raise self._error(path, event, TOO_LONG, "No setting takes such a number.")
        try:
            node = yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)
            return self.loader.yaml_constructors[tag](self.loader, node)
        except ValueError as error:  # a date or a number that is none
            raise self._error(path, event, f"Not valid YAML: {error}", "Put text in quotes.") from None

    def _alias(self, path: KeyPath, event: Event) -> tuple[Any, int]:
        if not self.aliases:
            raise self._error(path, event, "YAML aliases are not used here; write the value out", "Leave them out.")
        marked = self.marked.get(event.anchor)
        if marked is None:
            problem = f"The alias *{quoted(event.anchor)} stands for nothing that ends before it"
            raise self._error(path, event, problem, "Write the value out.")
        self._add(marked.values, path, event)
        self._check_levels(path, event, marked.levels)
        return marked.value, marked.levels

    def _check_tag(self, path: KeyPath, event: Event, kind: str) -> None:
        if event.tag not in _PLAIN and event.tag != f"{_TAG}{kind}":
            raise self._error(
                path, event, f"Not valid YAML here: the tag {quoted(event.tag)} is not read", "Leave it out."
            )

    def _check_levels(self, path: KeyPath, event: Event, more: int) -> None:
        if len(path) + more > DEPTH_MAX:
            raise self._error(path[:4], event, TOO_DEEP, "Write it with fewer levels.")

    def _add(self, values: int, path: KeyPath, event: Event) -> None:
        """Count values, those that an alias stands for each time anew."""
        self.count += values
        if self.count > VALUES_MAX:
            raise self._error(path[:4], event, TOO_MANY, "Split it.")


def _line(event: Event) -> int:
    line: int = event.start_mark.line
    return line + 1
