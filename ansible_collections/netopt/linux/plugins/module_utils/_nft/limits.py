# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules that guard a host: limits, what is accepted ahead of them, and what is dropped. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.patterns import pattern
from . import match

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .intent import Intent
    from .table import Table

DEFAULT_MASK = 32
PORTS_IN_NAME = 4  # of those that share a rate
DEFAULT_BURST = 5  # packets; nft's own
MIN_SOURCE_TIMEOUT_S = 60
MAX_SOURCE_TIMEOUT_S = 365 * 86400
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
BOTH_HOOKS = ("input", "forward")
LIMITED = ("input", "published")  # the chains that limits stand in
_RATE = pattern(r"(?P<count>\d+)/(?P<per>second|minute|hour|day)\Z")
_UNREACHABLE = {4: "icmp", 6: "icmpv6"}


def guard(grown: Table, parts: Sequence[Intent]) -> None:
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
        grown.rules(LIMITED if limiting else ("input",), words, part.whose("connection_tracking.accept_established"))
    for part in dropping:  # what belongs to no connection is translated by nobody, so it is on no way to published
        words = [*_arriving(part), "ct state invalid counter drop"]
        grown.rules(BOTH_HOOKS, words, part.whose("connection_tracking.drop_invalid"))
    if limiting:
        _limit_new(grown, limiting)


def _limit_new(grown: Table, parts: Sequence[Intent]) -> None:
    """Add the limits of new connections."""
    # A TCP connection older than the tracking of connections looks new in its middle, and must not be cut.
    words = ["ct state new tcp flags & (fin|syn|rst|ack) != syn accept"]
    grown.rules(LIMITED, words, "", "only the start of a connection is limited")
    for part in parts:
        for path, entry in part.entries("connection_limits"):
            _limit_connections(grown, entry, path, _arriving(part))
    for path, entry, part in _rates(parts, of_packets=False):
        _limit_rate(grown, entry, path, _arriving(part))


def _rates(parts: Sequence[Intent], *, of_packets: bool) -> list[tuple[str, dict[str, Any], Intent]]:
    """Return the limits of packets, or those of connections, each with its path and whose it is."""
    every = ((path, entry, part) for part in parts for path, entry in part.entries("rate_limits"))
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


def _spare(grown: Table, parts: Sequence[Intent], *, packets: bool) -> None:
    """Accept what nothing here is for."""
    if all("lo" not in one.ifaces for one in parts):
        grown.rule("input", ['iif "lo" accept'], "", "loopback is never limited")
    if packets:
        kinds = "nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert"
        grown.rule("input", [f"icmpv6 type {{ {kinds} }} accept"], "", "neighbour discovery is never limited")


def _limit_connections(grown: Table, entry: Mapping[str, Any], path: str, arriving: list[str]) -> None:
    """Refuse connections over ``limit`` from one source prefix, for each IP version.

    The number is kept with the source and port, so that limits of one protocol and mask share a set; several ports, or
    all, that are counted together have a set of their own, with the source alone.
    """
    protocol, ports, mask = entry["protocol"], match.ports_of(entry), entry.get("mask", DEFAULT_MASK)
    alone = entry.get("port") is not None
    low, high = match.port_range(ports[0], f"{path}.port") if alone else (0, 0)
    if low != high:
        raise match.refuse(f"{path}.port", "expected one port", wanted=ports[0], hint="Use ports for several.")
    limit = match.uint32(entry["limit"], f"{path}.limit")
    name = "_".join(["connlimit", protocol, *([] if mask == DEFAULT_MASK else [str(mask)])])
    for family in match.FAMILIES:
        who = match.senders(entry, path, family)
        if who is None:
            continue
        source = match.source_prefix(family, mask, path)
        if alone:
            known = grown.counting_set(name, family, path, port=low)
        else:
            known = grown.summing_set(f"{name}_together", family, path)
        for chain, words in _sent_to(protocol, ports, path):
            port = match.ORIGINAL_PORT if chain == "published" else f"{protocol} dport"
            key = f"{source} . {port}" if alone else source
            counted = ["ct state new", f"add @{known} {{ {key} ct count over {limit} }}", "counter"]
            refusal = _refusal(entry.get("action", "reject"), protocol, family)
            grown.rule(chain, [*arriving, *match.in_family(family, words, who), *counted, refusal], path)


