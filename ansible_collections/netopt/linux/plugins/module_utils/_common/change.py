# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs (Change) and what is done about it (Operation): the values that all subsystems share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .quick_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

SUBSYSTEMS = ("sysctl", "link", "route", "tc", "nft", "adapt")  # the order in which a plan is applied
PLACES = {"link": "links", "route": "routes", "tc": "interfaces", "adapt": "interfaces"}
"""By subsystem: where its states have the interfaces."""


def interfaces_of(scopes: Mapping[str, Any]) -> set[str]:
    """Return the interfaces that scopes name, ``{subsystem: scope}``."""
    return {iface for name in PLACES for iface in scopes.get(name, {}).get("ifaces", ())}


@dataclass(frozen=True)
class Change:
    """One difference between two states, as a person would read it.

    Attributes:
        subsystem: one of ``SUBSYSTEMS``.
        key: the setting in the tool's own terms, e.g. ``net.ipv4.ip_forward``, ``eth0 mtu``, ``eth0 class 1:10``.
        before: the value there now, ``None`` where there is none.
        after: the value that is wanted, ``None`` where it goes away.
    """

    subsystem: str
    key: str
    before: str | None
    after: str | None

    def as_dict(self) -> dict[str, str | None]:
        """Return the change in the shape of one entry of ``HostReport.diff``."""
        return dict(vars(self))


@dataclass(frozen=True)
class Operation:
    """One step that changes the kernel. Either it happens whole or it fails.

    Attributes:
        subsystem: the subsystem whose ``perform`` runs it.
        key: the setting it changes, for error messages.
        command: the step as an operator would type it; shown in reports, never executed.
        payload: what ``perform`` of the subsystem needs; private to the subsystem.
    """

    subsystem: str
    key: str
    command: str
    payload: Any = None
