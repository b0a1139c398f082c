# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pauses adjusters while netopt is at work, with the plans' own rates."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from .._adjuster.notice import DIRECTORY, notices
from .._common.errors import NetoptError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .._host.commands import Tools

WAIT_S = 10.0  # a move takes much less


@contextlib.contextmanager
def pause_adjusters(tools: Tools, names: Iterable[str]) -> Iterator[None]:
    """Keep adjusters from moving anything while this lasts, and set the plans' own rates first.

    Where this process is killed the lock is free, and adjusters go on with what is as they left it.

    Args:
        tools: to run tc with; within, they are paused already.
        names: the subsystems that are about to change.

    Raises:
        NetoptError: one holds the lock and does not let go, or tc refuses.
    """
    about = {*names}
    if tools.adjusters_paused or not ("adapt" in about or ("tc" in about and os.path.isdir(DIRECTORY))):
        yield
        return
    from .._adjuster.shapers import lock_file, settle, taken  # noqa: PLC0415 - few hosts have adjusters

    descriptor = lock_file()
    try:
        if not taken(descriptor, WAIT_S):
            raise NetoptError(
                f"The rates of shapers are being moved, for more than {WAIT_S:g} s",
                stage="apply",
                key=DIRECTORY,
                hint="Stop what hangs: systemctl stop 'netopt-adapt-*'. Then run again.",
            )
        for told in notices():
            settle(told["settings"], lambda words: tools.run(["tc", *words], stage="apply"))
        tools.adjusters_paused = True
        yield
    finally:
        tools.adjusters_paused = False
        os.close(descriptor)
