# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lays an organisation's file over the shipped one of the same name, and knows which of them a value came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from .errors import PolicyError, all_of
from .yaml_file import Document

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mcp_bridge.documents.errors import KeyPath

Model = TypeVar("Model", bound=BaseModel)

IDENTITY = {"profiles": "name", "adaptations": "id", "constraints": "id"}
"""Lists whose entries have names: an entry of that name is replaced, any other is added."""


class Layered:
    """A file of a policy: the shipped one, with an organisation's laid over it where it has one of that name.

    Mappings are merged key by key, one level deep below the first keys; of the lists in ``IDENTITY`` the entries of one
    name; anything else is replaced.

    Args:
        documents: the shipped one first.
    """

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = list(documents)
        self.value: Any = documents[0].value
        self._entries: dict[str, list[tuple[Document, int]]] = {}
        for document in documents:
            self._lay(document)

    def _lay(self, document: Document) -> None:
        given = document.value
        if not isinstance(given, dict) or not isinstance(self.value, dict):
            self.value = given
            return
        value = dict(self.value)
        for key, inner in given.items():
            if key in IDENTITY and isinstance(inner, list):
                value[key] = self._merged(key, inner, document)
            elif isinstance(inner, dict) and isinstance(value.get(key), dict):
                value[key] = {**value[key], **inner}
            else:
                value[key] = inner
        self.value = value

    def _merged(self, key: str, given: list[Any], document: Document) -> list[Any]:
        """Return a list of named entries with those of a document in it."""
        entries = self._entries.setdefault(key, [])
        before = {_name(key, source.value[key][index]): place for place, (source, index) in enumerate(entries)}
        for index, entry in enumerate(given):
            place = before.pop(_name(key, entry), None)  # once: what stands twice in one file is an error
            if place is None:
                entries.append((document, index))
            else:
                entries[place] = (document, index)
        return [source.value[key][index] for source, index in entries]

    def origin(self, path: KeyPath) -> tuple[Document, KeyPath]:
        """Return the document that a value came from, and its path there."""
        if len(path) > 1 and isinstance(path[1], int) and path[0] in self._entries:
            entries = self._entries[str(path[0])]
            if path[1] < len(entries):
                document, index = entries[path[1]]
                return document, (path[0], index, *path[2:])
        for document in reversed(self.documents):
            if document.has(path[:2]):
                return document, path
        return self.documents[-1], path

    def error(self, path: KeyPath, message: str) -> PolicyError:
        """Return an error that points at ``path`` of the file that has it."""
        document, there = self.origin(path)
        return document.error(there, message)


def _name(key: str, entry: Any) -> Any:
    name = entry.get(IDENTITY[key]) if isinstance(entry, dict) else None
    return name if isinstance(name, str) else None


def read_layers(name: str, directories: Sequence[Path]) -> Layered:
    """Return a file of a policy, from each of the directories that has it; the first one must have it.

    Raises:
        PolicyError: a file is missing, is not YAML or is not read.
    """
    first, *more = directories
    return Layered([Document(first / name), *(Document(folder / name) for folder in more if (folder / name).exists())])


def model_of(model: type[Model], document: Document | Layered) -> Model:
    """Return a document as a model.

    Raises:
        PolicyError: it is none; tells all that is wrong, each with its line.
    """
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        errors.sort(key=lambda entry: entry["type"] != "extra_forbidden")  # most often a typo, and the reason of others
        raise all_of(
            document.error(
                tuple(part for part in entry["loc"] if part != "[key]"), entry["msg"].removeprefix("Value error, ")
            )
            for entry in errors
        ) from None
