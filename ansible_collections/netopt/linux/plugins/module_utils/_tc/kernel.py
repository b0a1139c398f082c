# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traffic control on the kernel: the four functions that every subsystem has, and ``force``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import rehearse
from .observe import observe
from .operations import operations
from .perform import perform
from .rehearse import resolve

if TYPE_CHECKING:
    from .._host.commands import Tools
    from .intent import Intent
    from .objects import State


def force(intent: Intent, current: State, tools: Tools) -> State:
    """Make the intent on the real interfaces and return the State that it leads to, as ``resolve`` would have.

    Raises:
        NetoptError: as ``resolve``; the host may then be left half way, the caller restores ``current``.
    """
    made = rehearse.force(intent, current, tools)
    wanted = rehearse._merged(intent, current, made)  # noqa: SLF001 - the other half of this subsystem
    if any(one.former_root is not None or one.former_hook is not None for one in intent.parts):
        there = observe({"ifaces": list(intent.ifaces)}, tools)
        for step in operations(there, wanted):  # no command makes what was there before
            perform(step, tools)
    return wanted


__all__ = ["force", "observe", "perform", "resolve"]
