# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a policy from its directory, checks it, and keeps it until a file changes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from .agreement import card_problems, profile_problems, rule_problems
from .errors import PolicyError
from .fragments import FragmentRules, Problem
from .limits import Limits
from .models import AllowlistFile, Card, ProfilesFile, Rules, ValidationLimits
from .policy import Policy
from .yaml_file import Document

CARDS = "config_cards"
FILES: dict[str, type[BaseModel]] = {
    "profiles": ProfilesFile,
    "rules": Rules,
    "limits": Limits,
    "validation_limits": ValidationLimits,
    "allowlist": AllowlistFile,
}
SHIPPED = (
    Path(__file__).parent / "data",  # where the wheel carries it
    Path(__file__).parents[2] / "policy",  # a checkout
)

Model = TypeVar("Model", bound=BaseModel)


def policy_directory() -> Path:
    """Return ``NETOPT_POLICY_DIR`` where it is set, else the directory of the policy shipped with netopt."""
    own = os.environ.get("NETOPT_POLICY_DIR")
    if own:
        return Path(own)
    return next((path for path in SHIPPED if path.is_dir()), SHIPPED[0])


def load_policy(directory: Path | None = None) -> Policy:
    """Return the policy in ``directory``, checked.

    A policy is read once and read again only when one of its files changes.

    Args:
        directory: defaults to ``policy_directory()``.

    Raises:
        PolicyError: a file is missing or wrong; names the file, the line and the path in it.
    """
    found = (directory or policy_directory()).resolve()
    if not found.is_dir():
        raise PolicyError(file=found, line=None, path="", message="There is no such policy directory")
    return _load(found, _signature(found))


def card_file_name(card_id: str) -> str:
    """Return the name of the file that holds a card: ``sysctl.tcp_rmem`` -> ``sysctl.tcp_rmem.yaml``."""
    return f"{card_id}.yaml"


def _signature(directory: Path) -> tuple[tuple[str, int, int], ...]:
    """Return name, time and size of every YAML file, so that an edit is noticed."""
    entries = []
    for path in (*_card_files(directory), *(directory / f"{name}.yaml" for name in FILES)):
        try:
            stat = path.stat()
        except OSError:
            entries.append((path.name, 0, -1))
        else:
            entries.append((path.name, stat.st_mtime_ns, stat.st_size))
    return tuple(entries)


def _card_files(directory: Path) -> list[Path]:
    return sorted((directory / CARDS).glob("*.yaml"))


@lru_cache(maxsize=8)
def _load(directory: Path, signature: tuple[tuple[str, int, int], ...]) -> Policy:  # noqa: ARG001  # part of the key
    documents = {name: Document(directory / f"{name}.yaml") for name in FILES}
    limits = model_of(Limits, documents["limits"])
    cards, card_values = _load_cards(directory, limits)
    listed = model_of(ProfilesFile, documents["profiles"]).profiles
    profiles = {profile.name: profile for profile in listed}
    rules = model_of(Rules, documents["rules"])
    validation_limits = model_of(ValidationLimits, documents["validation_limits"])
    programs = model_of(AllowlistFile, documents["allowlist"]).programs

    sysctl_cards = {card.sysctl: card for card in cards.values() if card.sysctl}
    fragments = FragmentRules(frozenset(sysctl_cards), limits, validation_limits)
    _raise_first(documents["profiles"], profile_problems(listed, cards, fragments))
    _raise_first(documents["rules"], rule_problems(rules, cards=cards, profiles=profiles, fragments=fragments))
    return Policy(
        directory=directory,
        cards=cards,
        sysctl_cards=sysctl_cards,
        profiles=profiles,
        rules=rules,
        limits=limits,
        validation_limits=validation_limits,
        allowlist={name: [*program.reads, *program.changes] for name, program in programs.items()},
        packages={name: program.package for name, program in programs.items()},
        digest=_digest({CARDS: card_values, **{name: document.value for name, document in documents.items()}}),
    )


def _load_cards(directory: Path, limits: Limits) -> tuple[dict[str, Card], dict[str, Any]]:
    """Return the cards by id, and their plain values by id."""
    files = _card_files(directory)
    if not files:
        raise PolicyError(file=directory / CARDS, line=None, path="", message="There are no cards here")
    cards: dict[str, Card] = {}
    plain: dict[str, Any] = {}
    covered: dict[str, str] = {}
    for file in files:
        document = Document(file)
        card = model_of(Card, document)
        if file.name != card_file_name(card.id):
            raise document.error(("id",), f"The card {card.id} must be in a file named {card_file_name(card.id)}")
        if card.sysctl and covered.setdefault(card.sysctl, card.id) != card.id:
            raise document.error(("sysctl",), f"The key {card.sysctl} has a card already: {covered[card.sysctl]}")
        _raise_first(document, card_problems(card, limits))
        cards[card.id] = card
        plain[card.id] = document.value
    return cards, plain


def _raise_first(document: Document, problems: Iterator[Problem]) -> None:
    for path, message in problems:
        raise document.error(path, message)


def model_of(model: type[Model], document: Document) -> Model:
    """Return a document as a model; one problem becomes an error with its line."""
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        first = next((entry for entry in errors if entry["type"] == "extra_forbidden"), errors[0])  # most often a typo
        message = first["msg"].removeprefix("Value error, ")
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise document.error(first["loc"], message + more) from None


def _digest(content: dict[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
