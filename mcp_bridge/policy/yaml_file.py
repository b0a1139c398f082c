# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads one YAML file into plain values and remembers the line of every key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from .errors import PolicyError

if TYPE_CHECKING:
    from pathlib import Path

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML built without libyaml: slower, otherwise the same
    from yaml import SafeLoader  # type: ignore[assignment]

KeyPath = tuple[str | int, ...]
BYTES_MAX = 1024 * 1024
DEPTH_MAX = 40
HARMLESS_BYTES = 4096  # too short to nest so deep that libyaml's recursion exhausts the stack


def dotted(path: KeyPath) -> str:
    """Return a path as people write it: ``profiles[0].objectives.loss_pct``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def is_too_deep(data: bytes | str) -> bool:
    """Return whether YAML nests deeper than ``DEPTH_MAX``; reads its events one by one, without recursion.

    libyaml composes nodes by recursion, and crashes the process where the stack ends.

    Raises:
        yaml.YAMLError: it is not YAML.
    """
    loader = SafeLoader(data)
    depth = 0
    try:
        while loader.check_event():
            event = loader.get_event()
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEPTH_MAX:
                return True
    finally:
        loader.dispose()
    return False


class Document:
    """One YAML file: its value, and the line on which every key of it stands.

    Args:
        file: the file to read.

    Raises:
        PolicyError: it is missing, is not YAML, repeats a key, or uses an alias.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lines: dict[KeyPath, int] = {}
        self._seen: set[int] = set()
        try:
            loader = SafeLoader(self._bounded())
        except OSError as error:
            raise PolicyError(file=file, line=None, path="", message=error.strerror or str(error)) from None
        except yaml.YAMLError as error:
            raise self._not_yaml(error) from None
        try:
            node = loader.get_single_node()
            if node is None:
                raise self.error((), "The file is empty")
            self.value: Any = self._value(loader, node, ())
        except yaml.YAMLError as error:
            raise self._not_yaml(error) from None
        except (RecursionError, ValueError) as error:  # ValueError: a date or a number that is none
            message = self._too_deep() if isinstance(error, RecursionError) else f"Not valid YAML: {error}"
            raise PolicyError(file=file, line=None, path="", message=message) from None
        finally:
            loader.dispose()

    def _bounded(self) -> bytes:
        """Return the file's bytes, after making sure that reading them as YAML does no harm."""
        with self.file.open("rb") as stream:
            data = stream.read(BYTES_MAX + 1)
        if len(data) > BYTES_MAX:
            raise PolicyError(file=self.file, line=None, path="", message=f"The file is larger than {BYTES_MAX} bytes")
        if len(data) > HARMLESS_BYTES and is_too_deep(data):
            raise PolicyError(file=self.file, line=None, path="", message=self._too_deep())
        return data

    @staticmethod
    def _too_deep() -> str:
        return f"Nested deeper than {DEPTH_MAX} levels"

    def line(self, path: KeyPath) -> int:
        """Return the line of the key at ``path``, or of the nearest key that encloses it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def error(self, path: KeyPath, message: str) -> PolicyError:
        """Return an error that points at ``path``."""
        return PolicyError(file=self.file, line=self.line(path), path=dotted(path), message=message)

    def _not_yaml(self, error: yaml.YAMLError) -> PolicyError:
        mark = getattr(error, "problem_mark", None)
        parts = (getattr(error, "context", None), getattr(error, "problem", None))
        problem = ", ".join(part for part in parts if part) or str(error)
        line = mark.line + 1 if mark else None
        return PolicyError(file=self.file, line=line, path="", message=f"Not valid YAML: {problem}")

    def _value(self, loader: Any, node: yaml.Node, path: KeyPath) -> Any:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self._seen:
            raise self.error(path, "YAML aliases are not used in a policy; write the value out")
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(loader, node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(loader, item, (*path, index)) for index, item in enumerate(node.value)]
        return loader.construct_object(node)

    def _mapping(self, loader: Any, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node)
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise PolicyError(
                    file=self.file, line=line, path=dotted(path), message=f"The key {key!r} is not text; quote it"
                )
            if key in result:
                first = self._lines[*path, key]
                message = f"The key is given twice, first on line {first}"
                raise PolicyError(file=self.file, line=line, path=dotted((*path, key)), message=message)
            self._lines[*path, key] = line
            result[key] = self._value(loader, value_node, (*path, key))
        return result
