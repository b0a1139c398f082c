# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The maps by which packets find their htb class where a plan has too many matches for filters. Pure.

A filter is tried after the other; a map is one look at a hash table, however many classes there are. What the map
says becomes the packet's priority (``meta priority``), which htb takes for a class when its major number is that of
its own handle, ahead of any filter (net/sched/sch_htb.c, htb_classify()).

Matches on the same fields share a map, with prefixes of the same length: no intervals, so prefixes may overlap. Where
filters would do for that many matches, those that share one stand side by side in the plan, so that its order holds. Of
more, maps are asked in the order in which the plan first names their fields. The first answer counts. A match that no
map can hold, on a range of ports, on DSCP, or on what only a rule can tell, is a rule of its own.
"""

from __future__ import annotations

import hashlib
import itertools
import socket
from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING, Any, Dict, List, Tuple

from .._common.patterns import pattern
from .._common.quick_dataclass import dataclass
from .._plan.match_words import FLAGS_WANTED, FWMARK_WANTED, TCP_FLAGS, U32_MAX, flags_of, mark_of
from .._tc.intent import MAP_FROM
from . import match

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PREFIX = "classes"  # begins the names of maps; the interfaces' names follow
_NAME = pattern(r"[0-9A-Za-z_.-]{1,40}")
Key = Tuple[str, ...]  # the expressions that are looked up, in nft's words
_TYPES = {"saddr": {4: "ipv4_addr", 6: "ipv6_addr"}, "daddr": {4: "ipv4_addr", 6: "ipv6_addr"}}
_PLAIN_TYPES = {
    "meta l4proto": "inet_proto",
    "th sport": "inet_service",
    "th dport": "inet_service",
    "meta mark": "mark",
}
BY_ITSELF = ("dscp", "max_length", "tcp_flags", "skb_priority", "uid")  # what no map can hold
IPV6_HEADER = 40  # bytes that the length in an IPv6 packet leaves out
_PORTS_WITHOUT_PROTOCOL = list(match.WITH_PORTS)
_SIDES = (("src", "saddr"), ("dst", "daddr"))
_HOST = {4: 32, 6: 128}
_HOST_KEYS = {"dst": ("ip daddr",), "src": ("ip saddr",)}


@dataclass
class Lookup:
    """One rule of the chain: a map with its elements, or a match by itself.

    Attributes:
        name: the map's name, ``""`` for a match by itself.
        key: what is looked up.
        types: the type of each part of the key.
        elements: ``{element: class}``; the first match to claim an element keeps it.
        words: the words of a match by itself; ``target`` is its class, ``wanted`` the match.
        path: the first of the plan's entries that is in it.
    """

    path: str
    name: str = ""
    key: Key = ()
    types: Tuple[str, ...] = ()
    elements: Dict[str, str] = field(default_factory=dict)
    words: Tuple[str, ...] = ()
    target: str = ""
    wanted: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rule(self) -> str:
        """The rule's words behind the interfaces."""
        found = f"{' . '.join(self.key)} map @{self.name}" if self.name else self.target
        return " ".join([*self.words, f"meta priority set {found}", "accept"])

    @property
    def is_plain(self) -> bool:
        """Whether each element is one address, so that a few of them show how nft says them all."""
        return self.types in (("ipv4_addr",), ("ipv6_addr",))

    def body(self, most: int | None = None) -> List[str]:
        """Return the lines of the map, with the first ``most`` elements."""
        listed = ", ".join(
            [f"{element} : {target}" for element, target in itertools.islice(self.elements.items(), most)]
        )
        return [f"type {' . '.join(self.types)} : classid", f"elements = {{ {listed} }}"]


def suffix(ifaces: Sequence[str]) -> str:
    """Return how the names of a plan's maps and chain end, so that plans for other interfaces have their own."""
    text = "_".join(ifaces)
    if _NAME.fullmatch(text):
        return text
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def lookups(classes: Sequence[Mapping[str, Any]], ifaces: Sequence[str]) -> list[Lookup]:
    """Return the rules that find the classes, in the order in which they are asked.

    Args:
        classes: entries of ``changes.htb_classes``.
        ifaces: the interfaces that they are on.

    Raises:
        NetoptError: stage ``plan``, when a match cannot be said in nft.
    """
    found: list[Lookup] = []
    mine = suffix(ifaces)
    maps: dict[Key, Lookup] = {}  # that the next match may be put into
    named: Counter[str] = Counter()
    in_order = sum(len(one.get("match") or ()) for one in classes) < MAP_FROM
    for index, one in enumerate(classes):
        matches = one.get("match")
        if not matches:
            continue
        target = class_text(one["classid"])
        for number, each in enumerate(matches):
            host = _one_host(each)
            if host is not None and host[0] in maps:  # nearly all matches of a large plan
                maps[host[0]].elements.setdefault(host[1], target)
                continue
            path = f"htb_classes[{index}].match[{number}]"
            if not is_exact(each):
                found += [Lookup(path, words=words, target=target, wanted=each) for words in _rules(each, path)]
                if in_order:
                    maps.clear()
                continue
            for key, element in _elements(each, path):
                known = maps.get(key)
                if known is None:
                    if in_order:
                        maps.clear()
                    name = _name(key, mine)
                    named[name] += 1
                    name += f"_no{named[name]}" if named[name] > 1 else ""
                    known = maps[key] = Lookup(path, name, key, _types_of(key))
                    found.append(known)
                known.elements.setdefault(element, target)
    return found


