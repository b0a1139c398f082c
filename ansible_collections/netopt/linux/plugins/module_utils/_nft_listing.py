# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what ``nft list table`` prints: makes it loadable again, comparable, and splits it into rules."""

from __future__ import annotations

import re

# In an inet table nft 1.0.6 prints `reject with icmpx port-unreachable` as a bare `reject`, and reads that back as
# the refusal of one IP version when the rule matches on one.
_BARE_REJECT = re.compile(r"\breject(?= comment \"|$)")
_QUOTED = re.compile(r'"[^"]*"')
_BLOCK = re.compile(r"\t(?P<head>[^\t].*) \{$")
_DYNAMIC = re.compile(r"\t\tflags (?:[a-z]+,)*dynamic\b")


def statements(text: str) -> list[str]:
    """Return the lines of a listing with those that nft wrapped inside braces joined; blank ones are left out.

    Only the braces of sets within a line count: a line that ends in ``{`` opens a block and stands alone.
    """
    found: list[str] = []
    depth = 0
    for line in text.splitlines():
        if not line.strip():
            continue
        if depth:
            found[-1] += " " + line.strip()
        else:
            found.append(line)
        bare = _QUOTED.sub("", line)
        if depth or not (bare.endswith("{") or bare.strip() == "}"):
            depth += bare.count("{") - bare.count("}")
    return found


def loadable(text: str) -> str:
    """Return a listing so that loading it makes the same kernel state again."""
    return "".join(_BARE_REJECT.sub("reject with icmpx port-unreachable", line) + "\n" for line in text.splitlines())


def comparable(text: str) -> str:
    """Return a stateless listing without the elements that rules, not people, put into dynamic sets."""
    kept: list[str] = []
    for block in _blocks(statements(text)):
        dynamic = any(_DYNAMIC.match(line) for line in block)
        kept += [line for line in block if not (dynamic and line.startswith("\t\telements = "))]
    return "".join(f"{line}\n" for line in kept)


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
