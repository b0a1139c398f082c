# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what ``nft list table`` prints: makes it loadable again, comparable, and splits it into rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .._common.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# In an inet table nft 1.0.6 prints `reject with icmpx type port-unreachable` as a bare `reject`, and reads that back as
# the refusal of one IP version when the rule matches on one.
_BARE_REJECT = pattern(r"\breject(?= comment \"|$)", re.MULTILINE)
_QUOTED = pattern(r'"[^"]*"')
_BLOCK = pattern(r"\t(?P<head>[^\t].*) \{$")
OUR_MAP = "\tmap classes_"
_CLASS_HEADS = ("map classes_", "chain classify_")
ELEMENTS = "\t\telements = "
_STATEFUL = pattern(r"\b(?:counter|quota|dynamic|timeout|count|last|limit)\b")
_DYNAMIC = pattern(r"\t\tflags (?:[a-z]+,)*dynamic\b")


def statements(text: str) -> list[str]:
    """Return the lines of a listing with those that nft wrapped inside braces joined; blank ones are left out.

    Only the braces of sets within a line count: a line that ends in ``{`` opens a block and stands alone.
    """
    found: list[str] = []
    wrapped: list[str] = []
    depth = 0
    for line in text.splitlines():
        told = line.strip()
        if not told:
            continue
        if depth:
            wrapped.append(told)
        elif wrapped:
            found.append(" ".join(wrapped))
            wrapped = [line]
        else:
            wrapped = [line]
        bare = _QUOTED.sub("", line) if '"' in line else line
        if ("{" in bare or "}" in bare) and (depth or not (bare.endswith("{") or bare.strip() == "}")):
            depth += bare.count("{") - bare.count("}")
    return [*found, " ".join(wrapped)] if wrapped else found


def loadable(text: str) -> str:
    """Return a listing so that loading it makes the same kernel state again."""
    return _BARE_REJECT.sub("reject with icmpx type port-unreachable", text) if "reject" in text else text


def comparable(text: str) -> str:
    """Return a stateless listing without the elements that rules, not people, put into dynamic sets."""
    kept: list[str] = []
    for block in _blocks(statements(text)):
        if block[0].startswith(OUR_MAP):
            kept += [_sorted(line) if line.startswith(ELEMENTS) else line for line in block]
            continue
        dynamic = any(_DYNAMIC.match(line) for line in block)
        kept += [line for line in block if not (dynamic and line.startswith(ELEMENTS))]
    return "".join(f"{line}\n" for line in kept)


def _sorted(line: str) -> str:
    """Return the elements of a map of ours in an order that does not depend on nft."""
    return elements_line(elements(line))


def elements(line: str) -> list[str]:
    """Return the elements of a map of ours, each as nft prints it."""
    return line[line.index("{") + 1 : line.rindex("}")].strip().split(", ")


def elements_line(found: Iterable[str]) -> str:
    """Return the line that holds elements, in the order of their text."""
    return f"{ELEMENTS}{{ {', '.join(sorted(found))} }}"


def elements_of(text: str, types: Iterable[str]) -> dict[str, list[str]]:
    """Return ``{"map classes_...": [elements]}`` of our maps that look one address up.

    Args:
        text: a listing, or a text to load.
        types: the lines that say so, e.g. ``type ipv4_addr : classid``.
    """
    wanted = {f"\t\t{line}" for line in types}
    return {
        block[0].strip(" \t{"): [one for line in block if line.startswith(ELEMENTS) for one in elements(line)]
        for block in _blocks(statements(text))
        if block[0].startswith(OUR_MAP) and wanted & set(block)
    }


def with_elements(text: str, kept: Mapping[str, set[str]]) -> str:
    """Return a text with some elements of some of our maps, the others as they are."""
    lines = []
    for block in _blocks(statements(text)):
        chosen = kept.get(block[0].strip(" \t{"))
        for line in block:
            if chosen is None or not line.startswith(ELEMENTS):
                lines.append(line)
            elif some := [one for one in elements(line) if one in chosen]:
                lines.append(f"{ELEMENTS}{{ {', '.join(some)} }}")
    return "".join(f"{line}\n" for line in lines)


def class_blocks(text: str) -> list[str]:
    """Return the heads of the maps and chains by which packets find classes: ``["map classes_...", "chain ..."]``."""
    if "chain classify_" not in text:
        return []
    return [head for head in parts(text) if head.startswith(_CLASS_HEADS)]


def of_interfaces(text: str, ifaces: Iterable[str]) -> list[str]:
    """Return the heads of those of the ``class_blocks`` that are for some interfaces."""
    quoted = [f'"{name}"' for name in ifaces]
    found = []
    blocks = parts(text) if "chain classify_" in text else {}
    for head, lines in blocks.items():
        if not head.startswith(_CLASS_HEADS[1]):
            continue
        rules = [line for line in lines if line.startswith("oifname ")]
        if any(name in _leaving(rule) for rule in rules for name in quoted):
            found += [head, *(f"map {word[1:]}" for rule in rules for word in rule.split() if word.startswith("@"))]
    return found


def _leaving(rule: str) -> list[str]:
    """Return the quoted names of the interfaces that a rule is for."""
    return _QUOTED.findall(rule.partition(" meta ")[0])


def without(text: str, heads: Iterable[str]) -> str:
    """Return a listing without some of its blocks."""
    gone = {f"\t{head} {{" for head in heads}
    if not gone:
        return text
    return "".join(f"{line}\n" for block in _blocks(statements(text)) if block[0] not in gone for line in block)


def joined(text: str, other: str, heads: Iterable[str]) -> str:
    """Return a listing with blocks of another: the maps and chains of classes stand last, in the order of names."""
    wanted = {f"\t{head} {{" for head in heads}
    more = [block for block in _blocks(statements(other)) if block[0] in wanted]
    first, *inner, last = _blocks(statements(text))
    ours = tuple(f"\t{head}" for head in _CLASS_HEADS)
    more += [block for block in inner if block[0].startswith(ours)]
    rest = [block for block in inner if not block[0].startswith(ours)]
    more.sort(key=lambda block: block[0])
    ordered = [block for block in rest if not block[0].startswith("\tchain ")]
    ordered += [block for block in more if not block[0].startswith("\tchain ")]
    ordered += [block for block in rest if block[0].startswith("\tchain ")]
    ordered += [block for block in more if block[0].startswith("\tchain ")]
    return "".join(f"{line}\n" for block in [first, *ordered, last] for line in block)


def is_stateless(text: str) -> bool:
    """Return whether a listing without state is the same as one with it: nothing in it counts or comes by itself."""
    return _STATEFUL.search(text) is None


def parts(text: str) -> dict[str, list[str]]:
    """Return ``{"chain input": [lines], "set x": [lines]}``; the table's own lines (flags, comment) under ``""``."""
    found: dict[str, list[str]] = {}
    for block in _blocks(statements(text)):
        head = _BLOCK.match(block[0])
        if head:
            found[head.group("head")] = [line.strip() for line in block[1:] if line != "\t}"]
        else:
            own = [line.strip() for line in block if line.startswith("\t")]
            if own:
                found.setdefault("", []).extend(own)
    return found


def _blocks(lines: list[str]) -> list[list[str]]:
    """Return the lines in groups: each block of the table with its braces, and what stands between blocks."""
    found: list[list[str]] = []
    inside = False
    for line in lines:
        opens = not inside and _BLOCK.match(line) is not None
        if opens or not inside:
            found.append([line])
        else:
            found[-1].append(line)
        inside = (inside or opens) and line != "\t}"
    return found
