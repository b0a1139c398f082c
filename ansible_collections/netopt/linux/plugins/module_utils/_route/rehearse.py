# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tries a change of routes and its rollback in a scratch namespace, on stand-ins with the same routes."""

from __future__ import annotations

import os
import socket
import struct
from typing import TYPE_CHECKING, Any, Dict

from .._common.errors import NetoptError
from .._netlink import messages as rt
from .._netlink.addresses import IFA_ADDRESS, IFA_LOCAL, IFADDRMSG
from .._netlink.interfaces import HOST_BITS
from .._netlink.route_socket import KernelRefusedError, RouteSocket
from .._plan.routes import ROUTES, network_of
from .attributes import RTA_GATEWAY, RTA_OIF, RTA_PREFSRC, RTA_VIA, RTM_NEWROUTE, RTMSG, RTNH_F_ONLINK, message, read
from .subsystem import operations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .._common.change import Operation

    State = Dict[str, Any]

RTM_NEWADDR = 20
IFA_FLAGS = 8
IFA_F_NODAD, IFA_F_NOPREFIXROUTE = 0x02, 0x200
KINDS = ("veth", "dummy")  # veth first: loading dummy makes a device on the host
LOOPBACK, LOOPBACK_INDEX = "lo", 1
LIVES_S = 1800


def rehearse(
    current: State, wanted: State, observe: Callable[..., State], perform: Callable[[Operation, Any], None]
) -> None:
    """Go from one state to the other and back, in the namespace of this process, and leave no interface behind.

    Args:
        current: the host's state now.
        wanted: the state that is wanted.
        observe: reads the state of a scope.
        perform: carries out one operation.

    Raises:
        NetoptError: stage ``rehearse``; a route cannot be made, changed or given back as it is.
    """
    steps = operations(current, wanted)
    concerned = {(step.payload["iface"], step.payload["name"]) for step in steps}
    ifaces = sorted({iface for iface, _name in concerned})
    with RouteSocket() as sock:
        try:
            # with the address of lo comes the table of local ones, without which no gateway is taken for another host
            sock.change([(rt.RTM_NEWLINK, 0, rt.IFINFOMSG.pack(0, 0, LOOPBACK_INDEX, rt.IFF_UP, rt.IFF_UP))])
            for iface in ifaces:
                if iface != LOOPBACK:
                    _stand_in(sock, iface)
            for iface, name in sorted(concerned):
                _make(sock, iface, name, current[ROUTES][iface][name])
            networks = sorted({network_of(name) for _iface, name in concerned})
            scope = {"ifaces": ifaces, "networks": networks, "brief": True}
            _rehearse_round_trip(wanted, lambda: observe(scope, None)[ROUTES], lambda step: perform(step, None))
        finally:
            there = {name: index for index, name in socket.if_nameindex()}
            gone = [there[iface] for iface in ifaces if iface in there and iface != LOOPBACK]
            sock.change([(rt.RTM_DELLINK, 0, rt.IFINFOMSG.pack(0, 0, index, 0, 0)) for index in gone])


def _rehearse_round_trip(wanted: State, observed: Callable[[], State], perform: Callable[[Operation], None]) -> None:
    """Carry the change out and take it back, and compare after each."""
    start = observed()
    steps = operations({ROUTES: start}, wanted)
    try:
        for step in steps:
            perform(step)
        left = operations({ROUTES: (made := observed())}, wanted)
        for step in operations({ROUTES: made}, {ROUTES: start}):
            perform(step)
    except NetoptError as error:
        error.stage = "rehearse"
        raise
    back = observed()
    if left or back != start:
        raise NetoptError(
            f"{left[0].key} did not hold" if left else "The routes are not the same after the rollback",
            stage="rehearse",
            key=(left or steps)[0].key,
            wanted=left[0].command if left else str(start),
            after=None if left else str(back),
            hint="Nothing was changed on the host. The kernel keeps something else than it was given.",
        )


def _stand_in(sock: RouteSocket, iface: str) -> None:
    """Make an interface of the same name that takes routes of both families."""
    refused = None
    for kind in KINDS:
        body = rt.IFINFOMSG.pack(0, 0, 0, rt.IFF_UP, rt.IFF_UP) + rt.text(rt.IFLA_IFNAME, iface)
        body += rt.attribute(rt.IFLA_LINKINFO, rt.text(rt.IFLA_INFO_KIND, kind))
        try:
            sock.change([(rt.RTM_NEWLINK, rt.NLM_F_CREATE | rt.NLM_F_EXCL, body)])
        except KernelRefusedError as error:
            refused = error
            continue
        path = f"/proc/sys/net/ipv6/conf/{iface}/disable_ipv6"
        if os.access(path, os.W_OK):  # what is new is made as the host says for new ones
            with open(path, "w", encoding="ascii") as stream:
                stream.write("0")
        return
    raise NetoptError(
        f"No stand-in for {iface} could be made in the scratch namespace: {refused}", stage="rehearse", key=iface
    )


def _make(sock: RouteSocket, iface: str, name: str, entry: Mapping[str, Any]) -> None:
    """Make a route as it is on the host, on the stand-in; its gateway need not be reachable there."""
    found = read(bytes.fromhex(entry["body"]))
    if found is None:  # it was a route when it was dumped
        raise ValueError(f"No route: {entry['body']}")
    number = socket.if_nametoindex(iface)
    told = {each & rt.TYPE_MASK for each, _payload in found.attributes}
    head = list(RTMSG.unpack(found.head))
    head[-1] |= RTNH_F_ONLINK if told & {RTA_GATEWAY, RTA_VIA} else 0
    attributes = tuple(
        (each, struct.pack("=I", number) if each & rt.TYPE_MASK == RTA_OIF else payload)
        for each, payload in found.attributes
    )
    route = found._replace(head=RTMSG.pack(*head), attributes=attributes, expires_s=LIVES_S if entry["lives"] else 0)
    source = next((payload for each, payload in attributes if each & rt.TYPE_MASK == RTA_PREFSRC), None)
    steps = [] if source is None else [(RTM_NEWADDR, rt.NLM_F_CREATE | rt.NLM_F_REPLACE, _address(source, number))]
    steps.append((RTM_NEWROUTE, rt.NLM_F_CREATE | rt.NLM_F_REPLACE, message(route)))
    try:
        for step in steps:
            sock.change([step])
    except KernelRefusedError as error:
        raise NetoptError(
            f"The route to {name} through {iface} could not be made as it is in the scratch namespace: {error.words}",
            stage="rehearse",
            key=f"{iface} {name}",
            hint="Without that, it is not known whether it could be given back. Set its metrics where it is made.",
        ) from None


def _address(packed: bytes, number: int) -> bytes:
    """Return the message that gives an interface an address without a route of its own."""
    family = socket.AF_INET if len(packed) == HOST_BITS[socket.AF_INET] // 8 else socket.AF_INET6
    flags = rt.u32(IFA_FLAGS, IFA_F_NODAD | (IFA_F_NOPREFIXROUTE if family == socket.AF_INET6 else 0))
    body = IFADDRMSG.pack(family, HOST_BITS[family], 0, 0, number)
    return body + rt.attribute(IFA_LOCAL, packed) + rt.attribute(IFA_ADDRESS, packed) + flags
