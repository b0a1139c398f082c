# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds rules of a plan that packets of this host do not meet, and says what to write instead. Pure.

The firewall knows a packet by the interface that has the address, and a port by what stands in the packet at that
moment: the rules of a bridge's port meet nothing, and a port that was translated is another one behind it.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from .._lockout.connection import has_port
from .._nft.match import ports_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Changes = Mapping[str, Any]
    Facts = Mapping[str, Any]
    Found = tuple[str, str, str]  # the path below changes, what is missed, what to write instead

FORWARDING = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}
_MEMBER = {"bridge": "a port of the bridge", "bond": "a member of the bond", "team": "a member of the team"}
_TRACKING = "connection_tracking.drop_invalid"


def misses(changes: Changes, ifaces: Sequence[str], facts: Facts) -> Iterator[Found]:
    """Yield what the rules of a plan miss on this host.

    Args:
        changes: normalised changes.
        ifaces: the plan's interfaces, ``auto`` resolved.
        facts: the host's facts; of an interface, ``upper`` says what stands on it: ``{name: kind}``.
    """
    fields = [name for name in ("connection_limits", "rate_limits", "dscp", "nat_rules") if changes.get(name)]
    if (changes.get("connection_tracking") or {}).get("drop_invalid"):
        fields.append(_TRACKING)
    for field in fields:
        for iface in _interfaces(changes, field, ifaces):
            upper = ((facts.get("interfaces") or {}).get(iface) or {}).get("upper") or {}
            yield from _by_another_name(field, iface, upper, ifaces)
    yield from _not_there(changes, facts)
    yield from _behind_translation(changes)
    yield from _other_family(changes, facts)


def _interfaces(changes: Changes, field: str, ifaces: Sequence[str]) -> list[str]:
    """Return the interfaces that the rules of a field are for."""
    if field != "nat_rules":
        return list(ifaces)
    named = ([rule["iface"]] if rule.get("iface") else ifaces for rule in changes["nat_rules"])
    return list(dict.fromkeys(name for names in named for name in names))


def _by_another_name(field: str, iface: str, upper: Mapping[str, str], ifaces: Sequence[str]) -> Iterator[Found]:
    """Yield what is missed since packets are known by the interface on top."""
    master = next((name for name, kind in upper.items() if kind in _MEMBER), None)
    if master:
        yield (
            field,
            (
                f"{iface} is {_MEMBER[upper[master]]} {master}, so that no packet is known by the name {iface}: the "
                "rules meet nothing"
            ),
            f"Write {master} in the place of {iface}."
            + (" What the bridge passes on between its ports is met by no rule." if upper[master] == "bridge" else ""),
        )
        return
    others = [name for name in upper if name not in ifaces]
    if others:
        yield (
            field,
            (
                f"{', '.join(others)} on top of {iface}: packets of {'it are' if len(others) == 1 else 'them are'} "
                f"known by that name, and the rules for {iface} do not meet them"
            ),
            f"Add {', '.join(others)} to the plan's iface where the rules are for them too.",
        )


def _not_there(changes: Changes, facts: Facts) -> Iterator[Found]:
    """Yield the rules that name an interface which the host does not have, or not yet."""
    there = facts.get("interfaces") or {}
    for index, rule in enumerate(changes.get("nat_rules") or ()):
        iface = rule.get("iface")
        if iface and iface not in there:
            yield (
                f"nat_rules[{index}].iface",
                f"This host has no interface {iface}, so that the rule meets nothing until there is one",
                f"It has {', '.join(sorted(there))}. Without iface the rule is for the interfaces of the plan.",
            )


def _behind_translation(changes: Changes) -> Iterator[Found]:
    """Yield what is missed since the plan's own ``dnat`` changes a port."""
    for rule in changes.get("nat_rules") or ():
        port, to_port = rule.get("port"), rule.get("to_port")
        if rule["type"] != "dnat" or port is None or to_port is None or str(port) == str(to_port):
            continue
        for field in ("connection_limits", "rate_limits"):
            entries = changes.get(field) or ()
            known = [ports_of(entry) for entry in entries if _same_protocol(entry.get("protocol"), rule)]
            for index, entry in enumerate(entries):
                ports = ports_of(entry) if _same_protocol(entry.get("protocol"), rule) else []
                behind = bool(ports) and has_port(int(to_port), ports)
                if behind and not any(each and has_port(int(port), each) for each in known):
                    yield (
                        f"{field}[{index}]",
                        (
                            f"The limit counts what is sent to port {to_port}, not what the plan's dnat sends on to it "
                            f"from port {port}"
                        ),
                        f"Limit port {port}: limits know the port that a packet was sent to.",
                    )
        for index, entry in enumerate(changes.get("dscp") or ()):
            match = entry.get("match") or {}
            for key in ("sports", "dports"):
                if str(port) in [str(one) for one in match.get(key) or ()] and _same_protocol(match.get("proto"), rule):
                    yield (
                        f"dscp[{index}].match.{key}",
                        (
                            f"The plan's dnat makes port {to_port} of port {port}, and marks are set where that is "
                            "done: translated packets and their answers are not marked"
                        ),
                        f"Add port {to_port}.",
                    )


def _same_protocol(protocol: str | None, rule: Mapping[str, Any]) -> bool:
    return protocol is None or protocol == rule.get("protocol")


def _other_family(changes: Changes, facts: Facts) -> Iterator[Found]:
    """Yield what a ``masquerade`` leaves as it is since it names no addresses."""
    if not forwards(6, changes, facts):
        return
    for index, rule in enumerate(changes.get("nat_rules") or ()):
        if rule["type"] == "masquerade" and families_of(rule) == {4} and not (rule.get("src") or rule.get("dst")):
            yield (
                f"nat_rules[{index}]",
                (
                    "A masquerade without src and dst is for IPv4 alone, and this host forwards IPv6 as well: that "
                    "leaves with the addresses that it has"
                ),
                "That is as it should be where those addresses are public. Else add a masquerade with an IPv6 src.",
            )


def takes_transit(changes: Changes) -> Iterator[Found]:
    """Yield the rules that send on what is on its way to others."""
    for index, rule in enumerate(changes.get("nat_rules") or ()):
        if rule["type"] == "dnat" and rule.get("dst") is None:
            what = "everything" if rule.get("port") is None else f"everything to port {rule['port']}"
            yield (
                f"nat_rules[{index}]",
                f"A dnat without dst takes {what} that arrives, also what is on its way through this host to others",
                "Name the address of this host as dst, unless that is what you want.",
            )


def families_of(rule: Mapping[str, Any]) -> set[int]:
    """Return the IP versions that a rule of address translation is for."""
    for key in ("src", "dst", "to_addr"):
        if rule.get(key) is not None:
            return {ipaddress.ip_network(rule[key], strict=False).version}
    return {4} if rule["type"] == "masquerade" else {4, 6}


def forwards(family: int, changes: Changes, facts: Facts) -> bool:
    """Return whether the host forwards packets of an IP version once the plan holds."""
    key = FORWARDING[family]
    keys = ("net.ipv4.conf.all.forwarding", key) if family == 4 else (key,)  # two names of one setting
    values = [(changes.get("sysctl") or {}).get(one) for one in keys]
    asked = [value for value in values if value is not None]
    value = asked[-1] if asked else (facts.get("sysctl") or {}).get(key, "0")
    return str(value).strip() not in ("", "0")
