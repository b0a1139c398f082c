# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The class of what arrives, on the device that it is redirected to: as it arrives, before any translation."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.effects.class_rows import KINDS, OF_FAMILY, SHAPES, TAGS
from tests.effects.classes import framed
from tests.effects.frames import Frame
from tests.effects.lab import BEHIND, CLIENT, HOST, INNER, PUBLISHED
from tests.effects.meaning import REST, class_of
from tests.effects.row import NULL, REMOVE, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

DEVICE = "ifb-eth0"
SEEN = ("a port of udp", "a source port", "one of several ports", "a source", "a code point", "sctp", "icmp", "icmpv6")


def _classes(*matches: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"classid": f"1:{0x10 + number:x}", "rate_mbit": 1, "ceil_mbit": 400, "match": [match]}
        for number, match in enumerate(matches)
    ]


def _changes(classes: list[dict[str, Any]]) -> dict[str, Any]:
    return {"shaper": {"ingress_mbit": 400}, "ingress": {"htb_classes": classes}}


CLASSES = _classes(*(KINDS[kind][0] for kind in SEEN))
CHANGES = _changes(CLASSES)
PORTS = _classes({"dports": [str(PUBLISHED)]}, {"dports": [str(BEHIND)]}, {"dst": INNER[4]}, {"dst": INNER[6]})
TRANSLATED = _changes(PORTS)


def _arriving(fields: dict[str, Any], family: int, **shape: Any) -> Frame:
    return Frame(family, **{"src": CLIENT[family], "dst": HOST[family], **fields, **shape})


def _as_it_arrives() -> Iterator[Row]:
    for kind in SEEN:
        for family in (OF_FAMILY[kind],) if kind in OF_FAMILY else (4, 6):
            for says, shape in {**SHAPES[family], **{name: {"tags": tags} for name, tags in TAGS.items()}}.items():
                for near, fields in (("", KINDS[kind][1]), ("nearly ", KINDS[kind][2])):
                    if near and says != "plain":
                        continue
                    one = _arriving(fields, family, **shape)
                    met = class_of(CLASSES, one, by_rules=False)
                    expected = {REST if len(one.tags) > 1 else met: 1}  # what arrives is seen behind one tag
                    traffic = framed("arriving", one, device=DEVICE)
                    words = f"{near}{kind} over IPv{family}, {says}"
                    yield Row("ingress", words, CHANGES, traffic, expected, free={}, gone=REMOVE, shared="ingress")


def _wherever_it_goes() -> Iterator[Row]:
    """Yield what is for this host, for others and for a published port."""
    for family, proto in itertools.product((4, 6), ("tcp", "udp", "sctp")):
        for says, more in {
            "the port behind, to this host": {"dport": BEHIND},
            "a published port": {"dport": PUBLISHED},
            "the port behind, passing through": {"dport": BEHIND, "dst": INNER[family]},
            "the host behind, passing through": {"dport": 1, "dst": INNER[family]},
        }.items():
            one = _arriving({"proto": proto, "flags": 2, **more}, family)
            expected = Counter({class_of(PORTS, one, by_rules=False): 1})
            traffic = framed("arriving", one, device=DEVICE)
            words = f"{says}, {proto} over IPv{family}"
            yield Row("ingress", words, TRANSLATED, traffic, expected, free={}, gone=NULL, shared="ingress, translated")


ROWS = (*(replace(row, quick=False) for row in _as_it_arrives()), *_wherever_it_goes())
