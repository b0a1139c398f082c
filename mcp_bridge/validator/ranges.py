# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges each value by its range in the policy's ``limits.yaml``, and each sysctl key by its card."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.match_words import mark_of
from mcp_bridge.collection.nic_words import is_max
from mcp_bridge.policy.sysctl_keys import TREES, family, refused

from .explain import explain
from .finding import Finding, Path, did_you_mean, shown
from .schema import child
from .sysctl_value import canonical_key, canonical_sysctl, spelling_problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mcp_bridge.policy import Policy, Range


NEAR = 0.9  # so alike that one is the other with a letter wrong


def check_ranges(changes: dict[str, Any], policy: Policy) -> Iterator[Finding]:
    """Yield every value outside its range and every sysctl key without a card.

    Args:
        changes: ``Changes`` as JSON data.
        policy: says which ranges and cards there are.
    """
    for name, path, value in parameters(changes):
        if path[0] == "sysctl":
            yield from _check_sysctl(str(path[1]), str(value), policy)
            continue
        span = None if is_max(name, value) else policy.limits.at(name)
        problem = span.problem(value) if span else None
        if span and problem:
            yield Finding(("changes", *path), shown(problem), _hint(span, value))


def bounds_at(path: Path, data: Any, policy: Policy) -> Range | None:
    """Return the range of the number at a path of a plan, ``None`` where the policy has none for it.

    Args:
        path: keys and indexes from the plan's root.
        data: the plan; says which qdisc's parameters are meant.
        policy: says which ranges there are.
    """
    if path[:1] != ("changes",) or path[1:2] == ("sysctl",):
        return None
    words: list[str] = []
    for part in path:
        data = child(data, part)
        if isinstance(part, int) or (part in {"changes", "ingress"} and len(words) == 0):
            continue
        words.append(part)
        if part in {"qdisc", "leaf", "per_queue"}:
            words = ["qdisc", str(child(data, "type"))]
        elif part == "params" and words[0] == "qdisc":
            words.pop()
        elif part == "htb_classes":
            words = [part]
    span = policy.limits.at(".".join(words))
    return span if span is not None and span.type in {"int", "float"} else None


def allowed(span: Range) -> str:
    """Return what a range of numbers allows, in words."""
    return f"Allowed: {span.min} to {span.max}{f' {span.unit}' if span.unit else ''}."


def _check_sysctl(key: str, value: str, policy: Policy) -> Iterator[Finding]:
    """Yield what is wrong with one sysctl key and its value."""
    path: Path = ("changes", "sysctl", key)
    problem = spelling_problem(key)
    if problem:
        yield Finding(path, problem, "Write it as sysctl does, e.g. net.ipv4.tcp_rmem.")
        return
    name = canonical_key(key)
    if policy.covering(name) is None:
        yield from _without_card(name, path, policy)
        return
    span = policy.limits.at(f"sysctl.{name}")
    if span is not None:
        value = canonical_sysctl(value, span)
        problem = span.problem(value) or _notation(value, span)
        if problem:
            yield Finding(path, shown(problem), _hint(span, value))
            return
    for reason in policy.skippable([name]).values():
        yield from explain(policy, "no_effect", path, particulars=reason)


def _without_card(key: str, path: Path, policy: Policy) -> Iterator[Finding]:
    """Yield the finding for a key that no card covers: one that none may cover, a slip of the pen, or a card to add."""
    reason = refused(key)
    if reason:
        yield Finding(path, f"No plan sets this key: {reason}", "Leave it out.")
        return
    near = difflib.get_close_matches(family(key) or key, policy.sysctl_cards, n=1, cutoff=NEAR)
    slip = f"Did you mean {near[0]}? " if near else ""
    tree = key.partition(".")[0]
    add = f"Add a card to your own policy: `netopt policy card {key} -i INVENTORY` prints one to start from."
    if tree not in TREES:
        add = f"A plan sets keys below {', '.join(f'{name}.' for name in TREES)} only."
    yield from explain(policy, "unknown_sysctl", path, hint=slip + add)


def check_key_spellings(values: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield keys that a plan gives twice, in two spellings, and those that it takes away and that are no keys.

    Args:
        values: by key; null for those that are taken away.
    """
    first: dict[str, str] = {}
    for key, value in values.items():
        problem = spelling_problem(key)
        if problem and value is None:
            yield Finding(("changes", "sysctl", key), problem, "Write it as sysctl does, e.g. net.ipv4.tcp_rmem.")
        name = key if problem else canonical_key(key)
        if first.setdefault(name, key) != key:
            message = f"The key stands here twice, as {first[name]} as well"
            yield Finding(("changes", "sysctl", key), message, "Keep one of the two.")


def _notation(value: str, span: Range) -> str | None:
    """Return what is wrong with the way a number is written, ``None`` when nothing is.

    Python would read ``1_000`` and ``+5``; the kernel reads ``010`` as eight.
    """
    if span.type in {"int", "row"} and any(str(int(part)) != part for part in value.split()):
        return f"Value must be written as plain decimal numbers, found {value!r}"
    return None


def _hint(span: Range, value: object) -> str | None:
    """Return what the range allows, in words."""
    unit = f" {span.unit}" if span.unit else ""
    if span.type in {"int", "float"}:
        return allowed(span)
    if span.type == "row":
        fields = ", ".join(f"{field.name} {field.min} to {field.max}" for field in span.fields or [])
        return f"Allowed: {fields}{unit}."
    if span.type == "text":
        return f"Allowed: text of the form {span.pattern}."
    if span.type in {"enum", "words"}:
        near = did_you_mean(value, span.valid_values or [], what="values")
        return near if near.startswith("Did you mean") else None  # the message has all of them
    return None


def parameters(changes: dict[str, Any]) -> Iterator[tuple[str, Path, Any]]:
    """Yield every single value: its name in ``limits.yaml``, its path below ``changes``, and itself.

    A qdisc's parameter is named by the qdisc's type wherever the qdisc stands: ``qdisc.fq.limit``.
    """
    for field, value in changes.items():
        if field == "sysctl":
            for key, inner in value.items():
                yield f"sysctl.{key}", (field, key), inner
        elif field == "qdisc":
            yield from _qdisc(value, (field,))
        elif field == "ingress":
            yield from ((name, (field, *path), inner) for name, path, inner in parameters(value))
        else:
            yield from _walk(field, (field,), value)


def _walk(name: str, path: Path, value: Any) -> Iterator[tuple[str, Path, Any]]:
    """Yield the single values below one field."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "leaf":
                yield from _qdisc(inner, (*path, key))
            else:
                yield from _walk(f"{name}.{key}", (*path, key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(name, (*path, index), inner)
    elif name == "rate_limits.rate":
        number, _, unit = value.partition("/")
        yield name, path, int(number)
        yield f"{name}.unit", path, unit
    elif name == "htb_classes.match.fwmark":
        yield name, path, (mark_of(value) or (value,))[0]
    else:
        yield name, path, value


def _qdisc(qdisc: dict[str, Any], path: Path) -> Iterator[tuple[str, Path, Any]]:
    """Yield the parameters of a qdisc, and what each queue below it has."""
    for key, inner in qdisc.get("params", {}).items():
        yield f"qdisc.{qdisc['type']}.{key}", (*path, "params", key), inner
    per_queue = qdisc.get("per_queue")
    if per_queue:
        yield from _qdisc(per_queue, (*path, "per_queue"))
        classes = per_queue.get("htb_classes", [])
        yield from _walk("htb_classes", (*path, "per_queue", "htb_classes"), classes)
