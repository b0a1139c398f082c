# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One command of the script for traffic control. Pure."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Tuple

from .._common.errors import NetoptError
from .._common.patterns import pattern
from .._common.quick_dataclass import dataclass
from .queue_trees import LAST_HANDLE, filled, in_script, last_handle

if TYPE_CHECKING:
    from collections.abc import Sequence

BARE = pattern(r"[0-9A-Za-z_./:=@,+ -]+")


@dataclass(frozen=True)
class Command:
    """One command of the script.

    Attributes:
        words: the program and its arguments.
        key: what it makes, for error messages.
        unless: a device whose existence makes the command needless.
        when: a device without which the command is needless.
        handles: where it is run for each TX queue, how many handles the tree of a queue has; see ``queue_trees.py``.
    """

    words: Tuple[str, ...]
    key: str
    unless: str | None = None
    when: str | None = None
    handles: int = 0

    @property
    def line(self) -> str:
        """The command as bash takes it."""
        if self.handles:
            return in_script(self.words, _quoted)
        line = " ".join(self.words)
        if not BARE.fullmatch(line):
            line = " ".join([shlex.quote(word) for word in self.words])
        device = self.unless or self.when
        if device is None:
            return line
        test = f"ip link show dev {shlex.quote(device)} >/dev/null 2>&1"
        return f"{'if ' + test if self.when else 'if ! ' + test}; then {line}; fi"


def _quoted(word: str) -> str:
    """Return a word as bash takes it."""
    return word if BARE.fullmatch(word) else shlex.quote(word)


def for_each_queue(found: Sequence[Command], iface: str, queues: int) -> list[Command]:
    """Return commands with those for any queue once for each."""
    handles = max((one.handles for one in found), default=0)
    problem = None
    if queues < 2:
        problem = f"{iface} has one TX queue, and mq wants several"
        hint = "Choose another qdisc."
    elif last_handle(queues, handles) > LAST_HANDLE:
        problem = f"{iface} has {queues} TX queues, and {handles} qdiscs for each are more than there can be"
        hint = "Use fewer classes with a queue of their own in per_queue."
    if problem:
        raise NetoptError(problem, stage="rehearse", key=f"{iface} qdisc mq", wanted="mq", hint=hint)
    plain = [one for one in found if not one.handles]
    at = next((number for number, one in enumerate(found) if one.handles), len(found))
    each = [
        replace(one, words=filled(one.words, queue, handles), handles=0)
        for queue in range(1, queues + 1)
        for one in found
        if one.handles
    ]
    return [*plain[:at], *each, *plain[at:]]
