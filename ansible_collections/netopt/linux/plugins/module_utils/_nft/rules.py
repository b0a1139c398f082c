# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of table ``inet netopt``: one line per rule, each knowing which entry of the plan it came from.

Chains exist only where the plan needs them:

- ``input`` (filter, priority ``filter - 10``): what arrives for this host on the plan's interfaces. Loopback is
  accepted ahead of every limit, established connections ahead of those that count connections. Limits only ever
  refuse; what they let through goes on to every other table.
- ``forward`` (filter, the same priority): of what passes through, what was sent to a port that is published: another
  rule, of this table or of somebody else's, sends it on to a container or another host.
- ``published``: the same limits for such packets, by the port that they were sent to before they were translated.
- ``ratelimit_...``: one rate for senders of both IP versions, whom a rule of each version leads there.
- ``egress`` (filter, priority ``mangle``, hook postrouting): marks what leaves by the plan's interfaces, made here or
  forwarded, before the qdisc sees it. The first entry that matches wins.
- ``classify_IFACE`` (filter, hook postrouting, behind all address translation): finds the htb class of what leaves,
  where a plan has too many matches for filters, see ``class_maps.py``. Other plans leave it and its maps alone.
- ``nat_prerouting`` and ``nat_postrouting`` (nat): five ahead of the usual priority, so
  that the plan's rules win over those of container engines whatever order they were loaded in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._tc.intent import CHAIN_PREFIX
from . import match
from .class_maps import suffix

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .class_maps import Lookup
    from .intent import Intent

TABLE = "inet netopt"
SET_SIZE = 65535  # sources that a set remembers; the kernel sets aside a megabyte for it when the set is made
DEFAULT_MASK = 32
DEFAULT_BURST = 5  # packets; nft's own
MIN_SOURCE_TIMEOUT_S = 60
MAX_SOURCE_TIMEOUT_S = 365 * 86400
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}

_RATE = re.compile(r"(?P<count>\d+)/(?P<per>second|minute|hour|day)\Z")
_SET_TYPE = {4: "ipv4_addr", 6: "ipv6_addr"}
_UNREACHABLE = {4: "icmp", 6: "icmpv6"}
_HOOKS = {  # in this order; "" for a chain that others lead to
    "published": "",
    "input": "type filter hook input priority filter - 10; policy accept;",
    "forward": "type filter hook forward priority filter - 10; policy accept;",
    "egress": "type filter hook postrouting priority mangle; policy accept;",
    "nat_prerouting": "type nat hook prerouting priority dstnat - 5; policy accept;",
    "nat_postrouting": "type nat hook postrouting priority srcnat - 5; policy accept;",
}
BOTH_HOOKS = ("input", "forward")
LIMITED = ("input", "published")  # the chains that limits stand in
CLASSIFY = "type filter hook postrouting priority 150; policy accept;"


@dataclass(frozen=True)
class Line:
    """One line of the table's text and the path of the plan's entry that it came from, ``""`` for structure."""

    text: str
    path: str = ""


