# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads routes, and sets metrics of one by replacing it with itself, over rtnetlink."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any, Dict, Iterator

from .._common.errors import NetoptError
from .._common.files import text_of
from .._netlink import messages as rt
from .._netlink.interfaces import FAMILIES
from .._netlink.route_socket import KernelRefusedError, RouteSocket
from .._plan.routes import ROUTES
from .attributes import RTM_GETROUTE, RTM_NEWROUTE, RTMSG, Route, message, metrics_of, read, same_but_metrics
from .owner import CLIENTS, MANAGERS, owner_of
from .subsystem import EVERY, LISTED, merge

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .._common.change import Operation
    from .._host.commands import Tools
    from .subsystem import Intent

    State = Dict[str, Any]

RTF_ADDRCONF = 0x00040000  # linux/ipv6_route.h
AVAILABLE = "/proc/sys/net/ipv4/tcp_available_congestion_control"
SHOWN_HOPS = 4


def dumped(sock: RouteSocket) -> list[Route]:
    """Return the routes of the main table, of both families."""
    found = []
    for family in FAMILIES:
        for body in sock.dump(RTM_GETROUTE, RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)):
            route = read(body)
            if route is not None:
                found.append(route)
    return found


def _advertised() -> set[tuple[str, str, int]]:
    """Return (network, interface, metric) of routes that the kernel keeps itself, by router advertisements.

    It finds these by a mark that no message carries: replaced, it would no longer know them for its own.
    """
    try:
        lines = text_of("/proc/self/net/ipv6_route").splitlines()
    except FileNotFoundError:
        return set()
    found = set()
    for line in lines:
        fields = line.split()
        if int(fields[8], 16) & RTF_ADDRCONF:
            packed = bytes.fromhex(fields[0])
            network = f"{socket.inet_ntop(socket.AF_INET6, packed)}/{int(fields[1], 16)}"
            found.add((network, fields[9], int(fields[5], 16)))
    return found


def _why_refused(
    route: Route, iface: str, alike: int, names: Mapping[int, str], advertised: Collection[Any]
) -> str | None:
    """Return why a route cannot be replaced by itself with other metrics, ``None`` where it can."""
    if route.hops:
        hops = ", ".join(dict.fromkeys(names.get(each, "?") for each in route.hops[:SHOWN_HOPS]))
        return f"it has several next hops ({hops}), which would all get them"
    if route.nexthop_object:
        return "its next hop is an object of its own (ip nexthop)"
    if alike > 1:
        return f"there are {alike} routes of this metric, and the kernel would replace any of them"
    if (route.network, iface, route.metric) in advertised:
        return "the kernel keeps it itself, by router advertisements, and would lose track of it"
    return None


def _running() -> set[str]:
    """Return which programs that make routes run in this network namespace."""
    known = {*MANAGERS, *CLIENTS}
    mine = os.stat("/proc/self/ns/net").st_ino
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            name = text_of(f"/proc/{pid}/comm").strip()
            if name in known and os.stat(f"/proc/{pid}/ns/net").st_ino == mine:
                found.add(name)
        except OSError:
            continue
    return found


def observe(scope: dict[str, Any], tools: Tools) -> State:  # noqa: ARG001 - every subsystem's observe takes tools
    """Return the routes of the interfaces of a scope; see ``subsystem`` for the shape.

    Raises:
        NetoptError: an interface does not exist.
    """
    names = dict(socket.if_nameindex())
    for iface in scope["ifaces"]:
        if iface not in names.values():
            raise NetoptError(
                f"Interface {iface} does not exist",
                stage="observe",
                key=iface,
                wanted=iface,
                after="absent",
                hint=f"This host has {', '.join(sorted(names.values())) or 'none'}.",
            )
    if not scope["ifaces"]:
        return {ROUTES: {}}
    with RouteSocket() as sock:
        routes = dumped(sock)
    places: Dict[Any, int] = {}
    for route in routes:
        places[route.place] = places.get(route.place, 0) + 1
    every, wanted = EVERY in scope["networks"], set(scope["networks"])
    advertised = _advertised()
    running = set() if scope.get("brief") else _running()
    found: Dict[str, Dict[str, Any]] = {iface: {} for iface in scope["ifaces"]}
    networks: Dict[str, list[str]] = {iface: [] for iface in scope["ifaces"]}
    for route in routes:
        for iface in _through(route, names):
            if iface not in found:
                continue
            if len(networks[iface]) < LISTED and route.network not in networks[iface]:
                networks[iface].append(route.network)
            if every or route.network in wanted:
                refused = _why_refused(route, iface, places[route.place], names, advertised)
                found[iface][route.name] = _entry(route, refused, owner_of(route.protocol, running))
    return {ROUTES: found, "text": networks}


