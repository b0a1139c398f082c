# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Effects on a kernel of its own, with all qdiscs and all kinds of interface: netem, cake, what is on top of eth0."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.effects.class_rows import BRIDGED, SHAPES, TAGS
from tests.effects.classes import ENDS, spoken
from tests.effects.frames import Frame
from tests.effects.impaired import arrived, gone_by_itself, intact, late
from tests.effects.lab import CLIENT, INNER
from tests.effects.meaning import REST, fits
from tests.effects.row import NULL, REMOVE, ROLLBACK, Row
from tests.effects.seen import code_points

if TYPE_CHECKING:
    from collections.abc import Iterator

SENT = 4
ALL = {"loss_pct": 100}
SSH = {"proto": "tcp", "sports": ["22"]}
TBF = {"type": "tbf", "params": {"rate_mbit": 50, "burst_bytes": 20000, "latency_ms": 50}}
CLASSES = [
    {"classid": "1:10", "rate_mbit": 20, "match": [{"proto": "udp"}]},
    {"classid": "1:20", "rate_mbit": 20, "match": [SSH]},
]
# what netem is for: (its words, the matches that it meets; none for everything but ssh)
IMPAIRED: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "everything": ({}, []),
    "udp": ({"match": {"proto": "udp"}}, [{"proto": "udp"}]),
    "a port": ({"match": {"dports": ["7000"]}}, [{"dports": ["7000"]}]),
    "a source port of ssh": ({"match": SSH}, [SSH]),
    "a receiver": ({"match": {"dst": "192.0.2.2/32"}}, [{"dst": "192.0.2.2/32"}]),
}
ROOTS: dict[str, dict[str, Any]] = {
    "alone": {},
    "above fq_codel": {"qdisc": {"type": "fq_codel", "params": {}}},
    "below tbf": {"qdisc": TBF},
    "below a shaper": {"shaper": {"egress_mbit": 50}},
    "in classes": {"shaper": {"egress_mbit": 50}, "htb_classes": CLASSES},
}
PACKETS: dict[str, dict[str, Any]] = {
    "udp": {},
    "another port of udp": {"dport": 7001},
    "tcp": {"proto": "tcp"},
    "ssh": {"proto": "tcp", "sport": 22, "dport": 50000},
    "port 22 of udp": {"sport": 22, "dport": 50000},
}
EVERYWHERE = ("everything", "udp")
# the same of what arrives, where the requests of ssh are spared
REQUESTS = {"proto": "tcp", "dports": ["22"]}
IMPAIRED_ARRIVING: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "everything that arrives": ({}, []),
    "a port of what arrives": ({"match": {"dports": ["7000"]}}, [{"dports": ["7000"]}]),
    "the port of ssh": ({"match": REQUESTS}, [REQUESTS]),
    "a sender": ({"match": {"src": "192.0.2.2/32"}}, [{"src": "192.0.2.2/32"}]),
}
ROOTS_ARRIVING: dict[str, dict[str, Any]] = {
    "alone": {},
    "below a shaper": {"shaper": {"ingress_mbit": 50}},
    "in classes": {
        "shaper": {"ingress_mbit": 50},
        "ingress": {"htb_classes": [{"classid": "1:10", "rate_mbit": 20, "match": [{"proto": "udp"}]}]},
    },
}
PACKETS_ARRIVING: dict[str, dict[str, Any]] = {
    "udp": {},
    "another port of udp": {"dport": 7001},
    "a request of ssh": {"proto": "tcp", "sport": 50000, "dport": 22},
    "port 22 of udp": {"sport": 50000, "dport": 22},
}
GOINGS = (ROLLBACK, REMOVE, NULL)


def _met(matches: list[dict[str, Any]], one: Frame, spared: dict[str, Any] = SSH) -> bool:
    if fits(spared, one, by_rules=False) and spared not in matches:
        return False  # answers, or requests, of ssh are spared unless they are named
    return not matches or any(fits(match, one, by_rules=False) for match in matches)


def _netem(says: str, changes: dict[str, Any], traffic: Any, expected: Any, **more: Any) -> Row:
    words = {"gone": ROLLBACK, "shared": says.partition(";")[0], "own_kernel": True, "labels": ("netem",)}
    return Row("netem", says, changes, traffic, expected, **{**words, **more})


