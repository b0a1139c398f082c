# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a session needs: how often a limit has to let something through, and the MTU of its IP version. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._nft.limits import rate_of

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKETS_PER_S = 50  # below, a session over ssh does not get anywhere: 64 kbit/s are 14 full packets and their answers
IPV6_MTU_MIN = 1280  # RFC 8200, section 5


def seconds_each(entry: Mapping[str, Any]) -> float:
    """Return the seconds in which a limit lets one more through."""
    found = rate_of(str(entry["rate"]))
    return found[1] / found[0] if found else float("inf")
