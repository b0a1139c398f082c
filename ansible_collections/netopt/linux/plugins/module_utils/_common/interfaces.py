# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interfaces of a plan as the host calls them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import NetoptError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

AUTO = "auto"


def named(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the interfaces that a plan names; ``auto`` stands for itself until a host finds which one that is."""
    iface = plan["iface"]
    return (iface,) if isinstance(iface, str) else tuple(iface)


def host_interfaces(wanted: Iterable[str], facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names with ``auto`` replaced by the interface of the default route, each once.

    Args:
        wanted: names of interfaces, or ``auto``.
        facts: the host's facts.

    Raises:
        NetoptError: the host has no such interface, or no default route to find one by.
    """
    default = facts.get("default_interface")
    names = list(wanted)
    if AUTO in names and not default:
        raise NetoptError(
            "This host has no default route, so iface 'auto' stands for nothing",
            stage="facts",
            key="iface",
            wanted=AUTO,
            hint="Name the interface.",
        )
    found = tuple(dict.fromkeys(str(default) if name == AUTO else name for name in names))
    there = sorted(facts["interfaces"])
    missing = [name for name in found if name not in there]
    if missing:
        raise NetoptError(
            f"This host has no interface {', '.join(missing)}",
            stage="facts",
            key="iface",
            wanted=", ".join(names),
            after=", ".join(there),
            hint=f"It has {', '.join(there)}; 'auto' takes the one of the default route.",
        )
    return found
