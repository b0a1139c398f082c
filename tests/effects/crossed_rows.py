# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Effects that are the same for each protocol, way and version of IP: what docs/plan.md says, row by row.

``make test`` runs one in eight of them, always the same; ``make effects`` all.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.effects.lab import BEHIND, CLIENT, HOST, INNER, MORE_PUBLISHED
from tests.effects.nft_rows import OWN_DNAT, limit, rate
from tests.effects.row import Row
from tests.effects.sctp import associations
from tests.effects.traffic import (
    FORWARDED,
    LOCAL,
    OWN,
    PASSING,
    PORT,
    PUBLISHED_PORT,
    Path,
    connections,
    flows,
    mark,
    one_flow,
    seen_as,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PATHS = {"to the host": LOCAL, "to a published port": PUBLISHED_PORT, "passing through": FORWARDED}
KINDS = {"tcp": connections, "udp": flows, "sctp": associations, None: flows}
SENT, MOST = 6, 2
SHOWN = 8
PORTS = itertools.count(22000)
PUBLISHED_PORTS = iter(MORE_PUBLISHED)
CLIENTS = {4: "192.0.2.0/24", 6: "2001:db8::/48"}
OTHERS = {4: "198.51.100.0/24", 6: "2001:db8:ffff::/48"}


def _met(path: Path) -> int:
    """Return how many arrive of what a limit meets: all of what only passes through."""
    return SENT if path is FORWARDED else MOST


def _by_itself(path: Path, field: str) -> tuple[Path, str]:
    """Return a path with a port of its own, and the lab that its row may share."""
    if path is PUBLISHED_PORT:
        return replace(path, port=next(PUBLISHED_PORTS)), f"{field}, published"
    port = next(PORTS)
    return replace(path, port=port, arrives=port), f"{field}, {path.receiver}"


def _limits() -> Iterator[Row]:
    for (way, path), protocol, family, action in itertools.product(
        PATHS.items(), ("tcp", "udp", "sctp"), (4, 6), ("reject", "drop")
    ):
        own, shared = _by_itself(path, "connection_limits")
        changes = limit(MOST, own.port, protocol, action=action)
        says = f"{action}, {protocol} over IPv{family} {way}"
        traffic = KINDS[protocol](own, SENT, family=family)
        yield Row("connection_limits", says, changes, traffic, _met(path), free=SENT, shared=shared)


def _rates() -> Iterator[Row]:
    for (way, path), protocol, family, own in itertools.product(
        PATHS.items(), ("tcp", "udp", "sctp", None), (4, 6), (False, True)
    ):
        named = {"protocol": protocol} if protocol else {}
        mine, shared = _by_itself(path, "rate_limits")
        changes = rate(MOST, port=mine.port, per_source=own, **named)
        says = f"{protocol or 'no protocol'} over IPv{family} {way}{', each source' if own else ''}"
        traffic = KINDS[protocol](mine, SENT, family=family)
        yield Row("rate_limits", says, changes, traffic, _met(path), free=SENT, shared=shared)
    for (way, path), protocol, family, own in itertools.product(PATHS.items(), ("udp", None), (4, 6), (False, True)):
        named = {"protocol": protocol} if protocol else {}
        mine, shared = _by_itself(path, "rate_limits per packets")
        changes = rate(MOST, port=mine.port, per_source=own, per="packets", **named)
        says = f"{protocol or 'no protocol'} over IPv{family} {way}{', each source' if own else ''}"
        traffic = one_flow(mine, SENT, family=family)
        yield Row("rate_limits per packets", says, changes, traffic, _met(path), free=SENT, shared=shared)


def _for_some() -> Iterator[Row]:
    """Yield limits for some sources, and with exceptions; one for the other version of IP alone meets nothing."""
    for family, (way, path) in itertools.product((4, 6), list(PATHS.items())[:2]):
        mine, theirs, other = CLIENTS[family], OTHERS[family], CLIENTS[10 - family]
        for says, words, met in (
            ("of its network", {"src": [mine]}, True),
            ("of another network", {"src": [theirs]}, False),
            ("of several networks", {"src": [theirs, mine]}, True),
            ("of the other version's network", {"src": [other]}, False),
            ("but not of its network", {"except": [mine]}, False),
            ("but not of another network", {"except": [theirs]}, True),
            ("of its network, which is an exception", {"src": [mine], "except": [mine]}, False),
        ):
            arrive = MOST if met else SENT
            words_ = f"{says}, over IPv{family} {way}"
            own, shared = _by_itself(path, "for some")
            changes = limit(MOST, own.port, **words)
            traffic = connections(own, SENT, family=family)
            yield Row("connection_limits", words_, changes, traffic, arrive, free=SENT, shared=shared)
            changes = rate(MOST, protocol="udp", port=own.port, **words)
            traffic = flows(own, SENT, family=family)
            yield Row("rate_limits", words_, changes, traffic, arrive, free=SENT, shared=shared)


def _marks() -> Iterator[Row]:
    """Yield marks that ``mark_rows.py`` has not; those that do not fit leave one another alone."""
    for family, (way, path) in itertools.product((4, 6), {"of its own": OWN, "passing through": PASSING}.items()):
        sender = HOST[family] if path is OWN else INNER[family]
        matches: dict[str, tuple[dict[str, Any], bool]] = {
            "everything": ({}, True),
            "another protocol": ({"proto": "tcp"}, False),
            "another port": ({"dports": [str(PORT + 1)]}, False),
            "another source port": ({"sports": ["1-1023"]}, False),
            "the sender": ({"src": sender}, True),
            "the receiver": ({"dst": CLIENT[family]}, True),
            "another receiver": ({"dst": OTHERS[family]}, False),
            "the sender and the port": ({"src": sender, "proto": "udp", "dports": [str(PORT)]}, True),
            "the receiver and another port": ({"dst": CLIENT[family], "dports": ["1"]}, False),
        }
        for says, (match, met) in matches.items():
            changes = {"dscp": [{"match": match, "dscp": 46}]}
            row = Row("dscp", f"{says}, {way} over IPv{family}", changes, mark(path, family=family), 46 if met else 0)
            yield replace(row, free=0, shared="" if met else f"marks of others, {way} over IPv{family}")


def _translations() -> Iterator[Row]:
    for family in (4, 6):
        rule = {"type": "masquerade", "src": f"{INNER[family]}"}
        for says, more, met in (
            ("of the sender", {}, True),
            ("of the sender to the receiver", {"dst": CLIENT[family]}, True),
            ("of the sender to others", {"dst": OTHERS[family]}, False),
            ("of another sender", {"src": OTHERS[family]}, False),
            ("of one protocol", {"protocol": "udp"}, True),
            ("of another protocol", {"protocol": "tcp"}, False),
            ("by another interface", {"iface": "eth1"}, False),
        ):
            seen = HOST[family] if met else INNER[family]
            changes = {"nat_rules": [{**rule, **more}]}
            traffic = seen_as(PASSING, family=family)
            yield Row("nat_rules", f"masquerade {says}, IPv{family}", changes, traffic, seen, free=INNER[family])
        changes = {"nat_rules": [{"type": "snat", "src": INNER[family], "to_addr": HOST[family]}]}
        traffic = seen_as(PASSING, family=family)
        yield Row("nat_rules", f"snat, IPv{family}", changes, traffic, HOST[family], free=INNER[family])
        for protocol in ("tcp", "udp", "sctp"):
            there = {"protocol": protocol, "port": OWN_DNAT.port, "dst": HOST[family]}
            to = {"to_addr": INNER[family], "to_port": BEHIND}
            changes = {"nat_rules": [{"type": "dnat", **there, **to}]}
            traffic = KINDS[protocol](OWN_DNAT, SENT, family=family)
            yield Row("nat_rules", f"dnat of {protocol}, IPv{family}", changes, traffic, SENT, free=0)


CROSSED = tuple(
    replace(row, quick=number % SHOWN == 0)
    for number, row in enumerate([*_limits(), *_rates(), *_for_some(), *_marks(), *_translations()])
)
