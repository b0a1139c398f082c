# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection by which a host is managed, as the host sees it. Pure."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Tuple, Union

from .._common.quick_dataclass import dataclass
from .._nft.match import port_range

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


@dataclass(frozen=True)
class Flow:
    """A TCP connection from the controller to this host.

    Attributes:
        remote, remote_port: where it comes from; the port is ``None`` where it is not known.
        local, local_port: where it arrives.
        arrives: the interfaces by which its packets come in, as the firewall names them.
        leaves: the interfaces whose queues its replies pass, those below a bridge, a bond or a VLAN included.
        source: the address that the kernel would choose for packets to the controller.
        peers: the other ends of all established connections to the same port.
        tracked: whether the kernel tracks it, ``None`` where that is not known.
        in_use: how many connections the kernel tracks.
        sent_to, sent_to_port: where its first packet was sent, which is not where it arrived if somebody redirects it.
        under: the interfaces below a tunnel, which see its packets as those of another flow.
        picked_up: whether a connection that was there before tracking is taken for a valid one.
        mtu: the largest packet of the interface that it leaves by, in bytes.
    """

    remote: Address
    local: Address
    local_port: int
    remote_port: int | None = None
    arrives: Tuple[str, ...] = ()
    leaves: Tuple[str, ...] = ()
    source: Address | None = None
    peers: Tuple[Address, ...] = ()
    tracked: bool | None = None
    in_use: int = 0
    sent_to: Address | None = None
    sent_to_port: int | None = None
    under: Tuple[str, ...] = ()
    picked_up: bool = True
    mtu: int = 1500

    @property
    def family(self) -> int:
        """4 or 6."""
        return self.local.version

    @property
    def name(self) -> str:
        """The connection in words."""
        port = "" if self.remote_port is None else f" port {self.remote_port}"
        return f"the controller's connection from {self.remote}{port} to {self.local} port {self.local_port}"

    def comes_by(self, ifaces: Sequence[str]) -> bool:
        """Return whether a rule for what arrives on ``ifaces`` sees it; no interface means all."""
        return not ifaces or bool(set(ifaces) & set(self.arrives))


def flow_of(management: Mapping[str, Any] | None) -> Flow | None:
    """Return the connection that the fact ``management`` describes, ``None`` where there is none."""
    if not management:
        return None
    remote, local = address(management.get("remote_addr")), address(management.get("local_addr"))
    if remote is None or local is None or remote.version != local.version:
        return None
    return Flow(
        remote=remote,
        remote_port=management.get("remote_port"),
        local=local,
        local_port=int(management["local_port"]),
        arrives=tuple(management.get("arrives") or ()),
        leaves=tuple(management.get("leaves") or ()),
        source=address(management.get("source")),
        peers=tuple(found for found in map(address, management.get("peers") or ()) if found is not None),
        tracked=management.get("tracked"),
        in_use=int(management.get("in_use") or 0),
        sent_to=address(management.get("sent_to_addr")) or local,
        sent_to_port=int(management.get("sent_to_port") or management["local_port"]),
        under=tuple(management.get("under") or ()),
        picked_up=bool(management.get("picked_up", True)),
        mtu=int(management.get("mtu") or 1500),
    )


def address(text: Any) -> Address | None:
    """Return an address without its zone, IPv4 mapped into IPv6 as IPv4; ``None`` for what is none."""
    try:
        found = ipaddress.ip_address(str(text).partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped if mapped is not None else found


def within(one: Address, prefix: Any) -> bool:
    """Return whether an address lies in a prefix; no prefix holds every address."""
    if prefix is None:
        return True
    try:
        network = ipaddress.ip_network(prefix, strict=False)
    except ValueError:
        return False
    return one.version == network.version and one in network


def is_counted(one: Address | None, entry: Mapping[str, Any]) -> bool:
    """Return whether a limit counts what comes from an address, by its ``src`` and ``except``.

    An address that is not known may lie in any network that is named.
    """
    src, excepted = entry.get("src"), entry.get("except") or ()
    if one is None:
        return True
    return (not src or any(within(one, each) for each in src)) and not any(within(one, each) for each in excepted)


def has_port(port: int | None, ranges: Iterable[Any]) -> bool:
    """Return whether a port is in one of the ranges; none given means every port, an unknown port is in none."""
    wanted = list(ranges)
    if not wanted:
        return True
    bounds = (port_range(each, "port") for each in wanted)
    return port is not None and any(low <= port <= high for low, high in bounds)


def is_tcp(protocol: str | None) -> bool:
    """Return whether a rule for a protocol is about TCP as well; ``None`` stands for every protocol."""
    return protocol in (None, "tcp")
