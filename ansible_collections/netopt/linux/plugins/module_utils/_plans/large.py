# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of a record that are too large to be read and written with every change: each is a file of its own.

A tree of ten thousand classes under one name must not cost a small plan under another name anything. Its file is
named by its content, and a new record has it by a link (link(2)) to the one that was written first. Pure.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

INLINE_MAX = 4096  # bytes of JSON that stand in the record itself
MARK = "large"


class Large:
    """A value that is read when it is needed.

    Args:
        sha256: of its canonical JSON, hexadecimal.
        path: of its file.
        load: reads the file at a path.
    """

    def __init__(self, sha256: str, path: str, load: Callable[[str], Any]) -> None:
        self.sha256 = sha256
        self.path = path
        self._load = load

    @property
    def value(self) -> Any:
        """The value, by what ``load`` reads."""
        return self._load(self.path)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Large) and other.sha256 == self.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __repr__(self) -> str:
        return f"Large({self.sha256})"


def plain(value: Any) -> Any:
    """Return a value, read where it has a file of its own."""
    return value.value if isinstance(value, Large) else value


def canonical(value: Any) -> str:
    """Return the JSON by which values are told apart."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256_of(text: str) -> str:
    """Return the SHA-256 of text, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
