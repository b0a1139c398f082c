# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tracked flows a rule of address translation has translated, told by the rule as nft lists it. Pure.

The kernel translates a flow's first packet by the rules and all others by what it remembers of the first. So a rule
that is taken away goes on to work for the flows that it has met, for as long as they are not silent.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, FrozenSet, Tuple

from .._common.patterns import pattern
from .._common.quick_dataclass import dataclass
from .._netlink.flow import IPS_DST_NAT, IPS_SRC_NAT
from . import list_parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._netlink.flow import Address, Entry

PROTOCOLS = {
    "icmp": 1,
    "tcp": 6,
    "udp": 17,
    "dccp": 33,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "icmpv6": 58,
    "ipv6-icmp": 58,
    "sctp": 132,
    "udplite": 136,
}
Ports = Tuple[Tuple[int, int], ...]
_COMMENT = pattern(r' comment "[^"]*"$')
_LOGGED = pattern(r'\blog prefix "[^"]*"')
_STATEMENT = pattern(  # other than ct status, than chains and sets of these names, and than a type of ICMP
    r"(?<!jump )(?<!goto )(?<!type )(?<![\w./@])"
    r"(?P<word>[ds]nat(?= (?:ip6? )?(?:[a-z. ]+ )?to )|(?:redirect|masquerade)(?= |$))(?P<rest>.*)$"
)
_TARGET = pattern(
    r"to (?:\[(?P<v6>[0-9a-f:]+)\]|(?P<addr>[0-9a-f.]+\.[0-9]+|[0-9a-f]*:[0-9a-f:]*:[0-9a-f:.]*))?"
    r"(?::(?P<low>\d+)(?:-(?P<high>\d+))?)?(?:\s|$)"
)
_PROTOCOL = pattern(r"\bmeta l4proto (?:\{(?P<many>[^}]*)\}|(?P<one>[\w-]+))|\b(?P<named>tcp|udp|sctp|dccp) [ds]port")
_PORTS = pattern(r"\bdport (?:\{(?P<many>[^}]*)\}|(?P<one>[\d-]+))")
_PREFIX = pattern(r"\bip6? (?P<side>[sd]addr) (?P<prefix>[0-9a-f][0-9a-f:./]*)(?:\s|$)")
_FAMILY = pattern(r"\bmeta nfproto ipv(?P<version>[46])\b|\b(?P<words>ip6?) [sd]addr|(?:dnat|snat) (?P<to>ip6?) to")
_LEAVING = pattern(r"\boifname (?:\{(?P<many>[^}]*)\}|(?P<one>\"[^\"]+\"))")


@dataclass(frozen=True)
class Translation:
    """What a rule says; empty is what it does not ask.

    Attributes:
        word: ``dnat``, ``redirect``, ``snat`` or ``masquerade``.
        to_addr, to_ports: where it leads to.
        versions: the IP versions that it is for.
        protocols, ports: what it translates, the ports being those of the target.
        src, dst: the prefixes that it translates.
        leaving: the interfaces that it is for.
    """

    word: str
    to_addr: Address | None = None
    to_ports: Ports = ()
    versions: FrozenSet[int] = frozenset({4, 6})
    protocols: FrozenSet[int] = frozenset()
    ports: Ports = ()
    src: str | None = None
    dst: str | None = None
    leaving: Tuple[str, ...] = ()

    @property
    def status(self) -> int:
        """The bit that the kernel sets on flows that such a rule has translated."""
        return IPS_DST_NAT if self.word in ("dnat", "redirect") else IPS_SRC_NAT

    def has_translated(self, entry: Entry, own: Mapping[str, Any]) -> bool:
        """Return whether a flow reads as one that the rule has translated.

        Args:
            entry: the flow.
            own: the host's addresses by interface.
        """
        answered, sent = entry.answered, entry.sent
        inward = self.status == IPS_DST_NAT
        led_to, port = (answered.src, answered.sport) if inward else (answered.dst, answered.dport)
        asked, asked_port = (sent.dst, sent.dport) if inward else (answered.src, answered.sport)
        mine = {one for name, found in own.items() if not self.leaving or name in self.leaving for one in found}
        return (
            bool(entry.status & self.status)
            and sent.src.version in self.versions
            and (not self.protocols or sent.protocol in self.protocols)
            and (self.to_addr is None or led_to == self.to_addr)
            and (self.word not in ("redirect", "masquerade") or led_to in mine)
            and _among(port, self.to_ports)
            and _among(asked_port, self.ports)
            and _within(sent.src, self.src)
            and _within(asked, self.dst)
        )

    @property
    def command(self) -> str:
        """The command by which an operator deletes such flows."""
        words = ["conntrack -D"]
        words += [f"-f ipv{version}" for version in self.versions if len(self.versions) == 1]
        names = [name for name, number in PROTOCOLS.items() if self.protocols == {number}]
        words += [f"-p {names[0]}"] if names else []
        inward = self.status == IPS_DST_NAT
        words += [f"--orig-port-dst {self.ports[0][0]}"] if inward and names and _single(self.ports) else []
        words += [f"--{'dst' if inward else 'src'}-nat{'' if self.to_addr is None else f' {self.to_addr}'}"]
        return " ".join(words)


