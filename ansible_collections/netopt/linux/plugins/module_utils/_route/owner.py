# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who made a route, and when it is written again: by its protocol, and by what runs on the host. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

BOOT, STATIC, RA, DHCP = 3, 4, 9, 16
# linux/rtnetlink.h
PROTOCOLS = {
    2: "kernel",
    BOOT: "boot",
    STATIC: "static",
    RA: "ra",
    DHCP: "dhcp",
    11: "zebra",
    12: "bird",
    18: "keepalived",
    42: "babel",
    84: "ovn",
    186: "bgp",
    187: "isis",
    188: "ospf",
    189: "rip",
    192: "eigrp",
}
ROUTING = (11, 12, 42, 84, 186, 187, 188, 189, 192)
MANAGERS = {
    "NetworkManager": "NetworkManager",
    "systemd-network": "systemd-networkd",  # names of processes end after 15 characters
    "connmand": "ConnMan",
}
CLIENTS = {"dhclient": "dhclient", "dhcpcd": "dhcpcd", "udhcpc": "udhcpc"}
WHERE = {
    "systemd-networkd": "InitialCongestionWindow=, InitialAdvertisedReceiveWindow= and QuickAck= in its .network file",
    "NetworkManager": "the attributes of ipv4.routes and ipv6.routes in its profile",
}


def owner_of(protocol: int, running: Collection[str]) -> dict[str, Any]:
    """Return who made a route.

    Args:
        protocol: the route's.
        running: names of processes in the network namespace of the route.

    Returns:
        ``{"protocol", "owner", "leased"}``; ``owner`` is ``None`` where nobody will write the route again.
    """
    manager = next((name for process, name in MANAGERS.items() if process in running), None)
    client = next((name for process, name in CLIENTS.items() if process in running), None)
    owner = None
    if protocol in ROUTING:
        owner = "a routing daemon"
    elif protocol in (DHCP, RA):
        owner = manager or client or ("a DHCP client" if protocol == DHCP else "the receiver of router advertisements")
    elif protocol == STATIC:
        owner = manager
    elif protocol == BOOT:
        owner = client
    leased = protocol in (DHCP, RA) or (protocol == BOOT and client is not None)
    return {"protocol": PROTOCOLS.get(protocol, str(protocol)), "owner": owner, "leased": leased}


def written_again(route: str, told: Mapping[str, Any]) -> str | None:
    """Return the sentence that warns of a route's owner, ``None`` where it has none.

    Args:
        route: what the route is called.
        told: as ``owner_of`` gave it.
    """
    owner = told.get("owner")
    if not owner:
        return None
    when = "its lease changes or it is restarted" if told["leased"] else "it is restarted"
    if owner == "a routing daemon":
        when = "its next hop changes or it is restarted"
    where = (
        f"To keep it, set it there as well: {WHERE[owner]}." if owner in WHERE else "netopt verify tells when it has."
    )
    made = f"{owner} made this route (proto {told['protocol']})"
    return f"{route}: {made} and writes it again, without what is set here, when {when}. {where}"
