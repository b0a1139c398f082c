# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which addresses a call would have hosts send packets to, and whether its caller may.

A host reaches what a caller does not: its own loopback address, a cloud's metadata service, a management network. Who
may have it ping and connect can tell from the answers what is there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from mcp_bridge.documents import DocumentError, parse_json

from .argument_limits import PLAN_ARGUMENTS
from .caller import Caller
from .errors import AccessError
from .host_scope import HostScope
from .models import EVERYTHING, INVENTORY, PUBLIC

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
QUERIES = frozenset({"ping_host", "traceroute", "tracepath"})
WRAPPED = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""IPv6 networks whose addresses lead to an IPv4 address that is in them (RFC 6052, 8215, 3056, 4380)."""
UNICAST = ipaddress.IPv6Network("2000::/3")
"""Where public addresses of IPv6 are (RFC 4291). Outside are forms that hold one of IPv4, and former private ones."""
OF_CLOUDS = frozenset({ipaddress.IPv4Address("168.63.129.16")})
"""Addresses that are public by their number, and lead to the machine below a virtual one (Azure)."""
ITSELF = "localhost"
NAME_MAX = 255


def servers(arguments: Mapping[str, Any]) -> set[str]:
    """Return the hosts that a call's arguments name as a target of iperf3, for the call itself or in a plan.

    Args:
        arguments: as they were sent; a plan may be JSON text, and have any shape.
    """
    named = [arguments.get("iperf"), *(targets.get("iperf") for targets in _of_plans(arguments))]
    return {name for name in named if isinstance(name, str)}


def targets(tool: str, arguments: Mapping[str, Any]) -> set[str]:
    """Return the names and addresses that a call would have hosts send packets to, by itself or by a plan.

    Args:
        tool: the tool's name.
        arguments: as they were sent; they may have any shape.
    """
    found = [arguments, *_of_plans(arguments)] if tool == "measure_network_tool" else [*_of_plans(arguments)]
    named = [one for each in found for one in (*_listed(each.get("ping")), each.get("iperf"))]
    named += [_host(one) for each in found for one in _listed(each.get("tcp"))]
    if tool.removesuffix("_tool") in QUERIES:
        named.append(arguments.get("target"))
    for question in _listed(arguments.get("queries")):
        if isinstance(question, Mapping) and question.get("query") in QUERIES:
            named.append(question.get("target"))
    return {name for name in named if isinstance(name, str)}


def check(tool: str, arguments: Mapping[str, Any], caller: Caller, host_scope: HostScope) -> None:
    """Make sure that the caller may have hosts send packets to all that a call names.

    Raises:
        AccessError: it lacks the scope, or one of the targets is not open to it.
    """
    wanted = targets(tool, arguments)
    if not wanted:
        return
    if "probe" not in caller.scopes:
        raise AccessError(
            f"The caller {caller.name} may not have hosts send packets to addresses: that takes the scope probe",
            hint="Leave the targets out, or have the owner of the access file grant it.",
            kind="scope",
        )
    entries = caller.rule.probe
    if EVERYTHING in entries:
        return
    closed = sorted(name for name in wanted if not _is_open(name, caller, host_scope))
    if closed:
        raise AccessError(
            f"The caller {caller.name} may not have hosts send packets to {closed[0][:NAME_MAX]!r}",
            hint=f"Open to it: {', '.join(entries) or 'nothing'} (docs/access.md, probe).",
            kind="hosts",
        )


def _is_open(name: str, caller: Caller, host_scope: HostScope) -> bool:
    plain = name.strip().rstrip(".").casefold()
    entries = caller.rule.probe
    address = _address(plain)
    in_inventory = INVENTORY in entries and plain in host_scope.names_of_open(caller)
    if in_inventory and not _means_whoever_asks(address or plain):
        return True
    if address is None:  # a name; how the host resolves it, or takes a number for an address, is not known here
        return any(plain == entry or (entry.startswith("*.") and plain.endswith(entry[1:])) for entry in entries)
    if PUBLIC in entries and _is_public(address):
        return True
    return any(address in network for network in map(_network, entries) if network is not None)


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _means_whoever_asks(target: Address | str) -> bool:
    """Return whether a target is another one on each host: an inventory has them for machines it reaches otherwise."""
    if isinstance(target, str):
        return target == ITSELF or target.startswith(f"{ITSELF}.") or target.endswith(f".{ITSELF}")
    return target.is_loopback or target.is_link_local or target.is_unspecified or target.is_multicast


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and (address not in UNICAST or _is_wrapped(address)):
        return False
    return address.is_global and not address.is_multicast and address not in OF_CLOUDS


def _is_wrapped(address: Address) -> bool:
    return any(address in network for network in WRAPPED)


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry)
    except ValueError:
        return None


def _host(target: Any) -> Any:
    """Return the host of ``host:port`` and ``[address]:port``."""
    if not isinstance(target, str):
        return None
    host = target.strip().rpartition(":")[0] or target
    return host.strip("[]")


def _listed(value: Any) -> list[Any]:
    """Return a list, also one that is sent as JSON text, as some clients do; other text is its only entry."""
    if isinstance(value, str):
        try:
            parsed = parse_json(value, name="arguments")
        except (ValueError, DocumentError):
            return [value]
        return parsed if isinstance(parsed, list) else [value]
    return value if isinstance(value, list) else []


def _of_plans(arguments: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the targets of the plans among a call's arguments, and of what they were rendered from."""
    for name in PLAN_ARGUMENTS & set(arguments):
        given = arguments[name]
        for plan in given if isinstance(given, list) else [given]:
            for found in _plans(plan):
                yield {"ping": _reflectors(found)}
                for key in ("validate", "validation"):
                    spec = found.get(key)
                    told = spec.get("targets") if isinstance(spec, Mapping) else None
                    if isinstance(told, Mapping):
                        yield told


def _reflectors(plan: Mapping[str, Any]) -> Any:
    """Return the addresses that a plan has hosts ping for as long as it holds."""
    inner: Any = plan
    for key in ("changes", "shaper", "adapt", "reflectors"):
        inner = inner.get(key) if isinstance(inner, Mapping) else None
    return inner


def _plans(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield a plan, and what it was rendered from."""
    if isinstance(value, str):
        try:
            value = parse_json(value, name="plan")
        except (ValueError, DocumentError):  # whoever reads it as a plan says what is wrong
            return
    if isinstance(value, Mapping):
        yield value
        inner = value.get("plan")
        if isinstance(inner, Mapping):
            yield inner
