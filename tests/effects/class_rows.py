# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The class of a packet: kinds of match, crossed with what stands ahead of ports, ways, and how many matches there are.

The plan has one class for each kind of match, which all others leave alone. With 256 matches filters find the class,
with 257 maps and rules, and beside a ``uid`` rules. Where a match names who sends, rules do, and filters for what no
rule sees. What is expected is ``meaning.py``.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.effects.classes import ENDS, fragments, framed, spoken
from tests.effects.frames import DESTINATION, HOP_BY_HOP, ROUTER_ALERT, Frame
from tests.effects.meaning import REST, class_of
from tests.effects.row import NULL, REMOVE, ROLLBACK, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ECHO = 8 << 8
# kind of match: (the match, a packet that fits, one that nearly does)
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "a port of udp": ({"proto": "udp", "dports": ["7000"]}, {}, {"dport": 6999}),
    "a port": ({"dports": ["7001"]}, {"proto": "sctp", "dport": 7001}, {"proto": "sctp", "dport": 7002}),
    "a source port": ({"sports": ["1111"]}, {"sport": 1111, "dport": 1}, {"sport": 1112, "dport": 1111}),
    "a range of ports of tcp": (
        {"proto": "tcp", "dports": ["7100-7200"]},
        {"proto": "tcp", "dport": 7200},
        {"dport": 7200},
    ),
    "one of several ports": (
        {"dports": ["53", "7300"]},
        {"proto": "tcp", "dport": 7300},
        {"proto": "tcp", "dport": 54},
    ),
    "a source": ({"src": "198.18.5.0/24"}, {"src": "198.18.5.7", "dport": 1}, {"src": "198.18.6.7", "dport": 1}),
    "a source of IPv6": (
        {"src": "2001:db8:5::/48"},
        {"src": "2001:db8:5::7", "dport": 1},
        {"src": "2001:db8:6::7", "dport": 1},
    ),
    "a destination and a port": (
        {"dst": "192.0.2.2/32", "dports": ["7400"]},
        {"dport": 7400},
        {"dport": 7401},
    ),
    "a destination of IPv6 and a port": (
        {"dst": "2001:db8::2/128", "dports": ["7400"]},
        {"dport": 7400},
        {"dport": 7401},
    ),
    "a code point": ({"dscp": 46}, {"dscp": 46, "dport": 1}, {"dscp": 44, "dport": 1}),
    "flags of TCP": (
        {"tcp_flags": ["syn", "!ack"], "dports": ["7500"]},
        {"proto": "tcp", "dport": 7500, "flags": 2},
        {"proto": "tcp", "dport": 7500, "flags": 18},
    ),
    "a length": ({"max_length": 100, "dports": ["7600"]}, {"dport": 7600}, {"dport": 7601}),
    "sctp": ({"proto": "sctp"}, {"proto": "sctp", "dport": 1}, {"proto": "udp", "dport": 132}),
    "icmp": ({"proto": "icmp"}, {"proto": "icmp", "sport": ECHO}, {"dport": 1}),
    "icmpv6": ({"proto": "icmpv6"}, {"proto": "icmpv6", "sport": 128 << 8}, {"dport": 58}),
    "tcp": ({"proto": "tcp"}, {"proto": "tcp", "dport": 1}, {"dport": 6}),
}
OF_FAMILY = {"a source": 4, "a destination and a port": 4, "icmp": 4, "a source of IPv6": 6, "icmpv6": 6}
OF_FAMILY["a destination of IPv6 and a port"] = 6
SHAPES: dict[int, dict[str, dict[str, Any]]] = {
    4: {"plain": {}, "with an IP option": {"options": ROUTER_ALERT[4]}, "with all options": {"options": b"\1" * 40}},
    6: {
        "plain": {},
        "behind hop-by-hop options": {"extension": HOP_BY_HOP},
        "behind destination options": {"extension": DESTINATION},
        "behind two extension headers": {"extension": DESTINATION, "extensions": 2},
        "behind a long extension header": {"extension": DESTINATION, "units": 2},
    },
}
SENDERS = ("a source", "a source of IPv6")
TAGS = {"tagged": ("802.1Q",), "tagged twice": ("802.1ad", "802.1Q")}
FILTERS, MAPS = 256, 257
MATCHES = 64  # of a class
BRIDGED = (
    "ip link add br0 type bridge",
    *(f"ip addr flush dev {device}" for device in ("eth0", "eth1")),
    *(f"ip link set {device} master br0" for device in ("eth0", "eth1")),
    "ip link set br0 up",
)


