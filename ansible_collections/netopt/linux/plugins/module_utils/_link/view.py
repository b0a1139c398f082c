# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``ip`` and ``ethtool`` print of the interfaces of a change, as far as MTU and offloads change it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError

if TYPE_CHECKING:
    from .._host.commands import Tools

_LIMITS = re.compile(r" (?:mtu|minmtu|maxmtu) \d+")


def view(before: dict[str, Any], tools: Tools) -> dict[str, list[str]]:
    """Return ``{command: [line, ...]}`` of the interfaces of a state; nothing of a command that fails.

    Addresses and routes are not looked at: an MTU that would take them away is refused where there are any.
    """
    found = {}
    for name, link in before["links"].items():
        asked = [(f"ip -d link show dev {name}", _limits)]
        if link.get("active"):
            asked.append((f"ethtool -k {name}", _features))
        for command, read in asked:
            try:
                found[command] = read(tools.run(command.split(), stage="observe").stdout)
            except NetoptError:  # the interface has gone, or ethtool is not installed
                continue
    return found


def _limits(shown: str) -> list[str]:
    return [text.strip() for text in _LIMITS.findall(shown)]


def _features(shown: str) -> list[str]:
    """Return the features that can be set; the others follow what the device is connected with."""
    return [line.strip() for line in shown.splitlines()[1:] if "[fixed]" not in line]