def _for_some() -> Iterator[Row]:
    for (root, more), (what, (words, matches)) in itertools.product(ROOTS.items(), IMPAIRED.items()):
        if more and what not in EVERYWHERE:
            continue
        changes = {"netem": {**ALL, **words}, **more}
        for (packet, fields), family, way in itertools.product(PACKETS.items(), (4, 6), ("sent", "forwarded")):
            if more and (way == "sent") is (family == 4):
                continue  # one of the two is enough there
            source, target = ENDS[way]
            one = Frame(family, **{"src": source[family], "dst": target[family], **fields})
            expected = 0 if _met(matches, one) else SENT
            says = f"for {what}, {root}; {packet} over IPv{family}, {way}"
            free = {"free": SENT} if packet == "udp" else {}
            yield _netem(says, changes, arrived(way, one, SENT), expected, **free)


def _arriving() -> Iterator[Row]:
    """Yield what netem does to what arrives, seen behind the host; what leaves it lets be."""
    for (root, more), (what, (words, matches)) in itertools.product(ROOTS_ARRIVING.items(), IMPAIRED_ARRIVING.items()):
        changes = {"netem": {**ALL, "direction": "ingress", **words}, **more}
        for (packet, fields), family in itertools.product(PACKETS_ARRIVING.items(), (4, 6)):
            one = Frame(family, **{"src": CLIENT[family], "dst": INNER[family], **fields})
            expected = 0 if _met(matches, one, REQUESTS) else SENT
            says = f"for {what}, {root}; {packet} over IPv{family}"
            yield _netem(says, changes, arrived("arriving", one, SENT), expected, free=SENT)
        one = Frame(src=ENDS["forwarded"][0][4], dst=ENDS["forwarded"][1][4])
        says = f"for {what}, {root}; udp that leaves"
        yield _netem(says, changes, arrived("forwarded", one, SENT), SENT, free=SENT)
    one = Frame(src=CLIENT[4], dst=INNER[4])
    changes = {"netem": {**ALL, "direction": "ingress", "duration_s": 4}}
    yield _netem("of what arrives ends by itself; udp", changes, gone_by_itself("arriving", one, SENT, 4), [0, SENT])


def _whatever_stands_ahead() -> Iterator[Row]:
    for what, (words, matches) in IMPAIRED.items():
        changes = {"netem": {**ALL, **words}}
        source, target = ENDS["sent"]
        for family in (4, 6) if what in ("everything", "a port") else ():
            shapes = {**SHAPES[family], **{name: {"tags": tags} for name, tags in TAGS.items()}}
            for says, shape in shapes.items():
                if says == "plain":
                    continue
                one = Frame(family, src=source[family], dst=target[family], **shape)
                expected = 0 if _met(matches, one) else SENT
                words_ = f"for {what}, alone; udp over IPv{family}, {says}"
                yield _netem(words_, changes, arrived("sent", one, SENT), expected)
        if what not in EVERYWHERE:
            continue
        source, target = ENDS["bridged"]
        for (packet, fields), family in itertools.product(list(PACKETS.items())[::3], (4, 6)):
            one = Frame(family, **{"src": source[family], "dst": target[family], **fields})
            expected = 0 if _met(matches, one) else SENT
            says = f"for {what}, bridged; {packet} over IPv{family}"
            yield _netem(says, changes, arrived("bridged", one, SENT), expected, free=SENT, arranged=BRIDGED)


def _by_kind() -> Iterator[Row]:
    """Yield each kind of impairment, for all packets and for some."""
    delay = {"delay_ms": 300}
    kinds: dict[str, tuple[dict[str, Any], Any, Any, Any]] = {
        "loss by a model of two states": (
            {"loss_model": {"type": "gemodel", "p_pct": 100, "r_pct": 0}},
            arrived,
            (0, 1),  # it begins in the good state
            SENT,
        ),
        "loss by a model of four states": (
            {"loss_model": {"type": "state", "p13_pct": 100, "p31_pct": 0}},
            arrived,
            0,
            SENT,
        ),
        "duplicates": ({"duplicate_pct": 100}, arrived, 2 * SENT, SENT),
        "damage": ({"corrupt_pct": 100}, intact, 0, SENT),
        "delay": (delay, late, True, False),
        "delay, all sent at once": ({**delay, "reorder_pct": 100}, late, False, False),
    }
    for (kind, (words, traffic, expected, free)), some in itertools.product(kinds.items(), (False, True)):
        if some and kind not in ("duplicates", "damage", "delay"):
            continue
        changes = {"netem": {**words, **({"match": {"dports": ["7000"]}} if some else {})}}
        for family, (packet, fields) in itertools.product(
            (4, 6), {"its port": {}, "another port": {"dport": 7001}}.items()
        ):
            source, target = ENDS["sent"]
            one = Frame(family, **{"src": source[family], "dst": target[family], **fields})
            met = expected if not some or packet == "its port" else free
            says = f"{kind}{', for a port' if some else ''}; {packet} over IPv{family}"
            yield _netem(says, changes, traffic("sent", one, SENT), met, free=free)
    one = Frame(src=ENDS["sent"][0][4], dst=ENDS["sent"][1][4])
    changes = {"netem": {**ALL, "duration_s": 4}}
    yield _netem("ends by itself; udp", changes, gone_by_itself("sent", one, SENT, 4), [0, SENT])