def _one_host(wanted: Mapping[str, Any]) -> Tuple[Key, str] | None:
    """Return the key and the element of a match on one IPv4 address alone, ``None`` for any other."""
    if len(wanted) != 1:
        return None
    for name, key in _HOST_KEYS.items():
        text = wanted.get(name)
        if text and text.endswith("/32"):
            try:
                socket.inet_pton(socket.AF_INET, text[:-3])
            except OSError:
                return None
            return key, text[:-3]
    return None


def class_text(classid: str) -> str:
    """Return a class as nft prints it."""
    if classid.startswith("1:") and classid[2:3] not in ("", "0") and classid == classid.lower():
        return classid
    major, _colon, minor = classid.partition(":")
    return f"{int(major, 16):x}:{int(minor or '0', 16):x}"


def is_exact(wanted: Mapping[str, Any]) -> bool:
    """Return whether a map can hold a match: there is something to look up, and no range in it."""
    if any(wanted.get(name) is not None for name in BY_ITSELF) or "/" in str(wanted.get("fwmark")):
        return False
    for name in ("sports", "dports"):
        for each in wanted.get(name) or ():
            if "-" in str(each):
                return False
    if wanted.get("src") and wanted.get("dst") and _has_prefix(wanted["src"]) and _has_prefix(wanted["dst"]):
        return False  # nft 1.0.6 prints two prefixes in one key as what it cannot read
    return any(wanted.get(name) not in (None, []) for name in ("proto", "sports", "dports", "src", "dst", "fwmark"))


def _has_prefix(text: str) -> bool:
    """Return whether an address stands for more than one."""
    version, length, _address = _parsed(text, "match")
    return length < _HOST[version]


def class_for(
    found: Sequence[Lookup], value_of: Callable[[str], str | None], meets: Callable[[Any], bool]
) -> str | None:
    """Return the class that a packet finds, ``None`` for none.

    Args:
        found: the rules, see ``lookups``.
        value_of: gives what a packet has for an expression of a key, ``None`` where it has none.
        meets: says whether a packet meets a match that is by itself.
    """
    for one in found:
        if not one.name:
            if meets(one.wanted):
                return one.target
            continue
        values = [value_of(part) for part in one.key]
        target = one.elements.get(" . ".join([value for value in values if value is not None]))
        if target is not None and None not in values:
            return target
    return None


def _elements(wanted: Mapping[str, Any], path: str) -> Iterator[Tuple[Key, str]]:
    """Yield (the key, the element) for each packet that a match is about."""
    sports, dports = wanted.get("sports") or [], wanted.get("dports") or []
    if len(wanted) > 1:
        match.transport(wanted.get("proto"), path, sports=sports, dports=dports)  # refuses ports without meaning
        match.families(wanted, path, addresses=("src", "dst"), protocol="proto")  # refuses a mixture
    addresses = [
        (length < _HOST[version], _address_key(version, side, length), [address])
        for side, (version, length, address) in (
            (side, _parsed(wanted[name], path)) for name, side in _SIDES if wanted.get(name)
        )
    ]
    parts = [each[1:] for each in addresses if each[0]]  # a prefix comes first, as nft wants it
    if wanted.get("proto"):
        parts.append(("meta l4proto", [wanted["proto"]]))
    elif sports or dports:
        parts.append(("meta l4proto", _PORTS_WITHOUT_PROTOCOL))
    parts += [each[1:] for each in addresses if not each[0]]
    parts += [
        (word, [str(match.port_range(port, path)[0]) for port in ports])
        for ports, word in ((sports, "th sport"), (dports, "th dport"))
        if ports
    ]
    mark = _masked(wanted, "fwmark", mark_of, FWMARK_WANTED, path)
    if mark:
        parts.append(("meta mark", [f"0x{mark[0]:08x}"]))
    key = tuple([expression for expression, _values in parts])
    for values in itertools.product(*(values for _expression, values in parts)):
        yield key, " . ".join(values)