def _classes(matches: int, more: dict[str, Any] | None = None, without: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return a class for each kind of match, and others so that there are so many matches in all."""
    wanted = [[match] for kind, (match, _met, _other) in KINDS.items() if kind not in without]
    first = len(wanted)
    rest: list[dict[str, Any]] = [
        {"dst": f"203.0.113.{number % 250}", "dports": [str(30000 + number)]} for number in range(matches - first)
    ]
    if more:
        rest.append(more)
    wanted += [rest[number : number + MATCHES] for number in range(0, len(rest), MATCHES)]
    return [
        {"classid": f"1:{0x10 + number:x}", "rate_mbit": 1, "ceil_mbit": 400, "match": some}
        for number, some in enumerate(wanted)
    ]


@dataclass(frozen=True)
class Size:
    """A plan of so many matches.

    Attributes:
        says: in words.
        classes: of the plan.
        gone: how the plan goes.
        by_rules: whether rules find the class, or filters.
        has_filters: whether filters find the class of what no rule sees.
        without: the kinds of match that it does not have.
    """

    says: str
    classes: list[dict[str, Any]]
    gone: str
    by_rules: bool
    has_filters: bool
    without: Sequence[str] = ()

    @property
    def changes(self) -> dict[str, Any]:
        """The changes of the plan."""
        return {"shaper": {"egress_mbit": 400}, "htb_classes": self.classes}

    @property
    def kinds(self) -> list[str]:
        """The kinds of match that it has."""
        return [kind for kind in KINDS if kind not in self.without]


WITH_FILTERS, WITH_RULES = {"by_rules": False, "has_filters": True}, {"by_rules": True, "has_filters": False}
WITH_BOTH = {"by_rules": True, "has_filters": True}
SIZES = (
    Size("256 matches", _classes(FILTERS, without=SENDERS), ROLLBACK, **WITH_FILTERS, without=SENDERS),
    Size("256 matches, also of senders", _classes(FILTERS), NULL, **WITH_BOTH),
    Size("257 matches", _classes(MAPS), REMOVE, **WITH_RULES),
    Size("matches beside a uid", _classes(len(KINDS), {"uid": 4242}), NULL, **WITH_RULES),
)
CHANGES = {size.says: size.changes for size in SIZES}


def _families(kind: str) -> tuple[int, ...]:
    return (OF_FAMILY[kind],) if kind in OF_FAMILY else (4, 6)


def _ended(way: str, fields: dict[str, Any], family: int, **shape: Any) -> Frame:
    """Return a frame with the addresses that it has on a way."""
    source, target = ENDS[way]
    return Frame(family, **{"src": source[family], "dst": target[family], **fields, **shape})


def _counted(size: Size, sent: Sequence[Frame], **more: Any) -> dict[str, int]:
    return dict(Counter(class_of(size.classes, one, by_rules=size.by_rules, **more) for one in sent))


def _unseen(size: Size, one: Frame) -> dict[str, int]:
    """Return the class of a frame that rules do not see."""
    return {class_of(size.classes, one, by_rules=False) if size.has_filters else REST: 1}


def _row(size: Size, says: str, traffic: Any, expected: dict[str, int], **more: Any) -> Row:
    return Row(
        "htb_classes",
        f"{says}, {size.says}",
        CHANGES[size.says],
        traffic,
        expected,
        **{"free": {}, "gone": size.gone, "shared": f"classes, {size.says}", **more},
    )


def _sizes_and_kinds() -> list[tuple[Size, str]]:
    return [(size, kind) for size in SIZES for kind in size.kinds]


def _forwarded() -> Iterator[Row]:
    """Yield each kind of match with all that may stand ahead of it, for what passes through."""
    for size, kind in _sizes_and_kinds():
        _match, met, other = KINDS[kind]
        for family in _families(kind):
            for says, shape in SHAPES[family].items():
                for near, fields in (("", met), ("nearly ", other)):
                    if near and says != "plain":
                        continue
                    one = _ended("forwarded", fields, family, **shape)
                    words = f"{near}{kind} over IPv{family}, {says}, forwarded"
                    yield _row(size, words, framed("forwarded", one), _counted(size, [one]))


def _in_fragments() -> Iterator[Row]:
    """Yield datagrams in fragments: filters see each by itself, rules the whole."""
    for size, kind in itertools.product(SIZES, ("a port", "a code point", "sctp", "tcp", "a source port")):
        for family in _families(kind):
            one = _ended("forwarded", KINDS[kind][1], family)
            sent = [one, one] if size.by_rules else fragments(one)
            words = f"{kind} over IPv{family}, two fragments, forwarded"
            yield _row(size, words, framed("forwarded", one, whole=False), _counted(size, sent))
    for size, family in itertools.product(SIZES, (4, 6)):
        one = _ended("sent", KINDS["a port of udp"][1], family)
        first, later = class_of(size.classes, one, by_rules=True), REST
        expected = {first: 3} if size.by_rules else {first: 1, later: 2}
        words = f"a port of udp over IPv{family}, a datagram of 4,000 bytes, of this host"
        yield _row(size, words, spoken(one, size=4000), expected)


def _of_this_host() -> Iterator[Row]:
    """Yield what the host's own sockets send."""
    for size, kind in _sizes_and_kinds():
        _match, met, other = KINDS[kind]
        if "src" in met or kind == "flags of TCP":
            continue
        for family, (near, fields) in itertools.product(_families(kind), (("", met), ("nearly ", other))):
            one = _ended("sent", fields, family)
            sent = replace(one, flags=2) if one.proto == "tcp" else one  # the first packet of a connection
            if one.proto == "icmp" and family == 6:
                continue
            words = f"{near}{kind} over IPv{family}, of this host"
            yield _row(size, words, spoken(one), _counted(size, [sent]))


def _marked() -> Iterator[Row]:
    """Yield what a socket or a rule has marked, with masks and without."""
    marks = {"1:10": {"fwmark": "0x3/0xf"}, "1:11": {"fwmark": "0x125"}, "1:12": {"fwmark": "7", "dports": ["7000"]}}
    few = [{"classid": name, "rate_mbit": 1, "match": [match]} for name, match in marks.items()]
    priority = {"classid": "1:20", "rate_mbit": 1, "match": [{"skb_priority": 6}]}
    for says, classes, by_rules in (("filters", few, False), ("rules", [*few, priority], True)):
        changes = {"shaper": {"egress_mbit": 400}, "htb_classes": classes}
        given_to_sockets = ((0x13, 0), (0x125, 0), (7, 0), (8, 0), (0x13, 6), (0, 6))
        for family, (mark, given) in itertools.product((4, 6), given_to_sockets):
            one = _ended("sent", {}, family)
            met = class_of(classes, one, by_rules=by_rules, mark=mark, priority=given)
            words = f"mark {mark:#x} and priority {given} over IPv{family}, {says}"
            traffic = spoken(one, mark=mark, priority=given)
            shared = {"shared": f"marks, {says}", "own_kernel": not by_rules}  # not each kernel's filters see marks
            yield Row("htb_classes", words, changes, traffic, {met: 1}, free={}, **shared)


def _below_a_bridge() -> Iterator[Row]:
    """Yield what a bridge passes on by its port: filters see it, rules do not, and that is told."""
    for size, kind in itertools.product(SIZES, ("a port of udp", "a code point", "tcp", "a source port")):
        for family in (4, 6):
            one = _ended("bridged", KINDS[kind][1], family)
            yield _row(
                size,
                f"{kind} over IPv{family}, bridged",
                framed("bridged", one),
                _unseen(size, one),
                arranged=BRIDGED,
                told="" if size.has_filters else "meets none of these matches",
                shared=f"bridged, {size.says}",
            )


def _by_packet_sockets() -> Iterator[Row]:
    """Yield frames of packet sockets, which pass by all rules, with tags and without."""
    for size, kind in itertools.product(SIZES[:3], ("a port of udp", "a code point", "sctp", "a source port")):
        for family, (says, tags) in itertools.product((4, 6), {"plain": (), **TAGS}.items()):
            one = _ended("sent", KINDS[kind][1], family, tags=tags)
            words = f"{kind} over IPv{family}, {says}, of a packet socket"
            yield _row(size, words, framed("sent", one), _unseen(size, one))


ROWS = tuple(
    replace(row, quick=row.shared == "marks, rules")
    for row in (
        *_forwarded(),
        *_in_fragments(),
        *_of_this_host(),
        *_marked(),
        *_below_a_bridge(),
        *_by_packet_sockets(),
    )
)
