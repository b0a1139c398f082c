# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What changes have led to, laid over one another: of each setting the newest counts. Pure."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .model import Content, Header


def states_of(header: Header, content: Content, boot_id: str) -> dict[str, Any]:
    """Return ``{subsystem: state}`` that a change has set or found, and that should hold.

    Its time-boxed part may be over.
    """
    over = header.ends_at is None or header.boot_id != boot_id
    return {**content.held.get("states", {}), **content.after, **(content.ending if over else {})}


def scopes_of(content: Content) -> dict[str, Any]:
    """Return ``{subsystem: scope}`` of these states."""
    return {**content.held.get("scopes", {}), **content.scopes}


def laid_over(name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Any:
    """Return the state that a newer change leaves of a subsystem.

    Args:
        name: the subsystem.
        old: what older ones have led to, ``None`` where none has.
        new: what the newer one has.
    """
    if name in ("sysctl", "link", "route"):
        return _merged(old or {}, new)
    if name in ("tc", "adapt"):
        return {**new, "interfaces": {**(old or {}).get("interfaces", {}), **new["interfaces"]}}
    return new


def wider(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return a scope that holds two: lists joined, flags set where either is."""
    found = dict(one)
    for key, value in other.items():
        if isinstance(value, list):
            found[key] = list(dict.fromkeys([*found.get(key, []), *value]))
        else:
            found[key] = found.get(key) or value
    return found


def _merged(old: Any, new: Any) -> Any:
    """Return nested dicts with those of ``new`` laid over those of ``old``."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return copy.deepcopy(new)
    return {**old, **{key: _merged(old[key], value) if key in old else value for key, value in new.items()}}
