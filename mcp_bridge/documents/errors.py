# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How large a document may be, and the error for one that is not read."""

from __future__ import annotations

from mcp_bridge.errors import NetoptBridgeError

KeyPath = tuple[str | int, ...]
"""Where a value stands: keys, and numbers of entries from 0."""

BYTES_MAX = 4 * 1024 * 1024
DEPTH_MAX = 40
VALUES_MAX = 250_000  # ten thousand classes with all their fields
NUMBER_MAX = 64  # characters; no number of a plan or a policy needs half of them
WORD_MAX = 80  # characters of the document that an error quotes

TWICE = "The key is given twice, first on line {}"
TOO_DEEP = f"Nested deeper than {DEPTH_MAX} levels"
TOO_MANY = f"More than {VALUES_MAX} values"
TOO_LONG = f"The number is longer than {NUMBER_MAX} characters"


class DocumentError(NetoptBridgeError):
    """A document that is not read.

    Args:
        problem: what is wrong.
        name: what the document is called, such as its file.
        line: where, from 1; ``None`` where no line can be named.
        path: the key or entry that is wrong.
        hint: what to do about it.
    """

    def __init__(self, problem: str, *, name: str, hint: str, line: int | None = None, path: KeyPath = ()) -> None:
        place = f"{name}:{line}" if line else name
        super().__init__(": ".join(filter(None, (place, dotted(path), problem))), hint=hint)
        self.problem = problem
        self.line = line
        self.path = path


def dotted(path: KeyPath) -> str:
    """Return a path as people write it: ``profiles[0].objectives.loss_pct``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{quoted(part)}"
    return text.removeprefix(".")


def quoted(word: str) -> str:
    """Return a word of a document for an error: not too long, and without what moves a terminal."""
    plain = "".join(character if character.isprintable() else "?" for character in word[:WORD_MAX])
    return plain + ("..." if len(word) > WORD_MAX else "")
