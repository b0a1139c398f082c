# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of nft that a plan's matches turn into: interfaces, families, protocols, ports, addresses.

Everything here is pure. Whatever cannot be said in one rule is refused with the path of the plan's entry.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._common.patterns import pattern
from .._plan.icmp import type_number, types_wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FAMILIES = (4, 6)
NFPROTO = {4: "ipv4", 6: "ipv6"}  # nft's words after `meta nfproto`
ADDRESS = {4: "ip", 6: "ip6"}  # nft's words before `saddr`, `daddr`, `dscp`
WITH_PORTS = ("tcp", "udp", "sctp")
ONE_FAMILY = {"icmp": 4, "icmpv6": 6}
ORIGINAL_PORT = "ct original proto-dst"  # the port that a packet was sent to, whoever translated it since
UINT32_MAX = 2**32 - 1  # nft 1.0.6 cuts longer counts off without a word

_UNQUOTABLE = pattern(r'["\\\x00-\x20/]|\*\Z')  # `*` at the end would make nft match a prefix
_PORT_MAX = 65535


def refuse(path: str, message: str, *, wanted: object = None, hint: str | None = None) -> NetoptError:
    """Return the error for an entry of the plan that no rule can express.

    Args:
        path: the entry, e.g. ``dscp[0]``.
        message: what is wrong with it, without the path.
        wanted: the value that was given.
        hint: what to do about it.
    """
    return NetoptError(
        f"{path}: {message}", stage="plan", key=path, wanted=None if wanted is None else str(wanted), hint=hint
    )


def interface(direction: str, names: Sequence[str], path: str) -> list[str]:
    """Return the match on the interfaces' names; empty when no interface is named.

    Args:
        direction: ``iifname`` or ``oifname``.
        names: interfaces; one of them must match.
        path: the plan's entry, for errors.
    """
    for name in names:
        if not name or _UNQUOTABLE.search(name):
            hint = "A rule names one interface; a glob stands in the plan's own iface." if "*" in name else None
            raise refuse(path, f"nft cannot match an interface called {name!r}", wanted=name, hint=hint)
    quoted = [f'"{name}"' for name in dict.fromkeys(names)]
    return [f"{direction} {_one_of(quoted)}"] if quoted else []


def families(entry: Mapping[str, Any], path: str, *, addresses: Iterable[str], protocol: str = "protocol") -> list[int]:
    """Return the IP versions that an entry can apply to: ``[4]``, ``[6]`` or ``[4, 6]``.

    Args:
        entry: one dict of the plan.
        path: its path, for errors.
        addresses: the keys of ``entry`` that hold an address or a network.
        protocol: the key of ``entry`` that holds the protocol.
    """
    left = set(FAMILIES)
    reasons = []
    for key in addresses:
        if entry.get(key) is not None:
            left &= {network(entry[key], f"{path}.{key}").version}
            reasons.append(f"{key} {entry[key]}")
    if entry.get(protocol) in ONE_FAMILY:
        left &= {ONE_FAMILY[entry[protocol]]}
        reasons.append(f"{protocol} {entry[protocol]}")
    if not left:
        raise refuse(
            path,
            f"IPv4 and IPv6 cannot both match one packet: {', '.join(reasons)}",
            hint="Write one entry for each IP version.",
        )
    return sorted(left)


