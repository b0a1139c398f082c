# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The MTUs that IPv6 has of its own on an interface, which the kernel changes along with the interface's. Pure.

With every change, ``net.ipv6.conf.IFACE.mtu`` becomes the interface's MTU, and so does the MTU of a route that was at
it, or would be above it (``net/ipv6/route.c``, ``rt6_mtu_change_route``). Neither comes back by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.change import Operation
from .._common.errors import NetoptError
from .ipv6_below_1280 import kept_routes, route_argv, route_key
from .mtu import MTU

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

IPV6_MTUS = "ipv6_mtus"  # of a link of a State: ``{"conf": bytes, "routes": [route]}``


def setting(iface: str) -> str:
    """Return where an interface's MTU for IPv6 is, below ``/proc/sys``."""
    return f"net/ipv6/conf/{iface}/mtu"


def routes_with_mtu(routes: Sequence[Mapping[str, Any]], iface: str) -> list[dict[str, Any]]:
    """Return the routes through an interface that have an MTU, of ``ip -j -6 -d route show table all``.

    Those that could not be put back are left out.
    """
    found = []
    for route in kept_routes(routes, iface):
        try:
            route_argv(route)
        except NetoptError:
            continue
        if _mtu(route) is not None:
            found.append(route)
    return found


def operations(iface: str, now: Mapping[str, Any], then: Mapping[str, Any]) -> list[Operation]:
    """Return the steps that give IPv6 its MTUs back, once the interface's own has been changed.

    Args:
        iface: the interface.
        now: its state now.
        then: its wanted state.
    """
    mine, back = now.get(IPV6_MTUS, {}), then.get(IPV6_MTUS, {})
    steps = []
    if "conf" in back and "conf" in mine and back["conf"] != then[MTU]:
        path, value = setting(iface), str(back["conf"])
        setting_payload = {"do": "setting", "path": path, "value": value}
        steps.append(Operation("link", path.replace("/", "."), f"sysctl -w {path}={value}", setting_payload))
    for route in back.get("routes", ()):
        if has_other_mtu(route, mine.get("routes", ())) is not None:  # it is still there
            argv = route_argv(route)
            payload: dict[str, Any] = {"do": "route", "iface": iface, "route": route, "argv": argv}
            steps.append(Operation("link", f"{iface} route {route['dst']}", " ".join(argv), payload))
    return steps


def has_other_mtu(route: Mapping[str, Any], routes: Sequence[Mapping[str, Any]]) -> bool | None:
    """Return whether a route has another MTU among others; ``None`` where it is not among them."""
    place = _place(route)
    return next((_mtu(one) != _mtu(route) for one in routes if _place(one) == place), None)


def _mtu(route: Mapping[str, Any]) -> int | None:
    return next((entry["mtu"] for entry in route.get("metrics", ()) if "mtu" in entry), None)


def _place(route: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what tells a route from others, whatever MTU it has."""
    rest = [{name: it for name, it in entry.items() if name != "mtu"} for entry in route.get("metrics", ())]
    return route_key({**route, "metrics": rest})
