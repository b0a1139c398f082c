# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Regular expressions that are compiled when they are first used.

Most are for what most hosts do not have, and to compile them all took a tenth of the time that a change takes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from re import Pattern


class _Uncompiled:
    """A pattern that becomes one of ``re`` when it is asked for anything."""

    def __init__(self, text: str, flags: int) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        """Return what a compiled pattern has of that name, and keep it."""
        found = getattr(re.compile(self._text, self._flags), name)  # re keeps the compiled one
        setattr(self, name, found)
        return found


def pattern(text: str, flags: int = 0) -> Pattern[str]:
    """Return what ``re.compile`` would, with the same methods and attributes."""
    return cast("Pattern[str]", _Uncompiled(text, flags))