def network(value: str, path: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return the network that an address or a CIDR prefix names; host bits are cut off."""
    try:
        return ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise refuse(path, f"{value!r} is no IP address or prefix", wanted=value, hint="E.g. 192.0.2.0/24.") from None


def sources_and_destinations(entry: Mapping[str, Any], path: str, family: int) -> list[str]:
    """Return the matches on ``src`` and ``dst``, where the entry has them."""
    word = ADDRESS[family]
    found = []
    for key, side in (("src", "saddr"), ("dst", "daddr")):
        if entry.get(key) is not None:
            found.append(f"{word} {side} {_prefix(network(entry[key], f'{path}.{key}'))}")
    return found


def senders(entry: Mapping[str, Any], path: str, family: int) -> list[str] | None:
    """Return the matches on who sends, by the networks of ``src`` and but those of ``except``.

    ``None`` where nobody of that IP version is meant.
    """
    found: list[str] = []
    for key, sign in (("src", ""), ("except", "!= ")):
        named = [network(each, f"{path}.{key}") for each in entry.get(key) or ()]
        # those that overlap are joined, since nft refuses them
        mine = ipaddress.collapse_addresses(each for each in named if each.version == family)  # type: ignore[type-var]
        prefixes = [_prefix(each) for each in mine]
        if prefixes:
            found.append(f"{ADDRESS[family]} saddr {sign}{_one_of(prefixes)}")
        elif named and key == "src":
            return None
    return found


def icmp_type(entry: Mapping[str, Any], path: str) -> list[str]:
    """Return the match on the type of an ICMP message, where the entry has one."""
    wanted, protocol = entry.get("icmp_type"), entry.get("protocol")
    if wanted is None:
        return []
    if protocol not in ONE_FAMILY:
        raise refuse(f"{path}.icmp_type", "only icmp and icmpv6 have types", wanted=wanted, hint="Set protocol.")
    number = type_number(protocol, wanted)
    if number is None:
        said = f"{wanted!r} is no type of {protocol} that a limit can meet, wanted {types_wanted(protocol)}"
        raise refuse(f"{path}.icmp_type", said, wanted=wanted, hint="E.g. echo-request.")
    return [f"{protocol} type {number}"]


def transport(
    protocol: str | None, path: str, *, sports: Sequence[object] = (), dports: Sequence[object] = ()
) -> list[str]:
    """Return the matches on a protocol and its ports.

    Ports without a protocol mean TCP, UDP and SCTP. Nothing is returned when nothing is asked.

    Args:
        protocol: one of tcp, udp, sctp, icmp, icmpv6, or ``None``.
        path: the plan's entry, for errors.
        sports: source ports, each ``N`` or ``"N-M"``.
        dports: destination ports, likewise.
    """
    if not sports and not dports:
        return [f"meta l4proto {protocol}"] if protocol else []
    if protocol and protocol not in WITH_PORTS:
        raise refuse(path, f"{protocol} has no ports", wanted=protocol, hint="Leave the ports out.")
    header = protocol or "th"
    words = [] if protocol else [f"meta l4proto {_one_of(list(WITH_PORTS))}"]
    if sports:
        words.append(f"{header} sport {_ports(sports, path)}")
    if dports:
        words.append(f"{header} dport {_ports(dports, path)}")
    return words


def ports_of(entry: Mapping[str, Any]) -> list[Any]:
    """Return the ports that an entry with ``port`` or ``ports`` is about; none for all."""
    return [entry["port"]] if entry.get("port") is not None else list(entry.get("ports") or ())


def sent_to(protocol: str | None, ports: Sequence[object], path: str) -> list[list[str]]:
    """Return the matches on a protocol and on the ports that a packet was sent to before it was translated.

    There is one for each port or range, since nft prints a set of such ports in a form that it does not read; and for
    each protocol with ports where ports are asked without one, since it does the same to rules about several protocols.
    """
    if not ports:
        return [transport(protocol, path)]
    if protocol and protocol not in WITH_PORTS:
        raise refuse(path, f"{protocol} has no ports", wanted=protocol, hint="Leave the ports out.")
    ranges = _ranges(ports, path)
    protocols = [protocol] if protocol else WITH_PORTS
    return [[f"meta l4proto {one}", f"{ORIGINAL_PORT} {each}"] for one in protocols for each in ranges]


def in_family(family: int, what: Sequence[str], addresses: Sequence[str] = ()) -> list[str]:
    """Return matches on the family, on addresses and on what else, in an order that every nft prints as it reads it.

    nft 0.9.8 leaves the family out of print ahead of ICMP, and puts it behind when it reads that.

    Args:
        family: 4 or 6.
        what: begins with what ``transport`` returned.
        addresses: the matches on addresses.
    """
    named = f"meta nfproto {NFPROTO[family]}"
    if any(what[:1] == [f"meta l4proto {protocol}"] for protocol in ONE_FAMILY):
        return [*what, named, *addresses]
    return [named, *addresses, *what]


def source_prefix(family: int, mask: int, path: str) -> str:
    """Return the expression that gives a packet's source prefix.

    Args:
        family: 4 or 6.
        mask: bits of the IPv4 prefix, 0-32. IPv6 takes twice as many: one customer is a /32 there and a /64 here.
        path: the plan's entry, for errors.
    """
    if not 0 <= mask <= 32:
        raise refuse(f"{path}.mask", "expected a number of bits between 0 and 32", wanted=mask)
    if family == 4:
        netmask = ipaddress.IPv4Network((0, mask)).netmask
        return "ip saddr" if mask == 32 else f"ip saddr & {netmask}"
    return f"ip6 saddr & {ipaddress.IPv6Network((0, 2 * mask)).netmask}"


def uint32(value: int, path: str) -> int:
    """Return a count that the kernel keeps in 32 bits, or refuse it."""
    if not 0 <= value <= UINT32_MAX:
        raise refuse(path, f"expected a number between 0 and {UINT32_MAX}", wanted=value)
    return value


def port_range(value: object, path: str) -> tuple[int, int]:
    """Return the first and last port of ``N`` or ``"N-M"``."""
    first, dash, last = str(value).partition("-")
    try:
        low, high = int(first), int(last if dash else first)
    except ValueError:
        low, high = 1, 0
    if not 0 <= low <= high <= _PORT_MAX:
        raise refuse(path, f"{value!r} is not a port or a range of ports", wanted=value, hint="E.g. 80 or 8000-8100.")
    return low, high


def _ports(values: Sequence[object], path: str) -> str:
    """Return ports as nft reads them."""
    return _one_of(_ranges(values, path))


def _ranges(values: Sequence[object], path: str) -> list[str]:
    """Return ports and ranges of them, those that overlap joined, since nft refuses these in a set."""
    joined: list[list[int]] = []
    for low, high in sorted(port_range(value, path) for value in values):
        if joined and low <= joined[-1][1] + 1:
            joined[-1][1] = max(joined[-1][1], high)
        else:
            joined.append([low, high])
    return [str(low) if low == high else f"{low}-{high}" for low, high in joined]


def _one_of(words: list[str]) -> str:
    """Return a single word as it is, several as an anonymous set."""
    return words[0] if len(words) == 1 else f"{{ {', '.join(words)} }}"


def _prefix(value: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str:
    """Return a network as nft prints it: a single address has no length."""
    return str(value.network_address) if value.num_addresses == 1 else str(value)
