# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans side by side, one for each field, that come one after another and go one after another.

After each step all of them are tried: what is in force has its effect, whatever comes and goes beside it, and what has
gone has none. A row is one field on one way through this; its outcomes are those of all steps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.effects.classes import framed, spoken
from tests.effects.frames import Frame
from tests.effects.lab import CLIENT, HOST, INNER
from tests.effects.limit_traffic import Sent, arriving
from tests.effects.nft_rows import limit, rate
from tests.effects.row import Row
from tests.effects.seen import code_points
from tests.effects.sysctl_traffic import first_packet
from tests.effects.traffic import LOCAL, Path, connections, flows, seen_as, stray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.effects.lab import Lab

MARKED, SHAPED = Frame(src=HOST[4], dst=CLIENT[4], dport=12001), Frame(src=HOST[4], dst=CLIENT[4], dport=12002)
ARRIVING = Frame(src=CLIENT[4], dst=HOST[4], dport=12003)
LIMITED, RATED, SPENT = (replace(LOCAL, port=port, arrives=port) for port in (12004, 12005, 12006))
OUT = Path("inner", "client", CLIENT, 12007, 12007)
OWN_PORT = Path("client", "inner", HOST, 12008, 81)
CLASSES = [{"classid": "1:10", "rate_mbit": 5, "match": [{"dports": ["12002"]}]}]
IN_CLASSES = [{"classid": "1:10", "rate_mbit": 5, "ceil_mbit": 400, "match": [{"dports": ["12003"]}]}]
DNAT = {"type": "dnat", "protocol": "udp", "port": 12008, "dst": HOST[4], "to_addr": INNER[4], "to_port": 81}
TTL = {"net.ipv4.ip_default_ttl": 33}
BURST = 2
MORE_FOLLOW = 0x20  # in the flags of a fragment


@dataclass(frozen=True)
class Part:
    """One field's plan.

    Attributes:
        changes: of the plan.
        traffic: what is sent.
        met: what comes of it while the plan is in force; two numbers are the least and the most.
        free: what comes of it without the plan.
    """

    changes: dict[str, Any]
    traffic: Any
    met: Any
    free: Any


PARTS = {
    "sysctl": Part({"sysctl": TTL}, first_packet("udp", 4, lambda ip, _udp: ip[8]), 33, 64),
    "mtu": Part({"mtu": 1400}, first_packet("udp", 4, lambda ip, _udp: ip[6] & MORE_FOLLOW, size=1450), MORE_FOLLOW, 0),
    "htb_classes": Part({"htb_classes": CLASSES}, spoken(SHAPED), {"1:10": 1}, {}),
    "ingress": Part(
        {"shaper": {"ingress_mbit": 400}, "ingress": {"htb_classes": IN_CLASSES}},
        framed("arriving", ARRIVING, device="ifb-eth0"),
        {"1:10": 1},
        {},
    ),
    "dscp": Part(
        {"dscp": [{"match": {"dports": ["12001"]}, "dscp": 46}]},
        code_points("sent", MARKED, own_socket=True),
        [46],
        [0],
    ),
    "connection_limits": Part(limit(2, 12004), connections(LIMITED, 4), 2, 4),
    "rate_limits": Part(rate(BURST, port=12005, protocol="udp"), flows(RATED, 6), (0, BURST), 6),
    "rate_limits per packets": Part(
        rate(BURST, port=12006, protocol="udp", per="packets"), arriving(Sent(4, SPENT), 6), (0, BURST), 6
    ),
    "connection_tracking.drop_invalid": Part({"connection_tracking": {"drop_invalid": True}}, stray(LOCAL), 0, 1),
    "nat_rules masquerade": Part(
        {"nat_rules": [{"type": "masquerade", "src": INNER[4]}]}, seen_as(OUT), HOST[4], INNER[4]
    ),
    "nat_rules dnat": Part({"nat_rules": [DNAT]}, flows(OWN_PORT, 3), 3, 0),
}
NAMES = tuple(PARTS)
SHORT = {name: f"p{number}" for number, name in enumerate(NAMES)}


def _done(report: dict[str, Any]) -> None:
    assert report["status"] in {"applied", "rolled_back"}, report["error"]


def _apply(lab: Lab, name: str, **more: Any) -> None:
    plan = {"name": SHORT[name], "iface": "eth0", "changes": PARTS[name].changes}
    _done(lab.machine.ask(plan=plan, checkpoint_id=SHORT[name], **more))


def _remove(lab: Lab, name: str) -> None:
    _done(lab.machine.ask(remove=[SHORT[name]]))


def _roll_back(lab: Lab, name: str) -> None:
    _done(lab.machine.checkpoint("restored", id=SHORT[name])["report"])


def _apply_all(lab: Lab) -> None:
    plans = [{"name": SHORT[name], "iface": "eth0", "changes": PARTS[name].changes} for name in NAMES]
    _done(lab.machine.ask(plans=plans))


def _remove_all(lab: Lab) -> None:
    _done(lab.machine.ask(remove=list(SHORT.values())))


def _coming_and_going(order: Sequence[str], away: Callable[[Lab, str], None]) -> list[Any]:
    """Return steps, each with what is in force then: all come one after another, and go one after another."""
    there = frozenset(order)
    half = len(order) // 2

    def all_come(lab: Lab) -> None:
        for name in NAMES:
            _apply(lab, name)

    def go(names: Sequence[str]) -> Callable[[Lab], None]:
        return lambda lab: [away(lab, name) for name in names] and None

    return [
        (all_come, there),
        (go(order[:1]), there - {order[0]}),
        (go(order[1:half]), frozenset(order[half:])),
        (go(order[half:-1]), frozenset(order[-1:])),
        (go(order[-1:]), frozenset()),
    ]


WAYS = {
    "first to come, first removed": _coming_and_going(NAMES, _remove),
    "last to come, first removed": _coming_and_going(NAMES[::-1], _remove),
    "last to come, first rolled back": _coming_and_going(NAMES[::-1], _roll_back),
    "come and removed at once": [(_apply_all, frozenset(NAMES)), (_remove_all, frozenset())],
}


def _told(way: str, name: str) -> Callable[[Lab], list[Any]]:
    """Return what gives the outcomes of a field at each step; the steps are gone through once in a lab."""

    def outcomes(lab: Lab) -> list[Any]:
        found = lab.kept.get(way)
        if found is None:
            found = lab.kept[way] = {each: [] for each in NAMES}
            for do, _there in WAYS[way]:
                do(lab)
                for each, part in PARTS.items():
                    found[each].append(part.traffic(lab))
                lab.hush()
        return found[name]

    return outcomes


def _rows() -> Iterator[Row]:
    for way, steps in WAYS.items():
        for name, part in PARTS.items():
            expected = [part.met if name in there else part.free for _do, there in steps]
            says = f"beside ten other plans, {way}"
            yield Row(name, says, {}, _told(way, name), expected, shared=f"side by side, {way}", quick=False)


ROWS = tuple(_rows())
