# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a profile makes of an uplink whose rates are known."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._plan.uplink import (
    FIELDS,
    OVERHEAD,
    RATES,
    SHAPER,
    VARIABLE,
    shaping,
)

__all__ = ["FIELDS", "OVERHEAD", "RATES", "SHAPER", "VARIABLE", "shaping"]
