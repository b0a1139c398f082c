# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an interface loses when its MTU goes below 1280, and how it is put back.

Below 1280 the kernel takes IPv6 off the interface: addresses, routes, neighbours, and the settings under
``net/ipv6/conf`` and ``net/ipv6/neigh`` are gone, and raising the MTU brings back a link-local address and defaults
only (``net/ipv6/addrconf.c``, ``addrconf_notify``). So all of it is kept as ``ip -j`` prints it, and given back.
Left out is what the kernel itself brings back: temporary addresses, routes of the addresses, and routes learned from
router advertisements, which it solicits again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.change import Operation
from .._common.errors import NetoptError
from .._sysctl.keys import holds_secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

IPV6_MIN_MTU = 1280  # RFC 8200 section 5
FOREVER = 4294967295
_ADDRESS_FLAGS = ("home", "nodad", "mngtmpaddr", "noprefixroute", "autojoin")
_ROUTE_WORDS = {"gateway": "via", "dev": "dev", "table": "table", "protocol": "proto", "metric": "metric"}
_ROUTE_KNOWN = {*_ROUTE_WORDS, "type", "dst", "from", "scope", "flags", "prefsrc", "metrics", "pref", "expires"}
_METRICS = {
    *("mtu", "advmss", "hoplimit", "window", "initcwnd", "initrwnd", "reordering", "quickack", "rto_min", "congestion"),
}
_OWN_ROUTES = ("kernel", "ra")
_PLAIN_TYPES = ("unicast", "")


