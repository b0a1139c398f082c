# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads how the session that manages this host reaches it: its addresses, its interfaces, and what else is open."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._netlink import conntrack
from .._netlink import messages as rt
from .._netlink.addresses import addresses
from .._netlink.flow import TCP, Tuple
from .._netlink.route_socket import KernelRefusedError, RouteSocket
from .._sysctl.observe import read
from .connection import address
from .tunnel_devices import carrier_of

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from .connection import Address

RTM_GETROUTE, RTM_GETNEIGH = 26, 30  # linux/rtnetlink.h
NDA_DST = 1  # linux/neighbour.h
NDMSG = struct.Struct("=BBHiHBB")  # family, padding, padding, index, state, flags, type
RTA_DST, RTA_SRC, RTA_OIF, RTA_PREFSRC = 1, 2, 4, 7
IFLA_LINK, IFLA_MASTER = 5, 10
RTMSG = struct.Struct("=BBBBBBBBI")  # family, destination and source lengths, tos, table, protocol, scope, type, flags
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
UPON_ANOTHER = ("vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "macsec")  # IFLA_LINK is what they send by
ESTABLISHED, LISTEN = "01", "0A"  # include/net/tcp_states.h, as /proc/net/tcp writes it
TRACKED = "net.netfilter.nf_conntrack_count"
LOOSE = "net.netfilter.nf_conntrack_tcp_loose"


def path_of(management: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fact ``management`` with the way that its connection takes through this host.

    Args:
        management: ``{local_port, remote_addr, remote_port, local_addr}``.

    Returns:
        The same with ``arrives`` and ``leaves`` (names of interfaces), ``source``, ``mtu``, ``peers``,
        ``tracked``, ``in_use``, ``sent_to_addr``, ``sent_to_port``, ``under`` and ``picked_up``, as ``connection.Flow``
        explains them, and ``tunnels``, as ``tunnel.Outer`` does.
    """
    remote, local = address(management.get("remote_addr")), address(management.get("local_addr"))
    found: dict[str, Any] = dict(management)
    if remote is None or local is None:
        return found
    port = int(management["local_port"])
    with RouteSocket() as route:
        devices = _devices(route)
        owners = [index for index, owned in addresses(route) if owned == local]
        leaves, _source = _route(route, remote, local)
        _leaves, source = _route(route, remote, None)
        ways = [index for index in dict.fromkeys([*([leaves] if leaves else []), *owners]) if index in devices]
        below = _below(devices, ways)
        tunnels, under = _carriers(route, devices, below)
    names = {index: device["name"] for index, device in devices.items()}
    found["arrives"] = [names[index] for index in ways]
    found["leaves"] = [names[index] for index in below]
    found["mtu"] = min((devices[index]["mtu"] for index in ways), default=1500)
    found["source"] = None if source is None else str(source)
    found["peers"] = [str(peer) for peer in peers((port,)).get(port, ())]
    found["tunnels"] = tunnels
    found["under"] = [names[index] for index in under]
    found["in_use"] = int(read(TRACKED) or 0)
    found.update(_tracking(found, remote, local))
    found["picked_up"] = read(LOOSE) != "0"
    return found


def _devices(route: RouteSocket) -> dict[int, dict[str, Any]]:
    """Return the interfaces by number: name, MTU, kind, what they send by and what they are a port of."""
    found = {}
    for body in route.dump(rt.RTM_GETLINK, rt.IFINFOMSG.pack(0, 0, 0, 0, 0)):
        index = rt.IFINFOMSG.unpack_from(body)[2]
        told = dict(rt.attributes(body[rt.IFINFOMSG.size :]))
        info = dict(rt.attributes(told.get(rt.IFLA_LINKINFO, b"")))
        found[index] = {
            "name": rt.as_text(told[rt.IFLA_IFNAME]),
            "mtu": rt.as_u32(told[rt.IFLA_MTU]),
            "kind": rt.as_text(info.get(rt.IFLA_INFO_KIND, b"")),
            "data": info.get(rt.IFLA_INFO_DATA, b""),
            "link": rt.as_u32(told[IFLA_LINK]) if IFLA_LINK in told else 0,
            "master": rt.as_u32(told[IFLA_MASTER]) if IFLA_MASTER in told else 0,
        }
    return found


def _route(route: RouteSocket, remote: Address, local: Address | None) -> tuple[int | None, Address | None]:
    """Return the interface by which packets to the controller leave, and the address that they come from."""
    body = RTMSG.pack(FAMILIES[remote.version], remote.max_prefixlen, 0, 0, 0, 0, 0, 0, 0)
    body += rt.attribute(RTA_DST, remote.packed)
    if local is not None:
        body += rt.attribute(RTA_SRC, local.packed)
    try:
        told = dict(rt.attributes(route.ask(RTM_GETROUTE, body)[RTMSG.size :]))
    except KernelRefusedError:
        return None, None
    source = told.get(RTA_PREFSRC)
    return (rt.as_u32(told[RTA_OIF]) if RTA_OIF in told else None), (ipaddress.ip_address(source) if source else None)


def _below(devices: Mapping[int, Mapping[str, Any]], ways: list[int]) -> list[int]:
    """Return the interfaces with those below them."""
    found = list(ways)
    for index in found:  # grows while it is walked
        device = devices[index]
        under = [number for number, other in devices.items() if other["master"] == index]
        if device["kind"] in UPON_ANOTHER and device["link"] in devices:
            under.append(device["link"])
        found += [number for number in under if number not in found]
    return found


def _tracking(management: Mapping[str, Any], remote: Address, local: Address) -> dict[str, Any]:
    """Return whether the session is tracked, by its own addresses and ports, and where it was first sent."""
    port = management.get("remote_port")
    if port is None:
        return {"tracked": None if management["in_use"] else False}
    answer = Tuple(TCP, local, remote, int(management["local_port"]), int(port))
    try:
        entry = conntrack.lookup(answer)
    except conntrack.TrackingUnknownError:
        return {"tracked": None if management["in_use"] else False}
    if entry is None:
        return {"tracked": False}
    return {"tracked": True, "sent_to_addr": str(entry.sent.dst), "sent_to_port": entry.sent.dport}


def _carriers(
    route: RouteSocket, devices: Mapping[int, Mapping[str, Any]], ways: list[int]
) -> tuple[list[dict[str, Any]], list[int]]:
    """Return (the outer flows of the tunnels among some interfaces, the interfaces that these pass)."""
    found: list[dict[str, Any]] = []
    under: list[int] = []
    todo = list(ways)
    for index in todo:  # grows while it is walked: one tunnel may be carried by another
        device = devices[index]
        carrier = carrier_of(device["kind"], device["data"])
        if carrier is None:
            continue
        remote, local = carrier.remote or _only_peer(route, index), carrier.local
        leaves, source = _route(route, remote, local) if remote else (carrier.link or None, None)
        below = _below(devices, [leaves]) if leaves is not None and leaves in devices else []
        under += [number for number in below if number not in under]
        todo += [number for number in below if number not in todo]
        found.append(
            {
                "device": device["name"],
                "kind": device["kind"],
                "protocol": carrier.protocol,
                "local": None if (local or source) is None else str(local or source),
                "local_port": carrier.local_port,
                "remote": None if remote is None else str(remote),
                "one_way": carrier.one_way,
                "arrives": [devices[number]["name"] for number in below[:1]],
            }
        )
    return found, under


def _only_peer(route: RouteSocket, index: int) -> Address | None:
    """Return the one other end that a vxlan's forwarding database knows; ``None`` where there are several or none."""
    known = set()
    for body in route.dump(RTM_GETNEIGH, NDMSG.pack(socket.AF_BRIDGE, 0, 0, 0, 0, 0, 0)):
        told = dict(rt.attributes(body[NDMSG.size :]))
        if NDMSG.unpack_from(body)[3] == index and NDA_DST in told:
            one = ipaddress.ip_address(told[NDA_DST])
            if not one.is_unspecified and not one.is_multicast:
                known.add(one)
    return known.pop() if len(known) == 1 else None


def listening() -> set[int]:
    """Return the ports at which this host listens for TCP connections."""
    found = set()
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/self/net/{name}").read_text(encoding="ascii").splitlines()[1:]
            fields = [line.split(None, 4) for line in lines]
            found |= {int(each[1].rpartition(":")[2], 16) for each in fields if each[3] == LISTEN}
    return found


def peers(ports: Container[int]) -> dict[int, list[Address]]:
    """Return the other ends of the established TCP connections to some of this host's ports, by port.

    The kernel looks through its whole table of connections for each of the two files, which takes milliseconds.
    """
    found: dict[int, list[Address]] = {}
    for name in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/self/net/{name}").read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split(None, 4)
            port = int(fields[1].rpartition(":")[2], 16)
            if fields[3] == ESTABLISHED and port in ports:
                words = fields[2].partition(":")[0]
                packed = b"".join(
                    struct.pack("=I", int(words[start : start + 8], 16)) for start in range(0, len(words), 8)
                )
                peer = address(ipaddress.ip_address(packed))
                if peer is not None:
                    found.setdefault(port, []).append(peer)
    return found
