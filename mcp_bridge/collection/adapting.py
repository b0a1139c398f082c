# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shapers whose rate follows the uplink's."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._plan.adapting import (
    INTERVAL_MIN_MS,
    REFLECTORS_MAX,
    problems,
)

__all__ = ["INTERVAL_MIN_MS", "REFLECTORS_MAX", "problems"]
