# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What callers hand over, as the audit log can hold it: an entry that cannot be read again would stop all others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEPTH_MAX = 60
ENTRY_MAX = 4 * 1024 * 1024  # bytes; a line is read up to four times that
TOO_DEEP = "(nested too deep to be written down)"
OPEN_ENDED = ("detail", "rationale", "hosts")  # what of an entry is as long as callers and inventories make it


def storable(value: Any, depth: int = 0) -> Any:
    """Return JSON data without half characters and without more nesting than can be read.

    Arguments of a command line that are not in the locale's encoding have half characters (surrogates), and JSON can
    spell them.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if depth >= DEPTH_MAX and isinstance(value, (Mapping, list, tuple)):
        return TOO_DEEP
    if isinstance(value, Mapping):
        return {storable(str(name)): storable(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(inner, depth + 1) for inner in value]
    return value


def shortened(data: Mapping[str, Any], size: int) -> dict[str, Any]:
    """Return an entry that is too large without what makes it so.

    Args:
        data: the entry.
        size: its bytes.
    """
    left = {name: type(data[name])() for name in OPEN_ENDED}
    note = f"{size} bytes, more than the {ENTRY_MAX} of an entry: {', '.join(OPEN_ENDED)} are left out"
    return {**data, **left, "detail": {"left_out": note}}
