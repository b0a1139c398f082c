# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The u32 filters by which packets find their htb class, in tables that the kinds of packets are led to. Pure.

A filter's protocol is that of the frame, which for a tagged packet is that of the tag. u32 counts from the IP header
all the same, so tagged and untagged packets are led to the same tables. On the way there u32 learns where the transport
header begins: behind the options of IPv4, behind an extension header of IPv6 of eight bytes (u32 cannot multiply, so it
cannot take the length from longer ones).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Tuple

from .u32_match import EXTENDED, HEADER_END, selectors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

GROUP_SIZE = 2000  # filters in a table; the kernel numbers at most 4095
PREFERENCES = {"ip": 1, "ipv6": 2, "802.1Q": 3, "802.1ad": 4}
LATER = "a later fragment of ipv6"  # which has a protocol, and no ports
VERSION = {"ip": "0x40", "ipv6": "0x60"}  # the first half of the first byte of each header
BEHIND = {
    "ip": ["at", "0", "mask", "0x0f00", "shift", "6"],  # the header's length, in units of four bytes
    "ipv6": ["plus", str(HEADER_END)],
    EXTENDED: ["plus", str(HEADER_END + 8)],
    LATER: ["plus", str(HEADER_END + 8)],
}
EIGHT_BYTES = ["match", "u8", "0x00", "0xff", "at", str(HEADER_END + 1)]
FIRST_FRAGMENT = ["match", "u16", "0x0000", "0xfff8", "at", str(HEADER_END + 2)]
FRAGMENT = 44
EXTENSIONS = {0: [], 43: [], FRAGMENT: FIRST_FRAGMENT, 60: []}  # hop-by-hop, routing, fragment, destination; RFC 8200
ANY = ["match", "u32", "0", "0"]
TAGS = ("802.1Q", "802.1ad")


Filter = Tuple[str, int, List[str], str]  # protocol, preference, the words behind them, the class or ""


def filters(classes: Sequence[Mapping[str, Any]]) -> Iterator[Filter]:
    """Yield each filter, in the order in which they are made.

    Args:
        classes: those that have matches, in the order in which they are asked.
    """
    found: dict[str, list[list[str]]] = {"ip": [], EXTENDED: [], LATER: [], "ipv6": []}
    for one in classes:
        for match in one["match"]:
            for kind, words in selectors(match):
                found[kind].append([*words, "flowid", one["classid"]])
    found[LATER] = _for_later_fragments(found[EXTENDED])
    tables: dict[str, list[str]] = {kind: [] for kind in found}
    count = 0
    for kind, members in found.items():
        protocol = "ip" if kind == "ip" else "ipv6"
        for start in range(0, len(members), GROUP_SIZE):
            count += 1
            table = f"{count:x}:"
            tables[kind].append(table)
            yield protocol, PREFERENCES[protocol], ["handle", table, "u32", "divisor", "1"], ""
            lines = members[start : start + GROUP_SIZE]
            if kind == "ipv6" and start == 0:  # first, so that the plan's order holds for these packets too
                lines = [*_extensions(tables), *lines]
            for words in lines:
                classid = words[-1] if words[-2] == "flowid" else ""
                yield protocol, PREFERENCES[protocol], ["u32", "ht", table, *words], classid
    yield from _ways_in(tables)


def _for_later_fragments(extended: Sequence[list[str]]) -> list[list[str]]:
    """Return the filters behind an extension header that ask for no ports; none where the others of IPv6 do as well."""
    found = [words for words in extended if not any("nexthdr" in word for word in words)]
    return found if any(words[4:6] == ["at", str(HEADER_END)] for words in found) else []  # a protocol is told there


def _extensions(tables: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """Yield what leads packets with an extension header to their tables, and fragments that have no ports to theirs."""
    for number, more in EXTENSIONS.items():
        key = ["match", "ip6", "protocol", str(number), "0xff", *EIGHT_BYTES, *more]
        yield from _links(tables[EXTENDED], key, EXTENDED)
    yield from _links(tables[LATER], ["match", "ip6", "protocol", str(FRAGMENT), "0xff"], LATER)


def _ways_in(tables: Mapping[str, Sequence[str]]) -> Iterator[Filter]:
    """Yield what leads packets to the tables of IPv4 and IPv6, without a tag and with one."""
    for protocol, version in VERSION.items():
        key = ["match", "u8", version, "0xf0", "at", "0"]
        for frame, words in ((protocol, ANY), *((tag, key) for tag in TAGS)):
            for link in _links(tables[protocol], words, protocol):
                yield frame, PREFERENCES[frame], ["u32", *link], ""


def _links(tables: Sequence[str], key: list[str], kind: str) -> Iterator[list[str]]:
    """Yield what leads packets that have a key to each of the tables of a kind."""
    for table in tables:
        yield [*key, "link", table, "offset", *BEHIND[kind]]
