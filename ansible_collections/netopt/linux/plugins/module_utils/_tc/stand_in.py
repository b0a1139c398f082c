# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes devices in a scratch namespace that stand for those of the host, by the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._netlink import messages as rt
from .._netlink.route_socket import KernelRefusedError, RouteSocket
from .netlink_messages import encode
from .observe import links

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = ("veth", "ifb", "dummy")  # veth first: loading the others makes devices on the host
VETH_PEER = 1  # VETH_INFO_PEER
SHORTEST_MTU = 68
FIRST_PEER = 0x40000000  # interface numbers that no host has


def stand_in(route: RouteSocket, name: str, link: Mapping[str, Any], *, mtu: int | None = None) -> None:
    """Make a device with the name, the number, the queues, the queue length and the MTU of the host's.

    Args:
        route: a socket in the scratch namespace.
        name: the device's name.
        link: what ``links`` says of it on the host.
        mtu: another MTU than it has there.

    Raises:
        NetoptError: the kernel makes none of the kinds of devices that could stand for it.
    """
    settings = {"mtu": max(mtu or link["mtu"], SHORTEST_MTU), "txqlen": link["txqlen"], "up": True}
    there = {each: found["index"] for each, found in links(route).items()}
    if name in there:  # lo, which every namespace has
        route.change([encode({"verb": "link-set", "iface": name, "link": settings}, there)])
        return
    refused = None
    number = link.get("index")
    if number in there.values():  # by gre0 and its like, which some modules make in every namespace, and nobody deletes
        number = None
    for kind in KINDS:
        step: dict[str, Any] = {"verb": "link-add", "iface": name}
        step["link"] = {**settings, "kind": kind, "tx_queues": link["tx_queues"], "index": number}
        if kind == "veth":
            peer_number = FIRST_PEER + len(there)
            peer = rt.IFINFOMSG.pack(0, 0, peer_number, 0, 0) + rt.text(rt.IFLA_IFNAME, f"peer{len(there)}.netopt")
            step["data"] = rt.attribute(rt.IFLA_INFO_DATA, rt.attribute(VETH_PEER, peer))
        try:
            route.change([encode(step, there)])
        except KernelRefusedError as error:
            refused = error
        else:
            return
    raise NetoptError(
        f"No stand-in for {name} could be made in the scratch namespace: {refused}",
        stage="rehearse",
        key=name,
        hint="The kernel needs one of " + ", ".join(KINDS) + ".",
    )


def set_mtu(names: Mapping[str, int]) -> None:
    """Set the MTU of devices in this namespace, as the change itself does before it comes to their qdiscs."""
    if not names:
        return
    with RouteSocket() as route:
        there = {name: found["index"] for name, found in links(route).items()}
        route.change(
            [
                encode({"verb": "link-set", "iface": name, "link": {"mtu": max(mtu, SHORTEST_MTU)}}, there)
                for name, mtu in names.items()
            ]
        )
