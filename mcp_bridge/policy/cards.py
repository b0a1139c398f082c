# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the cards of a policy, the organisation's over the shipped ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .card import Card
from .errors import PolicyError
from .layers import model_of
from .yaml_file import Document

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .limits import Range

CARDS = "config_cards"


def card_files(directory: Path) -> list[Path]:
    """Return the files of the cards in a directory."""
    return sorted((directory / CARDS).glob("*.yaml"))


def card_file_name(card_id: str) -> str:
    """Return the name of the file that holds a card: ``sysctl.tcp_rmem`` -> ``sysctl.tcp_rmem.yaml``."""
    return f"{card_id}.yaml"


@dataclass
class Cards:
    """The cards of a policy.

    Attributes:
        by_id: the cards.
        by_key: the card of each sysctl key, or family of keys.
        documents: the file of each card.
        ranges: the ranges that cards hold themselves, by their names in ``limits.yaml``.
        own: ids of those that are the organisation's.
        faults: what is wrong with cards that are left out here.
    """

    by_id: dict[str, Card] = field(default_factory=dict)
    by_key: dict[str, Card] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    ranges: dict[str, Range] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    faults: list[PolicyError] = field(default_factory=list)

    @property
    def own_ranges(self) -> dict[str, Range]:
        """The ranges that the organisation's own cards hold."""
        return {path: one for name in self.own for path, one in self.by_id[name].ranges.items()}

    @property
    def plain(self) -> dict[str, Any]:
        """The cards as they were written, by id."""
        return {name: document.value for name, document in self.documents.items()}


def read_cards(directories: Sequence[Path]) -> Cards:
    """Return the cards of a policy: those of the last directory replace those of the same id, and cover their keys."""
    found = Cards()
    for number, directory in enumerate(directories):
        files = card_files(directory)
        if not files and number == 0:
            folder = directory / CARDS
            found.faults.append(PolicyError(file=folder, line=None, path="", message="There are no cards here"))
        covered: dict[str, str] = {}
        for file in files:
            try:
                document = Document(file)
                card = model_of(Card, document)
            except PolicyError as error:
                found.faults.extend(error.faults)
                continue
            found.faults.extend(_misplaced(card, document, covered))
            _add(found, card, document, is_own=number > 0)
    return found


def _misplaced(card: Card, document: Document, covered: dict[str, str]) -> list[PolicyError]:
    """Return what is wrong with a card beside others of its directory; ``covered`` has the card of each key."""
    faults = []
    if document.file.name != card_file_name(card.id):
        faults.append(document.error(("id",), f"The card {card.id} must be in a file named {card_file_name(card.id)}"))
    for key in card.covered:
        if covered.setdefault(key, card.id) != card.id:
            path = ("sysctl",) if card.sysctl else ("keys", key)
            faults.append(document.error(path, f"The key {key} has a card already: {covered[key]}"))
    return faults


def _add(found: Cards, card: Card, document: Document, *, is_own: bool) -> None:
    """Add a card in the place of what it replaces."""
    replaced = found.by_id.get(card.id)
    for key in replaced.covered if replaced else ():
        found.by_key.pop(key, None)
        found.ranges.pop(f"sysctl.{key}", None)
    found.by_id[card.id] = card
    found.documents[card.id] = document
    found.by_key.update(dict.fromkeys(card.covered, card))
    found.ranges.update(card.ranges)
    if is_own:
        found.own.add(card.id)
