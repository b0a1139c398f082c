# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adds the tables that the jitter of netem follows to what the kernel shows, which leaves them out.

A table is in a file of iproute2's. Which netem has which table, the commands say that made it, or would make it.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._common.patterns import pattern
from .._netlink import messages as rt
from .netlink_options import NETEM_TABLE
from .objects import objects, packed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .command import Command

FOLDERS = ("/usr/lib/tc", "/usr/lib64/tc", "/lib/tc", "/usr/share/tc")
FOLDERS_BY_MACHINE = ("/usr/lib", "*/tc")  # Debian's
_NUMBER = pattern(r"\s*([+-]?[0-9]+)")


def with_tables(interface: dict[str, Any], made_by: Iterable[Command]) -> dict[str, Any]:
    """Return an interface of a State in which each netem has the table that it follows.

    Args:
        interface: what the kernel shows.
        made_by: the commands that its qdiscs were made by.

    Raises:
        NetoptError: there is no such table.
    """
    names = {
        int(one.words[8].rstrip(":"), 16) << 16: one.words[one.words.index("distribution") + 1]
        for one in made_by
        if one.words[7:8] == ("handle",) and "distribution" in one.words
    }
    if not names:
        return interface
    tables = {name: table(name) for name in set(names.values())}
    found = [
        replace(one, options=one.options + rt.attribute(NETEM_TABLE, tables[names[one.handle]]))
        if one.form == "qdisc" and one.kind == "netem" and one.handle in names and one.options
        else one
        for one in objects(interface)
    ]
    rest: Mapping[str, Any] = {key: value for key, value in interface.items() if key not in ("objects", "bulk")}
    return {**rest, **packed(found)}


def table(name: str) -> bytes:
    """Return a table as the kernel takes it: numbers of 16 bits.

    Raises:
        NetoptError: no folder of iproute2's has it.
    """
    folders = [*map(Path, FOLDERS), *sorted(Path(FOLDERS_BY_MACHINE[0]).glob(FOLDERS_BY_MACHINE[1]))]
    for folder in folders:
        try:
            text = (folder / f"{name}.dist").read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        return parsed(text)
    raise NetoptError(
        f"netem.distribution: this host has no table {name}",
        stage="rehearse",
        key="netem.distribution",
        wanted=f"{name}.dist",
        after="looked in " + ", ".join(map(str, folders)),
        hint="Install the whole package of iproute2, or leave distribution out.",
    )


def parsed(text: str) -> bytes:
    """Return the numbers in the text of a table as tc reads it: lines that begin with ``#`` say nothing."""
    found: list[int] = []
    for line in text.splitlines():
        at = 0
        number = None if line.startswith("#") else _NUMBER.match(line)
        while number:
            found.append(int(number[1]))
            at = number.end()
            number = _NUMBER.match(line, at)
    return struct.pack(f"={len(found)}h", *found)
