# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must agree between the files of a policy. Each check yields its findings in the order of the file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from .card import Card, Parameter
from .fragments import CHANGE_FIELDS, FragmentRules, Problem, values
from .limits import Limits
from .models import Adaptation, Profile, Rules
from .sysctl_keys import family

LINK_FIELDS = ("qdisc", "ingress")
"""What a profile's ``link`` may set beside the rates."""


def card_problems(card: Card, limits: Limits) -> Iterator[Problem]:
    """Yield where a card and the limits disagree."""
    if card.sysctl and f"sysctl.{card.sysctl}" not in limits.ranges:
        yield (
            ("sysctl",),
            f"limits.yaml has no range for sysctl.{card.sysctl}; add one, or write the key and its range under keys",
        )
    for index, parameter in enumerate(card.parameters):
        problem = _parameter_problem(parameter, limits) if parameter.path else None
        if problem:
            yield ("parameters", index), problem


def fit_to_limits(card: Card, limits: Limits, overruled: Collection[str]) -> Card:
    """Return a shipped card whose parameters say what the limits of an organisation allow.

    Args:
        card: the card.
        limits: all limits.
        overruled: the ranges, by name, that the organisation has written itself.
    """
    parameters = []
    for parameter in card.parameters:
        path, index = _place(parameter.path or f"sysctl.{parameter.name}")
        if path in overruled and not index:
            found = limits.ranges[path]
            bounds = {"min": found.min, "max": found.max, "valid_values": found.valid_values}
            parameters.append(parameter.model_copy(update=bounds))
        elif path in overruled and int(index) < len(limits.ranges[path].fields or []):
            field = (limits.ranges[path].fields or [])[int(index)]
            parameters.append(parameter.model_copy(update={"min": field.min, "max": field.max}))
        else:
            parameters.append(parameter)
    return card if parameters == card.parameters else card.model_copy(update={"parameters": parameters})


def _place(path: str) -> tuple[str, str]:
    """Return the name of a range, and the number of the field of a row, empty for the range as a whole."""
    name, _, index = re.sub(r"\[(\d+)\]$", r"|\1", path).partition("|")
    return name, index


def _parameter_problem(parameter: Parameter, limits: Limits) -> str | None:
    """Return how a parameter of a card differs from its range, ``None`` when it does not."""
    path, index = _place(parameter.path or "")
    found = limits.ranges.get(path)
    if found is None:
        return f"limits.yaml has no range for {parameter.path}"
    span: tuple[Any, Any] = (found.min, found.max)
    if index:
        fields = found.fields or []
        if int(index) >= len(fields):
            return f"{path} has {len(fields)} fields"
        span = (fields[int(index)].min, fields[int(index)].max)
    mine = (parameter.min, parameter.max, parameter.valid_values)
    theirs = (*span, found.valid_values)
    return None if mine == theirs else f"limits.yaml says {theirs} for min, max and valid_values, the card says {mine}"


def profile_problems(
    profiles: Sequence[Profile], cards: Mapping[str, Card], fragments: FragmentRules
) -> Iterator[Problem]:
    """Yield profiles that name cards which do not exist, set values out of range, or leave out a source."""
    names = [profile.name for profile in profiles]
    for index, profile in enumerate(profiles):
        if profile.name in names[:index]:
            yield ("profiles", index, "name"), f"There are two profiles named {profile.name}"
        for path, problem in fragments.problems(profile.changes):
            yield ("profiles", index, "defaults", *path), problem
        for path, problem in _link_problems(profile, fragments):
            yield ("profiles", index, "link", "defaults", *path), problem
        for path, problem in (*_active_card_problems(profile, cards), *_source_problems(profile)):
            yield ("profiles", index, *path), problem


def _link_problems(profile: Profile, fragments: FragmentRules) -> Iterator[Problem]:
    """Yield what is wrong with the changes by which a profile shapes an uplink."""
    changes = profile.link.changes if profile.link else {}
    for field in changes:
        if field not in LINK_FIELDS:
            yield (field,), f"Only {' and '.join(LINK_FIELDS)} may stand here; the rates come from the uplink"
    yield from fragments.problems(changes)


