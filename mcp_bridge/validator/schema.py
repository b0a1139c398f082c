# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks up, in the plan's JSON schema, which keys may stand at a path."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from mcp_bridge.models import ParameterPlan

if TYPE_CHECKING:
    from .finding import Path


@cache
def _schema() -> dict[str, Any]:
    """Return the schema of a plan."""
    return ParameterPlan.model_json_schema()


def known_keys(path: Path, data: Any) -> list[str]:
    """Return the keys that the object at ``path`` may have, none when any key may stand there.

    Args:
        path: keys and indexes from the plan's root.
        data: the plan; says which qdisc's parameters are meant.
    """
    node: dict[str, Any] = _schema()
    for part in path:
        node = _resolve(node, data)
        node = node.get("items", {}) if isinstance(part, int) else node.get("properties", {}).get(part, {})
        data = child(data, part)
    return list(_resolve(node, data).get("properties", {}))


def meaning(path: Path, data: Any, *, bounds: str | None = None) -> str | None:
    """Return what the value at ``path`` is and which bounds it has, ``None`` when the schema does not say.

    Args:
        path: keys and indexes from the plan's root.
        data: the plan; says which qdisc's parameters are meant.
        bounds: said in the place of the schema's own.
    """
    node: dict[str, Any] = {}
    below: dict[str, Any] = _schema()
    for part in path:
        below = _resolve(below, data)
        node = below.get("items", {}) if isinstance(part, int) else below.get("properties", {}).get(part, {})
        below, data = node, child(data, part)
    words = [node["description"].splitlines()[0]] if "description" in node else []
    if bounds:
        words.append(bounds)
    for option in () if bounds else (node, *node.get("anyOf", ())):
        if "maximum" in option:
            low = option["minimum"] if "minimum" in option else f"above {option.get('exclusiveMinimum')}"
            words.append(f"Allowed: {low} to {option['maximum']}.")
            break
    return " ".join(words) or None


def _resolve(node: dict[str, Any], data: Any) -> dict[str, Any]:
    """Follow references and choices to the object or array that ``data`` is meant to be."""
    while True:
        if "$ref" in node:
            node = _schema()["$defs"][node["$ref"].rpartition("/")[2]]
        elif "discriminator" in node:
            tag = data.get("type") if isinstance(data, dict) else None
            ref = node["discriminator"]["mapping"].get(tag) if isinstance(tag, str) else None
            node = {"$ref": ref} if ref else {}
        elif "anyOf" in node or "oneOf" in node:
            options = node.get("anyOf") or node["oneOf"]
            node = next((option for option in options if _is_container(option, data)), {})
        else:
            return node


def _is_container(option: dict[str, Any], data: Any) -> bool:
    """Return whether a choice stands for an array, where ``data`` is a list, or else for an object."""
    if isinstance(data, list):
        return option.get("type") == "array"
    return "$ref" in option or "discriminator" in option or option.get("type") == "object"


def child(data: Any, part: str | int, default: Any = None) -> Any:
    """Return what lies below ``data`` under a key or an index, ``default`` when nothing does."""
    if isinstance(data, list):
        return data[part] if isinstance(part, int) and part < len(data) else default
    return data.get(part, default) if isinstance(data, dict) else default
