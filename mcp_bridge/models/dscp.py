# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of the DiffServ code points: RFC 2474 (CS), 2597 (AF), 3246 (EF), 5865 (VOICE-ADMIT), 8622 (LE)."""

from __future__ import annotations

DSCP_MAX = 63

DSCP_NAMES: dict[str, int] = {
    "df": 0,
    "be": 0,
    "default": 0,
    "le": 1,
    **{f"cs{number}": 8 * number for number in range(8)},
    **{f"af{group}{drop}": 8 * group + 2 * drop for group in range(1, 5) for drop in range(1, 4)},
    "voice-admit": 44,
    "va": 44,
    "ef": 46,
}
"""Code point by name in lower case; ``df``, ``be``, ``default`` and ``cs0`` are one and the same."""