@dataclass
class _Table:
    """The sets and chains as they grow."""

    sets: dict[str, list[Line]] = field(default_factory=dict)
    maps: dict[str, list[Line]] = field(default_factory=dict)
    chains: dict[str, list[Line]] = field(default_factory=dict)
    rates: dict[str, list[Line]] = field(default_factory=dict)  # chains that others lead to, ahead of them
    limited: dict[tuple[str, int, int], int] = field(default_factory=dict)  # how often a port is limited, by set

    def rule(self, chain: str, words: Sequence[str], path: str, comment: str | None = None) -> None:
        """Append one rule with a comment, which is the path unless told otherwise."""
        text = f'{" ".join(words)} comment "{comment or path}"'
        self.chains.setdefault(chain, []).append(Line(f"\t\t{text}", path))

    def rules(self, chains: Sequence[str], words: Sequence[str], path: str, comment: str | None = None) -> None:
        """Append one rule to several chains."""
        for chain in chains:
            self.rule(chain, words, path, comment)

    def counting_set(self, name: str, family: int, path: str, *, port: int) -> str:
        """Return a set of sources and ports that limits share: one more only where a port is limited twice."""
        times = self.limited[(name, family, port)] = self.limited.get((name, family, port), 0) + 1
        shared = f"{name}_v{family}" if times == 1 else f"{name}_{times}_v{family}"
        if shared not in self.sets:
            self._add(shared, [f"type {_SET_TYPE[family]} . inet_service", "flags dynamic"], path)
        return shared

    def shared_rate(self, name: str, words: Sequence[str], path: str) -> str:
        """Add a chain with the one rule of a limit, and return its name; a name already taken gets a number."""
        unique = _unique(name, "", self.rates)
        self.rates[unique] = [Line(f'\t\t{" ".join(words)} comment "{path}"', path)]
        return unique

    def rating_set(self, name: str, family: int, path: str, *, timeout_s: int) -> str:
        """Add a set of sources for one limit, and return its name; a name already taken gets a number."""
        unique = _unique(name, f"_v{family}", self.sets)
        self._add(unique, [f"type {_SET_TYPE[family]}", "flags dynamic,timeout", f"timeout {timeout_s}s"], path)
        return unique

    def _add(self, name: str, body: list[str], path: str) -> None:
        self.sets[name] = [Line(f"\t\t{text}", path) for text in [*body, f"size {SET_SIZE}"]]

    def lines(self) -> list[Line]:
        """Return the whole table."""
        blocks = [(f"set {name}", body) for name, body in self.sets.items()]
        blocks += [(f"map {name}", self.maps[name]) for name in sorted(self.maps)]
        blocks += [(f"chain {name}", body) for name, body in self.rates.items()]
        blocks += [
            (f"chain {name}", [*([Line(f"\t\t{hook}")] if hook else []), *self.chains[name]])
            for name, hook in _HOOKS.items()
            if name in self.chains
        ]
        blocks += [
            (f"chain {name}", [Line(f"\t\t{CLASSIFY}"), *rules])
            for name, rules in self.chains.items()
            if name not in _HOOKS
        ]
        found = [Line(f"table {TABLE} {{")]
        for head, body in blocks:
            found += [Line(f"\t{head} {{", body[0].path), *body, Line("\t}")]
        return [*found, Line("}")]


def _unique(name: str, end: str, taken: Mapping[str, object]) -> str:
    """Return a name with its end, and with a number between them where it is taken."""
    found, number = f"{name}{end}", 1
    while found in taken:
        number += 1
        found = f"{name}_{number}{end}"
    return found


def table(intent: Intent, *, most: int | None = None) -> list[Line]:
    """Return the lines of the table that an intent asks for.

    Args:
        intent: what is asked.
        most: how many elements a map gets at most, if it is one that ``is_plain``; ``None`` for all.

    Raises:
        NetoptError: stage ``plan``, when an entry cannot be said in nft.
    """
    grown = _Table()
    _input(grown, intent.parts)
    for part in intent.parts:
        for path, entry in _entries(part, "dscp"):
            _mark(grown, entry, path, part.ifaces)
    for part in intent.parts:
        for path, entry in _entries(part, "nat_rules"):
            _nat(grown, entry, path, part.ifaces)
    for part in intent.parts:
        leaving = match.interface("oifname", part.ifaces, "iface") if part.classes else []
        for one in part.lookups:
            _classify(grown, one, leaving, suffix(part.ifaces), most)
    return grown.lines()


