# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of table ``inet netopt``: one line per rule, each knowing which entry of the plan it came from.

Chains exist only where the plan needs them:

- ``input`` (filter, priority ``filter - 10``): what arrives for this host on the plan's interfaces. Loopback is
  accepted ahead of every limit, established connections ahead of those that count connections. Limits only ever
  refuse; what they let through goes on to every other table.
- ``forward`` (filter, the same priority): of what passes through, what was sent to a port that is published: another
  rule, of this table or of somebody else's, sends it on to a container or another host.
- ``published``: the same limits for such packets, by the port that they were sent to before they were translated.
- ``ratelimit_...``: one rate for senders of both IP versions, whom a rule of each version leads there.
- ``egress`` (filter, priority ``mangle``, hook postrouting): marks what leaves by the plan's interfaces, made here or
  forwarded, before the qdisc sees it. The first entry that matches wins.
- ``classify_IFACE`` (filter, hook postrouting, behind all address translation, or ahead of it where a match names who
  sends): finds the htb class of what leaves, where filters cannot, see ``class_maps.py``. Other plans leave it and its
  maps alone.
- ``nat_prerouting`` and ``nat_postrouting`` (nat): five ahead of the usual priority, so
  that the plan's rules win over those of container engines whatever order they were loaded in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._tc.intent import CHAIN_PREFIX
from . import match
from .class_maps import suffix
from .limits import guard
from .table import AS_LEAVING, AS_SENT, Line, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .class_maps import Lookup
    from .intent import Intent


def table(intent: Intent, *, most: int | None = None) -> list[Line]:
    """Return the lines of the table that an intent asks for.

    Args:
        intent: what is asked.
        most: how many elements a map gets at most, if it is one that ``is_plain``; ``None`` for all.

    Raises:
        NetoptError: stage ``plan``, when an entry cannot be said in nft.
    """
    grown = Table()
    guard(grown, intent.parts)
    for part in intent.parts:
        for path, entry in part.entries("dscp"):
            _mark(grown, entry, path, part.ifaces)
    for part in intent.parts:
        for path, entry in part.entries("nat_rules"):
            _nat(grown, entry, path, part.ifaces)
    for part in intent.parts:
        leaving = match.interface("oifname", part.ifaces, "iface") if part.classes else []
        for one in part.lookups:
            chain = f"{CHAIN_PREFIX}_{suffix(part.ifaces)}"
            grown.hooks[chain] = AS_SENT if part.by_sender else AS_LEAVING
            _classify(grown, one, leaving, chain, most)
    return grown.lines()


def _classify(grown: Table, one: Lookup, leaving: list[str], chain: str, most: int | None) -> None:
    """Look a packet's class up; the first answer counts."""
    if one.name:
        grown.maps[one.name] = [Line(f"\t\t{text}", one.path) for text in one.body(most if one.is_plain else None)]
    path = "htb_classes" if one.name else one.path
    grown.rule(chain, [*leaving, one.rule], one.path, comment=path)


def _mark(grown: Table, entry: Mapping[str, Any], path: str, ifaces: Sequence[str]) -> None:
    """Set the DSCP of what leaves; later entries do not see what this one marked."""
    wanted = entry.get("match") or {}
    ports = {"sports": wanted.get("sports") or [], "dports": wanted.get("dports") or []}
    for family in match.families(wanted, f"{path}.match", addresses=("src", "dst"), protocol="proto"):
        what = match.transport(wanted.get("proto"), f"{path}.match", **ports)
        addresses = match.sources_and_destinations(wanted, f"{path}.match", family)
        words = [*match.interface("oifname", ifaces, "iface"), *match.in_family(family, what, addresses)]
        grown.rule("egress", [*words, f"{match.ADDRESS[family]} dscp set {entry['dscp']} accept"], path)


def _nat(grown: Table, entry: Mapping[str, Any], path: str, ifaces: Sequence[str]) -> None:
    """Translate source or destination of new connections; connections that are there already stay as they are."""
    kind, to_addr, to_port = entry["type"], entry.get("to_addr"), entry.get("to_port")
    names = [entry["iface"]] if entry.get("iface") else ifaces
    if kind == "snat" and to_addr is None:
        raise match.refuse(path, "snat needs to_addr", hint="Use masquerade for the interface's own address.")
    if kind == "dnat" and to_addr is None and to_port is None:
        raise match.refuse(path, "dnat needs to_addr, to_port or both", hint="to_port alone redirects to this host.")
    if kind == "masquerade" and to_addr is not None:
        raise match.refuse(path, "masquerade takes no to_addr", wanted=to_addr, hint="Use snat for a fixed address.")
    found = match.families(entry, path, addresses=("src", "dst", "to_addr"))
    if kind == "masquerade" and len(found) > 1:
        found = [4]  # hosts behind a router keep their IPv6 addresses unless the plan names an IPv6 prefix
    chain, direction = ("nat_prerouting", "iifname") if kind == "dnat" else ("nat_postrouting", "oifname")
    ports = [] if entry.get("port") is None else [entry["port"]]
    for family in found:
        addresses = match.sources_and_destinations(entry, path, family)
        what = match.transport(entry.get("protocol"), path, dports=ports)
        if to_port is not None and not what:
            what = [f"meta l4proto {{ {', '.join(match.WITH_PORTS)} }}"]
        words = [*match.interface(direction, names, path), *match.in_family(family, what, addresses)]
        grown.rule(chain, [*words, _target(kind, to_addr, to_port, path)], path)


def _target(kind: str, to_addr: str | None, to_port: object, path: str) -> str:
    """Return the statement that translates."""
    port = ""
    if to_port is not None:
        low, high = match.port_range(to_port, f"{path}.to_port")
        port = f":{low}" if low == high else f":{low}-{high}"
    if to_addr is None:
        word = "redirect" if kind == "dnat" else "masquerade"
        return f"{word} to {port}" if port else word
    address = match.network(to_addr, f"{path}.to_addr")
    if address.num_addresses != 1:
        raise match.refuse(f"{path}.to_addr", "expected one address", wanted=to_addr)
    text = str(address.network_address)
    if address.version == 6 and port:
        text = f"[{text}]"
    return f"{kind} {match.ADDRESS[address.version]} to {text}{port}"