def _active_card_problems(profile: Profile, cards: Mapping[str, Card]) -> Iterator[Problem]:
    """Yield cards that do not exist, and keys whose card is not among the active ones."""
    for number, card_id in enumerate(profile.active_cards):
        if card_id not in cards:
            yield ("active_cards", number), f"There is no card {card_id}"
    active = {key for card_id in profile.active_cards if card_id in cards for key in cards[card_id].covered}
    for _name, path, _value in values(profile.changes):
        if path[0] == "sysctl" and not {path[1], family(str(path[1]))} & active:
            yield ("active_cards",), f"The card of {path[1]} is missing here"


def _source_problems(profile: Profile) -> Iterator[Problem]:
    """Yield values without a source, and sources without a value."""
    given = {name for name, _path, _value in values(profile.changes)} | {"validation"}
    given |= {f"objectives.{name}" for name in profile.objectives.model_dump(exclude_none=True)}
    if profile.link:
        given |= {"link.up_pct", "link.down_pct"} | {f"link.{name}" for name in profile.link.changes}
    for name in sorted(given):
        if not any(_covers(source, name) for source in profile.sources):
            yield ("sources",), f"No source for {name}"
    for source in profile.sources:
        if not any(_covers(source, name) for name in given):
            yield ("sources", source), "There is no value that this is the source of"


def _covers(source: str, name: str) -> bool:
    """Return whether a source is that of a value: of the value itself, or of all that it stands in."""
    return name == source or name.startswith(f"{source}.")


def rule_problems(
    rules: Rules, *, cards: Mapping[str, Card], profiles: Mapping[str, Profile], fragments: FragmentRules
) -> Iterator[Problem]:
    """Yield ids given twice, names that do not exist, values out of range, and namespace rules that miss a key.

    ``cards`` are by sysctl key.
    """
    for section, ids in (
        ("adaptations", [rule.id for rule in rules.adaptations]),
        ("constraints", [rule.id for rule in rules.constraint_list]),
    ):
        for index, name in enumerate(ids):
            if name in ids[:index]:
                yield (section, index, "id"), f"There are two {section} with the id {name}"
    for index, rule in enumerate(rules.adaptations):
        for path, problem in _adaptation_problems(rule, profiles, fragments):
            yield ("adaptations", index, *path), problem
    dropped = {key for rule in rules.adaptations if rule.when == OUTSIDE for key in rule.drop.sysctl}
    set_by_netopt = [profile.changes for profile in profiles.values()]
    set_by_netopt += [changes for rule in rules.adaptations for changes in (rule.set, rule.raise_)]
    keys = {str(path[1]) for changes in set_by_netopt for _name, path, _value in values(changes) if path[0] == "sysctl"}
    for key in sorted(keys - dropped):
        name = key if key in cards else family(key) or key
        if name in cards and not cards[name].effect_of(name).namespaced:
            yield (
                ("adaptations",),
                f"No adaptation drops {key} for initial_netns: false, but its card says namespaced: false",
            )


OUTSIDE: dict[str, dict[str, bool]] = {"initial_netns": {"eq": False}}
"""The condition of a host that is not in the machine's first network namespace."""


def _adaptation_problems(
    rule: Adaptation, profiles: Mapping[str, Profile], fragments: FragmentRules
) -> Iterator[Problem]:
    """Yield what is wrong with one adaptation."""
    for number, name in enumerate(rule.profiles):
        if name not in profiles:
            yield ("profiles", number), f"There is no profile {name}"
    for word, fragment in (("set", rule.set), ("cap", rule.cap), ("raise", rule.raise_)):
        for path, problem in fragments.problems(fragment):
            yield (word, *path), problem
    for number, name in enumerate(rule.drop.changes):
        if name not in CHANGE_FIELDS:
            yield ("drop", "changes", number), f"There is no change named {name}"
    kept = rule.keep_higher.sysctl if rule.keep_higher else []
    for word, keys in (("drop", rule.drop.sysctl), ("keep_higher", kept)):
        for number, key in enumerate(keys):
            if not fragments.covers(key):
                yield (word, "sysctl", number), f"No card covers the key {key}"
