# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fits a profile's values to one host. What a user wrote never comes through here.

A rule is an adaptation of the policy: ``{id, when, set, cap, raise, drop, keep_higher, message}``. Rules
apply in order, each to what the one before left. The first one may have ``shape``: how the profile shapes an uplink
that the inventory tells of, see ``_plan/uplink.py``.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from .._common.patterns import pattern
from .._common.quick_dataclass import dataclass
from .._plan.uplink import check_variable, shaping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_LINK = "link."
_VERSION = pattern(r"\d+(?:\.\d+)+")


@dataclass(frozen=True)
class Adapted:
    """Changes as they fit one host.

    Attributes:
        changes: the changes, in the shape they came in.
        notes: what was altered and why, one line each.
        skipped: what was left out, ``{"key": ..., "reason": ...}`` each.
        steps: the same by rule, ``{"rule": ..., "message": ..., "changes": [{"key", "before", "after"}],
            "left_out": [key]}`` each, for the rules that altered something.
    """

    changes: dict[str, Any]
    notes: tuple[str, ...]
    skipped: tuple[dict[str, str], ...]
    steps: tuple[dict[str, Any], ...] = ()


def adapt(
    changes: Mapping[str, Any],
    rules: Sequence[Mapping[str, Any]],
    facts: Mapping[str, Any],
    iface: str | Sequence[str],
    *,
    link: Mapping[str, Any] | None = None,
) -> Adapted:
    """Return the changes of a profile as they fit a host.

    Args:
        changes: normalised changes.
        rules: adaptations of the policy, in order.
        facts: the host's facts.
        iface: the plan's interface, or several; a rule about the link then has to hold for each.
        link: the uplink behind them, the plan's or the host's.

    Raises:
        NetoptError: the host's uplink is out of the policy's bounds.
    """
    facts = {**facts, "uplink": link is not None}
    ifaces = (iface,) if isinstance(iface, str) else tuple(iface)
    current = deepcopy(dict(changes))
    notes: list[str] = []
    skipped: list[dict[str, str]] = []
    steps: list[dict[str, Any]] = []
    for rule in rules:
        if not holds(rule.get("when", {}), facts, ifaces):
            continue
        dropped = list(_drop(current, rule.get("drop", {})))
        before = deepcopy(current)
        if link is not None and "shape" in rule:
            check_variable(link, rule["shape"])
            current.update(shaping(link, rule["shape"], own=rule["shape"].get("own") or ()))
        _merge(current, _as_plan(rule.get("set", {})), _replace, add=True)
        _merge(current, rule.get("cap", {}), _lower, add=False)
        _merge(current, rule.get("raise", {}), _higher, add=False)
        for key in rule.get("keep_higher", {}).get("sysctl", []):
            there = facts.get("sysctl", {}).get(key)
            if there is not None:
                _merge(current, {"sysctl": {key: there}}, _higher, add=False)
        skipped += [{"key": key, "reason": rule["message"]} for key in dropped]
        altered = list(_differences(before, current))
        if altered:
            notes.append(f"{rule['id']}: {rule['message']} ({'; '.join(map(_said, altered))})")
        if altered or dropped:
            steps.append(
                {"rule": rule["id"], "message": rule["message"], "changes": altered, "left_out": list(dropped)}
            )
    changed = {field: value for field, value in current.items() if value != {}}
    return Adapted(changed, tuple(notes), tuple(skipped), tuple(steps))


def holds(when: Mapping[str, Mapping[str, Any]], facts: Mapping[str, Any], ifaces: Sequence[str]) -> bool:
    """Return whether every comparison holds; a fact that the host does not know makes it false.

    Args:
        when: ``{fact: {operator: value}}``; facts are dotted, those of the link begin with ``link.``.
        facts: the host's facts.
        ifaces: the interfaces that ``link.`` means; the comparison has to hold for each.
    """
    for name, comparisons in when.items():
        if name.startswith(_LINK):
            links = [facts.get("interfaces", {}).get(iface) or {} for iface in ifaces]
            known = [link.get(name[len(_LINK) :]) for link in links]
        else:
            known = [_lookup(facts, name)]
        for operator, wanted in comparisons.items():
            if not known or not all(_compare(operator, fact, wanted) for fact in known):
                return False
    return True


def _lookup(facts: Any, name: str) -> Any:
    """Return the fact with a dotted name, ``None`` when it is unknown."""
    for part in name.split("."):
        facts = facts.get(part) if isinstance(facts, dict) else None
    return facts


