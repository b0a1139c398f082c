# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Walks the flow that carries the controller's tunnel through a plan as the controller's own. Pure.

A connection that arrives inside a tunnel keeps working while the outer flow's entry lives, and a new connection inside
it proves nothing. So whatever would send the outer flow elsewhere once that entry has gone is refused beforehand.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Tuple

from .._common.quick_dataclass import dataclass
from .._nft.match import WITH_PORTS, ports_of
from .connection import Address, address, has_port, is_counted, within
from .limits import IPV6_MTU_MIN, PACKETS_PER_S, seconds_each

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Found = Tuple[str, str, str]  # path, message, hint

FLOWS_MIN = 4  # of a tunnel that sends each flow inside from a port of its own: the session, a new one, neighbours
_HINT = "Leave the tunnel out of the rule by its port, protocol or addresses, or apply the plan from a console."


@dataclass(frozen=True)
class Outer:
    """The flow that carries a tunnel; what is ``None`` is not known.

    Attributes:
        device, kind: the tunnel's interface.
        protocol: as rules name it.
        local, local_port: where the tunnel's packets arrive.
        remote: where they come from.
        arrives: the interfaces by which they come in; empty where that is not known.
        one_way: each side sends from ports of its own, so that no packet ever counts as an answer to another.
    """

    device: str
    kind: str
    protocol: str | None = None
    local: Address | None = None
    local_port: int | None = None
    remote: Address | None = None
    arrives: Tuple[str, ...] = ()
    one_way: bool = False

    @property
    def family(self) -> int | None:
        """4 or 6."""
        known = self.local or self.remote
        return None if known is None else known.version

    @property
    def name(self) -> str:
        """The flow in words."""
        port = "" if self.local_port is None else f" port {self.local_port}"
        peer = "" if self.remote is None else f" from {self.remote}"
        return f"the {self.kind} tunnel {self.device} ({self.protocol or 'protocol not known'}{port}{peer})"

    def comes_by(self, ifaces: Sequence[str]) -> bool:
        """Return whether a rule for what arrives on ``ifaces`` sees it."""
        return not ifaces or not self.arrives or bool(set(ifaces) & set(self.arrives))


def outers_of(management: Mapping[str, Any]) -> list[Outer]:
    """Return the outer flows that the fact ``management`` names."""
    return [
        Outer(
            device=one["device"],
            kind=one["kind"],
            protocol=one.get("protocol"),
            local=address(one.get("local")),
            local_port=one.get("local_port"),
            remote=address(one.get("remote")),
            arrives=tuple(one.get("arrives") or ()),
            one_way=bool(one.get("one_way")),
        )
        for one in management.get("tunnels") or ()
    ]


def cut(changes: Mapping[str, Any], ifaces: Sequence[str], outer: Outer, carried: str) -> Iterator[Found]:
    """Yield the path, the message and the hint of everything that would cut the outer flow.

    Args:
        changes: normalised changes.
        ifaces: the plan's interfaces.
        outer: the outer flow.
        carried: the connection inside it, in words.
    """
    mtu = changes.get("mtu")
    if mtu is not None and mtu < IPV6_MTU_MIN and outer.family == 6 and outer.comes_by(ifaces):
        yield (
            "mtu",
            f"An MTU of {mtu} would take the IPv6 address away that {outer.name} needs, which carries {carried}",
            f"Use {IPV6_MTU_MIN} or more.",
        )
    for index, entry in enumerate(changes.get("nat_rules") or ()):
        target = _translated(entry, ifaces, outer)
        if target is not None:
            message = f"The rule would send {outer.name}, which carries {carried}, to {target}"
            if entry["type"] != "dnat":
                message = f"The rule would give the packets of {outer.name}, which carries {carried}, {target}"
            yield (f"nat_rules[{index}]", f"{message}, at the latest once the tunnel has been idle for a while", _HINT)
    yield from _limited(changes, ifaces, outer, carried)


def _translated(entry: Mapping[str, Any], ifaces: Sequence[str], outer: Outer) -> str | None:
    """Return where a rule leads the outer flow to, in words; ``None`` where it leaves it as it is."""
    if not _meets(entry, ifaces, outer):
        return None
    to_addr, to_port = entry.get("to_addr"), entry.get("to_port")
    same_port = to_port is None or str(to_port) == str(outer.local_port)
    same_address = to_addr is None or (outer.local is not None and within(outer.local, to_addr))
    if same_port and same_address:
        return None
    if entry["type"] == "dnat":
        return f"{to_addr or 'this host'}{'' if to_port is None else f' port {to_port}'} instead"
    return f"another source, {to_addr or f'port {to_port}'}"


def _meets(entry: Mapping[str, Any], ifaces: Sequence[str], outer: Outer) -> bool:
    """Return whether a rule is about the outer flow; what is not known of it meets only a rule that does not ask."""
    ports = [] if entry.get("port") is None else [entry["port"]]
    source, target = (outer.remote, outer.local) if entry["type"] == "dnat" else (outer.local, outer.remote)
    to_addr = entry.get("to_addr")
    return (
        outer.comes_by([entry["iface"]] if entry.get("iface") else ifaces)
        and entry.get("protocol") in (None, outer.protocol)
        and has_port(outer.local_port, ports)
        and (entry.get("to_port") is None or outer.protocol in WITH_PORTS)
        and (not to_addr or not outer.family or ipaddress.ip_network(to_addr, strict=False).version == outer.family)
        and _lies_within(source, entry.get("src"))
        and _lies_within(target, entry.get("dst"))
    )


def _lies_within(one: Address | None, prefix: Any) -> bool:
    """Return whether an address lies in a prefix; one that is not known lies in no prefix but that of all."""
    return prefix is None if one is None else within(one, prefix)


def _limited(changes: Mapping[str, Any], ifaces: Sequence[str], outer: Outer, carried: str) -> Iterator[Found]:
    """Yield the limits that count the outer flow's packets, or its next beginning, too narrowly."""
    for index, entry in enumerate(changes.get("rate_limits") or ()):
        meets = entry.get("protocol") in (None, outer.protocol) and has_port(outer.local_port, ports_of(entry))
        counts = entry.get("per") == "packets" and outer.comes_by(ifaces) and is_counted(outer.remote, entry)
        if meets and counts and seconds_each(entry) > 1 / PACKETS_PER_S:
            yield (
                f"rate_limits[{index}]",
                (
                    f"The limit of {entry['rate']} counts every packet of {outer.name}, which carries {carried} and "
                    f"needs {PACKETS_PER_S}/second"
                ),
                _HINT,
            )
    for index, entry in enumerate(changes.get("connection_limits") or ()):
        meets = entry["protocol"] == outer.protocol and has_port(outer.local_port, ports_of(entry))
        least = FLOWS_MIN if outer.one_way else 1
        counts = outer.comes_by(ifaces) and is_counted(outer.remote, entry)
        if meets and counts and entry["limit"] < least:
            yield (
                f"connection_limits[{index}]",
                (
                    f"The limit of {entry['limit']} would refuse the next flow of {outer.name}, which carries {carried}"
                    f" and needs {least}"
                ),
                _HINT,
            )