def _limit_rate(grown: Table, entry: Mapping[str, Any], path: str, arriving: list[str]) -> None:
    """Drop what comes faster than ``rate``: of all sources together, or of each source by itself."""
    protocol, ports = entry.get("protocol"), match.ports_of(entry)
    burst = match.uint32(entry.get("burst", DEFAULT_BURST), f"{path}.burst")
    rate = entry["rate"]
    over = f"limit rate over {rate} burst {burst} packets"
    timeout_s = _source_timeout_s(rate, burst, path)
    # A flow without answers stays new for all of its packets, but is confirmed once the first one has arrived.
    new = [] if entry.get("per") == "packets" else ["ct state new", "ct status & confirmed == 0"]
    about = [*match.icmp_type(entry, path), *new]
    name = "_".join(["ratelimit", protocol or "any", *map(_word, ports[:PORTS_IN_NAME])])
    families = match.families(entry, path, addresses=())
    named = {family: match.senders(entry, path, family) for family in families}
    who = {family: words for family, words in named.items() if words is not None}
    if not who:
        raise match.refuse(path, f"{protocol} has no sender in src", hint="Name networks of the protocol's IP version.")
    if entry.get("per_source"):
        for family, addresses in who.items():
            known = grown.rating_set(name, family, path, timeout_s=timeout_s)
            counted = f"update @{known} {{ {match.source_prefix(family, DEFAULT_MASK, path)} {over} }}"
            for chain, words in _sent_to(protocol, ports, path):
                what = match.in_family(family, [*words, *about], addresses)
                grown.rule(chain, [*arriving, *what, counted, "counter drop"], path)
        return
    of_all = not any(who.values()) and len(who) == len(families)
    verdict = [over, "counter drop"]
    # one rule names neither addresses of both IP versions nor several published ports, and the rate is one
    if len(ports) > 1 or (len(who) > 1 and not of_all):
        verdict = [f"jump {grown.shared_rate(name, verdict, path)}"]
    if of_all:
        for chain, words in _sent_to(protocol, ports, path):
            grown.rule(chain, [*arriving, *words, *about, *verdict], path)
        return
    for family, addresses in who.items():
        for chain, words in _sent_to(protocol, ports, path):
            grown.rule(chain, [*arriving, *match.in_family(family, [*words, *about], addresses), *verdict], path)


def _sent_to(protocol: str | None, ports: Sequence[object], path: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the chains that limits stand in, each with the match on the ports that a packet was sent to."""
    yield "input", match.transport(protocol, path, dports=ports)
    for words in match.sent_to(protocol, ports, path):
        yield "published", words


def _refusal(action: str, protocol: str, family: int) -> str:
    """Return the verdict for a connection over the limit, spelled as every nft since 0.9.8 reads it."""
    if action == "drop":
        return "drop"
    return "reject with tcp reset" if protocol == "tcp" else f"reject with {_UNREACHABLE[family]} type port-unreachable"


def rate_of(rate: str) -> tuple[int, int] | None:
    """Return how many packets a rate lets through and in how many seconds, ``None`` where it is none."""
    found = _RATE.match(rate)
    count = int(found.group("count")) if found else 0
    return (count, SECONDS[found.group("per")]) if found and count else None


def _source_timeout_s(rate: str, burst: int, path: str) -> int:
    """Return the seconds after which a silent source is forgotten: when its burst is full again, or a year later."""
    found = rate_of(rate)
    if found is None:
        raise match.refuse(f"{path}.rate", "expected NUMBER/UNIT", wanted=rate, hint="E.g. 1000/second or 10/minute.")
    count, seconds = found
    refill_s = -(-burst * seconds // count)
    return min(max(MIN_SOURCE_TIMEOUT_S, refill_s), MAX_SOURCE_TIMEOUT_S)


def _word(port: object) -> str:
    """Return a port or a range as a part of a name."""
    return str(port).replace("-", "_")
