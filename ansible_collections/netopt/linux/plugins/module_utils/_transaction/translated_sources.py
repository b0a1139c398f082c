# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds matches on a source which packets no longer have when they get there.

Rules find classes by the sender itself, as marks do. Where there are filters alone they see packets as they leave,
behind ``masquerade`` and ``snat``, whoever has set these: below ``mq``, for ``netem``, and for what an interface on top
of the plan's sends by it.
"""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, NamedTuple

from .._netlink.addresses import addresses
from .._netlink.route_socket import RouteSocket
from .._tc.intent import looked_up, names_sender
from .._tc.netem import INGRESS, direction_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from ipaddress import IPv4Network, IPv6Network

    from .._host.commands import Tools
    from .._plans.compose import Part

    Networks = Sequence[IPv4Network | IPv6Network]

_FAMILIES = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
_TARGETS = ("MASQUERADE", "SNAT")  # of iptables, which nft lists as they are
_OUT = ("oifname", "oif")
NETEM = "netem.match.src"
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


class Source(NamedTuple):
    """A match on a source that filters see as it leaves.

    Attributes:
        path: where it stands, below changes.
        network: the source.
        ifaces: by which packets leave that only filters see.
    """

    path: str
    network: IPv4Network | IPv6Network
    ifaces: Sequence[str]


def translated_sources(parts: Iterable[Part], interfaces: Mapping[str, Mapping[str, Any]], tools: Tools) -> list[str]:
    """Return a warning for each match of a plan whose packets have another source by then, the first few of them.

    Args:
        parts: what the plans ask, with their interfaces.
        interfaces: facts by name; ``upper`` is what stands on an interface.
        tools: reads the rules of this host.
    """
    wanted = [each for part in parts for each in sources(part.changes, part.ifaces, interfaces)]
    if not wanted:
        return []
    listed = tools.run(["nft", "-j", "-t", "list", "ruleset"], stage="observe", check=False)
    rules = [*of_plans(parts), *(of_host(json.loads(listed.stdout)) if listed.rc == 0 and listed.stdout else ())]
    with RouteSocket() as route:
        own = {str(one) for _index, one in addresses(route)}
    found = []
    for path, source, ifaces in wanted:
        if source.num_addresses == 1 and str(source.network_address) in own:
            continue  # what the host itself sends keeps its address
        for iface in ifaces:
            rule = next((one for one in rules if is_met(one, source, (iface,))), None)
            if rule:
                instead = (
                    "Match the source in a class, and name that in netem.classes."
                    if path == NETEM
                    else f"Mark them with dscp in a plan for {iface}, and match the code point."
                )
                found.append(
                    f"changes.{path}: packets from {source} leave by {iface} with another source, by {rule.whose}, and "
                    f"filters of tc see them as they leave: this match misses them. {instead}"
                )
                break
    return [*found[:TOLD], *([f"... and {len(found) - TOLD} more matches like it."] if len(found) > TOLD else [])]


def sources(
    changes: Mapping[str, Any], ifaces: Sequence[str], interfaces: Mapping[str, Mapping[str, Any]]
) -> Iterator[Source]:
    """Yield each match on a source that filters see as it leaves."""
    upper = [name for iface in ifaces for name in (interfaces.get(iface) or {}).get("upper") or ()]
    on_top = [name for name in dict.fromkeys(upper) if name not in ifaces]
    classes = changes.get("htb_classes") or ()
    own = (changes.get("qdisc") or {}).get("per_queue") or {}
    for where, listed, there in (
        ("", () if looked_up(classes) else classes, on_top),  # without filters such packets meet nothing
        ("qdisc.per_queue.", own.get("htb_classes") or (), [*ifaces, *on_top]),
    ):
        for index, one in enumerate(listed if there else ()):
            for number, match in enumerate(one.get("match") or ()):
                if names_sender(match):
                    path = f"{where}htb_classes[{index}].match[{number}].src"
                    yield Source(path, ip_network(match["src"], strict=False), there)
    netem = changes.get("netem") or {}
    impaired = {} if direction_of(netem) == INGRESS else netem.get("match") or {}
    if names_sender(impaired):
        yield Source(NETEM, ip_network(impaired["src"], strict=False), [*ifaces, *on_top])


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