def kept_addresses(addresses: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the addresses to keep of ``addr_info`` of ``ip -j -6 addr show``."""
    volatile = ("tentative", "dadfailed", "deprecated")
    return [
        {name: value for name, value in address.items() if name not in volatile}
        for address in addresses
        if address.get("family") == "inet6" and not address.get("temporary")
    ]


def kept_routes(routes: Sequence[Mapping[str, Any]], iface: str) -> list[dict[str, Any]]:
    """Return the routes to keep of ``ip -j -6 -d route show table all``: those through an interface."""
    return [
        dict(route)
        for route in routes
        if (route.get("dev") == iface or any(hop.get("dev") == iface for hop in route.get("nexthops", ())))
        and route.get("protocol") not in _OWN_ROUTES
        and route.get("type", "unicast") in _PLAIN_TYPES
    ]


def kept_neighbours(neighbours: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the neighbours to keep of ``ip -j -6 neigh show nud permanent``."""
    return [
        {name: entry[name] for name in ("dst", "lladdr") if name in entry} for entry in neighbours if "dst" in entry
    ]


def _address_key(address: Mapping[str, Any]) -> tuple[Any, ...]:
    return address.get("local"), address.get("address"), address.get("prefixlen")


def route_key(route: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what tells a route from others."""
    hops = tuple((hop.get("gateway"), hop.get("dev"), hop.get("weight")) for hop in route.get("nexthops", ()))
    metrics = tuple(sorted((name, value) for entry in route.get("metrics", ()) for name, value in entry.items()))
    named = ("dst", "from", "gateway", "dev", "table", "protocol", "metric", "prefsrc", "pref")
    return (*(route.get(name) for name in named), hops, metrics)


def address_argv(address: Mapping[str, Any], iface: str) -> list[str]:
    """Return the command that gives an address back."""
    peer = ["peer", f"{address['address']}/{address['prefixlen']}"] if "address" in address else []
    local = address["local"] if peer else f"{address['local']}/{address['prefixlen']}"
    argv = ["ip", "-6", "addr", "replace", local, *peer, "dev", iface]
    if "metric" in address:
        argv += ["metric", str(address["metric"])]
    for word, name in (("valid_lft", "valid_life_time"), ("preferred_lft", "preferred_life_time")):
        if address.get(name, FOREVER) != FOREVER:
            argv += [word, str(address[name])]
    return argv + [flag for flag in _ADDRESS_FLAGS if address.get(flag)]


def _check_route(route: Mapping[str, Any]) -> None:
    """Raise where a route has a part that ``route_argv`` does not know."""
    unknown = set(route) - _ROUTE_KNOWN - {"nexthops"}
    unknown |= {name for entry in route.get("metrics", ()) for name in entry if name not in _METRICS}
    if unknown:
        raise NetoptError(
            f"The IPv6 route to {route.get('dst')} could not be put back: unknown parts {', '.join(sorted(unknown))}",
            stage="rehearse",
            key=f"{route.get('dev')} mtu",
            hint=f"Choose an MTU of at least {IPV6_MIN_MTU}, which leaves IPv6 routes alone.",
        )


def _hop_words(hop: Mapping[str, Any]) -> list[str]:
    """Return the words of one next hop of a route with several."""
    via = ["via", hop["gateway"]] if "gateway" in hop else []
    onlink = ["onlink"] if "onlink" in hop.get("flags", ()) else []
    return ["nexthop", *via, "dev", hop["dev"], "weight", str(hop.get("weight", 1)), *onlink]


def route_argv(route: Mapping[str, Any]) -> list[str]:
    """Return the command that gives a route back.

    Raises:
        NetoptError: the route has a part that cannot be given back.
    """
    _check_route(route)
    argv = ["ip", "-6", "route", "replace", route["dst"]]
    if "from" in route:
        argv += ["from", route["from"]]
    for name, word in _ROUTE_WORDS.items():
        if name in route:
            argv += [word, str(route[name])]
    if "prefsrc" in route:
        argv += ["src", route["prefsrc"]]
    for entry in route.get("metrics", ()):
        for name, value in entry.items():
            argv += ["congctl" if name == "congestion" else name, f"{value}ms" if name == "rto_min" else str(value)]
    if "expires" in route:
        argv += ["expires", str(route["expires"])]
    if "pref" in route:
        argv += ["pref", route["pref"]]
    argv += ["onlink"] if "onlink" in route.get("flags", ()) else []
    for hop in route.get("nexthops", ()):
        argv += _hop_words(hop)
    return argv


def neighbour_argv(neighbour: Mapping[str, Any], iface: str) -> list[str]:
    """Return the command that gives a permanent neighbour back."""
    argv = ["ip", "-6", "neigh", "replace", neighbour["dst"]]
    argv += ["lladdr", neighbour["lladdr"]] if "lladdr" in neighbour else []
    return [*argv, "nud", "permanent", "dev", iface]


def address_present(address: Mapping[str, Any], addresses: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether an address is among others, lifetimes aside."""
    return _address_key(address) in map(_address_key, addresses)


def _step(key: str, argv: list[str], payload: dict[str, Any]) -> Operation:
    return Operation("link", key, " ".join(argv), {**payload, "argv": argv})


def ipv6_operations(iface: str, current: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Operation]:
    """Return the steps that give an interface its IPv6 back: settings, addresses, routes, neighbours.

    Args:
        iface: the interface.
        current: ``ipv6`` of its state now, empty where IPv6 is off it.
        wanted: ``ipv6`` of its state then.
    """
    steps = []
    settings = current.get("settings", {})
    for path, value in wanted.get("settings", {}).items():
        if settings.get(path) != value:
            key = path.replace("/", ".")
            told = "(a secret)" if holds_secret(path) else value  # reports have the command
            steps.append(
                Operation("link", key, f"sysctl -w {path}={told}", {"do": "setting", "path": path, "value": value})
            )
    addresses = wanted.get("addresses", [])
    if wanted.get("settings") and not settings:
        # IPv6 starts anew with default settings, and may make a link-local address that was not there
        keep = [f"{address['local']}/{address['prefixlen']}" for address in addresses]
        steps.append(
            Operation(
                "link",
                f"{iface} addresses",
                f"ip -6 addr del ... dev {iface}",
                {"do": "prune", "iface": iface, "keep": keep},
            )
        )
    for address in reversed(addresses):  # listed newest first, and of equal ones the newest is chosen as source
        if not address_present(address, current.get("addresses", [])):
            key = f"{iface} address {address['local']}"
            steps.append(
                _step(key, address_argv(address, iface), {"do": "address", "iface": iface, "address": address})
            )
    routes = [route_key(route) for route in current.get("routes", [])]
    steps += [
        _step(f"{iface} route {route['dst']}", route_argv(route), {"do": "run"})
        for route in wanted.get("routes", [])
        if route_key(route) not in routes
    ]
    neighbours = current.get("neighbours", [])
    steps += [
        _step(f"{iface} neighbour {neighbour['dst']}", neighbour_argv(neighbour, iface), {"do": "run"})
        for neighbour in wanted.get("neighbours", [])
        if neighbour not in neighbours
    ]
    return steps