def removed(current: str, wanted: str) -> list[str]:
    """Return the translating rules of a listing that are in another one no more, whatever their comments say."""
    kept = set(_rules(wanted))
    return [rule for rule in dict.fromkeys(_rules(current)) if rule not in kept]


def _rules(listing: str) -> list[str]:
    if not any(word in listing for word in ("dnat ", "snat ", "redirect", "masquerade")):
        return []
    lines = (line for head, lines in list_parse.parts(listing).items() if head.startswith("chain ") for line in lines)
    plain = (_COMMENT.sub("", line) for line in lines if not line.startswith("type "))
    return [line for line in plain if _statement(line)]


def _statement(rule: str) -> re.Match[str] | None:
    """Return the statement of a rule that translates."""
    return _STATEMENT.search(_LOGGED.sub("log", rule))


def parse(rule: str) -> Translation:
    """Return what a translating rule says, as far as it is said in words that plans use."""
    statement = _statement(rule)
    if statement is None:
        raise ValueError(f"not a rule that translates: {rule}")
    before, word = statement.string[: statement.start()], statement.group("word")
    target = _TARGET.search(statement.group("rest"))
    to_addr = target and (target.group("v6") or target.group("addr"))
    to_ports: Ports = ()
    if target and target.group("low"):
        to_ports = ((int(target.group("low")), int(target.group("high") or target.group("low"))),)
    protocols = [
        PROTOCOLS[name]
        for found in _PROTOCOL.finditer(before)
        for name in _words(found.group("many") or found.group("one") or found.group("named"))
        if name in PROTOCOLS
    ]
    versions = {
        6 if "6" in (found.group("version") or found.group("words") or found.group("to")) else 4
        for found in _FAMILY.finditer(rule)
    }
    ports = [
        (int(low), int(high or low))
        for found in _PORTS.finditer(before)
        for low, _dash, high in (port.partition("-") for port in _words(found.group("many") or found.group("one")))
        if low.isdigit()
    ]
    prefixes = {found.group("side"): found.group("prefix") for found in _PREFIX.finditer(before)}
    leaving = [
        name.strip('"') for found in _LEAVING.finditer(before) for name in _words(found.group(0)[8:].strip(" {}"))
    ]
    return Translation(
        word=word,
        to_addr=ipaddress.ip_address(to_addr) if to_addr else None,
        to_ports=to_ports,
        versions=frozenset(versions or {4, 6}),
        protocols=frozenset(protocols),
        ports=tuple(ports),
        src=prefixes.get("saddr"),
        dst=prefixes.get("daddr"),
        leaving=tuple(leaving),
    )


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[,\s]+", text) if word]


def _among(port: int, ranges: Ports) -> bool:
    return not ranges or any(low <= port <= high for low, high in ranges)


def _single(ranges: Ports) -> bool:
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]


def _within(one: Address, prefix: str | None) -> bool:
    if prefix is None:
        return True
    network = ipaddress.ip_network(prefix, strict=False)
    return one.version == network.version and one in network
