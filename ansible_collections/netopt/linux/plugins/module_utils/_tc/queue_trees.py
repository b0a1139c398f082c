# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers in the commands that make the tree of each TX queue below mq. Pure.

A plan does not know how many queues an interface has. So the commands are made once, for any queue: what differs from
queue to queue stays open in them. On a host it is filled in for each queue; a script has a loop instead.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Tuple

from .._common.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Words = Tuple[str, ...]

QUEUE = "\x01"  # the number of the queue, in hexadecimal
FIRST_HANDLE = 0x10
LAST_HANDLE = 0xFFFE
CLASSES_MAX = 256  # in each queue: every class is made in every queue, and a device may have hundreds of queues
TARGET = 5  # words of a command ahead of its place: tc, qdisc, add, dev and the interface
_OPEN = pattern("\x01|\x02([0-9]+)\x03")


def open_handle(number: int) -> str:
    """Return what stands for the handle of the qdisc of a number in the tree of any queue, without its colon."""
    return f"\x02{number}\x03"


def filled(words: Words, queue: int, handles: int) -> Words:
    """Return the words of a command for one queue.

    Args:
        words: the command with open numbers.
        queue: the queue, from 1 on.
        handles: how many handles the tree of a queue has.
    """

    def number(found: re.Match[str]) -> str:
        if not found[1]:
            return f"{queue:x}"
        return f"{FIRST_HANDLE + (queue - 1) * handles + int(found[1]):x}"

    return (*words[:TARGET], *(_OPEN.sub(number, word) for word in words[TARGET:]))


def last_handle(queues: int, handles: int) -> int:
    """Return the greatest handle that the trees of so many queues take."""
    return FIRST_HANDLE + queues * handles - 1


def loop(iface: str, handles: int, lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a script that runs others for each queue of an interface with mq; ``first`` is its handle."""
    listed = f"tc class show dev {shlex.quote(iface)} | sed -n 's/^class mq 1:\\([0-9a-f]*\\) .*/\\1/p'"
    yield f"for q in $({listed}); do"
    yield f"  first=$(({FIRST_HANDLE} + (0x$q - 1) * {handles})); top=$(printf %x $first)"
    yield from (f"  {line}" for line in lines)
    yield "done"


def in_script(words: Words, quoted: Callable[[str], str]) -> str:
    """Return a command with open numbers as a line of that loop; ``quoted`` quotes a word for bash."""

    def number(found: re.Match[str]) -> str:
        if not found[1]:
            return "$q"
        return f"$(printf %x $((first + {found[1]})))" if int(found[1]) else "$top"

    said = [quoted(word) for word in words[:TARGET]]
    return " ".join([*said, *(_OPEN.sub(number, w) if _OPEN.search(w) else quoted(w) for w in words[TARGET:])])