def _compare(operator: str, fact: Any, wanted: Any) -> bool:
    """Return whether ``fact operator wanted`` holds; values that have no order do not."""
    if fact is None:
        return False
    if isinstance(fact, list):  # a version such as [6, 1]
        wanted = _version(wanted)
    if operator == "in":
        return bool(fact in wanted)
    if operator in ("eq", "ne"):
        return bool(fact == wanted) == (operator == "eq")
    try:
        less, equal = fact < wanted, fact == wanted
    except TypeError:
        return False
    return bool({"lt": less, "le": less or equal, "gt": not less and not equal, "ge": not less}[operator])


def _version(wanted: Any) -> Any:
    """Return ``[4, 9]`` for ``"4.9"``; anything else as it is."""
    if isinstance(wanted, str) and _VERSION.fullmatch(wanted):
        return [int(part) for part in wanted.split(".")]
    return wanted


def _drop(changes: dict[str, Any], drop: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Take out sysctl keys and whole fields, and yield the name of each that was there."""
    sysctl = changes.get("sysctl", {})
    for key in drop.get("sysctl", ()):
        if sysctl.pop(key, None) is not None:
            yield key
    for field in drop.get("changes", ()):
        if changes.pop(field, None) is not None:
            yield field


def _merge(
    target: dict[str, Any], fragment: Mapping[str, Any], choose: Callable[[Any, Any], Any], *, add: bool
) -> None:
    """Combine a fragment into ``target``, leaf by leaf.

    Args:
        target: changed in place.
        fragment: changes, as far as they matter.
        choose: gives the new leaf from the current one and the fragment's.
        add: whether leaves that ``target`` lacks are added.
    """
    if target.get("type") != fragment.get("type", target.get("type")):  # parameters of another qdisc do not apply
        if add:
            target.clear()
            target.update(deepcopy(dict(fragment)))
        return
    for key, value in fragment.items():
        if isinstance(value, dict):
            if key in target or add:
                _merge(target.setdefault(key, {}), value, choose, add=add)
        elif key in target:
            target[key] = choose(target[key], value)
        elif add:
            target[key] = value


def _as_plan(fragment: Mapping[str, Any]) -> dict[str, Any]:
    """Return a fragment with its sysctl values as text, which is how a plan has them."""
    result = deepcopy(dict(fragment))
    if "sysctl" in result:
        result["sysctl"] = {key: _text(value) for key, value in result["sysctl"].items()}
    return result


def _replace(current: Any, value: Any) -> Any:
    """Return the fragment's leaf."""
    del current
    return value


def _text(value: Any) -> str:
    """Return a sysctl value as canonical text."""
    return " ".join(str(part) for part in value) if isinstance(value, list) else " ".join(str(value).split())


def _lower(current: Any, bound: Any) -> Any:
    """Return the lower of two values, field by field."""
    return _by_field(min, current, bound)


def _higher(current: Any, bound: Any) -> Any:
    """Return the higher of two values, field by field."""
    return _by_field(max, current, bound)


def _by_field(choose: Callable[[Any, Any], Any], current: Any, bound: Any) -> Any:
    """Apply ``choose`` to each field of two numbers or rows of numbers; what is no number stays as it is.

    A single bound goes for every field of a row. Numbers in text come back as text.
    """
    if isinstance(current, bool) or isinstance(bound, bool):
        return current
    if isinstance(current, (int, float)) and isinstance(bound, (int, float)):
        return choose(current, bound)
    fields, bounds = _numbers(current), _numbers(bound)
    if fields is None or bounds is None:
        return current
    if len(bounds) == 1:
        bounds = bounds * len(fields)
    if len(bounds) != len(fields):
        return current
    return " ".join(str(choose(*pair)) for pair in zip(fields, bounds))


def _numbers(value: Any) -> list[int] | None:
    """Return the whole numbers of a sysctl value, ``None`` when it holds anything else."""
    try:
        return [int(part) for part in _text(value).split()] or None
    except ValueError:
        return None


def _differences(before: Any, after: Any, name: str = "") -> Iterator[dict[str, Any]]:
    """Yield ``{"key", "before", "after"}`` for every leaf that differs; ``None`` is a leaf that is not there."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(set(before) | set(after)):
            path = key if name in ("", "sysctl") else f"{name}.{key}"
            yield from _differences(before.get(key), after.get(key), path)
    elif isinstance(before, dict) or isinstance(after, dict):
        yield from _differences(before or {}, after or {}, name)
    elif before != after:
        yield {"key": name, "before": before, "after": after}


def _said(change: Mapping[str, Any]) -> str:
    """Return a difference as ``name: before -> after``."""
    before, after = ("unset" if change[side] is None else change[side] for side in ("before", "after"))
    return f"{change['key']}: {before} -> {after}"