def _parsed(text: str, path: str) -> Tuple[int, int, str]:
    """Return (IP version, prefix length, first address) of an address or a prefix."""
    if text.endswith("/32"):  # what most matches of a large plan are, at a tenth of the time
        try:
            socket.inet_pton(socket.AF_INET, text[:-3])
        except OSError:
            pass
        else:
            return 4, 32, text[:-3]
    network = match.network(text, path)
    return network.version, network.prefixlen, str(network.network_address)


def _address_key(version: int, side: str, length: int) -> str:
    """Return the expression for an address, or for its first bits."""
    word = f"{match.ADDRESS[version]} {side}"
    return word if length == _HOST[version] else f"{word} & {_netmask(version, length)}"


def _netmask(version: int, length: int) -> str:
    bits = _HOST[version]
    packed = ((1 << bits) - (1 << (bits - length))).to_bytes(bits // 8, "big")
    return socket.inet_ntop(socket.AF_INET if version == 4 else socket.AF_INET6, packed)


def _types_of(key: Key) -> Tuple[str, ...]:
    """Return the type of each part of a key."""
    found = []
    for part in key:
        words = part.split()
        known = _PLAIN_TYPES.get(part)
        found.append(known or _TYPES[words[1]][4 if words[0] == "ip" else 6])
    return tuple(found)


def _name(key: Key, mine: str) -> str:
    """Return the name of a map, e.g. ``classes_eth0_ip_daddr_24``."""
    parts = [PREFIX, mine]
    for part in key:
        expression, _and, mask = part.partition(" & ")
        parts.append(expression.replace(" ", "_").replace("meta_", ""))
        if mask:
            packed = socket.inet_pton(socket.AF_INET6 if ":" in mask else socket.AF_INET, mask)
            parts.append(str(sum(f"{byte:b}".count("1") for byte in packed)))
    return "_".join(parts)


def _rules(wanted: Mapping[str, Any], path: str) -> Iterator[Tuple[str, ...]]:
    """Yield the words of each rule that a match by itself needs."""
    dscp, length = wanted.get("dscp"), wanted.get("max_length")
    ports = {"sports": wanted.get("sports") or [], "dports": wanted.get("dports") or []}
    flags = _masked(wanted, "tcp_flags", flags_of, FLAGS_WANTED, path)
    mark = _masked(wanted, "fwmark", mark_of, FWMARK_WANTED, path)
    protocol = wanted.get("proto") or ("tcp" if flags else None)
    for family in match.families(wanted, path, addresses=("src", "dst"), protocol="proto"):
        what = match.transport(protocol, path, **ports)
        if not protocol and what:
            what[0] = f"meta l4proto {{ {', '.join(_PORTS_WITHOUT_PROTOCOL)} }}"
        words = match.in_family(family, what, match.sources_and_destinations(wanted, path, family))
        words += [f"{match.ADDRESS[family]} dscp {int(dscp)}"] if dscp is not None else []
        if length is not None:
            most = int(length) - (IPV6_HEADER if family == 6 else 0)
            if most < 0:
                continue
            words.append(f"{match.ADDRESS[family]} length <= {most}")
        if flags:
            named, asked = (" | ".join(name for name, bit in TCP_FLAGS.items() if bits & bit) for bits in flags)
            words.append(f"tcp flags & ({asked}) == {f'({named})' if named else '0x0'}")
        if mark:
            words.append(
                f"meta mark {mark[0]}" if mark[1] == U32_MAX else f"meta mark & 0x{mark[1]:08x} == 0x{mark[0]:08x}"
            )
        words += [f"meta priority {int(wanted['skb_priority'])}"] if wanted.get("skb_priority") is not None else []
        words += [f"meta skuid {int(wanted['uid'])}"] if wanted.get("uid") is not None else []
        yield tuple(words)


def _masked(
    wanted: Mapping[str, Any], name: str, read: Callable[[Any], Tuple[int, int] | None], meant: str, path: str
) -> Tuple[int, int] | None:
    """Return the (value, mask) of a field, ``None`` where the match has none."""
    if wanted.get(name) is None:
        return None
    found = read(wanted[name])
    if found is None:
        raise match.refuse(f"{path}.{name}", f"it is {wanted[name]!r}, wanted {meant}", wanted=wanted[name])
    return found
