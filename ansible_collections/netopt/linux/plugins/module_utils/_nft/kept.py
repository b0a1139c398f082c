# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes table ``inet netopt`` in place, so that what stays has counted on. Pure.

A set that limits count in is kept with all that it knows where it reads the same before and after, though the rules
around it are made anew; a chain that reads the same is not touched. The order in which nft lists sets and chains is
that in which they were made, and a state has to read as it did, so that only those are kept that come first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.patterns import pattern
from .._common.quick_dataclass import dataclass
from . import list_parse
from .table import TABLE

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

_KINDS = ("set ", "map ", "chain ")
_NAMED = pattern(r"@(\w+)|\b(?:jump|goto) (\w+)")
# Ports of nft's, a number or a set of numbers and ranges; none where a limit is for all ports of tcp.
_COUNTED = pattern(r"\btcp (?:dport (?P<ports>\d+|\{[^}]*\}) )?ct state new add @(?P<name>connlimit_tcp\w*) ")
ALL_PORTS = range(1, 65536)
_LIMIT = pattern(r"(?<!\{)[^{}]*\blimit rate\b")  # of the rule itself, not of an element of a set


@dataclass(frozen=True)
class Kept:
    """What stays of a table.

    Attributes:
        whole: heads of what is not touched: ``set x``, ``chain y``.
        refilled: heads of chains that stay where they are, with other rules.
    """

    whole: frozenset[str]
    refilled: frozenset[str]


def kept(there: Mapping[str, list[str]], then: Mapping[str, list[str]]) -> Kept | None:
    """Return what stays of a table, given as ``list_parse.parts``; ``None`` where it cannot be changed in place."""
    heads = {*there, *then}
    if there.get("") != then.get("") or not all(head.startswith(_KINDS) for head in heads - {""}):
        return None  # flags and comment come with the table alone
    sets = {head for head in _first(there, then, chains=False) if there[head] == then[head]}
    chains = _first(there, then, chains=True)
    stay = {head.split(" ", 1)[1] for head in sets | chains}
    whole = {head for head in chains if there[head] == then[head] and _names(there[head]) <= stay}
    return Kept(frozenset(sets | whole), frozenset(chains - whole))


def _first(there: Mapping[str, list[str]], then: Mapping[str, list[str]], *, chains: bool) -> set[str]:
    """Return the heads that are the first ones then, and are there already in the same order."""
    old, new = ([head for head in state if head and head.startswith("chain ") is chains] for state in (there, then))
    found: set[str] = set()
    place = -1
    for head in new:
        if head not in old or old.index(head) < place or not _same(there[head], then[head], chains=chains):
            break
        place = old.index(head)
        found.add(head)
    return found


def _same(before: list[str], after: list[str], *, chains: bool) -> bool:
    """Return whether a set reads the same, or a chain has the same hook."""
    return _hook(before) == _hook(after) if chains else before == after


def _hook(lines: list[str]) -> str:
    return lines[0] if lines and lines[0].startswith("type ") else ""


def _names(rules: list[str]) -> set[str]:
    """Return the sets, maps and chains that rules name."""
    return {one or other for rule in rules for one, other in _NAMED.findall(rule)}


def transaction(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """Return the nft file that leads from a state to another in place, ``None`` where that cannot be."""
    there, then = (list_parse.parts(state["listing"]) for state in (current, wanted))
    stays = kept(there, then)
    if stays is None:
        return None
    gone = [head for head in there if head and head not in stays.whole]
    lines = [f"flush {head.replace(' ', f' {TABLE} ', 1)}" for head in gone if head.startswith("chain ")]
    # maps first, since their elements point at chains
    for kind in ("map ", "set ", "chain "):
        removed = [head for head in gone if head.startswith(kind) and head not in stays.refilled]
        lines += [f"delete {head.replace(' ', f' {TABLE} ', 1)}" for head in removed]
    counted, written = (list_parse.parts(state["text"]) for state in (current, wanted))
    made: list[str] = []
    for head in then:
        if head and head not in stays.whole:
            refilled = head in stays.refilled
            body = _counted_on(there[head], counted[head], then[head], written[head]) if refilled else written[head]
            made += [f"\t{head} {{", *(f"\t\t{line}" for line in body), "\t}"]
    table = [f"table {TABLE} {{", *made, "}"] if made else []
    return "".join(f"{line}\n" for line in [*lines, *table])


def _counted_on(there: list[str], counted: list[str], then: list[str], written: list[str]) -> list[str]:
    """Return the rules of a chain, those that were there already with what they have counted.

    Args:
        there: its lines now, as they are compared.
        counted: the same lines with counters.
        then: the lines that it is to have, as they are compared.
        written: the same lines as they were written down to be loaded.
    """
    if len(there) != len(counted) or len(then) != len(written):
        return written  # nft prints something in other lines than it reads it
    left: dict[str, list[str]] = {}
    for plain, line in zip(there, counted):
        left.setdefault(plain, []).append(line)
    return [left[plain].pop(0) if left.get(plain) else line for plain, line in zip(then, written)]


def newly_limited(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[range]:
    """Return the TCP ports whose connections a limit counts then and has not counted up to now, as ranges."""
    there, then = (list_parse.parts(state["listing"]) for state in (current, wanted))
    stays = (kept(there, then) if current.get("in_place") else None) or Kept(frozenset(), frozenset())
    before, after = (
        {(each, found.group("name")) for found in map(_COUNTED.search, lines) if found for each in _ranges(found)}
        for lines in (there.get("chain input", []), then.get("chain input", []))
    )
    counted = {one for one in before if f"set {one[1]}" in stays.whole}
    return sorted({ports for ports, _name in after - counted}, key=lambda ports: (ports.start, ports.stop))


def _ranges(counted: re.Match[str]) -> list[range]:
    """Return the ports that a rule counts the connections of."""
    if counted.group("ports") is None:
        return [ALL_PORTS]
    found = [each.strip().partition("-") for each in counted.group("ports").strip("{ }").split(",")]
    return [range(int(first), int(last or first) + 1) for first, _dash, last in found]


def warnings(current: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> list[str]:
    """Return what is told of counts that a change does not keep.

    Args:
        current: the State of the host.
        wanted: the State that a plan leads to, ``None`` where nobody knows yet.
    """
    if not (current["present"] and wanted and wanted["present"]):
        return []
    there, then = (list_parse.parts(state["listing"]) for state in (current, wanted))
    stays = (kept(there, then) if current.get("in_place") else None) or Kept(frozenset(), frozenset())
    lost = [head.split(" ", 1)[1] for head in there if head.startswith("set ") and head in then]
    lost = [name for name in lost if f"set {name}" not in stays.whole]
    told = []
    connections = [name for name in lost if name.startswith("connlimit_")]
    if connections:
        told.append(
            f"connection_limits: what {', '.join(connections)} of table {TABLE} counted is lost by this change. "
            "Connections that are open now are not counted any more; a source may open as many again as the limit says."
        )
    rates = [name for name in lost if name.startswith("ratelimit_")]
    chains = [head for head in there if head.startswith("chain ") and head in then and head not in stays.whole]
    shared = {rule for head in chains for rule in {*there[head]} & {*then[head]} if _LIMIT.match(rule)}
    if rates or shared:
        told.append("rate_limits: what they counted is lost by this change; each lets its burst through once more.")
    return told
