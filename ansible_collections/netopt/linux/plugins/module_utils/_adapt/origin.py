# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an interface's adjuster was before any plan set it: none. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.intents import together
from .subsystem import SUBSYSTEM, Intent

if TYPE_CHECKING:
    from collections.abc import Mapping


def claims(wanted: Any) -> set[str]:
    """Return the interfaces that an intent has adjusters for."""
    return {f"{iface} {SUBSYSTEM}" for iface in wanted.ifaces if wanted.of(iface).settings}


def remember(wanted: Any, current: Mapping[str, Any]) -> dict[str, Any]:
    """Return the origin of each claim of an intent: there is no adjuster but netopt's."""
    del current
    return {claim: {} for claim in claims(wanted)}


def give_back(wanted: Any, gone: Mapping[str, Any], left: Mapping[str, Any]) -> Any:
    """Return an intent together with the adjusters that no plan asks for any more, which are to stop."""
    del left
    stop = tuple(claim.partition(" ")[0] for claim in gone)
    return together([*wanted.parts, Intent(stop)]) if stop else wanted
