# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a policy from its directory, checks it, and keeps it until a file changes."""

from __future__ import annotations

import hashlib
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from .agreement import card_problems, fit_to_limits, profile_problems, rule_problems
from .cards import CARDS, card_file_name, card_files, read_cards
from .errors import PolicyError, all_of
from .fragments import FragmentRules, Problem
from .layers import Layered, model_of, read_layers
from .limits import Limits
from .models import AllowlistFile, PolicyFile, ProfilesFile, Rules, ValidationLimits
from .policy import Policy
from .yaml_file import Document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .cards import Cards

__all__ = ["CARDS", "FILES", "card_file_name", "load_policy", "policy_directory", "shipped_directory"]

ABOUT = "policy.yaml"
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


def shipped_directory() -> Path:
    """Return the directory of the policy shipped with netopt."""
    return next((path for path in SHIPPED if path.is_dir()), SHIPPED[0])


def policy_directory() -> Path:
    """Return ``NETOPT_POLICY_DIR`` where it is set, else the directory of the policy shipped with netopt."""
    own = os.environ.get("NETOPT_POLICY_DIR")
    return Path(own) if own else shipped_directory()


def load_policy(directory: Path | None = None) -> Policy:
    """Return the policy in ``directory``, laid over the shipped one, checked.

    What it has adds to the shipped policy or replaces what has the same id there; with ``replace: true`` in its
    ``policy.yaml`` it stands alone. A policy is read once and read again only when one of its files changes.

    Args:
        directory: defaults to ``policy_directory()``.

    Raises:
        PolicyError: files are missing or wrong; tells all that is, each with the file, the line and the path in it.
    """
    found = (directory or policy_directory()).resolve()
    if not found.is_dir():
        raise PolicyError(file=found, line=None, path="", message="There is no such policy directory")
    layers = _layers(found)
    return _load(layers, tuple(map(_signature, layers)))


def _layers(directory: Path) -> tuple[Path, ...]:
    """Return the directories that make up a policy, the undermost first."""
    shipped = shipped_directory().resolve()
    about = directory / ABOUT
    stands_alone = about.exists() and model_of(PolicyFile, Document(about)).replace
    return (directory,) if stands_alone or directory == shipped else (shipped, directory)


def _signature(directory: Path) -> tuple[tuple[str, int, int], ...]:
    """Return name, time and size of every YAML file, so that an edit is noticed."""
    entries = []
    for path in (*card_files(directory), *(directory / f"{name}.yaml" for name in FILES)):
        try:
            stat = path.stat()
        except OSError:
            entries.append((path.name, 0, -1))
        else:
            entries.append((path.name, stat.st_mtime_ns, stat.st_size))
    return tuple(entries)


class _Faults(list[PolicyError]):
    """What is wrong with a policy; all of it is looked for before anything is told."""

    def model(self, model: type[BaseModel], name: str, layers: tuple[Path, ...]) -> tuple[Any, Layered | None]:
        """Return a file as a model and as it was written, or nothing when it is wrong."""
        try:
            document = read_layers(f"{name}.yaml", layers)
            return model_of(model, document), document
        except PolicyError as error:
            self.extend(error.faults)
            return None, None

    def note(self, document: Document | Layered | None, problems: Iterable[Problem]) -> None:
        """Write down what is wrong in a file."""
        if document is not None:
            self.extend(document.error(path, message) for path, message in problems)

    def stop(self) -> None:
        """Raise when there are any."""
        if self:
            raise all_of(sorted(self, key=lambda fault: str(fault.file)))


@lru_cache(maxsize=8)
def _load(layers: tuple[Path, ...], signature: tuple[Any, ...]) -> Policy:  # noqa: ARG001  # part of the key
    faults = _Faults()
    read = {name: faults.model(model, name, layers) for name, model in FILES.items()}
    cards = read_cards(layers)
    faults.extend(cards.faults)
    names: ValidationLimits = read["validation_limits"][0]
    if read["limits"][0] is None or names is None:
        faults.stop()
    overruled = _own_ranges(read["limits"][1])
    of_own_cards = {path: one for path, one in cards.own_ranges.items() if path not in overruled}
    limits = Limits(ranges={**cards.ranges, **read["limits"][0].ranges, **of_own_cards})
    _check_cards(cards, limits, overruled | of_own_cards.keys(), faults)
    listed = read["profiles"][0].profiles if read["profiles"][0] else []
    profiles = {profile.name: profile for profile in listed}
    fragments = FragmentRules(frozenset(cards.by_key), limits, names)
    if not cards.faults:  # a card that is wrong would be missed everywhere
        faults.note(read["profiles"][1], profile_problems(listed, cards.by_id, fragments))
        rules = read["rules"][0]
        if rules is not None and read["profiles"][0] is not None:
            problems = rule_problems(rules, cards=cards.by_key, profiles=profiles, fragments=fragments)
            faults.note(read["rules"][1], problems)
    faults.stop()
    programs = read["allowlist"][0].programs
    plain = {name: document.value for name, (_model, document) in read.items() if document}
    return Policy(
        directory=layers[-1],
        cards=cards.by_id,
        sysctl_cards=cards.by_key,
        profiles=profiles,
        rules=read["rules"][0],
        limits=limits,
        validation_limits=names,
        allowlist={name: [*program.reads, *program.changes] for name, program in programs.items()},
        packages={name: program.package for name, program in programs.items()},
        digest=_digest({CARDS: cards.plain, **plain}),
    )


def _own_ranges(written: Layered | None) -> set[str]:
    """Return the names of the ranges that the organisation's own ``limits.yaml`` has."""
    assert written is not None  # noqa: S101  # the caller has looked
    own = written.documents[1:]
    return {path for path in written.value["ranges"] if written.origin(("ranges", path))[0] in own}


def _check_cards(cards: Cards, limits: Limits, overruled: set[str], faults: _Faults) -> None:
    """Hold the cards against the limits; a shipped card follows those that the organisation has set."""
    for name, card in list(cards.by_id.items()):
        fitted = card if name in cards.own else fit_to_limits(card, limits, overruled)
        if fitted is not card:
            cards.by_id[name] = fitted
            cards.by_key.update(dict.fromkeys(fitted.covered, fitted))
        faults.note(cards.documents[name], card_problems(fitted, limits))


def _digest(content: dict[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
