# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traffic control on the kernel: the four functions that every subsystem has, and ``force``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import rehearse
from .observe import observe
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
    return rehearse._merged(intent, current, made)  # noqa: SLF001 - the other half of this subsystem


__all__ = ["force", "observe", "perform", "resolve"]
