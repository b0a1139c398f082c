# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must agree between the files of a policy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .limits import Limits, Range
    from .models import Card, Parameter, Profile, Rules, ValidationLimits
    from .yaml_file import Document, KeyPath

CHANGE_FIELDS = frozenset(
    {
        "sysctl",
        "qdisc",
        "shaper",
        "netem",
        "htb_classes",
        "default_class",
        "dscp",
        "connection_limits",
        "rate_limits",
        "connection_tracking",
        "nat_rules",
        "offloads",
        "mtu",
    }
)


def values(changes: dict[str, Any]) -> Iterator[tuple[str, KeyPath, Any]]:
    """Yield every value of a fragment of changes: its path in ``limits.yaml``, its keys, and itself.

    ``{"qdisc": {"type": "fq", "params": {"limit": 1}}}`` gives ``qdisc.type`` and ``qdisc.fq.limit``.
    """
    for field, value in changes.items():
        if field == "qdisc" and isinstance(value, dict):
            yield "qdisc.type", (field, "type"), value.get("type")
            for name, param in (value.get("params") or {}).items():
                yield f"qdisc.{value.get('type')}.{name}", (field, "params", name), param
        elif field == "sysctl" and isinstance(value, dict):
            for key, inner in value.items():
                yield f"sysctl.{key}", (field, key), inner
        else:
            yield from _leaves(field, (field,), value)