def _through(route: Route, names: Mapping[int, str]) -> Iterator[str]:
    for index in dict.fromkeys((route.oif, *route.hops)):
        if index in names:
            yield names[index]


def _entry(route: Route, refused: str | None, owner: dict[str, Any]) -> dict[str, Any]:
    return {
        "metrics": metrics_of(route),
        "body": message(route._replace(expires_s=0)).hex(),
        "lives": bool(route.expires_s),
        "refused": refused,
        "text": owner,
    }


def resolve(intent: Intent, current: State, tools: Tools) -> State:  # noqa: ARG001 - as above
    """Return the state that an intent leads to; nothing is changed on the host.

    Raises:
        NetoptError: there is no such route, or its metrics cannot be set.
    """
    return merge(intent, current)


def try_out(current: State, wanted: State) -> None:
    """Make the change and roll it back on the same routes in the namespace of this process, which is a scratch one.

    Raises:
        NetoptError: the kernel refuses, or a route is not the same afterwards.
    """
    from .rehearse import rehearse  # noqa: PLC0415 - nothing but a change needs it

    rehearse(current, wanted, observe, perform)


def _find(sock: RouteSocket, iface: str, name: str, key: str) -> Route:
    """Return a route as it is now.

    Raises:
        NetoptError: it is gone, or there are several that a replacement could meet.
    """
    names = dict(socket.if_nameindex())
    routes = dumped(sock)
    for route in routes:
        if route.name == name and names.get(route.oif) == iface:
            alike = sum(1 for other in routes if other.place == route.place)
            refused = _why_refused(route, iface, alike, names, _advertised())
            if refused is None:
                return route
            raise NetoptError(f"The route to {name} cannot be replaced: {refused}", stage="apply", key=key)
    raise NetoptError(
        f"The route to {name} through {iface} is not there any more",
        stage="apply",
        key=key,
        after="absent",
        hint="Whoever made it has taken it away during the change; apply the plan again.",
    )


def perform(operation: Operation, tools: Tools) -> None:  # noqa: ARG001 - as above
    """Carry out one operation: the route as it is at this moment, with one metric of it other.

    Raises:
        NetoptError: the route is gone, the kernel refused it, or more of it changed than the metric.
    """
    todo, key = operation.payload, operation.key
    with RouteSocket() as sock:
        before = _find(sock, todo["iface"], todo["name"], key)
        if metrics_of(before)[todo["word"]] == todo["text"]:
            return
        try:
            sock.change([(RTM_NEWROUTE, rt.NLM_F_REPLACE, message(before, {todo["word"]: todo["text"]}))])
        except KernelRefusedError as error:
            raise _refusal(error, operation) from None
        after = _find(sock, todo["iface"], todo["name"], key)
        if same_but_metrics(before, after):
            return
        sock.change([(RTM_NEWROUTE, rt.NLM_F_REPLACE, message(before))])
        raise NetoptError(
            f"The kernel changed more of the route to {todo['name']} than {todo['word']}",
            stage="apply",
            key=key,
            wanted=message(before).hex(),
            after=message(after).hex(),
            hint="The route is as it was before. This is a defect of netopt: please report both messages.",
        )


def _refusal(error: KernelRefusedError, operation: Operation) -> NetoptError:
    """Return the error for a metric that the kernel refused."""
    todo = operation.payload
    hint = "ip route show tells what the route is now."
    if todo["word"] == "congctl":
        try:
            known = text_of(AVAILABLE).strip()
        except OSError:
            known = "unknown"
        hint = f"This kernel offers {known}; others need a module that it does not have."
    return NetoptError(
        f"The kernel refused {operation.key} {todo['text']}: {error.words}",
        stage="apply",
        key=operation.key,
        wanted=todo["text"],
        hint=hint,
    )
