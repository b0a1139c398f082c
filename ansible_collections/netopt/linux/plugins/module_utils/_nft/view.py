# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``nft`` prints of table ``inet netopt``, line by line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._common.patterns import pattern
from .table import TABLE

if TYPE_CHECKING:
    from .._host.commands import Tools

_NO_SUCH_TABLE = "No such file or directory"
LONGEST = 100_000  # characters of a table that is kept once more
_SET = pattern(r"^\t(?:set|map) .*?^\t\}\n", re.MULTILINE | re.DOTALL)
_MOVES = pattern(r"^\t\t(?:flags .*\b(?:dynamic|timeout)\b|timeout )", re.MULTILINE)
_ELEMENTS = pattern(r"^\t\telements = \{(.*?)\}\n", re.MULTILINE | re.DOTALL)


def view(before: dict[str, Any], tools: Tools) -> dict[str, list[str]]:
    """Return ``{command: [line, ...]}``: no line where there is no table; nothing at all where it is very long.

    A line is told with the chain or set that it stands in. An element is a line of its own; what rules put into sets
    by themselves is left out.

    Raises:
        NetoptError: nft fails.
    """
    if len(before["listing"]) > LONGEST:
        return {}
    argv = ["nft", "-s", "list", "table", *TABLE.split()]
    done = tools.run(argv, stage="observe", check=False)
    if done.rc != 0 and _NO_SUCH_TABLE not in done.stderr:
        raise NetoptError("nft does not list the table", stage="observe", key=" ".join(argv))
    text = _SET.sub(_settled, done.stdout)
    lines: list[str] = []
    block = ""
    for line in text.splitlines():
        if line.startswith("\t") and not line.startswith("\t\t"):
            block = line.strip(" \t{")
        if line.strip(" \t}"):
            lines.append(f"{block}: {line.strip()}")
    return {" ".join(argv): lines}


def _settled(found: re.Match[str]) -> str:
    """Return a set with its elements in order, or without them where they come and go."""
    block = found.group()
    return _ELEMENTS.sub("" if _MOVES.search(block) else _one_by_one, block)


def _one_by_one(found: re.Match[str]) -> str:
    """Return elements one a line; the order in which a set gives them is drawn by lot."""
    return "".join(f"\t\telement {one}\n" for one in sorted(" ".join(found.group(1).split()).split(", ")))
