# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which MTU an interface may have, and which one those get that follow it. Pure."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .followers import follows_any
from .ipv6_below_1280 import IPV6_MIN_MTU, route_argv

if TYPE_CHECKING:
    from collections.abc import Mapping

MTU = "mtu"
# as in policy/limits.yaml, by RFC 791
MTU_LEAST = 68
MTU_MOST = 65535


def check_mtu(mtu: int, link: Mapping[str, Any], iface: str) -> None:
    """Raise where the device does not take the MTU, or its IPv6 routes could not be put back."""
    low, high = max(link.get("min_mtu") or 0, MTU_LEAST), min(link.get("max_mtu") or MTU_MOST, MTU_MOST)
    if not low <= mtu <= high:
        raise NetoptError(
            f"{iface} takes an MTU from {low} to {high}, not {mtu}",
            stage="rehearse",
            key=f"{iface} mtu",
            wanted=str(mtu),
            before=str(link[MTU]),
            hint="Choose a value within; the device (ip -d link show) and IPv4 set these limits.",
        )
    if mtu < IPV6_MIN_MTU <= link[MTU]:
        for route in link.get("ipv6", {}).get("routes", []):
            route_argv(route)


def with_followers(
    links: Mapping[str, Any], now: Mapping[str, Any], *, along: Mapping[str, Any], asked: set[str], held: frozenset[str]
) -> dict[str, Any]:
    """Return the wanted links together with those whose MTU would not stay, or not come back, by itself.

    Args:
        links: the wanted links, as far as they are asked for or given back.
        now: the links of the current state; what follows comes after what it follows.
        along: how those were that the kernel had changed along with what is given back.
        asked: interfaces whose MTU in ``links`` is asked for.
        held: interfaces whose MTU some plan has.

    Raises:
        NetoptError: what is given back leaves less than a plan has above it.
    """
    found = dict(links)
    for name, origin in along.items():
        if name in now and name not in held and MTU not in found.get(name, {}):
            found[name] = {**found.get(name, {}), **copy.deepcopy(dict(origin))}
    moved: set[str] = set()
    for name, link in now.items():
        follows = follows_any(name, moved, now)
        if follows and name in held and MTU not in found.get(name, {}):
            found[name] = {**found.get(name, {}), MTU: link[MTU]}
        if MTU in found.get(name, {}) and name not in asked:
            found[name] = _within_cap(name, found, now, held=name in held)
        if follows or found.get(name, {}).get(MTU, link[MTU]) != link[MTU]:
            moved.add(name)
    return found


def _within_cap(name: str, found: Mapping[str, Any], now: Mapping[str, Any], *, held: bool) -> dict[str, Any]:
    """Return a wanted link whose MTU is at most what the device below it leaves."""
    entry: dict[str, Any] = found[name]
    cap = now[name].get("cap")
    if cap is None:
        return entry
    lower = cap["iface"]
    most = found.get(lower, {}).get(MTU, now.get(lower, cap)[MTU]) - cap["overhead"]
    if entry[MTU] <= most:
        return entry
    if held:
        raise NetoptError(
            f"{lower} would get its former MTU {most + cap['overhead']} back, and a plan wants {entry[MTU]} for {name} "
            "on top of it",
            stage="rehearse",
            key=f"{name} mtu",
            wanted=str(entry[MTU]),
            after=str(most),
            hint=f"Take the MTU of {name} away as well, or first. Nothing was changed.",
        )
    kept = {kind: it for kind, it in entry.items() if kind != "ipv6_mtus" and (kind != "ipv6" or most >= IPV6_MIN_MTU)}
    return {**kept, MTU: most}
