# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Holds a plan against the bounds of the shipped policy, where nobody asks the policy itself; pure."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from ansible_collections.netopt.linux.plugins.module_utils._plan.nic_words import is_max
from ansible_collections.netopt.linux.plugins.module_utils._sysctl.keys import family
from ansible_collections.netopt.linux.plugins.plugin_utils._shipped_bounds import RANGES, SIZES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WHOLE = re.compile(r"0[xX][0-9a-fA-F]{1,16}|-?(0|[1-9][0-9]{0,62})")  # as a kernel parameter may be written


def beyond(changes: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what of a plan's changes is out of bounds, each with ``path``, ``message`` and ``hint``.

    Args:
        changes: with the structure of ``changes``.
    """
    return [
        {"path": f"changes.{path}", "message": message, "hint": hint, "severity": "error"}
        for path, message, hint in (*_too_many(changes), *_out_of_range(changes))
    ]


def _too_many(changes: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, most in SIZES.items():
        entries = len(changes.get(name) or ())
        if entries > most:
            yield name, f"{entries} entries, more than the {most} allowed", f"Use at most {most}."


def _out_of_range(changes: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, path, value in _values(changes):
        span = _span(name)
        if is_max(name, value):
            continue
        if span is None:
            if name.startswith("sysctl."):
                yield path, "There is no card for this key", "Ask your own policy with check_policy: true."
            continue
        problem = _problem(value, span, path)
        if problem:
            yield path, problem, _hint(span)


def _span(name: str) -> Any:
    """Return the range of a name; one of an interface's own key comes before that of the key's family."""
    tree, _dot, key = name.partition(".")
    if tree == "sysctl" and name not in RANGES:
        return RANGES.get(f"sysctl.{family(key)}")
    return RANGES.get(name)


def _problem(value: Any, span: Any, path: str) -> str | None:
    if isinstance(span, tuple):
        return _of_number(value, span, path)
    if isinstance(span, str):
        return None if re.fullmatch(span, str(value)) else f"Value must match {span}, found {value!r}"
    if isinstance(span, set):
        wrong = [word for word in str(value).split() if word not in span]
        return f"{wrong[0]} is not one of the words allowed: {', '.join(sorted(span))}" if wrong else None
    if isinstance(span[0], str):
        return None if str(value) in span else f"Value is not one of those allowed: {', '.join(span)}"
    fields = str(value).split()
    if len(fields) != len(span):
        return f"Value must be {len(span)} whole numbers, found {value!r}"
    return next((said for field, one in zip(fields, span, strict=True) if (said := _of_number(field, one, path))), None)


def _of_number(value: Any, span: tuple[float, ...], path: str) -> str | None:
    """Return what is wrong with a number; text with a unit is left to the host, which reads it."""
    if isinstance(value, str):
        if not _WHOLE.fullmatch(value.strip()):
            return f"Value must be a whole number, found {value!r}" if path.startswith("sysctl.") else None
        value = int(value, 0)
    least, most, *bits = span
    if math.isnan(value) or value > most:
        return f"Value exceeds maximum allowed: {most}"
    if value < least:
        return f"Value is below minimum allowed: {least}"
    unknown = int(value) & ~int(bits[0]) if bits else 0
    return f"Value has bits that mean nothing: {hex(unknown)}" if unknown else None


def _hint(span: Any) -> str:
    if isinstance(span, tuple):
        bits = f", with the bits of {hex(int(span[2]))}" if span[2:] else ""
        return f"Allowed: {span[0]} to {span[1]}{bits}."
    if isinstance(span, str):
        return f"Write it as the pattern {span} says."
    if isinstance(span, set) or isinstance(span[0], str):
        return f"Allowed: {', '.join(sorted(span) if isinstance(span, set) else span)}."
    return f"Allowed: {', '.join(f'{least} to {most}' for least, most in span)}."


def _values(changes: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield every single value: its name in ``RANGES``, its path below ``changes``, and itself."""
    for field, value in changes.items():
        if field == "sysctl":
            for key, inner in (value or {}).items():
                yield f"sysctl.{key}", f"sysctl.{key}", inner
        elif field == "qdisc":
            yield from _of_qdisc(value, field)
        elif field == "ingress":
            yield from ((name, f"{field}.{path}", inner) for name, path, inner in _values(value or {}))
        else:
            yield from _below(field, field, value)


def _below(name: str, path: str, value: Any) -> Iterator[tuple[str, str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "leaf":
                yield from _of_qdisc(inner, f"{path}.{key}")
            else:
                yield from _below(f"{name}.{key}", f"{path}.{key}", inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _below(name, f"{path}[{number}]", inner)
    elif name == "rate_limits.rate":
        number, _slash, unit = str(value).partition("/")
        yield name, path, number
        yield f"{name}.unit", path, unit
    elif value is not None and not isinstance(value, bool):
        yield name, path, value


def _of_qdisc(qdisc: Mapping[str, Any] | None, path: str) -> Iterator[tuple[str, str, Any]]:
    per_queue = (qdisc or {}).get("per_queue")
    if per_queue:
        yield from _of_qdisc(per_queue, f"{path}.per_queue")
        yield from _below("htb_classes", f"{path}.per_queue.htb_classes", per_queue.get("htb_classes"))
    for key, inner in ((qdisc or {}).get("params") or {}).items():
        if inner is not None and not isinstance(inner, bool):
            yield f"qdisc.{(qdisc or {})['type']}.{key}", f"{path}.params.{key}", inner
