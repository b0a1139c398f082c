# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What metrics of routes were before any plan set them, and how they get that again. Pure.

A claim is ``"eth0 0.0.0.0/0 initcwnd"``; its origin is ``{name of a route: text}`` of each route to that network.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .._common.intents import together
from .._plan.routes import ROUTES, network_of
from .subsystem import Intent

if TYPE_CHECKING:
    from collections.abc import Mapping


def claims(wanted: Intent) -> set[str]:
    """Return the settings that an intent is about."""
    return {f"{iface} {setting}" for iface in wanted.ifaces for setting in _settings(wanted.of(iface))}


def _settings(one: Intent) -> list[str]:
    return [f"{network} {word}" for network, metrics in one.routes.items() for word in metrics]


def remember(wanted: Intent, current: Mapping[str, Any]) -> dict[str, Any]:
    """Return the origin of each claim of an intent, by the state before it was carried out."""
    found = {}
    for iface in wanted.ifaces:
        for setting in _settings(wanted.of(iface)):
            network, _blank, word = setting.partition(" ")
            found[f"{iface} {setting}"] = {
                name: entry["metrics"][word]
                for name, entry in current[ROUTES][iface].items()
                if network_of(name) == network
            }
    return found


def give_back(wanted: Intent, gone: Mapping[str, Any], left: Mapping[str, Any]) -> Any:
    """Return an intent together with what no plan asks for any more.

    Args:
        wanted: what is still asked for.
        gone: origins of the claims that nobody has any more.
        left: origins of those that somebody has; not used, a metric has no part in another.
    """
    del left
    former: dict[str, dict[str, dict[str, str | None]]] = defaultdict(dict)
    for claim, origin in gone.items():
        iface, _network, word = claim.split(" ")
        for name, text in origin.items():
            former[iface].setdefault(name, {})[word] = text
    asked = {iface: replace(wanted.of(iface), ifaces=(iface,)) for iface in wanted.ifaces}
    for iface, back in former.items():
        asked[iface] = replace(asked.get(iface, Intent(ifaces=(iface,))), former=back)
    return together(list(asked.values())) if former else wanted