def _entries(part: Intent, field: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (the path, the entry) of each entry of a field; the path of a plan with a name begins with it."""
    for number, entry in enumerate(getattr(part, field)):
        yield _whose(part, f"{field}[{number}]"), entry


def _whose(part: Intent, path: str) -> str:
    """Return a path that says whose it is."""
    return f"{part.plan}: {path}" if part.plan else path


def _classify(grown: _Table, one: Lookup, leaving: list[str], mine: str, most: int | None) -> None:
    """Look a packet's class up; the first answer counts."""
    if one.name:
        grown.maps[one.name] = [Line(f"\t\t{text}", one.path) for text in one.body(most if one.is_plain else None)]
    path = "htb_classes" if one.name else one.path
    grown.rule(f"{CHAIN_PREFIX}_{mine}", [*leaving, one.rule], one.path, comment=path)


def _input(grown: _Table, parts: Sequence[Intent]) -> None:
    """Add what guards this host: packets are counted first, then known connections accepted, then new ones counted."""
    limiting = [one for one in parts if _limits(one)]
    accepting = [one for one in parts if _accepts(one)]
    dropping = [one for one in parts if one.drop_invalid]
    guarding = [*limiting, *accepting, *dropping]
    if not guarding:
        return
    packets = _rates(limiting, of_packets=True)
    _spare(grown, guarding, packets=bool(packets))
    if limiting:
        words = ["ct direction original ct status dnat goto published"]
        grown.rules(BOTH_HOOKS, words, "", "what is published is limited by the port it was sent to")
    for path, entry, part in packets:
        _limit_rate(grown, entry, path, _arriving(part))
    for part in accepting[:1]:  # one rule says it for all
        words = ["ct state established,related accept"]
        grown.rules(LIMITED if limiting else ("input",), words, _whose(part, "connection_tracking.accept_established"))
    for part in dropping:  # what belongs to no connection is translated by nobody, so it is on no way to published
        words = [*_arriving(part), "ct state invalid counter drop"]
        grown.rules(BOTH_HOOKS, words, _whose(part, "connection_tracking.drop_invalid"))
    if limiting:
        _limit_new(grown, limiting)


def _limit_new(grown: _Table, parts: Sequence[Intent]) -> None:
    """Add the limits of new connections."""
    # A TCP connection older than the tracking of connections looks new in its middle, and must not be cut.
    words = ["ct state new tcp flags & (fin|syn|rst|ack) != syn accept"]
    grown.rules(LIMITED, words, "", "only the start of a connection is limited")
    for part in parts:
        for path, entry in _entries(part, "connection_limits"):
            _limit_connections(grown, entry, path, _arriving(part))
    for path, entry, part in _rates(parts, of_packets=False):
        _limit_rate(grown, entry, path, _arriving(part))


def _rates(parts: Sequence[Intent], *, of_packets: bool) -> list[tuple[str, dict[str, Any], Intent]]:
    """Return the limits of packets, or those of connections, each with its path and whose it is."""
    every = ((path, entry, part) for part in parts for path, entry in _entries(part, "rate_limits"))
    return [each for each in every if (each[1].get("per") == "packets") is of_packets]


def _limits(part: Intent) -> bool:
    """Return whether a plan limits anything."""
    return bool(part.connection_limits or part.rate_limits)


def _accepts(part: Intent) -> bool:
    """Return whether established connections pass ahead of a plan's limits; they do unless it says otherwise."""
    return _limits(part) if part.accept_established is None else part.accept_established


def _arriving(part: Intent) -> list[str]:
    """Return the words for what arrives on the interfaces of a plan."""
    return match.interface("iifname", part.ifaces, "iface")


def _spare(grown: _Table, parts: Sequence[Intent], *, packets: bool) -> None:
    """Accept what nothing here is for."""
    if all("lo" not in one.ifaces for one in parts):
        grown.rule("input", ['iif "lo" accept'], "", "loopback is never limited")
    if packets:
        kinds = "nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert"
        grown.rule("input", [f"icmpv6 type {{ {kinds} }} accept"], "", "neighbour discovery is never limited")


def _limit_connections(grown: _Table, entry: Mapping[str, Any], path: str, arriving: list[str]) -> None:
    """Refuse connections over ``limit`` from one source prefix, for each IP version.

    The number is kept with the source and port, so that limits of one protocol and mask share a set.
    """
    protocol, port, mask = entry["protocol"], entry["port"], entry.get("mask", DEFAULT_MASK)
    low, high = match.port_range(port, f"{path}.port")
    if low != high:
        raise match.refuse(f"{path}.port", "expected one port", wanted=port, hint="Write one limit for each port.")
    limit = match.uint32(entry["limit"], f"{path}.limit")
    name = "_".join(["connlimit", protocol, *([] if mask == DEFAULT_MASK else [str(mask)])])
    for family in match.FAMILIES:
        who = match.senders(entry, path, family)
        if who is None:
            continue
        source = match.source_prefix(family, mask, path)
        known = grown.counting_set(name, family, path, port=low)
        for chain, words in _sent_to(protocol, low, path):
            key = f"{source} . {match.ORIGINAL_PORT if chain == 'published' else f'{protocol} dport'}"
            counted = ["ct state new", f"add @{known} {{ {key} ct count over {limit} }}", "counter"]
            refusal = _refusal(entry.get("action", "reject"), protocol, family)
            grown.rule(chain, [*arriving, *match.in_family(family, words, who), *counted, refusal], path)


def _limit_rate(grown: _Table, entry: Mapping[str, Any], path: str, arriving: list[str]) -> None:
    """Drop what comes faster than ``rate``: of all sources together, or of each source by itself."""
    protocol, port = entry.get("protocol"), entry.get("port")
    burst = match.uint32(entry.get("burst", DEFAULT_BURST), f"{path}.burst")
    rate = entry["rate"]
    over = f"limit rate over {rate} burst {burst} packets"
    timeout_s = _source_timeout_s(rate, burst, path)
    # A flow without answers stays new for all of its packets, but is confirmed once the first one has arrived.
    new = [] if entry.get("per") == "packets" else ["ct state new", "ct status & confirmed == 0"]
    about = [*match.icmp_type(entry, path), *new]
    name = "_".join(["ratelimit", protocol or "any", *([] if port is None else [_word(port)])])
    families = match.families(entry, path, addresses=())
    named = {family: match.senders(entry, path, family) for family in families}
    who = {family: words for family, words in named.items() if words is not None}
    if not who:
        raise match.refuse(path, f"{protocol} has no sender in src", hint="Name networks of the protocol's IP version.")
    if entry.get("per_source"):
        for family, addresses in who.items():
            known = grown.rating_set(name, family, path, timeout_s=timeout_s)
            counted = f"update @{known} {{ {match.source_prefix(family, DEFAULT_MASK, path)} {over} }}"
            for chain, words in _sent_to(protocol, port, path):
                what = match.in_family(family, [*words, *about], addresses)
                grown.rule(chain, [*arriving, *what, counted, "counter drop"], path)
        return
    if not any(who.values()) and len(who) == len(families):
        for chain, words in _sent_to(protocol, port, path):
            grown.rule(chain, [*arriving, *words, *about, over, "counter drop"], path)
        return
    verdict = [over, "counter drop"]
    if len(who) > 1:  # one rule cannot name addresses of both IP versions, and the rate is one
        verdict = [f"jump {grown.shared_rate(name, verdict, path)}"]
    for family, addresses in who.items():
        for chain, words in _sent_to(protocol, port, path):
            grown.rule(chain, [*arriving, *match.in_family(family, [*words, *about], addresses), *verdict], path)


def _sent_to(protocol: str | None, port: object, path: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the chains that limits stand in, each with the match on the port that a packet was sent to."""
    yield "input", match.transport(protocol, path, dports=[] if port is None else [port])
    for words in match.sent_to(protocol, port, path):
        yield "published", words


def _mark(grown: _Table, entry: Mapping[str, Any], path: str, ifaces: Sequence[str]) -> None:
    """Set the DSCP of what leaves; later entries do not see what this one marked."""
    wanted = entry.get("match") or {}
    ports = {"sports": wanted.get("sports") or [], "dports": wanted.get("dports") or []}
    for family in match.families(wanted, f"{path}.match", addresses=("src", "dst"), protocol="proto"):
        what = match.transport(wanted.get("proto"), f"{path}.match", **ports)
        addresses = match.sources_and_destinations(wanted, f"{path}.match", family)
        words = [*match.interface("oifname", ifaces, "iface"), *match.in_family(family, what, addresses)]
        grown.rule("egress", [*words, f"{match.ADDRESS[family]} dscp set {entry['dscp']} accept"], path)


def _nat(grown: _Table, entry: Mapping[str, Any], path: str, ifaces: Sequence[str]) -> None:
    """Translate source or destination of new connections; connections that are there already stay as they are."""
    kind, to_addr, to_port = entry["type"], entry.get("to_addr"), entry.get("to_port")
    names = [entry["iface"]] if entry.get("iface") else ifaces
    if kind == "snat" and to_addr is None:
        raise match.refuse(path, "snat needs to_addr", hint="Use masquerade for the interface's own address.")
    if kind == "dnat" and to_addr is None and to_port is None:
        raise match.refuse(path, "dnat needs to_addr, to_port or both", hint="to_port alone redirects to this host.")
    if kind == "masquerade" and to_addr is not None:
        raise match.refuse(path, "masquerade takes no to_addr", wanted=to_addr, hint="Use snat for a fixed address.")
    found = match.families(entry, path, addresses=("src", "dst", "to_addr"))
    if kind == "masquerade" and len(found) > 1:
        found = [4]  # hosts behind a router keep their IPv6 addresses unless the plan names an IPv6 prefix
    chain, direction = ("nat_prerouting", "iifname") if kind == "dnat" else ("nat_postrouting", "oifname")
    ports = [] if entry.get("port") is None else [entry["port"]]
    for family in found:
        addresses = match.sources_and_destinations(entry, path, family)
        what = match.transport(entry.get("protocol"), path, dports=ports)
        if to_port is not None and not what:
            what = [f"meta l4proto {{ {', '.join(match.WITH_PORTS)} }}"]
        words = [*match.interface(direction, names, path), *match.in_family(family, what, addresses)]
        grown.rule(chain, [*words, _target(kind, to_addr, to_port, path)], path)


def _target(kind: str, to_addr: str | None, to_port: object, path: str) -> str:
    """Return the statement that translates."""
    port = ""
    if to_port is not None:
        low, high = match.port_range(to_port, f"{path}.to_port")
        port = f":{low}" if low == high else f":{low}-{high}"
    if to_addr is None:
        word = "redirect" if kind == "dnat" else "masquerade"
        return f"{word} to {port}" if port else word
    address = match.network(to_addr, f"{path}.to_addr")
    if address.num_addresses != 1:
        raise match.refuse(f"{path}.to_addr", "expected one address", wanted=to_addr)
    text = str(address.network_address)
    if address.version == 6 and port:
        text = f"[{text}]"
    return f"{kind} {match.ADDRESS[address.version]} to {text}{port}"


def _refusal(action: str, protocol: str, family: int) -> str:
    """Return the verdict for a connection over the limit, spelled as every nft since 0.9.8 reads it."""
    if action == "drop":
        return "drop"
    return "reject with tcp reset" if protocol == "tcp" else f"reject with {_UNREACHABLE[family]} type port-unreachable"


def _source_timeout_s(rate: str, burst: int, path: str) -> int:
    """Return the seconds after which a silent source is forgotten: when its burst is full again, or a year later."""
    parts = _RATE.match(rate)
    count = int(parts.group("count")) if parts else 0
    if parts is None or count == 0:
        raise match.refuse(f"{path}.rate", "expected NUMBER/UNIT", wanted=rate, hint="E.g. 1000/second or 10/minute.")
    refill_s = -(-burst * SECONDS[parts.group("per")] // count)
    return min(max(MIN_SOURCE_TIMEOUT_S, refill_s), MAX_SOURCE_TIMEOUT_S)


def _word(port: object) -> str:
    """Return a port or a range as a part of a name."""
    return str(port).replace("-", "_")
