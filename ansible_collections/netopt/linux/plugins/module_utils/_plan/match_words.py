# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words of a class's match that are a value with a mask: marks and flags of TCP; pure."""

from __future__ import annotations

from typing import Any, Tuple

from .._common.patterns import pattern

U32_MAX = 2**32 - 1
TCP_FLAGS = {"fin": 0x01, "syn": 0x02, "rst": 0x04, "psh": 0x08, "ack": 0x10, "urg": 0x20, "ecn": 0x40, "cwr": 0x80}
"""The bit of each flag, by nft's words (RFC 9293, RFC 3168)."""
NOT = "!"
FLAGS_WANTED = f"flags that are set, or with {NOT} in front not set: {', '.join(TCP_FLAGS)}"
FWMARK_WANTED = f"a number from 0 to {U32_MAX}, or hexadecimal such as 0x10, with a mask as in 0x10/0xff"
_MARK = pattern(r"(0x[0-9a-fA-F]{1,8}|[0-9]{1,10})(?:/(0x[0-9a-fA-F]{1,8}|[0-9]{1,10}))?")


def mark_of(value: Any) -> Tuple[int, int] | None:
    """Return the (value, mask) of a mark given as a number or as text; ``None`` where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    found = _MARK.fullmatch(str(value).strip())
    if found is None:
        return None
    mark, mask = (int(each, 16 if each.startswith("0x") else 10) for each in (found[1], found[2] or str(U32_MAX)))
    return (mark, mask) if max(mark, mask) <= U32_MAX and mask and not mark & ~mask else None


def flags_of(words: Any) -> Tuple[int, int] | None:
    """Return the (value, mask) of the flags of TCP that words name; ``None`` where they mean nothing."""
    value = mask = 0
    for word in [words] if isinstance(words, str) else words:
        name = str(word).strip().lower()
        bit = TCP_FLAGS.get(name.removeprefix(NOT), 0)
        if not bit or mask & bit:
            return None
        mask |= bit
        value |= 0 if name.startswith(NOT) else bit
    return (value, mask) if mask else None


def flag_words(value: int, mask: int) -> list[str]:
    """Return the words for flags, in the order of their bits."""
    return [name if value & bit else NOT + name for name, bit in TCP_FLAGS.items() if mask & bit]
