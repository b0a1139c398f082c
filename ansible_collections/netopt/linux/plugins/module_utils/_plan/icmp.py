# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of the types of ICMP messages, as nft(8) has them; pure.

Numbers are those of RFC 792, RFC 950 and RFC 1256 for ICMP, of RFC 4443, RFC 2710, RFC 2894, RFC 3122 and RFC 3810 for
ICMPv6. Neighbour discovery (133 to 137, RFC 4861) has no names here: no limit ever meets it.
"""

from __future__ import annotations

from typing import Any

TYPE_MAX = 255
ICMP_TYPES = {
    "icmp": {
        "echo-reply": 0,
        "destination-unreachable": 3,
        "source-quench": 4,
        "redirect": 5,
        "echo-request": 8,
        "router-advertisement": 9,
        "router-solicitation": 10,
        "time-exceeded": 11,
        "parameter-problem": 12,
        "timestamp-request": 13,
        "timestamp-reply": 14,
        "info-request": 15,
        "info-reply": 16,
        "address-mask-request": 17,
        "address-mask-reply": 18,
    },
    "icmpv6": {
        "destination-unreachable": 1,
        "packet-too-big": 2,
        "time-exceeded": 3,
        "parameter-problem": 4,
        "echo-request": 128,
        "echo-reply": 129,
        "mld-listener-query": 130,
        "mld-listener-report": 131,
        "mld-listener-done": 132,
        "router-renumbering": 138,
        "ind-neighbor-solicit": 141,
        "ind-neighbor-advert": 142,
        "mld2-listener-report": 143,
    },
}
"""The number of each type by its name, for each protocol."""
NEIGHBOUR_DISCOVERY = range(133, 138)


def type_number(protocol: str, value: Any) -> int | None:
    """Return the number of a type given by name in any case, or by number, also as text; ``None`` where it is none."""
    word = value
    if isinstance(word, str):
        name = word.strip().lower().replace("_", "-")
        if name in ICMP_TYPES[protocol]:
            return ICMP_TYPES[protocol][name]
        if name.isascii() and name.isdigit() and len(name) <= len("255"):
            word = int(name)
    if not isinstance(word, int) or isinstance(word, bool) or not 0 <= word <= TYPE_MAX:
        return None
    return None if protocol == "icmpv6" and word in NEIGHBOUR_DISCOVERY else word


def types_wanted(protocol: str) -> str:
    """Return what a type of a protocol may be, in words."""
    less = " but those of neighbour discovery, 133 to 137" if protocol == "icmpv6" else ""
    return f"a number from 0 to {TYPE_MAX}{less}, or one of {', '.join(ICMP_TYPES[protocol])}"
