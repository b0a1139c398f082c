# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The code point that packets leave with: kinds of match, crossed with what stands ahead of ports, and with ways."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.effects.class_rows import KINDS, OF_FAMILY, SHAPES, TAGS
from tests.effects.classes import ENDS
from tests.effects.frames import Frame
from tests.effects.lab import BEHIND, INNER, PUBLISHED
from tests.effects.meaning import REST, class_of
from tests.effects.row import NULL, REMOVE, Row
from tests.effects.seen import answered_as, code_points

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_HERE = ("a code point", "flags of TCP", "a length")  # marks have no such match
MATCHES = {kind: match for kind, (match, _met, _other) in KINDS.items() if kind not in NOT_HERE}
CODES = {kind: 10 + number for number, kind in enumerate(MATCHES)}
CHANGES: dict[str, Any] = {"dscp": [{"match": match, "dscp": CODES[kind]} for kind, match in MATCHES.items()]}


def _code(one: Frame) -> int:
    entries = [{"classid": CODES[kind], "match": [match]} for kind, match in MATCHES.items()]
    found = class_of(entries, one, by_rules=True)
    return one.dscp if found == REST else int(found)


def _row(says: str, traffic: Any, expected: list[int], free: int = 0, **more: Any) -> Row:
    words = {"gone": REMOVE, "shared": "marks", **more}
    return Row("dscp", says, CHANGES, traffic, expected, free=[free] * len(expected), **words)


def _forwarded() -> Iterator[Row]:
    for kind in MATCHES:
        for family in (OF_FAMILY[kind],) if kind in OF_FAMILY else (4, 6):
            for says, shape in SHAPES[family].items():
                source, target = ENDS["forwarded"]
                ends = {"src": source[family], "dst": target[family]}
                one = Frame(family, **{**ends, **KINDS[kind][1], **shape})
                words = f"{kind} over IPv{family}, {says}, forwarded"
                yield _row(words, code_points("forwarded", one), [_code(one)])
    for kind, family in itertools.product(("a port", "a source port", "tcp", "sctp"), (4, 6)):
        source, target = ENDS["forwarded"]
        one = Frame(family, **{"src": source[family], "dst": target[family], **KINDS[kind][1]})
        words = f"{kind} over IPv{family}, two fragments, forwarded"
        yield _row(words, code_points("forwarded", one, whole=False), [_code(one)] * 2)


def _of_this_host() -> Iterator[Row]:
    for kind in MATCHES:
        if kind.startswith("a source") and "port" not in kind:
            continue
        for family in (OF_FAMILY[kind],) if kind in OF_FAMILY else (4, 6):
            source, target = ENDS["sent"]
            one = Frame(family, **{"src": source[family], "dst": target[family], **KINDS[kind][1]})
            yield _row(
                f"{kind} over IPv{family}, of this host", code_points("sent", one, own_socket=True), [_code(one)]
            )
    for family, (says, tags) in itertools.product((4, 6), {"plain": (), **TAGS}.items()):
        one = Frame(family, tags=tags)
        words = f"a port of udp over IPv{family}, {says}, of a packet socket"
        if not tags:
            yield _row(words, code_points("sent", one), [0])


def _answers() -> Iterator[Row]:
    """Yield answers of a published port: the source is matched before it is translated back."""
    entries: dict[str, tuple[dict[str, Any], int]] = {
        "its port behind": ({"sports": [str(BEHIND)]}, 21),
        "its published port": ({"sports": [str(PUBLISHED)]}, 0),
        "the host behind": ({"src": "INNER"}, 21),
        "the client": ({"dports": ["1024-65535"]}, 21),
    }
    for family, proto, (says, (match, code)) in itertools.product((4, 6), ("udp", "tcp"), entries.items()):
        behind = {"src": INNER[family]} if "src" in match else {}
        changes = {"dscp": [{"match": {**match, **behind}, "dscp": 21}]}
        words = f"answers of a published port by {says}, {proto} over IPv{family}"
        traffic = answered_as(PUBLISHED, BEHIND, proto, family)
        yield Row(
            "dscp", words, changes, traffic, {code}, free={0}, gone=NULL, shared=words.partition(",")[0] + f"{family}"
        )


ROWS = tuple(replace(row, quick=False) for row in (*_forwarded(), *_of_this_host(), *_answers()))
