# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ruff: noqa: E501 - one row is one line
"""Effects of classes that match who sends: the sender itself, whoever translates its address."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.effects.lab import CLIENT, HOST, INNER
from tests.effects.row import Row
from tests.effects.traffic import OWN, PASSING, PORT, class_of

if TYPE_CHECKING:
    from collections.abc import Iterator

MET, SECOND, REST, UNSHAPED = "1:10", "1:20", "1:fffe", ""
SHAPER = {"shaper": {"egress_mbit": 100}}
NETWORK = {4: "10.9.0.0/24", 6: "fd00:9::/64"}
MASQUERADE = {"nat_rules": [{"type": "masquerade"}]}
WAYS = {"of its own": OWN, "passing through": PASSING}
OTHERS_MASQUERADE = (
    "nft add table inet elsewhere",
    "nft add chain inet elsewhere post { type nat hook postrouting priority srcnat; }",
    "nft add rule inet elsewhere post oifname eth0 masquerade",
)
SHOWN = 3


def classes(*matches: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return changes with a shaper and a class for each match, 1:10, 1:20 and so on."""
    listed = [{"classid": f"1:{number}0", "rate_mbit": 9, "match": [match]} for number, match in enumerate(matches, 1)]
    return {**SHAPER, "htb_classes": listed, **more}


def _crossed() -> Iterator[Row]:
    """Yield the same for each IP version, way and translation."""
    for family, (way, path) in itertools.product((4, 6), WAYS.items()):
        sender = HOST[family] if path is OWN else INNER[family]
        bits = 32 if family == 4 else 128
        translations: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
            "": ({}, ()),
            ", behind masquerade": ({"nat_rules": [{"type": "masquerade", "src": NETWORK[family]}]}, ()),
            ", behind snat": ({"nat_rules": [{"type": "snat", "src": NETWORK[family], "to_addr": HOST[family]}]}, ()),
            ", behind a masquerade of others": ({}, OTHERS_MASQUERADE),
        }
        for behind, (more, arranged) in translations.items():
            says = f"the sender, {way} over IPv{family}{behind}"
            changes = classes({"src": f"{sender}/{bits}"}, **more)
            yield Row(
                "htb_classes", says, changes, class_of(path, family=family), MET, free=UNSHAPED, arranged=arranged
            )


MANY = [
    {"classid": f"1:{0x100 + n:x}", "rate_mbit": 0.01, "match": [{"src": f"10.7.{n >> 8}.{n & 255}/32"}]}
    for n in range(257)
]
BY_ADDRESS, BY_NETWORK, BY_PORT = {"src": f"{INNER[4]}/32"}, {"src": NETWORK[4]}, {"dports": [str(PORT)]}
MARKED = {"dscp": [{"match": {"src": INNER[4]}, "dscp": 46}]}
MACVLAN = (
    "ip link add link eth0 name mac0 type macvlan mode bridge",
    *OTHERS_MASQUERADE[:2],
    "nft add rule inet elsewhere post masquerade",
)

ROWS = (
    *(replace(row, quick=number % SHOWN == 0) for number, row in enumerate(_crossed())),
    Row("htb_classes", "the host's own address, for what passes through behind masquerade", classes({"src": f"{HOST[4]}/32"}, **MASQUERADE), class_of(PASSING), REST, free=UNSHAPED),
    Row("htb_classes", "the host's own address, for its own behind masquerade", classes({"src": f"{HOST[4]}/32"}, **MASQUERADE), class_of(OWN), MET, quick=False),
    Row("htb_classes", "another sender behind masquerade", classes({"src": "10.9.0.3/32"}, **MASQUERADE), class_of(PASSING), REST, quick=False),
    Row("htb_classes", "another sender, in the plan's default class", classes({"src": "10.9.0.3/32"}, {"src": "10.9.0.4/32"}, default_class=SECOND, **MASQUERADE), class_of(PASSING), SECOND),
    Row("htb_classes", "another sender, without a shaper", {**classes({"src": f"{HOST[4]}/32"}, **MASQUERADE), "shaper": None}, class_of(PASSING), UNSHAPED, free=UNSHAPED),
    Row("htb_classes", "a sender without a shaper", {**classes(BY_ADDRESS, **MASQUERADE), "shaper": None}, class_of(PASSING), MET, quick=False),
    Row("htb_classes", "the address ahead of its network", classes(BY_ADDRESS, BY_NETWORK, **MASQUERADE), class_of(PASSING), MET),
    Row("htb_classes", "the network ahead of an address", classes(BY_NETWORK, BY_ADDRESS, **MASQUERADE), class_of(PASSING), MET, quick=False),
    Row("htb_classes", "a port between two senders", classes({"src": "10.9.0.3/32"}, BY_PORT, BY_ADDRESS, **MASQUERADE), class_of(PASSING), SECOND),
    Row("htb_classes", "a port ahead of the sender", classes(BY_PORT, BY_ADDRESS, **MASQUERADE), class_of(PASSING), MET, quick=False),
    Row("htb_classes", "a sender and a port", classes({**BY_ADDRESS, **BY_PORT, "proto": "udp"}, **MASQUERADE), class_of(PASSING), MET),
    Row("htb_classes", "a sender and another port", classes({**BY_ADDRESS, "dports": ["1-6999"]}, **MASQUERADE), class_of(PASSING), REST, quick=False),
    Row("htb_classes", "a sender and a receiver", classes({**BY_ADDRESS, "dst": f"{CLIENT[4]}/32"}, **MASQUERADE), class_of(PASSING), MET, quick=False),
    Row("htb_classes", "a sender and a code point that it has set", classes({**BY_ADDRESS, "dscp": 46}, **MASQUERADE), class_of(PASSING, dscp=46), MET),
    Row("htb_classes", "a code point that the plan sets, beside a sender", classes({"dscp": 46}, BY_NETWORK, **MASQUERADE, **MARKED), class_of(PASSING), MET),
    Row("htb_classes", "a sender and a port, of large datagrams", classes({**BY_ADDRESS, **BY_PORT}, **MASQUERADE), class_of(PASSING, size=4000), MET),
    Row("htb_classes", "a sender and a port, of its own large datagrams over IPv6", classes({"src": f"{HOST[6]}/128", **BY_PORT}), class_of(OWN, family=6, size=4000), MET, quick=False),
    Row("htb_classes", "everybody of an IP version, behind a sender", classes({"src": "10.9.0.3/32"}, {"src": "::/0"}, {"src": "0.0.0.0/0"}, **MASQUERADE), class_of(PASSING), "1:30"),
    Row("htb_classes", "everybody of the other IP version, behind a sender", classes({"src": "10.9.0.3/32"}, {"src": "::/0"}, {"src": "0.0.0.0/0"}, **MASQUERADE), class_of(PASSING, family=6), SECOND),
    Row("htb_classes", "one of 258 senders behind masquerade", {**SHAPER, **MASQUERADE, "htb_classes": [*MANY, {"classid": MET, "rate_mbit": 9, "match": [BY_ADDRESS]}]}, class_of(PASSING), MET, free=UNSHAPED),
    Row("htb_classes", "a sender beside a user, behind masquerade", classes(BY_ADDRESS, {"uid": 4242}, **MASQUERADE), class_of(PASSING), MET),
    Row("htb_classes", "a source of a macvlan on top, behind a masquerade of others", classes(BY_ADDRESS), arranged=MACVLAN, told="leave by mac0 with another source"),
)  # fmt: skip