ON_TOP = {
    "a VLAN": ("ip link add link eth0 name top0 type vlan id 10",),
    "a VLAN in a VLAN": (
        "ip link add link eth0 name mid0 type vlan proto 802.1ad id 5",
        "ip link set mid0 up",
        "ip link add link mid0 name top0 type vlan id 10",
    ),
    "a macvlan": ("ip link add link eth0 name top0 type macvlan mode bridge",),
    "an ipvlan": ("ip link add link eth0 name top0 type ipvlan mode l2",),
    "a tunnel of IP in IP": ("ip link add top0 type ipip local 192.0.2.1 remote 192.0.2.2",),
    "a tunnel of GRE": ("ip link add top0 type gre local 192.0.2.1 remote 192.0.2.2",),
    "a VXLAN": ("ip link add top0 type vxlan id 5 local 192.0.2.1 remote 192.0.2.2 dstport 4789 dev eth0",),
}
ADDRESSES = {4: ("198.51.100.1", "198.51.100.2"), 6: ("fd00:77::1", "fd00:77::2")}
UP = (
    "ip link set top0 up",
    *(f"ip addr add {ADDRESSES[f][0]}/{64 if f == 6 else 24} dev top0{' nodad' if f == 6 else ''}" for f in (4, 6)),
)
KNOWN = tuple(f"ip neigh replace {ADDRESSES[f][1]} lladdr 02:00:00:00:00:02 dev top0" for f in (4, 6))
BY = [
    {"classid": "1:10", "rate_mbit": 20, "match": [{"proto": "udp", "dports": ["7000"]}]},
    {"classid": "1:20", "rate_mbit": 20, "match": [{"dscp": 46}]},
    {"classid": "1:30", "rate_mbit": 20, "match": [{"proto": "udp", "dports": ["4789"]}]},
    {"classid": "1:40", "rate_mbit": 20, "match": [{"dst": "198.51.100.2/32"}]},
]


def _on_top() -> Iterator[Row]:
    """Yield what leaves by an interface on top of eth0: it is known as itself, in a tunnel as the outer packet."""
    changes = {"shaper": {"egress_mbit": 400}, "htb_classes": BY}
    for number, (what, commands) in enumerate(ON_TOP.items()):
        outer = {"a VXLAN": "1:30"}.get(what, REST) if "tunnel" in what or "VXLAN" in what else ""
        arranged = (*commands, *UP, *(() if "tunnel" in what else KNOWN))
        for family, (packet, fields, met) in itertools.product(
            (4, 6),
            (
                ("a port", {}, "1:10"),
                ("a code point", {"dport": 1, "dscp": 46}, "1:20"),
                ("a receiver", {"dport": 1}, "1:40"),
            ),
        ):
            if family == 6 and (what == "a tunnel of IP in IP" or packet == "a receiver"):
                continue
            source, target = ADDRESSES[family]
            one = Frame(family, **{"src": source, "dst": target, **fields})
            yield Row(
                "htb_classes",
                f"{packet} over IPv{family}, by {what} on top",
                changes,
                spoken(one),
                {outer or met: 1},
                free={},
                gone=GOINGS[number % 3],
                arranged=arranged,
                shared=f"by {what} on top",
                own_kernel=True,
            )


def _washed() -> Iterator[Row]:
    for washes, family, way in itertools.product((True, False), (4, 6), ("sent", "forwarded")):
        source, target = ENDS[way]
        one = Frame(family, src=source[family], dst=target[family], dscp=46)
        changes = {"qdisc": {"type": "cake", "params": {"wash": washes}}}
        yield Row(
            "qdisc",
            f"cake that washes{'' if washes else ' not'}, a code point over IPv{family}, {way}",
            changes,
            code_points(way, one),
            [0 if washes else 46],
            free=[46],
            gone=GOINGS[washes],
            shared=f"cake {washes}",
            own_kernel=True,
        )


ROWS = tuple(
    replace(row, quick=False)
    for row in (*_for_some(), *_arriving(), *_whatever_stands_ahead(), *_by_kind(), *_on_top(), *_washed())
)