def _leaves(name: str, path: KeyPath, value: Any) -> Iterator[tuple[str, KeyPath, Any]]:
    """Yield the single values below one field; list indexes are not part of the name."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}", (*path, key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(name, (*path, index), inner)
    else:
        yield name, path, value


def check_cards(cards: dict[str, Card], limits: Limits, files: dict[str, Path]) -> None:
    """Check that every card agrees with the limits, and that every sysctl key with a range has a card."""
    for card in cards.values():
        for index, parameter in enumerate(card.parameters):
            problem = _parameter_problem(parameter, limits)
            if problem:
                path = f"parameters[{index}].{parameter.name}"
                raise PolicyError(file=files[card.id], line=None, path=path, message=problem)
        if card.sysctl and limits.at(f"sysctl.{card.sysctl}") is None:
            message = f"limits.yaml has no range for sysctl.{card.sysctl}"
            raise PolicyError(file=files[card.id], line=None, path="sysctl", message=message)


def _parameter_problem(parameter: Parameter, limits: Limits) -> str | None:
    """Return how a parameter of a card differs from its range, ``None`` when it does not."""
    if parameter.path is None:
        return None
    match = re.fullmatch(r"(.+?)(?:\[(\d+)\])?", parameter.path)
    found = limits.at(match[1]) if match else None
    if match is None or found is None:
        return f"limits.yaml has no range for {parameter.path}"
    span: tuple[Any, Any] = (found.min, found.max)
    if match[2] is not None:
        fields = found.fields or []
        if int(match[2]) >= len(fields):
            return f"{match[1]} has {len(fields)} fields"
        field = fields[int(match[2])]
        span = (field.min, field.max)
    mine = (parameter.min, parameter.max, parameter.valid_values)
    theirs = (*span, found.valid_values)
    return None if mine == theirs else f"limits.yaml says {theirs} for min, max and valid_values, the card says {mine}"


def check_profiles(
    document: Document, profiles: list[Profile], *, cards: dict[str, Card], limits: Limits, names: ValidationLimits
) -> None:
    """Check that profiles name cards that exist, set values within the limits, and give each a source."""
    keys = {card.sysctl for card in cards.values()}
    seen: set[str] = set()
    for index, profile in enumerate(profiles):
        here: KeyPath = ("profiles", index)
        if profile.name in seen:
            raise document.error((*here, "name"), f"There are two profiles named {profile.name}")
        seen.add(profile.name)
        for number, card_id in enumerate(profile.active_cards):
            if card_id not in cards:
                raise document.error((*here, "active_cards", number), f"There is no card {card_id}")
        active = {cards[card_id].sysctl for card_id in profile.active_cards}
        for path, problem in _fragment_problems(profile.changes, keys, limits, names):
            raise document.error((*here, "defaults", *path), problem)
        for key in profile.changes.get("sysctl") or {}:  # type: ignore[union-attr]  # a mapping, as just checked
            if key not in active:
                raise document.error((*here, "active_cards"), f"The card of {key} is missing here")
        given = {name for name, _keys, _value in values(profile.changes)}
        given |= {f"objectives.{name}" for name in profile.objectives.model_dump(exclude_none=True)}
        given |= {"validation"}
        for name in sorted(given):
            if not any(_covers(source, name) for source in profile.sources):
                raise document.error((*here, "sources"), f"No source for {name}")
        for source in profile.sources:
            if not any(_covers(source, name) for name in given):
                raise document.error((*here, "sources", source), "There is no value that this is the source of")


def _covers(source: str, name: str) -> bool:
    """Return whether a source is that of a value: of the value itself, or of all that it stands in."""
    return name == source or name.startswith(f"{source}.")


def check_rules(document: Document, rules: Rules, *, cards: dict[str, Card], profiles: set[str]) -> None:
    """Check ids, profiles, keys and fields of the rules; limits do not bind caps and raises."""
    keys = {card.sysctl for card in cards.values() if card.sysctl}
    for section, ids in (
        ("adaptations", [rule.id for rule in rules.adaptations]),
        ("constraints", [rule.id for rule in rules.constraint_list]),
    ):
        for index, name in enumerate(ids):
            if name in ids[:index]:
                raise document.error((section, index, "id"), f"There are two {section} with the id {name}")
    for index, rule in enumerate(rules.adaptations):
        here: KeyPath = ("adaptations", index)
        for name in rule.profiles:
            if name not in profiles:
                raise document.error((*here, "profiles"), f"There is no profile {name}")
        used = [*rule.drop.sysctl, *(rule.keep_higher.sysctl if rule.keep_higher else [])]
        for fragment in (rule.set, rule.cap, rule.raise_):
            unknown = sorted(set(fragment) - CHANGE_FIELDS)
            if unknown:
                raise document.error(here, f"There is no change named {', '.join(unknown)}")
            sysctl = fragment.get("sysctl") or {}
            used.extend(sysctl if isinstance(sysctl, dict) else [])
        for key in used:
            if key not in keys:
                raise document.error(here, f"No card covers the key {key}")
        for field in rule.drop.changes:
            if field not in CHANGE_FIELDS:
                raise document.error((*here, "drop", "changes"), f"There is no change named {field}")


def _fragment_problems(
    changes: dict[str, Any], keys: set[str | None], limits: Limits, names: ValidationLimits
) -> Iterator[tuple[KeyPath, str]]:
    """Yield what is wrong with a profile's changes, with the path below them."""
    for field, value in changes.items():
        if field not in CHANGE_FIELDS:
            yield (field,), f"There is no change named {field}"
        elif field in {"sysctl", "qdisc", "shaper", "netem", "connection_tracking", "offloads"} and not isinstance(
            value, dict
        ):
            yield (field,), "A mapping is wanted here"
    for name, where, value in values(changes):
        span: Range | None = limits.at(name)
        if where[0] == "sysctl" and where[1] not in keys:
            yield where, f"No card covers the key {where[1]}"
        elif name == "qdisc.type":
            if value not in names.qdisc_types:
                yield where, f"Value is not one of those allowed: {', '.join(names.qdisc_types)}"
        elif span is None:
            if where[0] in {"sysctl", "qdisc"}:
                yield where, f"limits.yaml has no range for {name}"
        else:
            problem = span.problem(names.dscp.get(value, value) if name.endswith("dscp") else value)
            if problem:
                yield where, problem
