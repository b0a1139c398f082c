# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds classes that match a source which packets no longer have when they get there.

A class sees packets as they leave: behind ``masquerade`` and ``snat``, whoever has set these. Marks see them before.
"""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, NamedTuple

from .._netlink.addresses import addresses
from .._netlink.route_socket import RouteSocket

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from ipaddress import IPv4Network, IPv6Network

    from .._host.commands import Tools
    from .._plans.compose import Part

    Networks = Sequence[IPv4Network | IPv6Network]

_FAMILIES = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
_TARGETS = ("MASQUERADE", "SNAT")  # of iptables, which nft lists as they are
_OUT = ("oifname", "oif")
TOLD = 3  # so many in one report


class Translation(NamedTuple):
    """A rule that gives packets another source.

    Attributes:
        families: the IP versions that it is for.
        sources: whose packets; all where it is empty.
        ifaces: by which interfaces they leave; all where it is empty.
        others: by which interfaces they do not.
        whose: the rule's place, in words.
    """

    families: Sequence[int]
    sources: Networks
    ifaces: Sequence[str]
    others: Sequence[str]
    whose: str


def translated_sources(parts: Iterable[Part], tools: Tools) -> list[str]:
    """Return a warning for each class of a plan whose packets have another source by then, the first few of them.

    Args:
        parts: what the plans ask, with their interfaces.
        tools: reads the rules of this host.
    """
    wanted = [(part, *each) for part in parts for each in _sources(part.changes)]
    if not wanted:
        return []
    listed = tools.run(["nft", "-j", "-t", "list", "ruleset"], stage="observe", check=False)
    rules = [*of_plans(parts), *(of_host(json.loads(listed.stdout)) if listed.rc == 0 and listed.stdout else ())]
    with RouteSocket() as route:
        own = {str(one) for _index, one in addresses(route)}
    found = []
    for part, path, source in wanted:
        if source.num_addresses == 1 and str(source.network_address) in own:
            continue  # what the host itself sends keeps its address
        rule = next((one for one in rules if is_met(one, source, part.ifaces)), None)
        if rule:
            found.append(
                f"changes.{path}: packets from {source} leave with another source, by {rule.whose}, and this class "
                "sees them as they leave: it misses them. Mark them with dscp, which knows the sender itself, and "
                "match the code point."
            )
    return [*found[:TOLD], *([f"... and {len(found) - TOLD} more classes like it."] if len(found) > TOLD else [])]


def _sources(changes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the path and the network of each source that a class matches."""
    per_queue = (changes.get("qdisc") or {}).get("per_queue") or {}
    for where, holder in (("", changes), ("qdisc.per_queue.", per_queue)):
        for index, one in enumerate(holder.get("htb_classes") or ()):
            for number, match in enumerate(one.get("match") or ()):
                if match.get("src"):
                    path = f"{where}htb_classes[{index}].match[{number}].src"
                    yield path, ip_network(match["src"], strict=False)


def is_met(rule: Translation, source: Any, ifaces: Sequence[str]) -> bool:
    """Return whether packets from a network that leave by one of some interfaces meet a rule."""
    return (
        source.version in rule.families
        and (not rule.sources or any(one.version == source.version and one.overlaps(source) for one in rule.sources))
        and any((not rule.ifaces or name in rule.ifaces) and name not in rule.others for name in ifaces)
    )


def of_plans(parts: Iterable[Part]) -> Iterator[Translation]:
    """Yield the rules that plans bring."""
    for part in parts:
        for index, rule in enumerate(part.changes.get("nat_rules") or ()):
            if rule["type"] == "dnat":
                continue
            sources = [ip_network(rule["src"], strict=False)] if rule.get("src") else []
            named = rule.get("src") or rule.get("to_addr") or rule.get("dst")
            family = ip_network(named, strict=False).version if named else 4
            ifaces = [rule["iface"]] if rule.get("iface") else list(part.ifaces)
            yield Translation((family,), sources, ifaces, (), f"nat_rules[{index}] ({rule['type']})")


def of_host(listed: Mapping[str, Any]) -> Iterator[Translation]:
    """Yield the rules in what ``nft -j list ruleset`` says; what is not understood of one counts as met."""
    told = listed.get("nftables") or ()
    chains = [one["chain"] for one in told if "chain" in one]
    tables = {(one["family"], one["table"]) for one in chains if (one.get("type"), one.get("hook")) == _SOURCE_NAT}
    for rule in (one["rule"] for one in told if "rule" in one):
        where = (rule.get("family"), rule.get("table"))
        expressions = rule.get("expr") or ()
        if where not in tables or not any(_translates(each) for each in expressions):
            continue
        conditions = [each["match"] for each in expressions if "match" in each]
        out = [(one.get("op"), _names(one["right"])) for one in conditions if _key(one) in _OUT]
        sources = [each for one in conditions if _key(one) == "saddr" and one.get("op") == "==" for each in _nets(one)]
        families = set(_FAMILIES.get(rule["family"], ()))
        for one in conditions:
            families &= _families_of(one)
        yield Translation(
            tuple(families),
            sources,
            [name for op, names in out if op == "==" for name in names],
            [name for op, names in out if op == "!=" for name in names],
            f"table {rule['family']} {rule['table']}, chain {rule['chain']}",
        )


_SOURCE_NAT = ("nat", "postrouting")


def _translates(expression: Mapping[str, Any]) -> bool:
    is_target = (expression.get("xt") or {}).get("name") in _TARGETS
    return is_target or "masquerade" in expression or "snat" in expression


def _key(match: Mapping[str, Any]) -> str:
    """Return what a condition looks at: ``saddr``, ``oifname``, ..."""
    left = match.get("left")
    if not isinstance(left, dict):
        return ""
    return str((left.get("payload") or {}).get("field") or (left.get("meta") or {}).get("key") or "")


def _families_of(match: Mapping[str, Any]) -> set[int]:
    """Return which IP versions a condition can be about."""
    if _key(match) == "nfproto":
        return {each for each in (4, 6) if f"ipv{each}" in _names(match["right"])}
    left = match.get("left")
    payload = left.get("payload") if isinstance(left, dict) else None
    return set(_FAMILIES.get(str((payload or {}).get("protocol")), (4, 6)))


def _names(right: Any) -> list[str]:
    """Return the words that a condition compares with, none where they are not written there."""
    if isinstance(right, dict):
        right = right.get("set")
    several = right if isinstance(right, list) else [right]
    return [each for each in several if isinstance(each, str) and not each.startswith("@")]


def _nets(match: Mapping[str, Any]) -> Networks:
    """Return the networks that a condition compares with, none where they are not written there."""
    right = match["right"]
    several = right["set"] if isinstance(right, dict) and isinstance(right.get("set"), list) else [right]
    found = []
    for each in several:
        prefix = each.get("prefix") if isinstance(each, dict) else None
        text = f"{prefix['addr']}/{prefix['len']}" if prefix else each
        try:
            found.append(ip_network(text, strict=False))
        except (TypeError, ValueError):
            return []  # a range, or a set with a name: any source may be in it
    return found
