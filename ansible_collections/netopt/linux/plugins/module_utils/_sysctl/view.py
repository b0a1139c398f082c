# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``sysctl`` prints of the keys of a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .keys import normal, proc_path
from .side_effects import ALLOWED_CONGESTION_CONTROL, AVAILABLE_CONGESTION_CONTROL

if TYPE_CHECKING:
    from .._host.commands import Tools


def view(before: dict[str, Any], tools: Tools) -> dict[str, list[str]]:
    """Return ``{command: [value]}`` of the keys that were there before.

    Raises:
        NetoptError: one of them is not shown, as that of an interface that has gone.
    """
    keys = [key for key, value in before["values"].items() if value is not None and key != AVAILABLE_CONGESTION_CONTROL]
    argv = ["sysctl", "-e", "-n", *(proc_path(key) for key in keys)]
    values = tools.run(argv, stage="observe", check=False).stdout.splitlines() if keys else []
    if len(values) != len(keys):
        raise NetoptError("sysctl does not show every key", stage="observe", key="sysctl -n")
    return {f"sysctl -n {key}": [_settled(key, value)] for key, value in zip(keys, values)}


def _settled(key: str, value: str) -> str:
    """Return a value as the kernel would print it, with a list of algorithms in order."""
    return " ".join(sorted(value.split())) if key == ALLOWED_CONGESTION_CONTROL else normal(value)
