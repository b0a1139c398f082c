# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signals that would end the process in the middle of a change become errors, which undo it."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

from .errors import NetoptError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def _interrupt(number: int, _frame: object) -> NoReturn:
    """Raise the error; further signals do not disturb what it sets off."""
    for other in ENDING:
        signal.signal(other, signal.SIG_IGN)
    raise NetoptError(
        f"Interrupted by {signal.Signals(number).name}",
        stage="apply",
        hint="The host is as it was; run the plan again.",
    )


@contextlib.contextmanager
def interrupts_raise() -> Iterator[None]:
    """Let SIGHUP, SIGINT and SIGTERM raise ``NetoptError`` in the block. Main thread only."""
    previous = {number: signal.signal(number, _interrupt) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def interrupts_wait() -> Iterator[None]:
    """Let nothing but SIGKILL end the block: it restores a whole state, or writes one down."""
    previous = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
