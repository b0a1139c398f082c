# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Walks a fragment of a plan's changes as policy files hold them, and judges its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mcp_bridge.collection.nic_words import is_max
from mcp_bridge.documents.errors import KeyPath

from .limits import Limits
from .models import ValidationLimits
from .sysctl_keys import family

Problem = tuple[KeyPath, str]
"""Where something is wrong, and what."""

CHANGE_FIELDS = frozenset(
    {
        "sysctl",
        "qdisc",
        "shaper",
        "ingress",
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
        "nic",
        "steering",
        "routes",
    }
)
MAPPINGS = frozenset(
    {"sysctl", "qdisc", "shaper", "ingress", "netem", "connection_tracking", "offloads", "nic", "steering"}
)


def values(changes: Mapping[str, Any]) -> Iterator[tuple[str, KeyPath, Any]]:
    """Yield every value of a fragment of changes: its path in ``limits.yaml``, its keys, and itself.

    ``{"qdisc": {"type": "fq", "params": {"limit": 1}}}`` gives ``qdisc.type`` and ``qdisc.fq.limit``.
    """
    for field, value in changes.items():
        if field == "qdisc" and isinstance(value, dict):
            yield "qdisc.type", (field, "type"), value.get("type")
            for name, param in (value.get("params") or {}).items():
                yield f"qdisc.{value.get('type')}.{name}", (field, "params", name), param
            own = value.get("per_queue") or {}
            below = {"qdisc": own, "htb_classes": own.get("htb_classes")} if own else {}
            for name, path, inner in values(below):
                yield name, (field, "per_queue", *(path[1:] if path[0] == "qdisc" else path)), inner
        elif field == "ingress" and isinstance(value, dict):
            yield from ((name, (field, *path), inner) for name, path, inner in values(value))
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


@dataclass(frozen=True)
class FragmentRules:
    """What a fragment of changes must agree with.

    Attributes:
        keys: sysctl keys, and families of them, that have a card.
        limits: ranges per parameter.
        names: known names.
    """

    keys: frozenset[str]
    limits: Limits
    names: ValidationLimits

    def covers(self, key: str) -> bool:
        """Tell whether a sysctl key has a card."""
        return key in self.keys or family(key) in self.keys

    def problems(self, changes: Mapping[str, Any]) -> Iterator[Problem]:
        """Yield what is wrong with a fragment, with the path below it."""
        for field, value in changes.items():
            if field not in CHANGE_FIELDS:
                yield (field,), f"There is no change named {field}"
            elif field in MAPPINGS and not isinstance(value, dict):
                yield (field,), "A mapping is wanted here"
        for name, where, value in values(changes):
            problem = self._value_problem(name, where, value)
            if problem:
                yield where, problem

    def _value_problem(self, name: str, where: KeyPath, value: object) -> str | None:
        """Return what is wrong with one value, ``None`` when nothing is."""
        if where[0] == "sysctl" and not self.covers(str(where[-1])):
            return f"No card covers the key {where[-1]}"
        if name == "qdisc.type":
            known = self.names.qdisc_types
            return None if value in known else f"Value is not one of those allowed: {', '.join(known)}"
        span = self.limits.at(name)
        if span is None:
            return f"limits.yaml has no range for {name}" if where[0] in {"sysctl", "qdisc"} else None
        if name.endswith("dscp") and isinstance(value, str):
            value = self.names.dscp.get(value, value)
        return None if is_max(name, value) else span.problem(value)
